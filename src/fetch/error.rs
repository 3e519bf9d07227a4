#[cfg(feature = "download")]
use std::io;
#[cfg(feature = "download")]
use std::path::Path;
use std::path::PathBuf;

use crate::durable::FileError;
use crate::number;

/// Why a file was not fetched. Paths and text from servers are untrusted: escape them before printing to a terminal.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An I/O error.
    #[error(transparent)]
    File(#[from] FileError),
    /// The disk is full.
    #[error("the disk with {} is full: {} more are needed; make room, then say the same again", path.display(), number::bytes(*more))]
    Full {
        /// The file being written.
        path: PathBuf,
        /// Missing bytes, at least.
        more: u64,
    },
    /// Something else is at the target.
    #[error("{} is there already, and is {what}; --force replaces it", path.display())]
    Taken {
        /// The target.
        path: PathBuf,
        /// Description of what is there.
        what: String,
    },
    /// A folder, pipe or device is where a file is to be read or written.
    #[error("{} is no file; take it away", .0.display())]
    NoFile(PathBuf),
    /// Another process is fetching the same file into the same folder.
    #[error("{} is being written by another process", .0.display())]
    Busy(PathBuf),
    /// No address served the file.
    #[error("not fetched: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unreachable(Vec<AddressError>),
    /// An archive downloaded by hand has the wrong checksum.
    #[error("{} is not used: {why}; take it away, or replace it by the right one", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// An archive is rejected or damaged.
    #[error("{}: {what}; nothing of it is kept", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The reason.
        what: String,
    },
    /// Cancelled.
    #[error("interrupted")]
    Stopped,
    /// The program was built without the feature `download`.
    #[error("this program was built without downloads (cargo feature `download`)")]
    Without,
}

#[cfg(feature = "download")]
impl FetchError {
    /// Returns the error of a failed write to `path`, of which `more` bytes are missing.
    pub(super) fn of_disk(error: io::Error, path: &Path, more: u64) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_owned(), more }
            }
            _ => FileError::at("write", path)(error).into(),
        }
    }
}

/// Why one address failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {why}")]
pub struct AddressError {
    /// The address.
    pub address: String,
    /// The reason.
    pub why: String,
}
