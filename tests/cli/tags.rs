//! Sentences: training, tagging and evaluation, in separate processes.

use super::*;

/// A word is a noun behind `the` and a verb elsewhere; `.` ends a sentence, and one sentence is longer than the network reads.
fn sentences(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let word = ["book", "play", "walk"][n % 3];
        match n % 4 {
            0 => text += &format!("the D\n{word} N\nis V\nold A\n. P\n\n"),
            1 => text += &format!("they R\n{word} V\nit R\n. P\n\n"),
            2 => text += &format!("{word} V\nthe D\n{word} N\n. P\n\n"),
            _ => text += &format!("it R\nis V\nthe D\n{word} N\n, P\nthe D\nold A\n{word} N\n. P\n\n"),
        }
    }
    text
}

const PRESET: &str = "title: t
data: {source: tags, path: train.txt, validation: {path: test.txt}}
tokens: {vocabulary: 50, length: 7}
model:
  - {layer: Embedding, output_dim: 8, mask_zero: true}
  - {layer: Bidirectional, of: {layer: GRU, units: 8, return_sequences: true, kernel_regularizer: {l2: 0.0001}}}
  - {layer: Dense, units: 6, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.02}, batch_size: 8, epochs: 6}
";

/// A folder with a run `a` of a tagger.
fn learnt() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("train.txt"), sentences(200)).unwrap();
    fs::write(at.join("test.txt"), sentences(10) + "book N\nbook N\nit R\n").unwrap();
    fs::write(at.join("tags.yaml"), PRESET).unwrap();
    ends(unrolled(at, &["train", "tags.yaml", "--run", "runs/a"]), 0);
    folder
}

/// `word/TAG` after `word/TAG`.
fn tagged(message: &Value) -> String {
    let words = message["tokens"].as_array().unwrap().iter();
    let word =
        |word: &Value| format!("{}/{}", word["token"].as_str().unwrap(), word["tag"].as_str().unwrap());
    words.map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_tagger_predicts_every_word_from_its_folder_alone() {
    let folder = learnt();
    let at = folder.path();
    ["train.txt", "test.txt"].iter().for_each(|file| fs::remove_file(at.join(file)).unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(at.join("runs/a"), elsewhere.path().join("moved")).unwrap();
    let at = elsewhere.path();

    let (out, _) = ends(unrolled(at, &["predict", "moved", "the book is old.", "they walk it \x1b"]), 0);
    let words: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((words[0][0], words[0][3], words[4][0], words[4][3]), ("D", "the", "P", "."), "{out}");
    assert!(words[5].is_empty() && (words[7][0], words[7][3]) == ("V", "walk"), "{out}");
    assert_eq!(words[9][3], "␛");

    let input = b"{\"text\": \"the play, the walk.\"}\n{\"tokens\": [\"play\", \"the\", \"play.\"]}\n{\"text\": \"\"}\n{\"text\":\"it\"}\n";
    let message = json_lines(&fed(unrolled(at, &["predict", "moved", "--json", "--jsonl"]), input).stdout);
    assert_eq!(tagged(&message[0]), "the/D play/N ,/P the/D walk/N ./P");
    assert_eq!(message[0]["text"], "the play, the walk.");
    assert!(tagged(&message[1]).starts_with("play/V the/D play./"), "{}", message[1]);
    assert_eq!((tagged(&message[2]), tagged(&message[3])), (String::new(), "it/R".to_owned()));
    assert!(
        message[0]["tokens"][0]["probability"].as_f64().unwrap() > 0.5 && message[0]["windows"].is_null()
    );

    // Every word of a sentence far longer than the seven that the network reads is answered.
    let long = "the book is old. ".repeat(30);
    let (out, _) = ends(unrolled(at, &["predict", "moved", "--json", "--per-token", &long]), 0);
    let message = json_lines(out.as_bytes());
    assert_eq!(tagged(&message[0]), ["the/D book/N is/V old/A ./P"; 30].join(" "));
    assert!(message[0]["windows"].as_u64().unwrap() > 20);
    let (out, _) = ends(unrolled(at, &["predict", "moved", &long]), 0);
    assert!(out.contains("(150 words, but the network's input has 7"), "{out}");

    let (_, message) = ends(unrolled(at, &["predict", "moved", "--threshold", "0.5", "it"]), 2);
    assert!(message.contains("moved: predicts one tag a word"), "{message}");
    let output = fed(unrolled(at, &["predict", "moved", "--jsonl"]), b"{\"tokens\": [\"a\", 3]}\n");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("stdin:1: expected an object with a text"), "{message}");
}

#[test]
fn a_tagger_is_evaluated_word_by_word_as_in_training() {
    let folder = learnt();
    let at = folder.path();
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let lines = metrics(&at.join("runs/a"));
    let last = lines.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    for (ours, theirs) in [("loss", "val_loss"), ("accuracy", "val_accuracy")] {
        let (ours, theirs) = (judged[ours].as_f64().unwrap(), last[theirs].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    }
    // Three of 5, three and two of 4, two of 9, of which 7 are read, and one of 3: padding is no word.
    assert_eq!(
        (judged["n_samples"].as_u64(), judged["n_sentences"].as_u64(), judged["n_unread"].as_u64()),
        (Some(52), Some(11), Some(4))
    );
    let there = judged["classes"].as_array().unwrap().iter().filter(|class| class["support"] != 0);
    let f1: Vec<f64> = there.map(|class| class["f1"].as_f64().unwrap()).collect();
    let mean = f1.iter().sum::<f64>() / f1.len() as f64;
    assert!((mean - last["val_f1"].as_f64().unwrap()).abs() < 1e-9, "{last}");
    let mistake = &judged["mistakes"][0];
    let place = mistake["position"].as_u64().unwrap() as usize;
    assert_eq!((&mistake["sentence"][place], mistake["actual"].as_str()), (&mistake["word"], Some("N")));

    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--mistakes", "1"]), 0);
    assert!(out.contains("11 sentences, 52 words") && out.contains("4 words beyond the first 7 of"), "{out}");
    let last = out.lines().last().unwrap();
    assert!(last.contains("N predicted as V: ") && last.contains("[book]"), "{out}");

    fs::write(at.join("other.txt"), "the\tD\nbook\tV\n").unwrap();
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json", "--data", "other.txt"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((judged["n_samples"].as_u64(), judged["accuracy"].as_f64()), (Some(2), Some(0.5)));
    fs::write(at.join("other.txt"), "the\tD\nbook\tX\n").unwrap();
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--data", "other.txt"]), 0);
    assert!(out.contains("accuracy 50.0 %"), "{out}");
    assert!(out.contains("have a tag that the network has not, and count as wrong: X (1)"), "{out}");
    assert!(out.contains("X predicted as "), "{out}");
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json", "--data", "other.txt"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(judged["unseen_labels"], serde_json::json!([{"label": "X", "support": 1}]));
    assert_eq!(judged["mistakes"][0]["actual"], "X");
}

/// [`learnt`] with two channels: that of the words has a custom name and is not the first; returns the output of training as well.
fn trained_on_channels() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("train.txt"), sentences(200) + &"it R\n's V\n. P\n\n".repeat(20)).unwrap();
    fs::write(at.join("test.txt"), "it R\nzit R\n").unwrap();
    let channels = "  channels: [{level: ending, letters: 2, vocabulary: 50}, {name: form, level: word, vocabulary: 50}]";
    let layers = "  - {layer: Embedding, inputs: [form], output_dim: 8, mask_zero: true}
  - {layer: Embedding, inputs: [ending], output_dim: 4, mask_zero: true}
  - {layer: Concatenate, inputs: [0, 1]}";
    let preset = PRESET
        .replace("tokens: {vocabulary: 50, length: 7}", &format!("tokens:\n  length: 7\n{channels}"))
        .replace("  - {layer: Embedding, output_dim: 8, mask_zero: true}", layers);
    fs::write(at.join("tags.yaml"), preset).unwrap();
    let (out, message) = ends(unrolled(at, &["train", "tags.yaml", "--run", "runs/a"]), 0);
    (folder, out + &message)
}

#[test]
fn the_word_channel_is_found_under_any_name_and_position() {
    let (folder, trained) = trained_on_channels();
    let at = folder.path();
    // One word of two is unknown, though both endings are known.
    assert!(trained.contains("50.0 % of tokens unknown"), "{trained}");
    let input = b"{\"text\": \"it's.\"}\n{\"text\": \"of these nothing\", \"tokens\": [\"it's\"]}\n";
    let message = json_lines(&fed(unrolled(at, &["predict", "a", "--json", "--jsonl"]), input).stdout);
    assert_eq!(tagged(&message[0]), "it/R 's/V ./P");
    assert_eq!(message[1]["tokens"].as_array().unwrap().len(), 1, "{}", message[1]);
    assert_eq!(message[1]["tokens"][0]["token"], "it's");
}

#[test]
fn the_error_of_an_incompatible_vocabulary_names_its_file() {
    let (folder, _) = trained_on_channels();
    let at = folder.path();
    let file = at.join("runs/a/vocabulary.json");
    let known: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mut far_more = known.clone();
    let words = far_more["form"].as_array_mut().unwrap();
    words.extend((0..60).map(|n| Value::from(format!("w{n}"))));
    let mut renamed = known.clone();
    let form = renamed.as_object_mut().unwrap().remove("form").unwrap();
    renamed["other"] = form;
    let channels = "the network of spec.yaml reads vocabularies of the channels";
    for (broken, expected) in [
        (&known["form"], format!("one vocabulary without channels; {channels}")),
        (&renamed, channels.to_owned()),
        (&far_more, "entries; the network of spec.yaml reads 50".to_owned()),
    ] {
        fs::write(&file, broken.to_string()).unwrap();
        let (_, message) = ends(unrolled(at, &["predict", "a", "it w59"]), 1);
        assert!(message.contains("vocabulary.json: ") && message.contains(&expected), "{message}");
    }
}

#[test]
fn entities_are_counted_in_training_and_evaluation_alike() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text: String = (0..60)
        .map(|n| match n % 3 {
            0 => "Ann B-PER\nLee I-PER\nmet O\nBob B-PER\n\n",
            1 => "Rome B-LOC\nis O\nold O\n\n",
            _ => "he O\nmet O\nLee B-PER\n\n",
        })
        .collect();
    fs::write(at.join("train.txt"), &text).unwrap();
    let preset =
        PRESET.replace(", validation: {path: test.txt}", ", validation: 0.5").replace("units: 6", "units: 4");
    let stop = "epochs: 6, early_stopping: {monitor: val_entity_f1, patience: 9}";
    fs::write(at.join("tags.yaml"), preset.replace("epochs: 6", stop)).unwrap();
    // Equal sentences stay on one side, so that all three are made different.
    let different: String = text
        .split("\n\n")
        .filter(|s| !s.is_empty())
        .enumerate()
        .map(|(n, s)| format!("{s}\nw{n} O\n\n"))
        .collect();
    fs::write(at.join("train.txt"), different).unwrap();
    ends(unrolled(at, &["train", "tags.yaml", "--run", "runs/a"]), 0);
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let lines = metrics(&at.join("runs/a"));
    let last = lines.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    for name in ["entity_precision", "entity_recall", "entity_f1"] {
        let (ours, theirs) = (judged[name].as_f64().unwrap(), last[&format!("val_{name}")].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} {theirs}");
    }
    let types: Vec<&str> =
        judged["entities"].as_array().unwrap().iter().map(|of| of["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["LOC", "PER"]);
    let (out, _) = ends(unrolled(at, &["evaluate", "a"]), 0);
    assert!(out.contains("entities: precision ") && out.contains("(as conlleval counts)"), "{out}");
    let (out, _) = ends(
        unrolled(at, &["train", "tags.yaml", "--folds", "2", "--set", "train.epochs=1", "--run", "folds"]),
        0,
    );
    assert!(out.contains("val_entity_f1"), "{out}");
}

#[test]
fn a_stream_of_words_is_tagged_as_the_sentence_and_not_where_the_network_reads_ahead() {
    let folder = learnt();
    let at = folder.path();
    let (_, message) = ends(unrolled(at, &["predict", "a", "--stream", "it"]), 2);
    assert!(message.contains("Bidirectional"), "{message}");
    let forward = PRESET
        .replace("Bidirectional, of: {layer: GRU", "GRU")
        .replace("kernel_regularizer: {l2: 0.0001}}}", "kernel_regularizer: {l2: 0.0001}}");
    fs::write(at.join("forward.yaml"), forward).unwrap();
    ends(unrolled(at, &["train", "forward.yaml", "--run", "runs/forward"]), 0);
    let (out, _) = ends(unrolled(at, &["predict", "forward", "--json", "the book is old"]), 0);
    let whole = json_lines(out.as_bytes());
    let input = b"the book\nis old\n";
    let parts = json_lines(&fed(unrolled(at, &["predict", "forward", "--json", "--stream"]), input).stdout);
    assert_eq!(format!("{} {}", tagged(&parts[0]), tagged(&parts[1])), tagged(&whole[0]));
    let probability = |json: &Value, word: usize| json["tokens"][word]["probability"].as_f64().unwrap();
    assert!((probability(&parts[1], 1) - probability(&whole[0], 3)).abs() < 1e-6);
}
