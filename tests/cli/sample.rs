//! `unrolled sample`, out of a run folder alone.

use super::*;

#[test]
fn a_finished_language_model_goes_on_with_a_text_and_needs_its_data_no_more() {
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
    let (_, told) = sample(&["--temperature", "-1"], 2);
    assert!(told.contains("--temperature: found -1; it must be 0 or more"), "{told}");
    fs::create_dir(folder.path().join("runs")).unwrap();
    fs::rename(folder.path().join("run"), folder.path().join("runs/run")).unwrap();
    let latest = ["sample", "latest", "--prime", "ab", "--temperature", "0", "--length", "8"];
    assert_eq!(ends(unrolled(folder.path(), &latest), 0).0, "abc\nabc\nab\n");
}

#[test]
fn what_is_no_language_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    ends(train(folder.path(), "word-order", "run", &SMALL), 0);
    let (_, told) = ends(unrolled(folder.path(), &["sample", "run"]), 2);
    assert!(told.starts_with("unrolled: this is no language model"), "{told}");
    let (_, told) = ends(unrolled(folder.path(), &["sample", "nowhere"]), 2);
    assert!(told.contains("nowhere: no such run"), "{told}");
}
