//! Labelled sequences of numbers.

use super::yaml::Yaml;
use super::{Place, Proposal, chain, counted};
use crate::data::{SequencesSpec, Validation};
use crate::protocol::Findings;

pub(super) fn propose(
    findings: &Findings,
    spec: &SequencesSpec,
    place: &Place<'_>,
) -> Result<Proposal, String> {
    let classes = findings.classes.len();
    let (units, batch, epochs) = match findings.rows {
        0..300 => (32, 8, 80),
        300..2_000 => (48, 16, 40),
        2_000..20_000 => (64, 32, 15),
        _ => (64, 64, 5),
    };
    let mut body = Yaml::default();
    body.line("data:");
    body.noted("  source: sequences", "one class for a sequence of vectors, of any length");
    body.line(&format!("  path: {}", place.path(&spec.path)?));
    body.noted(
        &format!("  length: {}", spec.length),
        "steps of the longest that is kept whole; shorter ones are filled up with zeros",
    );
    body.noted(&format!("  features: {}", spec.features), "numbers a step");
    if spec.skip_bad_rows {
        body.noted("  skip_bad_rows: true", "without this, the first broken recording is an error");
    }
    match &spec.validation {
        Some(Validation::Given(given)) => body.noted(
            &format!("  validation: {{path: {}}}", place.path(&given.path)?),
            "measured on after every epoch, never learnt from",
        ),
        _ => body.noted("  validation: 0.2", "so much of every class is measured on, never learnt from"),
    }
    body.line("");
    body.line("model:");
    body.hint("Leaves out what sequences are filled up with.");
    body.line("  - {layer: Masking}");
    body.hint("Reads step by step and hands on its last state. Next to try: LSTM in its place, both ways with Bidirectional, or in front of it");
    body.hint("{layer: Conv1D, filters: 32, kernel_size: 5, activation: relu} and {layer: MaxPooling1D, pool_size: 2}, without Masking.");
    body.line(&format!("  - {{layer: GRU, units: {units}}}"));
    body.line("  - {layer: Dropout, rate: 0.3}");
    let loss = if classes == 2 {
        body.line("  - {layer: Dense, units: 1, activation: sigmoid}");
        "binary_crossentropy"
    } else {
        body.line(&format!("  - {{layer: Dense, units: {classes}, activation: softmax}}"));
        "sparse_categorical_crossentropy"
    };
    body.line("");
    body.line("train:");
    body.line(&format!("  loss: {loss}"));
    body.line("  optimizer: {name: Adam, learning_rate: 0.003, global_clipnorm: 1.0}");
    body.line(&format!("  batch_size: {batch}"));
    body.line(&format!("  epochs: {epochs}"));
    body.line("  seed: 1");
    body.line("");
    body.line("watch:");
    body.line(&format!("  every: {}", super::every(findings.rows / batch * epochs)));
    body.noted("  probes: 2", "so many sequences whose way through the network is shown");
    let outputs = if classes == 2 { 1 } else { classes };
    let suggested = [
        ("length", counted(spec.length, "step", "steps")),
        (
            "network",
            chain(&[
                "Masking".into(),
                format!("GRU {units}"),
                "Dropout 0.3".into(),
                format!("Dense {outputs}"),
            ]),
        ),
        ("training", format!("{loss}, batches of {batch}, {}", counted(epochs, "epoch", "epochs"))),
    ];
    Ok(Proposal {
        title: format!("Sequences of numbers: a GRU tells {}", counted(classes, "class", "classes")),
        about: "A sequence is read step by step; the state after its last decides. Who always names the most frequent class is what \
                val_accuracy has to beat."
            .into(),
        body,
        suggested: suggested.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}
