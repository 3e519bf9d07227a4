//! The user's own texts: training, prediction and evaluation, in separate processes.

use super::*;

/// Rows whose class depends on one word.
fn table(folder: &Path) -> std::path::PathBuf {
    let row = |n: usize| {
        let (word, label) = if n.is_multiple_of(2) { ("good", "yes") } else { ("bad", "no") };
        format!("it was {word} {word} {}\t{label}\n", n % 7)
    };
    let path = folder.join("mine.tsv");
    fs::write(&path, (0..120).map(row).collect::<String>()).unwrap();
    path
}

const MINE: &str = "title: Mine
data: {source: labelled, path: mine.tsv, validation: 0.2}
tokens: {vocabulary: 50, length: 6}
model:
  - {layer: Embedding, output_dim: 8}
  - {layer: GlobalAveragePooling1D}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, optimizer: {name: Adam, learning_rate: 0.1}, batch_size: 16, epochs: 5}
";

/// A folder with a preset, its data, and a trained run of it.
fn learnt() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path());
    fs::write(folder.path().join("mine.yaml"), MINE).unwrap();
    let (out, _) = ends(unrolled(folder.path(), &["train", "mine.yaml", "--run", "runs/a"]), 0);
    assert!(out.contains("val_accuracy 100.0 %"), "{out}");
    folder
}

#[test]
fn a_run_predicts_class_names_without_its_data() {
    let folder = learnt();
    let at = folder.path();
    fs::remove_file(at.join("mine.tsv")).unwrap();
    let (out, _) = ends(unrolled(at, &["predict", "latest", "it was good \x1b[2J", "bad"]), 0);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("yes") && lines[0].ends_with("it was good ␛[2J"), "{out}");
    assert!(lines[1].starts_with("no"), "{out}");

    let output = fed(
        unrolled(at, &["predict", "a", "--json", "--jsonl"]),
        b"{\"text\":\"bad\"}\n{\"text\":\"good\"}\n",
    );
    let message = json_lines(&output.stdout);
    assert_eq!(message.iter().map(|one| one["label"].as_str().unwrap()).collect::<Vec<_>>(), ["no", "yes"]);
    let probabilities = &message[0]["probabilities"];
    let sum = probabilities["no"].as_f64().unwrap() + probabilities["yes"].as_f64().unwrap();
    assert!((sum - 1.0).abs() < 1e-6);

    let output = fed(unrolled(at, &["predict", "runs/a", "--json", "--per-token"]), b"good bad bad\r\n");
    let message = json_lines(&output.stdout);
    let tokens = message[0]["tokens"].as_array().unwrap();
    assert_eq!(
        tokens.iter().map(|t| t["token"].as_str().unwrap()).collect::<Vec<_>>(),
        ["good", "bad", "bad"]
    );
    assert_eq!((&tokens[0]["label"], &tokens[2]["label"]), (&"yes".into(), &"no".into()));
    // The prediction after the last token is that of the whole text.
    assert_eq!(tokens[2]["probabilities"], message[0]["probabilities"]);
}

#[test]
fn runs_without_predictions_are_errors_with_exit_code_2() {
    let folder = learnt();
    let at = folder.path();
    let output = fed(unrolled(at, &["predict", "a"]), b"good\nna\xefve\n");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        message,
        "unrolled: stdin:2: found a byte that is not UTF-8 at byte column 3; expected UTF-8\n"
    );
    let output = fed(unrolled(at, &["predict", "a", "--jsonl"]), b"good\n");
    assert_eq!(output.status.code(), Some(2));
    let (_, message) = ends(unrolled(at, &["predict", "b", "good"]), 2);
    assert!(message.starts_with("unrolled: b: no such run; expected"), "{message}");
    fs::write(at.join("other.jsonl"), "{\"text\":\"good\",\"label\":\"maybe\"}\n").unwrap();
    let (_, message) = ends(unrolled(at, &["evaluate", "a", "--data", "other.jsonl"]), 2);
    assert!(
        message.contains("other.jsonl: found only labels that the training data have not, \"maybe\" (1)"),
        "{message}"
    );
    fs::write(at.join("runs/a/labels.json"), "[\"no\"]").unwrap();
    let (_, message) = ends(unrolled(at, &["predict", "a", "good"]), 1);
    assert!(message.contains("1 labels; the network of spec.yaml has 2 classes"), "{message}");
}

#[test]
fn a_run_is_evaluated_as_in_training_and_mistakes_are_listed() {
    let folder = learnt();
    let at = folder.path();
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let epochs = metrics(&at.join("runs/a"));
    let last = epochs.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    for (ours, theirs) in [("loss", "val_loss"), ("accuracy", "val_accuracy")] {
        let (ours, theirs) = (judged[ours].as_f64().unwrap(), last[theirs].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    }
    assert_eq!(judged["mistakes"], serde_json::json!([]));

    fs::write(at.join("other.csv"), "remark,verdict\ngood,no\nbad,no\nvery good good\x1b,no\ngood,yes\n")
        .unwrap();
    let set = ["data.text=remark", "data.label=verdict"];
    let mut command = unrolled(at, &["evaluate", "a", "--data", "other.csv", "--mistakes", "1"]);
    command.args(sets(&set));
    let (out, _) = ends(command, 0);
    assert!(out.contains("4 texts") && out.contains("accuracy 50.0 %"), "{out}");
    let row = |class: &str| {
        out.lines().find(|line| line.starts_with(class)).unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("no "), ["no", "3", "100.0", "%", "33.3", "%", "50.0", "%"]);
    assert_eq!(row("yes "), ["yes", "1", "33.3", "%", "100.0", "%", "50.0", "%"]);
    assert_eq!(out.matches("no predicted as yes").count(), 1, "{out}");
    assert!(!out.contains('\x1b'));
}

#[test]
fn seeds_and_folds_train_several_times_and_give_mean_and_deviation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    fs::write(at.join("mine.yaml"), MINE).unwrap();
    for (args, parts) in
        [(["--seeds", "2..3"], ["seed-2", "seed-3"]), (["--folds", "2"], ["fold-1", "fold-2"])]
    {
        let mut command = unrolled(at, &["train", "mine.yaml", "--run", args[0].trim_matches('-')]);
        command.args(args);
        let (out, _) = ends(command, 0);
        let last: Vec<&str> =
            out.lines().rev().take(4).map(|line| line.split("  ").next().unwrap()).collect();
        assert_eq!(last, ["std", "mean", parts[1], parts[0]], "{out}");
        let spec = |part| {
            fs::read_to_string(at.join(args[0].trim_matches('-')).join(part).join("spec.yaml")).unwrap()
        };
        assert_ne!(spec(parts[0]), spec(parts[1]));
    }
    // Before the first fold is trained, not after it.
    let (out, message) = ends(unrolled(at, &["train", "mine.yaml", "--folds", "100", "--run", "many"]), 2);
    assert!(
        message.contains("mine.tsv: found 120 texts, with which") && message.contains("fewer folds"),
        "{message}"
    );
    assert!(out.is_empty() && !at.join("many").exists(), "{out}");
    // The error of the system appears once.
    let (_, message) = ends(unrolled(at, &["train", "mine.yaml", "--run", "mine.tsv/x"]), 1);
    assert_eq!(message.matches("(os error").count(), 1, "{message}");
    let (_, message) = ends(unrolled(at, &["train", "word-order", "--folds", "3"]), 2);
    assert!(message.contains("--folds: word-order generates its data"), "{message}");
}

#[test]
fn a_streamed_run_is_evaluated_on_all_held_out_texts() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    fs::write(at.join("mine.yaml"), MINE).unwrap();
    let mut command = unrolled(at, &["train", "mine.yaml", "--run", "runs/a"]);
    command.args(sets(&["data.stream={buffer: 30}"]));
    let (out, _) = ends(command, 0);
    assert!(out.contains("val_accuracy 100.0 %"), "{out}");
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let lines = metrics(&at.join("runs/a"));
    let last = lines.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    let (ours, theirs) = (judged["loss"].as_f64().unwrap(), last["val_loss"].as_f64().unwrap());
    assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    assert!(judged["n_samples"].as_u64().unwrap() < 120);
    // The same run again from its folder.
    ends(unrolled(at, &["train", "runs/a/spec.yaml", "--run", "runs/b"]), 0);
    assert_eq!(timeless(&at.join("runs/a")), timeless(&at.join("runs/b")));
}

#[test]
fn several_batches_are_predicted_and_evaluated_in_order() {
    let folder = learnt();
    let at = folder.path();
    let texts: Vec<String> =
        (0..3000).map(|n| format!("{} n{n}", if n % 3 == 0 { "good" } else { "bad" })).collect();
    let output = fed(unrolled(at, &["predict", "a"]), texts.join("\n").as_bytes());
    let out = String::from_utf8(output.stdout).unwrap();
    let message: Vec<&str> = out.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(message, texts);
    assert_eq!(out.lines().filter(|line| line.starts_with("yes")).count(), 1000);

    let row = |text: &String| format!("{text}\t{}\n", if text.ends_with("99") { "no" } else { "yes" });
    fs::write(at.join("other.tsv"), texts.iter().map(row).collect::<String>()).unwrap();
    let (out, _) =
        ends(unrolled(at, &["evaluate", "a", "--data", "other.tsv", "--json", "--mistakes", "3"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(judged["n_samples"], 3000);
    let mistakes = judged["mistakes"].as_array().unwrap();
    let sure: Vec<f64> = mistakes.iter().map(|m| m["probability"].as_f64().unwrap()).collect();
    assert!(sure.len() == 3 && sure.is_sorted_by(|a, b| a >= b), "{sure:?}");
}

/// With slow input, a prediction is printed before the next text arrives.
#[test]
fn a_text_is_predicted_before_the_next_arrives() {
    use std::io::{BufRead as _, BufReader};

    let folder = learnt();
    let mut child = unrolled(folder.path(), &["predict", "a"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = BufReader::new(output).lines();
    for text in ["good 1", "bad 2", "good 3"] {
        writeln!(input, "{text}").unwrap();
        assert!(answers.next().unwrap().unwrap().ends_with(text));
    }
    drop(input);
    assert!(answers.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn other_data_replace_the_validation_data_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    fs::copy(at.join("mine.tsv"), at.join("held.tsv")).unwrap();
    fs::write(at.join("mine.yaml"), MINE.replace("validation: 0.2", "validation: {path: held.tsv}")).unwrap();
    ends(unrolled(at, &["train", "mine.yaml", "--run", "runs/a"]), 0);
    fs::write(at.join("other.csv"), "text,label\nit was good,no\nit was bad,yes\n").unwrap();
    for (args, texts) in
        [(&["evaluate", "a"][..], "120 texts"), (&["evaluate", "a", "--data", "other.csv"], "2 texts")]
    {
        let (out, _) = ends(unrolled(at, args), 0);
        assert!(out.contains(texts), "{out}");
    }
}

#[test]
fn a_diverged_run_gives_an_error_instead_of_a_class() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    fs::write(at.join("mine.yaml"), MINE).unwrap();
    let wild = [
        "model.2={layer: Dense, units: 2, activation: softmax}",
        "train.loss=sparse_categorical_crossentropy",
        "train.optimizer={name: SGD, learning_rate: 1e38}",
    ];
    let (out, _) = ends(train(at, "mine.yaml", "runs/a", &wild), 3);
    assert!(out.contains("diverged"), "{out}");
    for args in [&["predict", "a", "good"][..], &["predict", "a", "--json", "good"], &["evaluate", "a"]] {
        let (out, error) = ends(unrolled(at, args), 2);
        assert!(out.is_empty() && error.contains("is not finite: training diverged"), "{out}{error}");
    }
}

#[test]
fn predictions_after_each_token_name_the_words_of_the_text_and_what_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let set = [&SMALL[..], &["tokens.ngrams=2", "tokens.length=8"]].concat();
    let mut command = train(at, "word-order", "run", &set);
    command.arg("--headless");
    ends(command, 0);
    let predict = |args: &[&str]| ends(unrolled(at, &[&["predict", "run"], args].concat()), 0).0;
    let (short, long) = ("not zyzzy", "the movie is not bad but good if you ask me");
    let out = predict(&["--per-token", short]);
    let ends_of_lines: Vec<String> =
        out.lines().skip(1).map(|line| line.split("%  ").last().unwrap().into()).collect();
    assert_eq!(ends_of_lines, ["not", "zyzzy  [UNK]", "not zyzzy  [UNK]"], "{out}");
    // Eleven words and ten pairs.
    let out = predict(&["--per-token", long]);
    assert!(out.ends_with("(21 tokens, but the network's input has 8: 13 are not read)\n"), "{out}");
    assert_eq!(out.lines().count(), 1 + 8 + 1, "{out}");
    let json: Value = serde_json::from_str(&predict(&["--json", "--per-token", short])).unwrap();
    let tokens = json["tokens"].as_array().unwrap();
    let of = |i: usize| (tokens[i]["token"].as_str().unwrap(), tokens[i]["unknown"].as_bool());
    assert_eq!([of(0), of(2)], [("not", None), ("not zyzzy", Some(true))]);
    assert_eq!(json["n_unread"], Value::Null);
    let json: Value = serde_json::from_str(&predict(&["--json", "--per-token", long])).unwrap();
    assert_eq!(json["n_unread"], 13);
    for empty in ["", "  ...  "] {
        let out = predict(&[empty]);
        assert!(out.ends_with("(no tokens: the prediction for padding alone)\n"), "{out}");
    }
}

#[test]
fn a_run_on_generated_texts_is_evaluated_on_those_it_was_validated_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let set = ["data.train=200", "data.validation=60", "train.epochs=2"];
    let mut command = unrolled(at, &["train", "word-order", "--run", "runs/a"]);
    command.args(sets(&set));
    ends(command, 0);
    let (out, _) = ends(unrolled(at, &["evaluate", "a", "--json", "--mistakes", "2"]), 0);
    let evaluated: Value = serde_json::from_str(&out).unwrap();
    let epochs = metrics(&at.join("runs/a"));
    let last = epochs.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    for (ours, theirs) in [("loss", "val_loss"), ("accuracy", "val_accuracy")] {
        let (ours, theirs) = (evaluated[ours].as_f64().unwrap(), last[theirs].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}");
    }
    // Mistakes are texts.
    let text = evaluated["mistakes"][0]["text"].as_str().unwrap();
    assert!(text.split(' ').count() > 5, "{text}");
}

const RECURRENT: &str = "title: Mine
data: {source: labelled, path: mine.tsv, validation: 0.2}
tokens: {vocabulary: 50, length: 6}
model:
  - {layer: Embedding, output_dim: 8, mask_zero: true}
  - {layer: LSTM, units: 6}
  - {layer: Dense, units: 1, activation: sigmoid}
train: {loss: binary_crossentropy, optimizer: {name: Adam, learning_rate: 0.1}, batch_size: 16, epochs: 2}
";

#[test]
fn a_stream_predicts_what_the_whole_text_would_and_goes_on_from_a_saved_state() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    fs::write(at.join("mine.yaml"), RECURRENT).unwrap();
    ends(unrolled(at, &["train", "mine.yaml", "--run", "a"]), 0);
    let lines = ["it was good", "bad zyzzy", "good"];
    let probability = |json: &Value| json["probabilities"]["yes"].as_f64().unwrap();
    let is_near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
    // What the first lines are as one text, which is as long as the network's input.
    let whole: Vec<f64> = (1..=3)
        .map(|n| ends(unrolled(at, &["predict", "a", "--json", &lines[..n].join(" ")]), 0).0)
        .map(|out| probability(&json_lines(out.as_bytes())[0]))
        .collect();
    let stream = |args: &[&str], input: &str| {
        let output =
            fed(unrolled(at, &[&["predict", "a", "--stream", "--json"], args].concat()), input.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json_lines(&output.stdout)
    };
    let answers = stream(&["--per-token"], &(lines.join("\n") + "\n"));
    assert_eq!(
        answers.iter().map(|json| json["tokens_read"].as_u64().unwrap()).collect::<Vec<_>>(),
        [3, 5, 6]
    );
    answers.iter().zip(&whole).for_each(|(json, whole)| is_near(probability(json), *whole));
    assert_eq!(answers[1]["tokens"][1]["unknown"], true);
    assert_eq!(answers[1]["tokens"][1]["probabilities"], answers[1]["probabilities"]);
    // One process a line, to the same bits; and one in which nothing is read.
    for (n, line) in ["it was good", "", "bad zyzzy", "good"].into_iter().enumerate() {
        let json = &stream(&["--state", "state.json"], &format!("{line}\n"))[0];
        assert_eq!(json["probabilities"], answers[n.saturating_sub(1).min(2)]["probabilities"], "{line}");
    }
    // A text far longer than the network's input.
    let long = stream(&[], &"good bad\n".repeat(500));
    assert_eq!((long.len(), &long[499]["tokens_read"]), (500, &Value::from(1000)));
    // The state of another network, none, and one that is damaged.
    ends(unrolled(at, &["resume", "a", "--set", "train.epochs=3"]), 0);
    let (_, message) = ends(unrolled(at, &["predict", "a", "--stream", "--state", "state.json", "good"]), 2);
    assert!(message.contains("--state state.json: it belongs to the weights"), "{message}");
    fs::write(at.join("state.json"), "{\"version\":1,").unwrap();
    let (_, message) = ends(unrolled(at, &["predict", "a", "--stream", "--state", "state.json", "good"]), 2);
    assert!(message.contains("is not the state of a stream"), "{message}");
    let (_, message) = ends(unrolled(at, &["predict", "a", "--state", "state.json", "good"]), 2);
    assert!(message.contains("--stream"), "{message}");
    // One of these weights that is none of this network.
    stream(&["--state", "own.json"], "good\n");
    let own: Value = serde_json::from_slice(&fs::read(at.join("own.json")).unwrap()).unwrap();
    for (key, value, expected) in [
        ("answer", serde_json::json!([]), "its answer is not that of a network with 1 outputs"),
        ("answer", serde_json::json!([0.5, 0.5]), "its answer is not that of a network with 1 outputs"),
        ("answer", Value::Null, "its answer is not that of a network with 1 outputs"),
        ("states", serde_json::json!([]), "0 carried states for a model of 1 recurrent layers"),
        ("words", serde_json::json!(["good"]), "it has 1 words; n-grams need 0 at most"),
    ] {
        let mut other = own.clone();
        other[key] = value;
        fs::write(at.join("other.json"), other.to_string()).unwrap();
        let (_, message) =
            ends(unrolled(at, &["predict", "a", "--stream", "--state", "other.json", "good"]), 2);
        assert!(message.contains(expected), "{key}: {message}");
    }
    let mut full = own;
    full["read"] = u64::MAX.into();
    fs::write(at.join("full.json"), full.to_string()).unwrap();
    ends(unrolled(at, &["predict", "a", "--stream", "--state", "full.json", "good"]), 0);
    // What reads the whole text has no stream.
    fs::write(at.join("mean.yaml"), MINE).unwrap();
    ends(unrolled(at, &["train", "mean.yaml", "--run", "mean"]), 0);
    let (_, message) = ends(unrolled(at, &["predict", "mean", "--stream", "good"]), 2);
    assert!(message.contains("GlobalAveragePooling1D reads more than one step at a time"), "{message}");
}

/// The classes are those of labels.json beside the weights.
#[test]
fn weights_alone_are_imported_into_a_preset_whose_units_follow_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let row = |n: usize| format!("word{} and {}\t{}\n", n % 3, n % 20, ["a", "b", "c"][n % 3]);
    let rows: String = (0..60).map(row).collect();
    fs::write(at.join("mine.tsv"), rows).unwrap();
    let last = "units: 1, activation: sigmoid";
    let preset = RECURRENT.replace(last, "units: classes, activation: softmax");
    let preset = preset.replace("loss: binary_crossentropy", "loss: sparse_categorical_crossentropy");
    fs::write(at.join("mine.yaml"), preset).unwrap();
    ends(unrolled(at, &["train", "mine.yaml", "--run", "a"]), 0);
    ends(unrolled(at, &["export", "a", "--torch", "torch"]), 0);
    ends(unrolled(at, &["export", "a", "--weights", "torch/a.weights.h5"]), 0);
    let predicted = |run: &str| ends(unrolled(at, &["predict", run, "--json", "word1 and", "word2"]), 0).0;
    for (run, file) in [("b", "torch/model.safetensors"), ("c", "torch/a.weights.h5")] {
        let (out, _) = ends(unrolled(at, &["import", file, "--as", "mine.yaml", "--run", run]), 0);
        assert!(out.contains("with vocabulary.json and labels.json"), "{out}");
        assert_eq!(predicted(run), predicted("a"));
    }
    // Without labels the number of classes is not known.
    fs::remove_file(at.join("torch/labels.json")).unwrap();
    for file in ["torch/model.safetensors", "torch/a.weights.h5"] {
        let (_, error) = ends(unrolled(at, &["import", file, "--as", "mine.yaml", "--run", "d"]), 2);
        assert!(error.contains("as many units as there are classes, which --labels FILE names"), "{error}");
    }
    let units =
        ["import", "torch/a.weights.h5", "--as", "mine.yaml", "--run", "e", "--set", "model.2.units=3"];
    let (out, _) = ends(unrolled(at, &units), 0);
    assert!(out.contains("with vocabulary.json; its classes are called by their numbers"), "{out}");
}

/// The words at the end of a line and those at the beginning of the next are neighbours.
#[test]
fn a_stream_reads_n_grams_over_the_ends_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    let pairs = RECURRENT.replace("tokens: {", "tokens: {ngrams: 3, ");
    fs::write(at.join("mine.yaml"), pairs.replace("length: 6", "length: 18")).unwrap();
    ends(unrolled(at, &["train", "mine.yaml", "--run", "a"]), 0);
    let whole = ends(unrolled(at, &["predict", "a", "--json", "It was, good bad zyzzy good"]), 0).0;
    let whole = json_lines(whole.as_bytes())[0]["probabilities"]["yes"].as_f64().unwrap();
    let (mut read, mut last) = (Vec::new(), Value::Null);
    for line in ["It", "was, good", "", "bad zyzzy good"] {
        let args = ["predict", "a", "--stream", "--json", "--state", "state.json"];
        let output = fed(unrolled(at, &args), format!("{line}\n").as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        last = json_lines(&output.stdout)[0].clone();
        read.push(last["tokens_read"].as_u64().unwrap());
    }
    assert_eq!(read, [1, 6, 6, 15]);
    let last = last["probabilities"]["yes"].as_f64().unwrap();
    assert!((last - whole).abs() < 1e-6, "{last} {whole}");
}

#[test]
fn a_model_of_onnx_has_what_predictions_need() {
    let folder = learnt();
    let at = folder.path();
    let (out, _) = ends(unrolled(at, &["export", "runs/a", "--onnx", "model.onnx"]), 0);
    assert!(out.contains("  model.onnx  ") && out.contains("  predict_onnx.py  "), "{out}");
    let model = fs::read(at.join("model.onnx")).unwrap();
    for name in ["spec.yaml", "vocabulary.json", "labels.json"] {
        let content = fs::read(at.join("runs/a").join(name)).unwrap();
        assert!(model.windows(content.len()).any(|window| window == content), "{name}");
    }
    let script = fs::read_to_string(at.join("predict_onnx.py")).unwrap();
    assert!(script.contains("model.onnx") && script.contains("unrolled.labels"), "{script}");
    // The same bytes again; other ones are not replaced.
    ends(unrolled(at, &["export", "runs/a", "--onnx", "model.onnx"]), 0);
    assert_eq!(fs::read(at.join("model.onnx")).unwrap(), model);
    fs::write(at.join("model.onnx"), "mine").unwrap();
    let (_, message) = ends(unrolled(at, &["export", "runs/a", "--onnx", "model.onnx"]), 2);
    assert!(
        message.contains("exists with another content; name another folder, or replace it with --force"),
        "{message}"
    );
    let (_, message) = ends(unrolled(at, &["import", "model.onnx"]), 2);
    assert!(message.contains("model.onnx: models of ONNX are written here, and not read"), "{message}");
    let (_, message) = ends(unrolled(at, &["export", "runs/a", "--onnx", "model.pb"]), 2);
    assert!(message.contains("the name must end in .onnx"), "{message}");
}

#[test]
fn an_export_takes_nothing_away() {
    let folder = learnt();
    let at = folder.path();
    // The folder that one is in, whose own folder has other files; then files of another format in the same folder.
    let inside = at.join("papers/here");
    fs::create_dir_all(&inside).unwrap();
    fs::write(at.join("papers/thesis.txt"), "years of work").unwrap();
    fs::write(inside.join("notes.txt"), "mine").unwrap();
    let run = at.join("runs/a").into_os_string().into_string().unwrap();
    let (out, _) = ends(unrolled(&inside, &["export", &run, "--torch", ".", "--keras", "m.keras"]), 0);
    let written = |name: &str| inside.join(name).is_file();
    assert!(written("model.py") && written("model.safetensors") && written("m.keras"), "{out}");
    assert_eq!(fs::read_to_string(at.join("papers/thesis.txt")).unwrap(), "years of work");
    assert_eq!(fs::read_to_string(inside.join("notes.txt")).unwrap(), "mine");
    // The same again; a file with another content is not replaced, and then nothing is written.
    ends(unrolled(&inside, &["export", &run, "--torch", "."]), 0);
    fs::write(inside.join("model.py"), "mine").unwrap();
    fs::remove_file(inside.join("answers.json")).unwrap();
    let (_, message) = ends(unrolled(&inside, &["export", &run, "--torch", "."]), 2);
    assert!(message.contains("model.py exists with another content"), "{message}");
    assert_eq!(fs::read_to_string(inside.join("model.py")).unwrap(), "mine");
    assert!(!written("answers.json"));
    ends(unrolled(&inside, &["export", &run, "--torch", ".", "--force"]), 0);
    assert!(written("answers.json") && fs::read(inside.join("model.py")).unwrap() != b"mine");
    let names: Vec<_> =
        fs::read_dir(at.join("papers")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn an_exported_network_predicts_the_same_when_it_is_imported() {
    let folder = learnt();
    let at = folder.path();
    ends(unrolled(at, &["export", "runs/a", "--keras", "model.keras"]), 0);
    let (out, _) = ends(unrolled(at, &["import", "model.keras", "--data", "mine.tsv", "--run", "runs/b"]), 0);
    assert!(
        out.contains("runs/b: 3 layers") && out.contains("with vocabulary.json and labels.json"),
        "{out}"
    );
    let predicted = |run: &str| {
        let (out, _) = ends(unrolled(at, &["predict", run, "--json", "it was good", "bad", "never read"]), 0);
        let probabilities = |line: &Value| line["probabilities"].clone();
        json_lines(out.as_bytes()).iter().map(probabilities).collect::<Vec<_>>()
    };
    let trained = predicted("runs/a");
    assert!(trained.len() == 3 && trained[0]["yes"].as_f64().unwrap() > 0.5, "{trained:?}");
    assert_eq!(predicted("runs/b"), trained);
    // It was never trained on its data, of which none are held back.
    let evaluated = |args: &[&str]| {
        let (out, _) = ends(unrolled(at, &[&["evaluate", "--json"], args].concat()), 0);
        json_lines(out.as_bytes())[0].clone()
    };
    let (own, all) = (evaluated(&["runs/b"]), evaluated(&["runs/a", "--data", "mine.tsv"]));
    assert_eq!((&own["loss"], &own["accuracy"]), (&all["loss"], &all["accuracy"]));
    let (_, error) = ends(unrolled(at, &["resume", "runs/b", "--headless"]), 2);
    assert!(error.contains("is an imported network"), "{error}");
}
