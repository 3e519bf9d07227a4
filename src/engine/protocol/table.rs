use serde::{Deserialize, Serialize};

use super::{Direction, SeriesExcerpt};

/// The model summary, like Keras's `summary()`: a row per layer, with output shape and number of parameters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelTable {
    /// The layers, in order.
    pub layers: Vec<LayerRow>,
}

impl ModelTable {
    /// The number of parameters of all layers.
    pub fn params(&self) -> usize {
        self.layers.iter().map(|row| row.params).sum()
    }

    /// The number of non-trainable parameters.
    pub fn frozen(&self) -> usize {
        self.layers.iter().filter(|row| row.frozen).map(|row| row.params).sum()
    }

    /// The recurrent layers as `(layer, direction)`: one gradient profile and one activation map each.
    pub fn recurrent(&self) -> impl Iterator<Item = (usize, Option<Direction>)> + '_ {
        self.layers.iter().enumerate().flat_map(|(i, row)| row.directions.iter().map(move |d| (i, *d)))
    }
}

/// One layer of a [`ModelTable`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// Keras's class name: `SimpleRNN`.
    pub class: String,
    /// Output shape, batch first; `None` is an unknown size (the batch).
    pub output: Vec<Option<usize>>,
    /// Parameters.
    pub params: usize,
    /// Whether they are frozen (`trainable: false`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// Other settings in short: `tanh, return_sequences`.
    pub detail: String,
    /// Empty unless recurrent; `[None]` for one direction, forward and backward for a `Bidirectional`.
    pub directions: Vec<Option<Direction>>,
}

/// Facts of the data: before a run from the preset alone, in a run from the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// A description of the source: a path, or `generated: word-order`.
    pub source: String,
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 without validation data.
    pub validation: usize,
    /// Classes with their number of training sequences, in class order.
    pub classes: Vec<ClassCount>,
    /// The size of the vocabulary, including padding and unknown; 0 for numbers.
    pub vocabulary: usize,
    /// Whether the tokens are symbols of a generated task, not words or characters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_symbols: bool,
    /// Time steps of a sequence, after padding and truncating.
    pub length: usize,
    /// Invalid rows skipped (`skip_bad_rows`).
    pub skipped: usize,
    /// Share of validation (else training) tokens that are not in the vocabulary, 0 to 1.
    pub unknown: f64,
    /// The end of a series, whose forecasts are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Box<SeriesExcerpt>>,
}

/// A class and its number of training sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The label, text of the data: escape it before printing.
    pub label: String,
    /// Training sequences of this class.
    pub count: usize,
}

/// A probe: a tokenized text, or a sequence of the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeText {
    /// The text in the preset, or the name of the sequence; not escaped.
    pub text: String,
    /// Its tokens after truncation, without padding: the labels of the activation map, one a time step, some empty where
    /// steps have no names; not escaped.
    pub tokens: Vec<String>,
    /// The input position (time step) of `tokens[0]`: the padding in front.
    pub first_step: usize,
    /// The expected prediction as text, if known; not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<String>,
    /// The target of each token, where the data have one at every step; not escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Of which other probe it is a variant, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<ProbeVariant>,
}

/// A probe that was made from another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeVariant {
    /// The number of the other probe, from 0.
    pub of: usize,
    /// What was changed.
    pub change: ProbeChange,
}

/// A change of the tokens of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeChange {
    /// All tokens in reverse order.
    Reverse,
    /// Another word in place of a token.
    Replace {
        /// The token, an index of [`ProbeText::tokens`].
        token: usize,
        /// The word, read as one token; not escaped.
        word: String,
    },
    /// Padding in place of a token: occlusion.
    Occlude {
        /// The token, an index of [`ProbeText::tokens`].
        token: usize,
    },
}

impl ProbeChange {
    /// What stands for a token that is hidden.
    pub const OCCLUDED: &str = "[PAD]";
}
