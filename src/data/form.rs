use crate::data::text::tokens::TokenSpec;

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

impl InputForm {
    /// Rows of ids, as `tokens` encode texts.
    pub(crate) fn of_tokens(tokens: Option<&TokenSpec>, padded: bool) -> Self {
        let (time, vocabulary) = tokens.map_or((0, 0), |tokens| (tokens.length, tokens.size()));
        Self::Tokens { time, vocabulary, padded }
    }
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
