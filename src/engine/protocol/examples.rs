use serde::{Deserialize, Serialize};

use crate::metrics::LabelCount;

/// The end of a series, to show forecasts against: the rows of the last validation windows, and those before them that are needed to
/// compare with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesExcerpt {
    /// The name of the first target variable, text of the data: escape it before printing.
    pub variable: String,
    /// Its values in consecutive rows, in its units; `None` where one is missing.
    pub values: Vec<Option<f64>>,
    /// The date of each row; empty where rows have none.
    pub dates: Vec<String>,
    /// The rows before the first of `values`.
    pub before: usize,
    /// Of each window the row, counted in `values`, at which its forecast begins.
    pub starts: Vec<usize>,
    /// The rows of a forecast.
    pub horizon: usize,
    /// The rows of a season, if the data have one.
    pub season: Option<usize>,
}

impl SeriesExcerpt {
    /// The maximum number of windows, and of numbers that are forecast from them.
    pub const MOST: (usize, usize) = (240, 2400);
}

/// Examples of a validation: a bounded number of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationExamples {
    /// The number of updates before the validation.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: usize,
    /// Of a series: the forecasts of the windows of [`SeriesExcerpt::starts`], `[window, horizon]`, in its units; `None` where one is not
    /// finite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forecasts: Vec<Option<f32>>,
    /// Of a classifier: texts of the cells of the confusion matrix, a few of each cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<ClassifiedText>,
    /// Of a tagger: the words that have another tag than predicted most often, the most frequent first; behind them those that the
    /// vocabulary does not have, together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordErrors>,
    /// Of a network that predicts several labels: the counts of each, up to [`ValidationExamples::LABELS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelCount>,
    /// Of a tagger whose tags mark entities or chunks: the counts of each type, by name, up to [`ValidationExamples::LABELS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityCount>,
}

impl ValidationExamples {
    /// The maximum number of labels, and of types of entities.
    pub const LABELS: usize = 200;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.forecasts.is_empty()
            && self.texts.is_empty()
            && self.words.is_empty()
            && self.labels.is_empty()
            && self.entities.is_empty()
    }
}

/// A text of the validation data as the network reads it, words that its vocabulary does not have in brackets, with its class and the
/// predicted one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifiedText {
    /// The number of its class.
    pub actual: usize,
    /// The number of the predicted class.
    pub predicted: usize,
    /// The text, of the data: escape it before printing.
    pub text: String,
}

impl ClassifiedText {
    /// The maximum number of texts of a cell of wrong predictions.
    pub const MOST_WRONG: usize = 12;
    /// The maximum number of texts of a cell of right ones, which say less.
    pub const MOST_RIGHT: usize = 4;
}

/// The counts of a type of entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityCount {
    /// The type, text of the data: escape it before printing. Empty where marks have none.
    pub kind: String,
    /// Entities that were found, found wrongly and missed.
    pub count: LabelCount,
}

/// How often a word with a tag was given another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WordErrors {
    /// The word, text of the data: escape it before printing.
    pub word: String,
    /// The number of its tag.
    pub actual: usize,
    /// The number of the predicted tag.
    pub predicted: usize,
    /// How often.
    pub count: u64,
}
