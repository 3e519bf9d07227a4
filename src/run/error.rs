use std::io;
use std::path::{Path, PathBuf};

use crate::durable::FileError;

/// An error of a run folder. Paths in it are untrusted text: escape before printing to a terminal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An I/O operation failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The operation, as a verb before the path.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder of a new run already contains one.
    #[error("{} already contains a run; choose another folder with --run", .0.display())]
    Occupied(PathBuf),
    /// The folder of a new run contains something else.
    #[error("{} is not empty: it contains {found}; choose a new or empty folder with --run", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// The names of its first entries.
        found: String,
    },
    /// No run has that name.
    #[error(
        "{}: no such run; {}expected a run folder, the name of one in runs/, or `latest`", name.display(), did_you_mean(near.as_deref())
    )]
    Missing {
        /// What was given.
        name: PathBuf,
        /// The run whose name is most like it, if one's is.
        near: Option<String>,
    },
    /// It is a folder of runs: of seeds, folds or a race.
    #[error("{}: a folder of runs; expected one of them, such as {}", name.display(), run.display())]
    Several {
        /// What was given.
        name: PathBuf,
        /// One of its runs.
        run: PathBuf,
    },
    /// There is no run yet.
    #[error("{}: there are no runs yet; `unrolled` or `unrolled train PRESET` makes one", .0.display())]
    NoRuns(PathBuf),
    /// Another process trains the run of this folder.
    #[error(
        "{} is in use by another trainer{owner}; `unrolled attach {}` shows it, --run chooses another folder",
        path.display(), path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who, since when, if known: `: process 12 on host, since …`.
        owner: String,
    },
    /// A folder or file of a run in training is no longer at its path.
    #[error("{} is no longer there: it was removed, renamed or replaced during the run", .0.display())]
    Moved(PathBuf),
    /// A file's content is invalid.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem, and where.
        what: String,
    },
    /// A value cannot be represented in the format of its file.
    #[error("cannot write {}: {what}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The value, and why.
        what: String,
    },
    /// The recorder failed earlier and returned the cause then.
    #[error("the recorder has stopped: events are no longer recorded")]
    NotRecording,
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or(String::new(), |near| format!("did you mean {near}? "))
}

impl RunError {
    /// For `map_err`: the operation (a verb before the path) and the path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// `owner` is who trains the run, if known.
    pub(super) fn locked(path: &Path, owner: Option<String>) -> Self {
        let owner = owner.map_or(String::new(), |owner| format!(": {owner}"));
        Self::Locked { path: path.to_owned(), owner }
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
