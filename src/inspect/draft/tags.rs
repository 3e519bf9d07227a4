//! Sentences with a tag at every word.

use super::yaml::{Yaml, quoted};
use super::{Place, Proposal, chain, counted, length, whole};
use crate::data::TagsSpec;
use crate::number;
use crate::protocol::Findings;

pub(super) fn propose(
    findings: &Findings,
    spec: &TagsSpec,
    examples: &[String],
    place: &Place<'_>,
) -> Result<Proposal, String> {
    let length = length(findings, 99, 200);
    let distinct = findings.vocabulary.as_ref().map_or(1_000, |found| found.distinct);
    let vocabulary = distinct.next_multiple_of(100).clamp(100, 20_000);
    let tags = findings.classes.len();
    let (units, batch, epochs) = match findings.rows {
        0..500 => (32, 8, 30),
        500..5_000 => (64, 32, 15),
        _ => (64, 32, 6),
    };
    let mut body = Yaml::default();
    body.line("data:");
    body.noted("  source: tags", "a word and its tag a line (or CoNLL-U), an empty line after each sentence");
    body.line(&format!("  path: {}", place.path(&spec.path)?));
    match &spec.validation {
        Some(validation) => body.noted(
            &format!("  validation: {{path: {}}}", place.path(&validation.path)?),
            "measured on after every epoch, never learnt from",
        ),
        None => body.noted(
            "  # validation: {path: OTHER}",
            "a second file, to be measured on and never learnt from: the figures mean little without",
        ),
    }
    body.line("");
    body.comment(&format!(
        "A sentence is a row of {length} words ({} of the sentences are no longer), read in three channels: a word that comes once only, or never, \
         is unknown as such, and goes by its last letters and by how it is written.",
        whole(findings, length)
    ));
    body.line("tokens:");
    body.line(&format!("  length: {length}"));
    body.line("  channels:");
    body.line(&format!("    - {{level: word, vocabulary: {vocabulary}}}"));
    body.line("    - {level: ending, letters: 3, vocabulary: 2000}");
    body.line("    - {level: case}            # lower, Capitalised, UPPER, digits, …");
    body.line("");
    body.line("model:");
    body.hint("mask_zero: what a sentence is filled up with counts neither in the loss nor in any measure.");
    body.line("  - {layer: Embedding, inputs: [word], output_dim: 64, mask_zero: true}");
    body.line("  - {layer: Embedding, inputs: [ending], output_dim: 32, mask_zero: true}");
    body.line("  - {layer: Embedding, inputs: [case], output_dim: 8, mask_zero: true}");
    body.line("  - {layer: Concatenate, inputs: [0, 1, 2]}");
    body.line("  - {layer: SpatialDropout1D, rate: 0.4}");
    body.hint("Reads from both ends, so that every word is judged by what stands before and after it; one answer a word. Next to try: a GRU, or");
    body.hint("one direction alone, {layer: LSTM, units: 64, return_sequences: true}, to see what the other is worth.");
    body.line(&format!(
        "  - {{layer: Bidirectional, of: {{layer: LSTM, units: {units}, return_sequences: true}}}}"
    ));
    body.line("  - {layer: Dropout, rate: 0.5}");
    body.hint(&format!("A probability for each of the {tags} tags."));
    body.line(&format!("  - {{layer: Dense, units: {tags}, activation: softmax}}"));
    body.line("");
    body.line("train:");
    body.line("  loss: sparse_categorical_crossentropy");
    body.line("  optimizer: {name: Adam, learning_rate: 0.004, global_clipnorm: 1.0}");
    body.noted("  schedule: {name: step, every: 1, factor: 0.9}", "a tenth slower after every epoch");
    body.line(&format!("  batch_size: {batch}"));
    body.line(&format!("  epochs: {epochs}"));
    body.line("  seed: 1");
    body.line("");
    body.line("watch:");
    body.line(&format!("  every: {}", super::every(findings.rows / batch * epochs)));
    if !examples.is_empty() {
        body.hint("Sentences whose way through the network is shown.");
        body.line("  probes:");
        examples.iter().for_each(|text| body.line(&format!("    - {}", quoted(text))));
    }
    let layers = [
        "Embedding 64 + 32 + 8".to_owned(),
        format!("Bidirectional LSTM {units}"),
        "Dropout 0.5".to_owned(),
        format!("Dense {tags}"),
    ];
    let suggested = [
        (
            "tokens",
            format!(
                "words, endings, case; length {length} ({} of the sentences are no longer)",
                whole(findings, length)
            ),
        ),
        ("vocabulary", format!("{} words, 2,000 endings", number::count(vocabulary as u64))),
        ("network", chain(&layers)),
        ("training", format!("batches of {batch}, {}", counted(epochs, "epoch", "epochs"))),
    ];
    Ok(Proposal {
        title: format!("Tagging: a bidirectional LSTM gives every word one of {tags} tags"),
        about: "Every word is answered, from what stands before and after it; padding counts neither in the loss nor in the accuracy."
            .into(),
        body,
        suggested: suggested.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}
