//! Labelled sequences of numbers.

use super::comments::Comments;
use super::{Proposal, chain, classification, clipped_adam, counted, named_rows, train};
use crate::data::{DataSpec, SequencesSpec, Validation};
use crate::nn::{
    Activation, Bidirectional, Conv1D, Dense, Dropout, GRU, GlobalMaxPooling1D, LayerNode, Masking,
    MaxPooling1D, Merge, Padding,
};
use crate::preset::{AlertSpec, Probes, RunSpec, TrainSpec, WatchSpec};
use crate::protocol::Findings;

/// Steps from which a sequence is shortened by pooling before it is read step by step.
const LONG: usize = 12;

pub(super) fn propose(findings: &Findings, spec: SequencesSpec) -> Proposal {
    let classes = findings.classes.len();
    let (filters, units, batch, epochs) = match findings.rows {
        0..300 => (32, 32, 8, 100),
        300..2_000 => (48, 48, 16, 50),
        2_000..20_000 => (64, 64, 32, 20),
        _ => (64, 64, 64, 8),
    };
    let (outputs, activation, loss) = classification(classes, false);
    let spec = SequencesSpec { validation: spec.validation.or(Some(Validation::Share(0.2))), ..spec };
    // Every pooling halves the steps; a short sequence keeps them.
    let blocks = match spec.length {
        0..LONG => 0,
        LONG..48 => 1,
        _ => 2,
    };
    let comments = comments(&spec, blocks, units);
    let mut layers = Vec::new();
    let mut model: Vec<LayerNode> = Vec::new();
    for _ in 0..blocks {
        let convolution = Conv1D {
            filters,
            kernel_size: 5,
            padding: Padding::Same,
            activation: Activation::Relu,
            ..Conv1D::default()
        };
        model.push(convolution.into());
        model.push(MaxPooling1D { pool_size: 2, ..MaxPooling1D::default() }.into());
        layers.push(format!("Conv1D {filters} → MaxPooling1D 2"));
    }
    if blocks == 0 {
        model.push(Masking::default().into());
        layers.push("Masking".into());
    }
    let recurrent = GRU { units, return_sequences: true, ..GRU::default() };
    model.push(Bidirectional { of: Box::new(recurrent.into()), merge_mode: Merge::Concat }.into());
    model.push(GlobalMaxPooling1D {}.into());
    model.push(Dropout { rate: 0.3 }.into());
    model.push(Dense { units: outputs, activation, ..Dense::default() }.into());
    layers.extend([
        format!("Bidirectional GRU {units}"),
        "GlobalMaxPooling1D".into(),
        "Dropout 0.3".into(),
        format!("Dense {outputs}"),
    ]);
    let reason = match blocks {
        0 => "few steps: each is read as it is",
        _ => {
            "Conv1D finds shapes, pooling leaves fewer steps for the GRU, the maximum finds a shape anywhere"
        }
    };
    let suggested = [
        ("length", counted(spec.length, "step", "steps")),
        ("network", chain(&layers)),
        ("reason", reason.into()),
        ("training", format!("{}, batches of {batch}, {}", loss.name(), counted(epochs, "epoch", "epochs"))),
        ("to try", format!("--set train.optimizer.learning_rate=0.001, --set train.epochs={}", 2 * epochs)),
    ];
    let spec = RunSpec {
        name: String::new(),
        title: format!("Sequences of numbers: a GRU predicts one of {}", counted(classes, "class", "classes")),
        about: "A sequence is read step by step in both directions; the largest value of every unit over all steps decides. The accuracy of predicting the most frequent class for all is what val_accuracy has to beat."
            .into(),
        from: None,
        data: DataSpec::Sequences(spec),
        tokens: None,
        model,
        train: TrainSpec {
            optimizer: clipped_adam(0.003, 1.0),
            ..train(loss, batch, epochs)
        },
        watch: WatchSpec {
            probes: Probes::First(2),
            ..super::watch(findings.rows / batch * epochs)
        },
        alerts: AlertSpec::default(),
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least: None }
}

fn comments(spec: &SequencesSpec, blocks: usize, units: usize) -> Comments {
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
    match blocks {
        0 => comments.before("model.0", "Leaves padding out."),
        _ => comments.before(
            "model.0",
            "Shapes of five steps; pooling keeps the larger of two neighbours, so that half of the steps remain.",
        ),
    }
    comments.before(
        &format!("model.{}", (2 * blocks).max(1)),
        format!(
            "Reads in both directions and returns a state per step. Next to try: LSTM in place of GRU, units: {}, or dropout: 0.2.",
            2 * units
        ),
    );
    comments.before(
        &format!("model.{}", (2 * blocks).max(1) + 1),
        "The largest value of each unit, at whatever step it occurs.",
    );
    comments.beside("watch.probes", "the number of sequences shown as they pass through the network");
    comments
}
