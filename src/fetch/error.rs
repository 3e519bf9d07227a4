#[cfg(feature = "download")]
use std::io;
#[cfg(feature = "download")]
use std::path::Path;
use std::path::PathBuf;

use crate::durable::FileError;
use crate::number;

/// Why a file was not fetched. Paths and what servers say are foreign text: escape before a message reaches a terminal.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no room.
    #[error("the disk with {} is full: {} more are needed; make room, then say the same again", path.display(), number::bytes(*more))]
    Full {
        /// What was written.
        path: PathBuf,
        /// Bytes that are still to come, at least.
        more: u64,
    },
    /// Something else stands at the target.
    #[error("{} is there already, and is {what}; --force replaces it", path.display())]
    Taken {
        /// The target.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// Another process fetches the same file into the same folder.
    #[error("{} is being written by another process", .0.display())]
    Busy(PathBuf),
    /// No address gave the file.
    #[error("not fetched: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unreachable(Vec<Failure>),
    /// An archive that was put there by hand is not the one that was meant.
    #[error("{} is not used: {why}; take it away, or replace it by the right one", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An archive holds what it should not, or is broken.
    #[error("{}: {what}; nothing of it is kept", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It was asked to stop.
    #[error("interrupted")]
    Stopped,
    /// The program was built without the feature `download`.
    #[error("this program was built without downloads (cargo feature `download`)")]
    Without,
}

#[cfg(feature = "download")]
impl FetchError {
    /// That the disk refused to write to `path`, to which `more` bytes were to come.
    pub(super) fn of_disk(error: io::Error, path: &Path, more: u64) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_owned(), more }
            }
            _ => FileError::at("write", path)(error).into(),
        }
    }
}

/// What went wrong at one address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {why}")]
pub struct Failure {
    /// The address.
    pub address: String,
    /// What went wrong.
    pub why: String,
}
