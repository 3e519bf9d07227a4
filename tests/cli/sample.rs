//! `unrolled sample`, out of a run folder alone.

use super::*;

#[test]
fn a_language_model_generates_text_without_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let preset = "title: t
data: {source: text, path: text.txt}
tokens: {level: character, vocabulary: 6, length: 6}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: GRU, units: 8, return_sequences: true, stateful: true, reset_after: true}
  - {layer: Dense, units: 6, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.03}, batch_size: 4, epochs: 2}
watch: {probes: 0}
";
    fs::write(folder.path().join("preset.yaml"), preset).unwrap();
    fs::write(folder.path().join("text.txt"), "abc\n".repeat(500)).unwrap();
    ends(train(folder.path(), "preset.yaml", "run", &[]), 0);
    fs::remove_file(folder.path().join("text.txt")).unwrap();
    let sample = |args: &[&str], code| {
        ends(unrolled(folder.path(), &[&["sample", "run", "--prime", "ab"], args].concat()), code)
    };
    let sure = ["--temperature", "0", "--length", "8"];
    assert_eq!(sample(&sure, 0).0, "abc\nabc\nab\n");
    let daring = |seed| sample(&["--temperature", "50", "--length", "60", "--seed", seed], 0).0;
    assert_eq!(daring("1"), daring("1"));
    assert_ne!(daring("1"), daring("2"));
    several_texts(folder.path(), &daring("1"));
    let strange = ["sample", "run", "--prime", "абa а", "--length", "1"];
    let (_, message) = ends(unrolled(folder.path(), &strange), 0);
    assert!(message.contains("4 of 5 tokens of --prime never occurred in training"), "{message}");
    assert!(message.contains("\"а\", \"б\", \" \""), "{message}");
    let (_, message) = sample(&["--temperature", "-1"], 2);
    assert!(message.contains("--temperature: found -1; it must be 0 or more"), "{message}");
    fs::create_dir(folder.path().join("runs")).unwrap();
    fs::rename(folder.path().join("run"), folder.path().join("runs/run")).unwrap();
    let latest = ["sample", "latest", "--prime", "ab", "--temperature", "0", "--length", "8"];
    assert_eq!(ends(unrolled(folder.path(), &latest), 0).0, "abc\nabc\nab\n");
}

/// `--texts` of the run of the test above, of which `first` is the text of seed 1 alone.
fn several_texts(at: &Path, first: &str) {
    let sample = |args: &[&str]| {
        let begin = ["sample", "run", "--prime", "ab", "--temperature", "50", "--length", "60"];
        ends(unrolled(at, &[&begin, args].concat()), 0).0
    };
    let json = |texts: &str| -> Vec<Value> {
        let out = sample(&["--json", "--texts", texts]);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(sample(&["--texts", "1"]), first);
    let all = json("70");
    assert_eq!(all.len(), 70);
    assert_eq!(format!("ab{}\n", all[0]["text"].as_str().unwrap()), first);
    assert!(all.iter().zip(1..).all(|(text, number)| text["number"] == number && text["prime"] == "ab"));
    assert_ne!(all[0]["text"], all[1]["text"]);
    for (texts, count) in [("1", 1), ("3", 3)] {
        assert_eq!(json(texts), all[..count], "the others do not change a text");
    }
    let text = |i: usize| all[i]["text"].as_str().unwrap();
    let plain = format!("==> 1 of 2 <==\nab{}\n\n==> 2 of 2 <==\nab{}\n", text(0), text(1));
    assert_eq!(sample(&["--texts", "2"]), plain);
    let (_, message) = ends(unrolled(at, &["sample", "run", "--texts", "0"]), 2);
    assert!(message.contains("--texts: found 0; expected at least 1 text"), "{message}");
}

#[test]
fn other_models_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    ends(train(folder.path(), "word-order", "run", &SMALL), 0);
    let (_, message) = ends(unrolled(folder.path(), &["sample", "run"]), 2);
    assert!(message.starts_with("unrolled: this is not a language model"), "{message}");
    let (_, message) = ends(unrolled(folder.path(), &["sample", "nowhere"]), 2);
    assert!(message.contains("nowhere: no such run"), "{message}");
}

#[test]
fn a_language_model_is_evaluated_as_in_training_and_on_other_texts() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let preset = "title: t
data: {source: text, path: train.txt, validation: {path: valid.txt}}
tokens: {vocabulary: {at_least: 2}, length: 6}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: GRU, units: 8, return_sequences: true, stateful: true}
  - {layer: Dense, units: 6, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.03}, batch_size: 4, epochs: 2}
watch: {probes: 0}
";
    fs::write(at.join("preset.yaml"), preset).unwrap();
    fs::write(at.join("train.txt"), "one two three four\n".repeat(100) + "rare").unwrap();
    fs::write(at.join("valid.txt"), "one two three four five\n".repeat(20)).unwrap();
    fs::write(at.join("test.txt"), "four one two\n".repeat(9)).unwrap();
    ends(train(at, "preset.yaml", "run", &[]), 0);
    let spec = fs::read_to_string(at.join("run/spec.yaml")).unwrap();
    assert!(spec.contains("vocabulary: 6\n"), "{spec}");
    let (out, _) = ends(unrolled(at, &["evaluate", "run", "--json"]), 0);
    let judged: Value = serde_json::from_str(&out).unwrap();
    let lines = metrics(&at.join("run"));
    let last = lines.iter().rfind(|line| line["kind"] == "epoch").unwrap();
    for name in ["loss", "accuracy", "perplexity", "bits_per_token"] {
        let (ours, theirs) = (judged[name].as_f64().unwrap(), last[&format!("val_{name}")].as_f64().unwrap());
        assert!((ours - theirs).abs() < 1e-5 * theirs.abs().max(1.0), "{name}: {ours} {theirs}");
    }
    let (bits, characters) =
        (judged["bits_per_token"].as_f64().unwrap(), judged["bits_per_character"].as_f64().unwrap());
    assert!((bits / characters - 24.0 / 5.0).abs() < 1e-9, "{bits} {characters}");
    assert!((judged["unknown"].as_f64().unwrap() - 0.2).abs() < 1e-9, "five is unknown");
    let (out, _) = ends(unrolled(at, &["evaluate", "run", "--data", "test.txt"]), 0);
    assert!(out.contains("test.txt: 24 tokens") && out.contains("perplexity "), "{out}");
    let (_, message) = ends(unrolled(at, &["predict", "run", "one"]), 2);
    assert!(message.contains("unrolled sample RUN --prime TEXT"), "{message}");
    fs::write(at.join("short.txt"), "four").unwrap();
    let (_, message) = ends(unrolled(at, &["evaluate", "run", "--data", "short.txt"]), 2);
    assert!(
        message.contains("short.txt: found 1 tokens; expected at least 7: tokens.length and one more"),
        "{message}"
    );
}

#[test]
fn a_stream_of_text_gives_the_most_likely_next_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let preset = "title: t
data: {source: text, path: text.txt}
tokens: {level: character, vocabulary: 6, length: 6}
model:
  - {layer: Embedding, output_dim: 4}
  - {layer: GRU, units: 8, return_sequences: true}
  - {layer: Dense, units: 6, activation: softmax}
train: {loss: sparse_categorical_crossentropy, optimizer: {name: Adam, learning_rate: 0.03}, batch_size: 16, epochs: 4}
watch: {probes: 0}
";
    fs::write(at.join("preset.yaml"), preset).unwrap();
    fs::write(at.join("text.txt"), "abc\n".repeat(500)).unwrap();
    ends(train(at, "preset.yaml", "run", &[]), 0);
    fs::remove_file(at.join("text.txt")).unwrap();
    let (out, _) = ends(unrolled(at, &["predict", "run", "--stream", "a", "b", "c"]), 0);
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    for (line, start) in lines.iter().zip(["1  \"b\" ", "2  \"c\" ", "3  \"\\n\" "]) {
        assert!(line.starts_with(start), "{out}");
    }
    let stream = |args: &[&str]| -> Vec<Value> {
        let (out, _) = ends(unrolled(at, &[&["predict", "run", "--stream", "--json"], args].concat()), 0);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let whole = stream(&["ab"]);
    let sum: f64 =
        whole[0]["next"].as_array().unwrap().iter().map(|next| next["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    // A symbol at a time, each in a process of its own.
    assert_eq!(stream(&["--state", "s.json", "a"])[0]["tokens_read"], 1);
    assert_eq!(stream(&["--state", "s.json", "b"])[0]["next"], whole[0]["next"]);
    let (_, error) = ends(unrolled(at, &["predict", "run", "ab"]), 2);
    assert!(error.contains("unrolled sample RUN") && error.contains("--stream"), "{error}");
    let (_, error) = ends(unrolled(at, &["predict", "run", "--stream", "--per-token", "ab"]), 2);
    assert!(error.contains("omit --per-token"), "{error}");
}
