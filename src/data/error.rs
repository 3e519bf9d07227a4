use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::escape;

/// Why data cannot be had, in one line a person can act on: `FILE:LINE: found …; expected …`.
///
/// The messages are safe to show: foreign text in them is escaped and clipped.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Nothing is at `path`; `needs` says in words what has to be fetched.
    #[error("{}: not found{}", shown(path), advice(needs.as_deref()))]
    Missing {
        /// Where the data should be.
        path: PathBuf,
        /// What to fetch and where to put it.
        needs: Option<String>,
    },
    /// The operating system refused.
    #[error("{}: cannot be read", shown(path))]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data are there and not as they must be.
    #[error("{}: found {found}; expected {expected}", place(path, *line))]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// The line on which the bad row starts, from 1, where one row is to blame.
        line: Option<u64>,
        /// What is there, already escaped.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// A setting that no data can meet.
    #[error("{field}: found {found}; expected {expected}")]
    Setting {
        /// The setting as a preset calls it: `tokens.vocabulary`.
        field: Cow<'static, str>,
        /// Its value.
        found: String,
        /// Which values would do.
        expected: String,
    },
}

impl DataError {
    /// `source` as it befell `path`, with absence told apart.
    pub(crate) fn read(path: &Path, needs: Option<&str>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.into(), needs: needs.map(String::from) },
            _ => Self::Read { path: path.into(), source },
        }
    }

    pub(crate) fn content(
        path: &Path,
        line: Option<u64>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Content { path: path.into(), line, found: found.into(), expected: expected.into() }
    }
}

/// A setting whose value cannot be met; `expected` says which could.
pub(crate) fn refuse<T>(
    field: impl Into<Cow<'static, str>>,
    found: impl ToString,
    expected: impl Into<String>,
) -> Result<T, DataError> {
    Err(DataError::Setting { field: field.into(), found: found.to_string(), expected: expected.into() })
}

/// Foreign text in quotes, escaped, and clipped to 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    let clipped = match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    };
    format!("\"{}\"", escape::foreign(&clipped))
}

/// Foreign names as a list in a sentence, at most eight of them.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
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
