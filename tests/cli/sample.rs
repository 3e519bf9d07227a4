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

#[test]
fn other_models_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    ends(train(folder.path(), "word-order", "run", &SMALL), 0);
    let (_, message) = ends(unrolled(folder.path(), &["sample", "run"]), 2);
    assert!(message.starts_with("unrolled: this is not a language model"), "{message}");
    let (_, message) = ends(unrolled(folder.path(), &["sample", "nowhere"]), 2);
    assert!(message.contains("nowhere: no such run"), "{message}");
}
