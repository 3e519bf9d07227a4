//! The result of opening a source.

use std::sync::Arc;

use crate::data::batches::StreamedSplit;
use crate::data::dataset::Dataset;
use crate::data::sources::sequences::Scale;
use crate::data::sources::series::Forecasts;
use crate::data::text::unknown_words::UnknownWords;
use crate::data::text::vocabularies::Vocabularies;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};

/// The training and validation data, and everything known about them.
#[derive(Debug, Clone)]
pub struct Data {
    /// The training data.
    pub train: Dataset,
    /// The validation data, if the spec has any.
    pub validation: Option<Dataset>,
    /// The vocabularies of the training texts, or of the task's symbols; `None` for numbers.
    pub vocabularies: Option<Vocabularies>,
    /// The label of each class, sorted if they come from files; empty if targets are numbers.
    pub labels: Vec<String>,
    /// Labels that only the validation data have, with their numbers of sequences or words: their classes are behind those of `labels`, and
    /// no network predicts them.
    pub unseen: Vec<ClassCount>,
    /// The words of the validation texts that the vocabulary does not have; none where they were not kept.
    pub unknown_words: Arc<UnknownWords>,
    /// Facts for the user.
    pub facts: DataFacts,
    /// Notes for the user, in sentences.
    pub notes: Vec<String>,
    /// The inverse transform and the truth of the validation data of a series.
    pub forecasts: Option<Forecasts>,
    /// The scaling of numbers that are read from files.
    pub scale: Option<Scale>,
}

impl Data {
    /// Training data with `facts` alone.
    pub fn of(train: Dataset, facts: DataFacts) -> Self {
        Self {
            train,
            validation: None,
            vocabularies: None,
            labels: Vec::new(),
            unseen: Vec::new(),
            unknown_words: Arc::default(),
            facts,
            notes: Vec::new(),
            forecasts: None,
            scale: None,
        }
    }

    /// A warning for sequences of different lengths, to be shown if no layer masks their padding.
    pub fn unmasked(&self) -> Option<String> {
        let steps = |data: &Dataset| data.lengths().into_iter().min();
        // The windows of a series have no padding.
        let sequences = self.scale.is_some() && !self.labels.is_empty();
        let shortest = sequences.then(|| steps(&self.train)).flatten()?;
        (shortest < self.facts.length).then(|| {
            format!(
                "the shortest sequence has {} steps, and no layer masks the zeros of its padding: \
                 begin with {{layer: Masking}}",
                number::count(shortest as u64)
            )
        })
    }
}

/// Opened data: what is in memory, and what is streamed.
#[derive(Debug)]
pub struct Opened {
    /// The data in memory; of a streamed split only the first texts.
    pub data: Data,
    /// The training texts, if they are streamed.
    pub train: Option<Box<dyn StreamedSplit>>,
    /// The validation texts, if they are streamed.
    pub validation: Option<Box<dyn StreamedSplit>>,
}

impl From<Data> for Opened {
    fn from(data: Data) -> Self {
        Self { data, train: None, validation: None }
    }
}
