use std::path::Path;

use crate::data::error::DataError;

/// Takes the texts of a source, one after the other: into memory, or only to look at each as it goes by.
pub(crate) trait Sink {
    /// A text that was found at `path` and `line`.
    ///
    /// # Errors
    /// Where no further text is wanted: reading ends with it.
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError>;

    /// A bad row was left out.
    fn skip(&mut self);

    /// Texts so far.
    fn len(&self) -> usize;

    /// Rows left out so far.
    fn skipped(&self) -> usize;
}
