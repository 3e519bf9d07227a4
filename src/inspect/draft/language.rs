//! One long text.

use super::comments::Comments;
use super::{Proposal, chain, clipped_adam, counted, named_rows, train};
use crate::data::{DataSpec, Encoding, Level, Side, TextSpec, TokenSpec, Validation};
use crate::nn::{Activation, Dense, Dropout, Embedding, LSTM, Loss};
use crate::number;
use crate::optim::{Schedule, StepDecay};
use crate::preset::{AlertSpec, Probes, RunSpec, SampleSpec, TrainSpec, WatchSpec};
use crate::protocol::Findings;

/// Entries of a vocabulary of characters, at most.
const CHARACTERS: usize = 1_000;

pub(super) fn propose(findings: &Findings, spec: TextSpec, prime: &str) -> Result<Proposal, String> {
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
    let embedding = (units / 2).min(64);
    let guess = (vocabulary.saturating_sub(2).max(2) as f64).ln();
    let mut comments = comments(&spec, vocabulary, batch, length);
    super::of_test(&mut comments, findings);
    let spec = RunSpec {
        name: String::new(),
        title: "A language model: an LSTM continues the text, character by character".into(),
        about: format!(
            "At every character the network predicts the next one. A guess among all of them costs {guess:.2} nats; compare val_loss. After each \
             epoch it continues a text by itself: watch spelling come first, then words, then something like sense."
        ),
        from: None,
        data: DataSpec::Text(spec),
        tokens: Some(TokenSpec {
            level: Level::Character,
            ngrams: 1,
            vocabulary,
            length,
            padding: Side::Post,
            truncating: Side::Post,
            channels: Vec::new(),
        }),
        model: vec![
            Embedding { output_dim: embedding, ..Embedding::default() }.into(),
            LSTM { units, return_sequences: true, stateful: true, ..LSTM::default() }.into(),
            Dropout { rate: 0.2 }.into(),
            Dense { units: vocabulary, activation: Activation::Softmax, ..Dense::default() }.into(),
        ],
        train: TrainSpec {
            optimizer: clipped_adam(0.003, 5.0),
            schedule: Schedule::Step(StepDecay { every: 1, factor: 0.9 }),
            ..train(Loss::SparseCategoricalCrossentropy, batch, epochs)
        },
        watch: WatchSpec {
            sample: Some(SampleSpec { prime: prime.into(), temperature: 0.8, length: 300, every: None }),
            probes: Probes::Texts(vec![prime.trim_end().to_owned()]),
            ..super::watch(rows / (batch * length) * epochs)
        },
        alerts: AlertSpec::default(),
        units_follow_classes: false,
    };
    let layers = [
        format!("Embedding {embedding}"),
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
    Ok(Proposal { spec, comments, suggested: named_rows(suggested), at_least: None })
}

fn comments(spec: &TextSpec, vocabulary: usize, batch: usize, length: usize) -> Comments {
    let mut comments = Comments::default();
    comments.beside("data.source", "one long text: the target at every step is the next character");
    if spec.encoding != Encoding::Utf8 {
        comments.beside("data.encoding", "the character encoding, which is not UTF-8");
    }
    let what = match spec.validation {
        Validation::Given(_) => "evaluated after every epoch, never trained on",
        _ => "the last tenth is for evaluation, not for training",
    };
    comments.beside("data.validation", what);
    comments.before(
        "tokens",
        format!(
            "Every character is one of {vocabulary} numbers (two of them are for padding and for unknown characters); {length} of them are one \
             window. With level: word the tokens are words, of which the most frequent `vocabulary` are known: try 10000, and as many units in \
             the last layer."
        ),
    );
    comments.before(
        "model.1",
        format!(
            "stateful: the text is divided into {batch} parallel streams, and every window starts with the final state of the window before \
             it. Next to try: more units, a second layer like it, GRU."
        ),
    );
    comments.before(
        "model.3",
        "As many units as the vocabulary has entries: the probability of each to be next.",
    );
    comments.before(
        "train.optimizer",
        "The gradient is clipped to a norm of at most 5: texts have steps at which it is many times as large.",
    );
    comments.beside("train.schedule", "a tenth less learning rate after every epoch");
    comments.before(
        "watch.sample",
        "After every epoch the model continues `prime` by itself; a higher temperature gives more surprising text.",
    );
    comments
}
