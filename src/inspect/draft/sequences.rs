//! Labelled sequences of numbers.

use super::comments::Comments;
use super::{Proposal, chain, classification, clipped_adam, counted, named_rows, train};
use crate::data::{DataSpec, SequencesSpec, Validation};
use crate::nn::{Dense, Dropout, GRU, Masking};
use crate::preset::{Probes, RunSpec, TrainSpec, WatchSpec};
use crate::protocol::Findings;

pub(super) fn propose(findings: &Findings, spec: SequencesSpec) -> Proposal {
    let classes = findings.classes.len();
    let (units, batch, epochs) = match findings.rows {
        0..300 => (32, 8, 80),
        300..2_000 => (48, 16, 40),
        2_000..20_000 => (64, 32, 15),
        _ => (64, 64, 5),
    };
    let (outputs, activation, loss) = classification(classes, false);
    let spec = SequencesSpec { validation: spec.validation.or(Some(Validation::Share(0.2))), ..spec };
    let comments = comments(&spec);
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
        ("training", format!("{}, batches of {batch}, {}", loss.name(), counted(epochs, "epoch", "epochs"))),
    ];
    let spec = RunSpec {
        name: String::new(),
        title: format!("Sequences of numbers: a GRU predicts one of {}", counted(classes, "class", "classes")),
        about: "A sequence is read step by step; the state after the last step decides. The accuracy of predicting the most frequent class for all is what val_accuracy has to beat."
            .into(),
        data: DataSpec::Sequences(spec),
        tokens: None,
        model: vec![
            Masking::default().into(),
            GRU { units, ..GRU::default() }.into(),
            Dropout { rate: 0.3 }.into(),
            Dense { units: outputs, activation, ..Dense::default() }.into(),
        ],
        train: TrainSpec {
            optimizer: clipped_adam(0.003, 1.0),
            ..train(loss, batch, epochs)
        },
        watch: WatchSpec {
            every: super::every(findings.rows / batch * epochs),
            probes: Probes::First(2),
            ..WatchSpec::default()
        },
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least: None }
}

fn comments(spec: &SequencesSpec) -> Comments {
    let mut comments = Comments::default();
    comments.beside("data.source", "one class per sequence of vectors, of any length");
    comments.beside(
        "data.length",
        "steps of the longest sequence that is used whole; shorter ones are padded with zeros",
    );
    comments.beside("data.features", "numbers per step");
    if spec.skip_bad_rows {
        comments.beside("data.skip_bad_rows", "without this, the first broken recording is an error");
    }
    comments.beside(
        "data.validation",
        match &spec.validation {
            Some(Validation::Given(_)) => "evaluated after every epoch, never trained on",
            _ => "this share of every class is evaluated, never trained on",
        },
    );
    comments.before("model.0", "Leaves padding out.");
    comments.before(
        "model.1",
        "Reads step by step and returns its last state. Next to try: LSTM in its place, both directions with Bidirectional, or in front of it \
         {layer: Conv1D, filters: 32, kernel_size: 5, activation: relu} and {layer: MaxPooling1D, pool_size: 2}, without Masking.",
    );
    comments.beside("watch.probes", "the number of sequences shown as they pass through the network");
    comments
}
