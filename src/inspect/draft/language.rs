//! One long text.

use super::yaml::{Yaml, quoted};
use super::{Place, Proposal, chain, counted};
use crate::data::{Encoding, TextSpec};
use crate::number;
use crate::protocol::Findings;

/// Entries of a vocabulary of characters, at most.
const CHARACTERS: usize = 1_000;

pub(super) fn propose(
    findings: &Findings,
    spec: &TextSpec,
    prime: &str,
    place: &Place<'_>,
) -> Result<Proposal, String> {
    let (rows, found) = (findings.rows, findings.vocabulary.as_ref());
    // Each stream, and each of the held-out tenth, has several windows.
    let layouts = [(64, 64), (32, 64), (32, 32), (16, 32), (8, 16), (4, 8), (1, 8)];
    let held_out = rows / 10;
    let Some((batch, length)) = layouts.into_iter().find(|(batch, length)| held_out > 2 * batch * length + 1)
    else {
        return Err(format!(
            "{}: too few to learn a language from; some thousands are a beginning",
            counted(rows, "character", "characters")
        ));
    };
    let vocabulary = found.map_or(100, |found| found.distinct + 2).clamp(3, CHARACTERS);
    let (units, epochs) = match rows {
        0..50_000 => (64, 20),
        50_000..400_000 => (128, 15),
        400_000..5_000_000 => (192, 8),
        _ => (256, 2),
    };
    let mut body = Yaml::default();
    body.line("data:");
    body.noted("  source: text", "one long text: at every step the next character is asked for");
    body.line(&format!("  path: {}", place.path(&spec.path)?));
    if spec.encoding != Encoding::Utf8 {
        body.noted(&format!("  encoding: {}", spec.encoding), "what the bytes mean: they are not UTF-8");
    }
    body.noted("  validation: 0.1", "the last tenth is measured on, never learnt from");
    body.line("");
    body.comment(&format!(
        "Every character is one of {vocabulary} numbers (two of them are for padding and for what is unknown); {length} of them are one window. \
         With level: word words are told, of which the most frequent `vocabulary` are known: 10000 and as many units in the last layer."
    ));
    body.line(&format!("tokens: {{level: character, vocabulary: {vocabulary}, length: {length}}}"));
    body.line("");
    body.line("model:");
    body.line(&format!("  - {{layer: Embedding, output_dim: {}}}", (units / 2).min(64)));
    body.hint(&format!(
        "stateful: the text lies in {batch} streams side by side, and every window goes on with the state in which the one before it ended. \
         Next to try: more units, a second layer like it, GRU."
    ));
    body.line(&format!("  - {{layer: LSTM, units: {units}, return_sequences: true, stateful: true}}"));
    body.line("  - {layer: Dropout, rate: 0.2}");
    body.hint("As many units as the vocabulary has entries: the probability of each to be next.");
    body.line(&format!("  - {{layer: Dense, units: {vocabulary}, activation: softmax}}"));
    body.line("");
    body.line("train:");
    body.line("  loss: sparse_categorical_crossentropy");
    body.hint(
        "The gradient is cut to a length of at most 5: texts have steps at which it is many times as long.",
    );
    body.line("  optimizer: {name: Adam, learning_rate: 0.003, global_clipnorm: 5.0}");
    body.noted("  schedule: {name: step, every: 1, factor: 0.9}", "a tenth slower after every epoch");
    body.line(&format!("  batch_size: {batch}"));
    body.line(&format!("  epochs: {epochs}"));
    body.line("  seed: 1");
    body.line("");
    body.line("watch:");
    body.line(&format!("  every: {}", super::every(rows / (batch * length) * epochs)));
    body.hint(
        "After every epoch the model goes on with `prime` by itself: more daring at a higher temperature.",
    );
    body.line(&format!("  sample: {{prime: {}, temperature: 0.8, length: 300}}", quoted(prime)));
    body.line(&format!("  probes: [{}]", quoted(prime.trim_end())));
    let guess = (vocabulary.saturating_sub(2).max(2) as f64).ln();
    let layers = [
        format!("Embedding {}", (units / 2).min(64)),
        format!("LSTM {units}, stateful"),
        "Dropout 0.2".to_owned(),
        format!("Dense {vocabulary}"),
    ];
    let suggested = [
        ("tokens", format!("characters, {batch} streams, windows of {length}")),
        ("vocabulary", format!("{} (all characters of the text)", number::count(vocabulary as u64))),
        ("network", chain(&layers)),
        ("training", format!("the next character, {}", counted(epochs, "epoch", "epochs"))),
    ];
    Ok(Proposal {
        title: "A language model: an LSTM goes on with the text, character by character".into(),
        about: format!(
            "At every character the network says which comes next. A guess among all of them costs {guess:.2} nats; compare val_loss. After each \
             epoch it goes on by itself: watch spelling come first, then words, then something like sense."
        ),
        body,
        suggested: suggested.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}
