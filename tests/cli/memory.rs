//! What a training takes of memory, against limits of the process.

use super::signals::in_shell;
use super::*;

/// Networks behind an Embedding, with the length of sequences and the size of batches.
const NETWORKS: [(&str, usize, usize, &str); 7] = [
    ("recurrent", 20_000, 64, "[{layer: SimpleRNN, units: 24}]"),
    (
        "lstm",
        8_000,
        32,
        "[{layer: LSTM, units: 16, dropout: 0.2, return_sequences: true}, {layer: LSTM, units: 8}]",
    ),
    ("gru", 5_000, 128, "[{layer: GRU, units: 12, return_sequences: true}, {layer: GlobalMaxPooling1D}]"),
    ("bidirectional", 6_000, 48, "[{layer: Bidirectional, of: {layer: GRU, units: 8}}]"),
    (
        "conv",
        10_000,
        64,
        "[{layer: Conv1D, filters: 24, kernel_size: 3}, {layer: MaxPooling1D}, {layer: GlobalMaxPooling1D}]",
    ),
    (
        "attention",
        600,
        64,
        "[{layer: Attention}, {layer: LayerNormalization}, {layer: GlobalAveragePooling1D}]",
    ),
    (
        "dense",
        12_000,
        64,
        "[{layer: Dense, units: 24}, {layer: Dropout, rate: 0.3}, {layer: GlobalAveragePooling1D}]",
    ),
];

/// A limit below which training is refused, and above which it ends well: no limit in between lets an allocation fail.
#[cfg(target_os = "linux")]
#[test]
fn a_training_that_is_not_refused_has_the_memory_that_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, length, batch, network) in NETWORKS {
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, preset(length, batch, network)).unwrap();
        let run = |limit: u64| {
            let command = unrolled(
                folder.path(),
                &["train", path.to_str().unwrap(), "--headless", "--run", &format!("{name}-{limit}")],
            );
            let output = done(in_shell(&format!("ulimit -v {}", limit << 10), &command));
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let mut limit = 200;
        loop {
            let (code, message) = run(limit);
            if code == Some(2) {
                assert!(message.contains("training needs at least"), "{name}, {limit} MiB: {message}");
                limit += limit / 16;
                continue;
            }
            assert_eq!(code, Some(0), "{name}, {limit} MiB: {message}");
            break;
        }
        // Not far from what it takes.
        assert!(limit > 210, "{name} is never refused");
    }
}

fn preset(length: usize, batch: usize, network: &str) -> String {
    let network = network.trim_start_matches('[').trim_end_matches(']');
    format!(
        "title: memory\nabout: memory\ndata: {{source: generated, task: word-order, train: {}, validation: 64}}\n\
         tokens: {{level: word, vocabulary: 120, length: {length}}}\n\
         model: [{{layer: Embedding, output_dim: 16}}, {network}, {{layer: Dense, units: 1, activation: sigmoid}}]\n\
         train: {{loss: binary_crossentropy, optimizer: Adam, batch_size: {batch}, epochs: 1, seed: 1}}\n",
        3 * batch,
    )
}
