//! Errors of reading data.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::escape;

/// An error of data, with a one-line message: `FILE:LINE: found …; expected …`.
///
/// Text of the data in messages is escaped and clipped.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is no file at `path`; `needs` are instructions to obtain it.
    #[error("{}: not found{}", shown(path), advice(needs.as_deref()))]
    Missing {
        /// Where the data should be.
        path: PathBuf,
        /// Instructions to obtain it.
        needs: Option<String>,
    },
    /// The operating system returned an error.
    #[error("{}: cannot be read", shown(path))]
    Read {
        /// What was being read.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The content of the data is invalid.
    #[error("{}: found {found}; expected {expected}", place(path, *line))]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// The line on which the invalid row starts, from 1, if it is a single row.
        line: Option<u64>,
        /// What was found, already escaped.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// An invalid setting.
    #[error("{field}: found {found}; expected {expected}")]
    Setting {
        /// The key in a preset: `tokens.vocabulary`.
        field: Cow<'static, str>,
        /// Its value.
        found: String,
        /// The valid values.
        expected: String,
    },
}

impl DataError {
    /// The error for `source` while reading `path`; distinguishes missing files.
    pub fn read(path: &Path, needs: Option<&str>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.into(), needs: needs.map(String::from) },
            _ => Self::Read { path: path.into(), source },
        }
    }

    /// The error of invalid content: what was found in `line` of `path`, and what was expected.
    pub fn content(
        path: &Path,
        line: Option<u64>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Content { path: path.into(), line, found: found.into(), expected: expected.into() }
    }
}

/// Returns the error of an invalid setting; `expected` are the valid values.
pub(crate) fn refuse<T>(
    field: impl Into<Cow<'static, str>>,
    found: impl ToString,
    expected: impl Into<String>,
) -> Result<T, DataError> {
    Err(DataError::Setting { field: field.into(), found: found.to_string(), expected: expected.into() })
}

/// Text of the data in quotes, escaped, and clipped to 60 characters.
pub fn quoted(text: &str) -> String {
    let clipped = match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    };
    format!("\"{}\"", escape::foreign(&clipped))
}

/// Quotes at most eight names for a list in a sentence.
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(8);
    let list = names.take(8).map(quoted).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// A path, escaped.
pub(crate) fn shown(path: &Path) -> String {
    escape::foreign(&path.display().to_string()).into_owned()
}

fn place(path: &Path, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("{}:{line}", shown(path)),
        None => shown(path),
    }
}

fn advice(needs: Option<&str>) -> String {
    needs.map_or_else(String::new, |needs| format!("; {}", escape::foreign(needs)))
}
