//! The trait of data sources; its implementations are in `sources/`.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::form::Form;
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::Opened;
use crate::data::text::tokens::{TokenRules, TokenSpec};

/// The settings of a data source: `data:` in a preset.
///
/// A new kind of source implements this and gets a variant of [`DataSpec`](crate::data::DataSpec). A new *file format* of labelled
/// texts is a variant of [`Format`](crate::data::Format) instead, with its reader in `sources/labelled/`.
pub trait Source {
    /// A short description: the path of the training data, or `generated: word-order`.
    fn description(&self) -> String;

    /// Checks the settings themselves; reads no data.
    ///
    /// # Errors
    /// [`DataError::Setting`] for the first invalid setting.
    fn check(&self) -> Result<(), DataError>;

    /// The token settings that a preset needs with this source.
    fn token_use(&self) -> TokenUse;

    /// The shapes of a sequence and of its target, when texts are encoded by `tokens`.
    fn form(&self, tokens: Option<&TokenSpec>) -> Form;

    /// Reads or generates the data.
    ///
    /// # Errors
    /// The first missing file or invalid content.
    fn open(&self, context: Context<'_>) -> Result<Opened, DataError>;

    /// The files and folders that must exist: the training data, then the validation data.
    fn files(&self) -> Vec<RequiredFile<'_>> {
        Vec::new()
    }

    /// The paths among the settings, except that of the validation data, with their keys.
    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        Vec::new()
    }

    /// The path of the validation data, if the settings have one.
    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        None
    }

    /// Removes the validation data from the settings.
    fn remove_validation(&mut self) {}

    /// The sizes of `folds` folds of the training data, sampled by `seed`; `None` if that is not supported.
    ///
    /// # Errors
    /// Those of reading the data.
    fn fold_sizes(&self, _folds: usize, _seed: u64) -> Result<Option<FoldSizes>, DataError> {
        Ok(None)
    }

    /// The size of the vocabulary of all tokens that occur at least `least` times in the training data, whose part is sampled by `seed`;
    /// `None` if the source has no such vocabulary.
    ///
    /// # Errors
    /// Those of reading the data.
    fn vocabulary_at_least(
        &self,
        _tokens: &TokenSpec,
        _seed: u64,
        _least: u64,
    ) -> Result<Option<usize>, DataError> {
        Ok(None)
    }

    /// The numbers of training and validation sequences, if they are known before data are read; else 0.
    fn sizes(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The symbols of a generated task, without padding and unknown.
    fn symbols(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// The legal classes at each step of `data`, if a task has several: bit sets `[sequence, time]`; 0 at padding.
    fn legal(&self, _data: &Dataset) -> Option<Array2<u32>> {
        None
    }
}

/// The parameters of opening a source besides its settings.
pub struct Context<'a> {
    /// How texts are encoded; present if [`Source::token_use`] requires it.
    pub tokens: Option<&'a TokenSpec>,
    /// The seed of generated sequences and of the validation split.
    pub seed: u64,
    /// The number of streams of a stateful network; 1 for others.
    pub streams: usize,
    /// What a network that is trained further knows of its data, which these are read by.
    pub known: Option<&'a Known>,
    /// How much of the training data is trained on.
    pub fraction: Fraction,
    /// Whether data that do not fit in memory may be streamed from their files.
    pub may_stream: bool,
    /// Receives progress messages; file names in them are not escaped.
    pub progress: &'a mut dyn FnMut(String),
    /// Returns true when opening should end early with an error.
    pub stop: &'a mut dyn FnMut() -> bool,
}

impl<'a> Context<'a> {
    /// The token settings.
    ///
    /// # Errors
    /// When a preset has none.
    pub fn required_tokens(&self) -> Result<&'a TokenSpec, DataError> {
        self.tokens.ok_or_else(missing_tokens)
    }
}

/// The error of a preset without the token settings that its texts need.
pub(crate) fn missing_tokens() -> DataError {
    DataError::Setting {
        field: "tokens".into(),
        found: "nothing".into(),
        expected: "{level: word, vocabulary: …, length: …}, to encode texts".into(),
    }
}

/// The token settings that a source needs.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenUse {
    /// Those of the preset, within these rules.
    Required(TokenRules),
    /// Settings of its own; the preset has none.
    Own {
        /// The source, in an error.
        source: String,
        /// The settings it uses.
        tokens: TokenSpec,
    },
    /// None: its sequences are numbers.
    Numbers {
        /// The source, in an error.
        source: String,
    },
}

/// A file or folder that a source reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequiredFile<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Instructions to obtain it.
    pub needs: Option<&'a str>,
}

/// A path among the settings of a source.
#[derive(Debug)]
pub struct PathSetting<'a> {
    /// Its key in a preset, outermost first.
    pub key: &'static [&'static str],
    /// Its value.
    pub path: &'a mut PathBuf,
}

/// The sizes of the folds of a cross-validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldSizes {
    /// The training data.
    pub path: PathBuf,
    /// The unit of the sizes: `texts`, `sequences`.
    pub unit: &'static str,
    /// The validation sequences of each fold.
    pub sizes: Vec<usize>,
}
