//! The network that fits the size and kind of texts, each layer with its name and what it does.
//!
//! The choices are those that reached most over parts of the training data of `python/proposals.py` that were held out. Of fewer than 50,000 short
//! texts the average and the maximum of the vectors of words and pairs of words, or of one to three characters: a GRU in both directions, windows,
//! or a GRU beside the average reach less, in more time. Of more, where order can be learnt, both directions and the maximum over all steps,
//! or windows of characters; of documents an average of all vectors beside a GRU over pooled windows.

use crate::data::Level;
use crate::nn::{
    Activation, Bidirectional, Concatenate, Conv1D, Dense, Dropout, Embedding, GRU, GlobalAveragePooling1D,
    GlobalMaxPooling1D, LayerNode, MaxPooling1D, Merge, SpatialDropout1D,
};

/// The size of the vector of each word or character.
const VECTORS: usize = 64;

/// The filters of each convolution of characters.
const FILTERS: usize = 128;

/// Words up to which a text is a sentence; longer ones are documents.
const SENTENCE: usize = 60;

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A few words, and the pairs of neighbours, whatever their order.
    Phrases,
    /// A few words.
    Sentence,
    /// Many words.
    Document,
    /// One to three neighbouring characters, whatever their order.
    Letters,
    /// Characters.
    Characters,
}

impl Kind {
    /// The kind of texts of `length` steps, each a word or a character; `few` if there are too few to learn from their order.
    pub fn of(level: Level, length: usize, few: bool) -> Self {
        match level {
            Level::Character if few => Self::Letters,
            Level::Character => Self::Characters,
            _ if length > SENTENCE => Self::Document,
            _ if few => Self::Phrases,
            _ => Self::Sentence,
        }
    }

    /// The number of neighbouring words or characters that are a token together.
    pub fn ngrams(self) -> usize {
        match self {
            Self::Phrases => 2,
            Self::Letters => 3,
            Self::Sentence | Self::Document | Self::Characters => 1,
        }
    }

    /// Whether characters are read.
    pub fn has_characters(self) -> bool {
        matches!(self, Self::Letters | Self::Characters)
    }

    /// What has a number of its own, in words.
    pub fn tokens(self) -> &'static str {
        match self {
            Self::Phrases => "words and pairs of words",
            Self::Letters => "sequences of one to three characters",
            Self::Characters => "characters",
            Self::Sentence | Self::Document => "words",
        }
    }

    /// What predicts, for a title.
    pub fn network(self) -> &'static str {
        match self {
            Self::Sentence | Self::Document => "a GRU",
            Self::Characters => "a convolution",
            Self::Phrases | Self::Letters => "an average of vectors",
        }
    }

    /// How a text is read, for a description.
    pub fn reading(self) -> &'static str {
        match self {
            Self::Sentence | Self::Document => {
                "read word by word, in both directions; the largest value of every unit"
            }
            Self::Characters => "read in windows of characters; the largest value of every window",
            Self::Phrases => {
                "read by words and pairs of words; a pooling of their vectors, average and maximum,"
            }
            Self::Letters => {
                "read by one, two and three characters; a pooling of their vectors, average and maximum,"
            }
        }
    }

    /// The learning rate: with a maximum over all steps, few of them learn from each text. If the network `knows_all` words, some occur in one
    /// text alone.
    pub fn learning_rate(self, knows_all: bool) -> f64 {
        match self {
            Self::Sentence => 0.001,
            Self::Phrases if knows_all => 0.004,
            Self::Characters | Self::Phrases | Self::Letters => 0.002,
            // The average of a document learns its vectors, each from few texts.
            Self::Document => 0.004,
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
                "windows of two, three and four characters find parts of words, wherever they occur"
            }
            Self::Phrases => {
                "few texts: words and pairs of words tell more than their order, which takes more texts to learn"
            }
            Self::Letters => {
                "few texts: parts of words, wherever they occur, tell more than their order, which takes more texts to learn"
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

/// The units of the GRU, or the filters of each convolution, by which comments name an alternative.
pub(super) fn units(kind: Kind, rows: usize) -> usize {
    match kind {
        Kind::Document => 16,
        Kind::Sentence if rows < 2_000 => 32,
        Kind::Sentence => 64,
        Kind::Characters => FILTERS,
        Kind::Phrases | Kind::Letters => VECTORS,
    }
}

/// The layers for `rows` texts of a kind, up to the last one, `output`.
pub(super) fn layers(kind: Kind, rows: usize, length: usize, output: Dense) -> Vec<Described> {
    let units = units(kind, rows);
    let masked = kind != Kind::Characters;
    let is_average = kind.ngrams() > 1;
    let embedding = Embedding { output_dim: VECTORS, mask_zero: masked, ..Embedding::default() };
    let masking = if masked { "; mask_zero leaves padding out" } else { "" };
    let mut layers = vec![described(
        embedding,
        format!("Embedding {VECTORS}"),
        &format!("A vector for each of the {}, trained with the rest{masking}.", kind.tokens()),
    )];
    if !is_average {
        let dropped = if masked { 0.3 } else { 0.2 };
        layers.push(described(
            SpatialDropout1D { rate: dropped },
            format!("SpatialDropout1D {dropped}"),
            "Sets whole components of the vectors to 0 at random, against overfitting.",
        ));
    }
    let alternatives = format!("Next to try: LSTM or SimpleRNN in place of GRU, or units: {}.", 2 * units);
    let recurrent = format!("Bidirectional GRU {units}");
    match kind {
        Kind::Phrases | Kind::Letters => layers.extend([
            described(
                GlobalAveragePooling1D {},
                "GlobalAveragePooling1D",
                &format!(
                    "The average of all vectors: their order counts only within {}. Next to try, a recurrent network that reads the text in its \
                     order: {{layer: GRU, units: 32}} in place of the two poolings and Concatenate, with ngrams: 1.",
                    if kind == Kind::Phrases { "pairs" } else { "three characters" }
                ),
            ),
            described(
                reading(GlobalMaxPooling1D {}, &[0]),
                "GlobalMaxPooling1D",
                "Beside it the largest value of each component: one that decides is not lost among many.",
            ),
            described(reading(Concatenate {}, &[1, 2]), "Concatenate", ""),
        ]),
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
            let mut ends = Vec::new();
            for kernel in widths(length) {
                let is_first = ends.is_empty();
                let layer = match is_first {
                    true => windows(units, kernel).into(),
                    false => reading(windows(units, kernel), &[1]),
                };
                let comment = match is_first {
                    true => format!("Windows of {kernel} characters; below, wider ones of the same vectors. Next to try: filters: {}.", 2 * units),
                    false => String::new(),
                };
                layers.push(described(layer, format!("Conv1D {units}"), &comment));
                let comment = if is_first { "The largest value of each filter, wherever in the text." } else { "" };
                layers.push(described(GlobalMaxPooling1D {}, "GlobalMaxPooling1D", comment));
                ends.push(layers.len() - 1);
            }
            if ends.len() > 1 {
                layers.push(described(reading(Concatenate {}, &ends), "Concatenate", ""));
            }
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

/// The widths of windows over texts of `length` characters, which may be shorter than the widest.
fn widths(length: usize) -> std::ops::RangeInclusive<usize> {
    2.min(length)..=4.min(length)
}
