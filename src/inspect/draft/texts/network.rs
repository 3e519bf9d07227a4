//! The network that fits the size and kind of texts, each layer with its name and what it does.
//!
//! The choices are those that reached most over the data sets of `python/proposals.py`, against the last state of a GRU: both directions and the
//! maximum over all steps for sentences; an average of all vectors beside a GRU over pooled windows for documents; windows of characters
//! before a GRU where characters are read.

use crate::data::Level;
use crate::nn::{
    Activation, Bidirectional, Concatenate, Conv1D, Dense, Dropout, Embedding, GRU, GlobalAveragePooling1D,
    GlobalMaxPooling1D, LayerNode, MaxPooling1D, Merge, SpatialDropout1D,
};

/// Words up to which a text is a sentence; longer ones are documents.
const SENTENCE: usize = 60;

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A few words.
    Sentence,
    /// Many words.
    Document,
    /// Characters.
    Characters,
}

impl Kind {
    /// The kind of texts of `length` steps, each a word or a character.
    pub fn of(level: Level, length: usize) -> Self {
        match level {
            Level::Character => Self::Characters,
            _ if length > SENTENCE => Self::Document,
            _ => Self::Sentence,
        }
    }

    /// Why the network has its shape, in one sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Sentence => {
                "both directions, then the maximum over all words: the words that decide may occur anywhere"
            }
            Self::Document => {
                "the average of all words gives the topic; windows of words, pooled, keep a document short for the GRU"
            }
            Self::Characters => {
                "windows of characters find parts of words; pooling leaves half of the steps for the GRU"
            }
        }
    }
}

/// A layer with its short name, and a comment if it has one.
pub(super) struct Described {
    pub layer: LayerNode,
    pub name: String,
    pub comment: Option<String>,
}

fn described(layer: impl Into<LayerNode>, name: impl Into<String>, comment: &str) -> Described {
    let comment = (!comment.is_empty()).then(|| comment.to_owned());
    Described { layer: layer.into(), name: name.into(), comment }
}

fn reading(layer: impl Into<LayerNode>, inputs: &[usize]) -> LayerNode {
    LayerNode { inputs: inputs.iter().map(|input| (*input).into()).collect(), ..layer.into() }
}

fn gru(units: usize) -> Bidirectional {
    let layer = GRU { units, return_sequences: true, ..GRU::default() };
    Bidirectional { of: Box::new(layer.into()), merge_mode: Merge::Concat }
}

fn windows(filters: usize, kernel_size: usize) -> Conv1D {
    Conv1D { filters, kernel_size, activation: Activation::Relu, ..Conv1D::default() }
}

/// The units of the GRU, by which comments name an alternative.
pub(super) fn units(kind: Kind, rows: usize) -> usize {
    match kind {
        Kind::Document => 16,
        Kind::Sentence if rows < 2_000 => 32,
        Kind::Sentence | Kind::Characters => 64,
    }
}

/// The layers for `rows` texts of a kind, up to the last one, `output`.
pub(super) fn layers(kind: Kind, rows: usize, length: usize, output: Dense) -> Vec<Described> {
    let units = units(kind, rows);
    let masked = kind != Kind::Characters;
    let unit = if kind == Kind::Characters { "characters" } else { "words" };
    let embedding = Embedding { output_dim: 64, mask_zero: masked, ..Embedding::default() };
    let masking = if masked { "; mask_zero leaves padding out" } else { "" };
    let mut layers = vec![
        described(
            embedding,
            "Embedding 64",
            &format!("A vector for each of the {unit}, trained with the rest{masking}."),
        ),
        described(
            SpatialDropout1D { rate: 0.3 },
            "SpatialDropout1D 0.3",
            "Sets whole components of the vectors to 0 at random, against overfitting.",
        ),
    ];
    let alternatives = format!("Next to try: LSTM or SimpleRNN in place of GRU, or units: {}.", 2 * units);
    let recurrent = format!("Bidirectional GRU {units}");
    match kind {
        Kind::Sentence => layers.extend([
            described(gru(units), &recurrent, &format!("Reads in both directions and returns a state per word. {alternatives}")),
            described(GlobalMaxPooling1D {}, "GlobalMaxPooling1D", "The largest value of each unit, at whatever word it occurs."),
        ]),
        Kind::Document => layers.extend([
            described(
                windows(32, 5.min(length)),
                "Conv1D 32",
                "Windows of five words; the maximum of five neighbours remains, so that the GRU has a fifth of the steps.",
            ),
            described(MaxPooling1D { pool_size: 5.min(length / 5).max(1), ..MaxPooling1D::default() }, "MaxPooling1D 5", ""),
            described(gru(units), &recurrent, &alternatives),
            described(GlobalMaxPooling1D {}, "GlobalMaxPooling1D", "The largest value of each unit, wherever in the text."),
            described(
                reading(GlobalAveragePooling1D {}, &[0]),
                "GlobalAveragePooling1D",
                "The average vector of all words, whatever their order, beside what the GRU has read.",
            ),
            described(reading(Concatenate {}, &[5, 6]), "Concatenate", ""),
        ]),
        Kind::Characters => {
            // Very short texts have no two windows to pool.
            let (kernel, pool) = (3.min(length), if length >= 8 { 2 } else { 1 });
            layers.push(described(
                windows(128, kernel),
                "Conv1D 128",
                "Windows of three characters.",
            ));
            if pool > 1 {
                layers.push(described(
                    MaxPooling1D { pool_size: pool, ..MaxPooling1D::default() },
                    format!("MaxPooling1D {pool}"),
                    "",
                ));
            }
            layers.push(described(gru(units), &recurrent, &format!("Reads in both directions. {alternatives}")));
            layers.push(described(
                GlobalMaxPooling1D {},
                "GlobalMaxPooling1D",
                "The largest value of each unit, wherever in the text.",
            ));
        }
    }
    layers.push(described(
        Dropout { rate: 0.5 },
        "Dropout 0.5",
        "A part is set to 0 at random, against overfitting: try more when val_loss rises while loss falls.",
    ));
    let name = format!("Dense {}", output.units);
    layers.push(described(output, name, ""));
    layers
}
