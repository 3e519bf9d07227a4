use std::io;
use std::path::{Path, PathBuf};

use crate::durable::FileError;

/// What can go wrong with a run folder. Paths in it are foreign text: escape before a message reaches a terminal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb that the path follows.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// A new run was to be made where one is.
    #[error("{} already holds a run; choose another folder with --run", .0.display())]
    Occupied(PathBuf),
    /// There is no run of that name.
    #[error("{}: there is no run; expected a run folder, the name of one in runs/, or `latest`", .0.display())]
    Missing(PathBuf),
    /// A trainer that lives works in this folder.
    #[error("{} is in use by another trainer; choose another folder with --run", .0.display())]
    Locked(PathBuf),
    /// A file does not hold what it should.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        what: String,
    },
    /// Something cannot be written in the form that its file has.
    #[error("cannot write {}: {what}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What cannot be written, and why.
        what: String,
    },
    /// The recorder failed before, and said why then.
    #[error("the recorder has stopped: events are no longer recorded")]
    NotRecording,
}

impl RunError {
    /// For `map_err`: what was tried (a verb that the path follows) and on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn unwritable(path: &Path, what: impl ToString) -> Self {
        Self::Unwritable { path: path.to_owned(), what: what.to_string() }
    }
}

impl From<FileError> for RunError {
    fn from(FileError { action, path, source }: FileError) -> Self {
        Self::Io { action, path, source }
    }
}
