//! What opening a source gives.

use crate::data::batches::StreamedSplit;
use crate::data::dataset::Dataset;
use crate::data::sources::sequences::Scale;
use crate::data::sources::series::Forecasts;
use crate::data::text::vocabularies::Vocabularies;
use crate::number;
use crate::protocol::DataFacts;

/// Everything a network is trained on.
#[derive(Debug, Clone)]
pub struct Data {
    /// What weights learn from.
    pub train: Dataset,
    /// What they are measured on, where the spec has it.
    pub validation: Option<Dataset>,
    /// Of the training texts, or of the task's symbols; `None` where sequences are numbers.
    pub vocabularies: Option<Vocabularies>,
    /// The label of each class: sorted where they come from files; none where targets are numbers.
    pub labels: Vec<String>,
    /// What to tell people of it.
    pub facts: DataFacts,
    /// What they should know beside, in sentences.
    pub notes: Vec<String>,
    /// The validation data in the units of the series, where they are one.
    pub forecasts: Option<Forecasts>,
    /// What numbers were scaled by, where they are read from files.
    pub scale: Option<Scale>,
}

impl Data {
    /// Training data of which `facts` tell, and nothing else.
    pub fn of(train: Dataset, facts: DataFacts) -> Self {
        Self {
            train,
            validation: None,
            vocabularies: None,
            labels: Vec::new(),
            facts,
            notes: Vec::new(),
            forecasts: None,
            scale: None,
        }
    }

    /// What to tell of sequences of several lengths, where no layer is told which of their steps are padding.
    pub fn unmasked(&self) -> Option<String> {
        let steps = |data: &Dataset| data.lengths().into_iter().min();
        // The windows of a series have no padding.
        let sequences = self.scale.is_some() && !self.labels.is_empty();
        let shortest = sequences.then(|| steps(&self.train)).flatten()?;
        (shortest < self.facts.length).then(|| {
            format!(
                "the shortest sequence has {} steps, and no layer is told that the zeros behind them are padding: \
                 begin with {{layer: Masking}}",
                number::count(shortest as u64)
            )
        })
    }
}

/// Data to learn from: what is in memory, and what is streamed.
#[derive(Debug)]
pub struct Opened {
    /// What is in memory: of a streamed split only its first texts, as a sample.
    pub data: Data,
    /// The training texts, where they are streamed.
    pub train: Option<Box<dyn StreamedSplit>>,
    /// The validation texts, where they are streamed.
    pub validation: Option<Box<dyn StreamedSplit>>,
}

impl From<Data> for Opened {
    fn from(data: Data) -> Self {
        Self { data, train: None, validation: None }
    }
}
