//! What every kind of source can do; one implementation a kind, in `sources/`.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::form::Form;
use crate::data::opened::Opened;
use crate::data::text::tokens::{TokenRules, TokenSpec};

/// The settings of a source of data: what a preset has under `data:`.
///
/// A new kind of source implements this and gets a variant of [`DataSpec`](crate::data::DataSpec).
pub trait Source {
    /// The source in a few words: the path of the training data, or `generated: word-order`.
    fn description(&self) -> String;

    /// Checks the settings themselves; reads no data.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first that no data can satisfy.
    fn check(&self) -> Result<(), DataError>;

    /// Which token settings a preset needs beside this source.
    fn token_use(&self) -> TokenUse;

    /// The shapes of a sequence and of its target, when texts are encoded by `tokens`.
    fn form(&self, tokens: Option<&TokenSpec>) -> Form;

    /// Reads or generates the data.
    ///
    /// # Errors
    /// The first thing that is missing or wrong.
    fn open(&self, context: Context<'_>) -> Result<Opened, DataError>;

    /// The files and folders that must exist: the training data, then the validation data.
    fn files(&self) -> Vec<RequiredFile<'_>> {
        Vec::new()
    }

    /// The paths among the settings, except that of the validation data, with their keys.
    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        Vec::new()
    }

    /// The path of the validation data, where the settings have one.
    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        None
    }

    /// Removes the validation data from the settings.
    fn remove_validation(&mut self) {}

    /// The sizes of `folds` parts of the training data, drawn by `seed`; `None` where they are not read for that.
    ///
    /// # Errors
    /// Those of reading the data.
    fn fold_sizes(&self, _folds: usize, _seed: u64) -> Result<Option<FoldSizes>, DataError> {
        Ok(None)
    }

    /// The numbers of training and validation sequences, where they are known before any is read; else 0.
    fn sizes(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The symbols of a task that has its own, without padding and unknown.
    fn symbols(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Which classes are right at each step of `data`, where a task leaves a choice: `[sequence, time]`, a bit a class; 0 at
    /// padding.
    fn legal(&self, _data: &Dataset) -> Option<Array2<u32>> {
        None
    }
}

/// What opening a source depends on besides its settings.
pub struct Context<'a> {
    /// How texts are encoded; present where [`Source::token_use`] requires it.
    pub tokens: Option<&'a TokenSpec>,
    /// Draws what is random: generated sequences, validation data that are split off.
    pub seed: u64,
    /// How many sequences of a batch continue in the next batch (of a stateful network); 1 where none does.
    pub streams: usize,
    /// Whether data that are too large for memory may be streamed from their files.
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
        expected: "{level: word, vocabulary: …, length: …}, for texts to become rows".into(),
    }
}

/// Which token settings a source needs.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenUse {
    /// Those of the preset, within these rules.
    Required(TokenRules),
    /// Settings of its own; the preset has none.
    Own {
        /// The source, in an error.
        source: String,
        /// What it uses.
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
    /// Where it should be.
    pub path: &'a Path,
    /// What to fetch and where to put it, in words.
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

/// How large the folds of a cross-validation would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldSizes {
    /// The training data.
    pub path: PathBuf,
    /// What is counted: `texts`, `sequences`.
    pub unit: &'static str,
    /// The validation sequences of each fold.
    pub sizes: Vec<usize>,
}
