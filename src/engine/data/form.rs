use crate::data::text::tokens::TokenSpec;

/// The shapes of the inputs and targets of a source, as far as they are known before data are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The inputs.
    pub inputs: InputForm,
    /// The targets.
    pub targets: TargetForm,
}

/// The shape of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputForm {
    /// Token ids, `[time]`, all below `vocabulary`.
    Tokens {
        /// Time steps.
        time: usize,
        /// The number of ids, including padding and unknown.
        vocabulary: usize,
        /// Whether shorter sequences are padded with id 0.
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

/// The shape of the targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetForm {
    /// One of these classes a sequence; `None` if they are not known before data are read.
    Classes(Option<Vec<String>>),
    /// Any number of these labels a sequence; `None` if they are not known before data are read.
    Labels(Option<Vec<String>>),
    /// One of these classes at every time step; empty if they are not known before data are read.
    Steps(Vec<String>),
    /// The next token at every time step: as many classes as the vocabulary has entries.
    Next,
    /// This number of outputs a sequence.
    Real(usize),
}

impl InputForm {
    /// The shape of texts encoded by `tokens`.
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

    /// The size of the vocabulary; 0 for numbers.
    pub fn vocabulary(&self) -> usize {
        match self.inputs {
            InputForm::Tokens { vocabulary, .. } => vocabulary,
            InputForm::Real { .. } => 0,
        }
    }
}

impl TargetForm {
    /// The classes or labels, if known.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Classes(Some(labels)) | Self::Labels(Some(labels)) | Self::Steps(labels) => labels,
            Self::Classes(None) | Self::Labels(None) | Self::Next | Self::Real(_) => &[],
        }
    }
}
