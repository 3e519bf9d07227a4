//! Sentences with a tag at every word.

use super::comments::Comments;
use super::{Proposal, chain, clipped_adam, counted, length, named_rows, train, whole};
use crate::data::{
    ChannelLevel, ChannelSpec, DataSpec, Encoding, Level, Side, TagsSpec, TokenSpec, Validation,
};
use crate::nn::{
    Activation, Bidirectional, Concatenate, Dense, Dropout, Embedding, LSTM, LayerNode, Loss, Merge,
    SpatialDropout1D,
};
use crate::number;
use crate::optim::{Schedule, StepDecay};
use crate::preset::{AlertSpec, Probes, RunSpec, TrainSpec, Value, WatchSpec};
use crate::protocol::Findings;

pub(super) fn propose(findings: &Findings, spec: TagsSpec, examples: Vec<String>) -> Proposal {
    let length = length(findings, 99, 200);
    let distinct = findings.vocabulary.as_ref().map_or(1_000, |found| found.distinct);
    let vocabulary = distinct.next_multiple_of(100).clamp(100, 20_000);
    let tags = findings.classes.len();
    let (units, batch, epochs) = match findings.rows {
        0..500 => (32, 8, 30),
        500..5_000 => (64, 32, 15),
        _ => (64, 32, 6),
    };
    let no_longer = whole(findings, length);
    let layers = [
        "Embedding 64 + 32 + 8".to_owned(),
        format!("Bidirectional LSTM {units}"),
        "Dropout 0.5".to_owned(),
        format!("Dense {tags}"),
    ];
    let suggested = [
        (
            "tokens",
            format!("words, endings, case; length {length} ({no_longer} of the sentences are no longer)"),
        ),
        ("vocabulary", format!("{} words, 2,000 endings", number::count(vocabulary as u64))),
        ("network", chain(&layers)),
        ("training", format!("batches of {batch}, {}", counted(epochs, "epoch", "epochs"))),
    ];
    let mut comments = comments(&spec, tags);
    super::of_test(&mut comments, findings);
    comments.before(
        "tokens",
        format!(
            "A sentence becomes a row of {length} words ({no_longer} of the sentences are no longer), read in three channels: a word that occurs only \
             once, or never, is unknown as a word, but has an ending and a case."
        ),
    );
    if !examples.is_empty() {
        comments.before("watch.probes", "Sentences shown as they pass through the network.");
    }
    let spec = RunSpec {
        name: String::new(),
        title: format!("Tagging: a bidirectional LSTM gives every word one of {tags} tags"),
        about: "Every word gets a tag, from the words before and after it; padding counts neither in the loss nor in the accuracy."
            .into(),
        from: None,
        data: DataSpec::Tags(spec),
        tokens: Some(TokenSpec {
            level: Level::Symbol,
            ngrams: 1,
            vocabulary: 0,
            length,
            padding: Side::Post,
            truncating: Side::Post,
            channels: vec![
                channel(ChannelLevel::Word, None, Some(vocabulary)),
                channel(ChannelLevel::Ending, Some(3), Some(2_000)),
                channel(ChannelLevel::Case, None, None),
            ],
        }),
        model: vec![
            embedding("word", 64),
            embedding("ending", 32),
            embedding("case", 8),
            LayerNode { inputs: vec![0.into(), 1.into(), 2.into()], ..Concatenate {}.into() },
            SpatialDropout1D { rate: 0.4 }.into(),
            Bidirectional {
                of: Box::new(LSTM { units, return_sequences: true, ..LSTM::default() }.into()),
                merge_mode: Merge::Concat,
            }
            .into(),
            Dropout { rate: 0.5 }.into(),
            Dense { units: tags, activation: Activation::Softmax, ..Dense::default() }.into(),
        ],
        train: TrainSpec {
            optimizer: clipped_adam(0.004, 1.0),
            schedule: Schedule::Step(StepDecay { every: 1, factor: 0.9 }),
            ..train(Loss::SparseCategoricalCrossentropy, batch, epochs)
        },
        watch: WatchSpec {
            probes: match examples.is_empty() {
                true => Probes::default(),
                false => Probes::Texts(examples),
            },
            ..super::watch(findings.rows / batch * epochs)
        },
        alerts: AlertSpec::default(),
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least: None }
}

fn channel(level: ChannelLevel, letters: Option<usize>, vocabulary: Option<usize>) -> ChannelSpec {
    ChannelSpec { name: None, level, letters, vocabulary, at_least: None }
}

fn embedding(channel: &str, output_dim: usize) -> LayerNode {
    let layer = Embedding { output_dim, mask_zero: true, ..Embedding::default() };
    LayerNode { inputs: vec![channel.into()], ..layer.into() }
}

fn comments(spec: &TagsSpec, tags: usize) -> Comments {
    let mut comments = Comments::default();
    comments
        .beside("data.source", "a word and its tag per line (or CoNLL-U), an empty line after each sentence");
    if spec.validation.is_some() {
        let what = match &spec.validation {
            Some(Validation::Given(_)) => "evaluated after every epoch, never trained on",
            _ => "this share of the sentences, chosen by the seed, is evaluated and never trained on",
        };
        comments.beside("data.validation", what);
    } else {
        let file = [("path".into(), "OTHER".into())];
        comments.suggest("data.validation", Value::Mapping(file.into_iter().collect()));
        comments.beside(
            "data.validation",
            "a second file, evaluated and never trained on: without it the metrics mean little",
        );
    }
    if spec.tag.is_some() {
        comments.beside("data.tag", "the column of the tag");
    }
    if spec.encoding != Encoding::Utf8 {
        comments.beside("data.encoding", "the character encoding, which is not UTF-8");
    }
    comments.beside("tokens.channels.2", "lower, Capitalised, UPPER, digits, …");
    comments.before("model.0", "mask_zero: padding counts neither in the loss nor in any metric.");
    comments.before(
        "model.5",
        "Reads in both directions, so that the tag of every word depends on the words before and after it; one output per word. Next to try: a \
         GRU, or one direction alone, {layer: LSTM, units: 64, return_sequences: true}, to see what the other is worth.",
    );
    comments.before("model.7", format!("A probability for each of the {tags} tags."));
    comments.beside("train.schedule", "a tenth less learning rate after every epoch");
    comments
}
