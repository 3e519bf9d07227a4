//! The interface between a source of texts and what reads them.

use std::path::Path;

use crate::data::error::DataError;

/// A consumer of the texts of a source, one after the other.
pub trait Sink {
    /// Adds a text from `line` of `path`.
    ///
    /// # Errors
    /// Ends reading.
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError>;

    /// Counts an invalid row that is skipped.
    fn skip(&mut self);

    /// The number of texts so far.
    fn texts(&self) -> usize;

    /// The number of skipped rows so far.
    fn skipped(&self) -> usize;
}
