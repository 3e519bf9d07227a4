//! Getting published data: downloading, checking, unpacking.
//!
//! [`catalog`] says what there is: addresses, sizes, and checksums that somebody else has published, each with its
//! source. [`fetch`] brings one [`File`] to its place:
//!
//! ```text
//! addresses ─ HTTPS, resumed, retried ─→ NAME.part ─ checksum of the whole ─→ unpacked beside ─ rename ─→ target
//! ```
//!
//! Nothing half stands at the target, at no moment. What has come of a download that ends early stays as `NAME.part`, and
//! the next one goes on from there. An archive is trusted no further than its checksum: see `unpack` for what is refused.
//!
//! Knows files and addresses, neither data nor a network.

pub mod catalog;
mod error;
#[cfg(feature = "download")]
mod http;
#[cfg(feature = "download")]
mod part;
#[cfg(feature = "download")]
mod place;
#[cfg(feature = "download")]
mod sum;
#[cfg(feature = "download")]
mod swap;
#[cfg(feature = "download")]
mod transfer;
#[cfg(feature = "download")]
mod unpack;

#[cfg(test)]
#[cfg(feature = "download")]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use catalog::{Dataset, File, Form, Limits, Part, Size, Sum};
pub use error::{Failure, FetchError};

/// How a file is fetched.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The folder that the target is put into; made if it is not there.
    pub into: &'a Path,
    /// Whether what stands at the target is replaced.
    pub force: bool,
    /// Times that one address is tried before the next is, counted anew whenever bytes have come.
    pub tries: u32,
    /// The pause before the second try; it doubles with every further one, up to half a minute.
    pub pause: Duration,
    /// How long a server may say nothing.
    pub patience: Duration,
    /// Whether this machine itself may be spoken to without encryption: for tests.
    pub plain_loopback: bool,
    /// Set from elsewhere, it ends the fetching with [`FetchError::Stopped`].
    pub stop: &'a AtomicBool,
}

impl<'a> Way<'a> {
    /// Into `into`, as is sensible on the internet.
    pub fn new(into: &'a Path, stop: &'a AtomicBool) -> Self {
        Self {
            into,
            force: false,
            tries: 5,
            pause: Duration::from_secs(1),
            patience: Duration::from_secs(30),
            plain_loopback: false,
            stop,
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A server is asked.
    Asking {
        /// The address.
        address: String,
        /// How many bytes are there already.
        from: u64,
    },
    /// So many bytes are there.
    Received {
        /// From the start of the file.
        bytes: u64,
        /// Of so many, where the server or the catalogue says it.
        of: Option<u64>,
    },
    /// It did not go well, and is tried again after a pause.
    Again {
        /// What went wrong.
        why: String,
        /// The pause.
        pause: Duration,
    },
    /// All bytes are there, and their checksum is taken.
    Checking,
    /// So much of an archive is unpacked.
    Unpacked {
        /// Files.
        files: u64,
        /// Bytes of them.
        bytes: u64,
    },
}

/// What stands at the target now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// What was fetched.
    New(PathBuf),
    /// What stood there before: a file with the right checksum, or a folder.
    There(PathBuf),
}

/// Where the archive or file is while it comes: `aclImdb_v1.tar.gz.part` in the folder of the target.
pub fn part(file: &File<'_>, into: &Path) -> PathBuf {
    let mut name = archive(file, into).into_os_string();
    name.push(".part");
    name.into()
}

/// Where a downloaded archive may be put by hand, to be checked and unpacked instead of another download; for a plain file its
/// target.
pub fn archive(file: &File<'_>, into: &Path) -> PathBuf {
    let target = into.join(file.target);
    match file.form {
        Form::Plain => target,
        Form::TarGz(_) | Form::Zip(_) => target.with_file_name(file.name()),
    }
}

/// Brings `file` to its target in [`Way::into`].
///
/// # Errors
/// When the target is taken by something else, no address gives the file that the checksum promises, the disk refuses or is full, an
/// archive holds what it should not, or it is stopped. The target is then as it was.
#[cfg(feature = "download")]
pub fn fetch(file: &File<'_>, way: &Way<'_>, tell: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
    place::fetch(file, way, tell)
}

/// Without the feature `download` there is nothing to fetch with.
///
/// # Errors
/// Always.
#[cfg(not(feature = "download"))]
pub fn fetch(_: &File<'_>, _: &Way<'_>, _: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
    Err(FetchError::Without)
}
