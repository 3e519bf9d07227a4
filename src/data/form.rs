use ndarray::Array2;

use crate::data::dataset::Dataset;
use crate::data::spec::DataSpec;
use crate::data::text::tokens::{Level, Side, TokenRules, TokenSpec};

/// What sequences of a source look like, as far as it is known before any is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What a network reads.
    pub inputs: InputForm,
    /// What it should give.
    pub targets: TargetForm,
}

/// What a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputForm {
    /// Token ids, `[time]`, all below `vocabulary`.
    Tokens {
        /// Time steps.
        time: usize,
        /// Ids, padding and unknown counted.
        vocabulary: usize,
        /// Whether sequences that are shorter are filled up with id 0.
        padded: bool,
    },
    /// Numbers, `[time, features]`.
    Real {
        /// Time steps.
        time: usize,
        /// Numbers a step.
        features: usize,
    },
}

/// What a network should give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetForm {
    /// One of these classes a sequence; `None` when only the data tell which there are.
    Classes(Option<Vec<String>>),
    /// Any of these labels a sequence, several or none at once; `None` when only the data tell which there are.
    Labels(Option<Vec<String>>),
    /// One of these classes at every time step; none when only the data tell which there are.
    Steps(Vec<String>),
    /// At every time step the token that comes next: as many classes as the vocabulary has entries.
    Next,
    /// So many numbers a sequence.
    Real(usize),
}

impl Form {
    /// Time steps of a sequence.
    pub fn time(&self) -> usize {
        match self.inputs {
            InputForm::Tokens { time, .. } | InputForm::Real { time, .. } => time,
        }
    }

    /// Entries of the vocabulary; 0 where sequences are numbers.
    pub fn vocabulary(&self) -> usize {
        match self.inputs {
            InputForm::Tokens { vocabulary, .. } => vocabulary,
            InputForm::Real { .. } => 0,
        }
    }
}

impl TargetForm {
    /// The classes, where there are any and they are known.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Classes(Some(labels)) | Self::Labels(Some(labels)) | Self::Steps(labels) => labels,
            Self::Classes(None) | Self::Labels(None) | Self::Next | Self::Real(_) => &[],
        }
    }
}

impl DataSpec {
    /// What its sequences look like, when texts become rows by `tokens`.
    pub fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        if let Self::Generated(spec) = self
            && let Some(task) = spec.task()
        {
            return task.form();
        }
        let (time, vocabulary) = tokens.map_or((0, 0), |tokens| (tokens.length, tokens.size()));
        if let Self::Series(spec) = self {
            return spec.form();
        }
        if let Self::Sequences(spec) = self {
            return spec.form();
        }
        if let Self::Tags(_) = self {
            let inputs = InputForm::Tokens { time, vocabulary, padded: true };
            return Form { inputs, targets: TargetForm::Steps(Vec::new()) };
        }
        if let Self::Text(_) = self {
            let inputs = InputForm::Tokens { time, vocabulary, padded: false };
            return Form { inputs, targets: TargetForm::Next };
        }
        let labels = match self {
            Self::Generated(_) => {
                Some(crate::data::sources::generated::word_order::LABELS.map(String::from).to_vec())
            }
            _ => None,
        };
        Form {
            inputs: InputForm::Tokens { time, vocabulary, padded: true },
            targets: match self {
                Self::Labelled(spec) if spec.has_several() => TargetForm::Labels(None),
                _ => TargetForm::Classes(labels),
            },
        }
    }

    /// The symbols of a task that has its own, without padding and unknown.
    pub fn symbols(&self) -> Option<&'static [&'static str]> {
        let Self::Generated(spec) = self else { return None };
        spec.task().map(|task| task.symbols()).filter(|symbols| !symbols.is_empty())
    }

    /// Which classes are right at each step of `data`, where the task leaves a choice: `[sequence, time]`, a bit a class; 0 at
    /// padding.
    pub fn legal(&self, data: &Dataset) -> Option<Array2<u32>> {
        let (Self::Generated(spec), Some(ids)) = (self, data.inputs.tokens()) else { return None };
        let task = spec.task()?;
        let rows = ids.rows().into_iter().map(|row| task.legal(&row.to_vec())).collect::<Option<Vec<_>>>()?;
        Array2::from_shape_vec(ids.dim(), rows.concat()).ok()
    }

    /// The token settings of a generated task with symbols of its own, which a preset does not set.
    pub fn task_tokens(&self) -> Option<TokenSpec> {
        let Self::Generated(spec) = self else { return None };
        let Form { inputs: InputForm::Tokens { time, vocabulary, .. }, targets } = spec.task()?.form() else {
            return None;
        };
        // One target a sequence: the symbols end at the last step. A target a step: they begin at the first.
        let side = if matches!(targets, TargetForm::Steps(_)) { Side::Post } else { Side::Pre };
        Some(TokenSpec {
            level: Level::Symbol,
            vocabulary,
            length: time,
            padding: side,
            truncating: side,
            channels: Vec::new(),
        })
    }

    /// The token settings that this source can use, and their defaults.
    pub fn token_rules(&self) -> TokenRules {
        match self {
            Self::Text(_) => TokenRules::LANGUAGE,
            Self::Tags(_) => TokenRules::TAGS,
            _ => TokenRules::TEXTS,
        }
    }
}
