//! Downloads, verifies and unpacks published data sets.
//!
//! [`catalog`] lists the data sets: addresses, sizes, and checksums published by third parties, each with its source. [`fetch`]
//! installs one [`File`]:
//!
//! ```text
//! addresses ─ HTTPS, resumed, retried ─→ NAME.part ─ checksum of the whole ─→ unpacked beside ─ rename ─→ target
//! ```
//!
//! The target is never partially written. An interrupted download remains as `NAME.part` and is resumed by the next one. Archives
//! are untrusted: `unpack` lists what is rejected.
//!
//! The module knows files and addresses, neither data formats nor models.

pub mod catalog;
#[cfg(feature = "download")]
mod checksum;
mod error;
#[cfg(feature = "download")]
mod http;
#[cfg(feature = "download")]
mod install;
#[cfg(feature = "download")]
mod partial;
#[cfg(feature = "download")]
mod replace;
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
pub use error::{AddressError, FetchError};

/// Options of [`fetch`].
#[derive(Debug, Clone, Copy)]
pub struct FetchOptions<'a> {
    /// The target's folder; created if missing.
    pub into: &'a Path,
    /// Whether to replace an existing target.
    pub force: bool,
    /// Attempts per address; the count restarts when bytes have arrived.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles for each further one, up to 30 s.
    pub pause: Duration,
    /// Network timeout.
    pub timeout: Duration,
    /// The minimum speed in bytes per second over [`window`](Self::window); a slower transfer is an error, and is retried.
    pub min_speed: u64,
    /// The time over which speed is measured.
    pub window: Duration,
    /// Whether plain HTTP to the loopback address is allowed: for tests.
    pub plain_loopback: bool,
    /// Cancellation flag: when set, fetching ends with [`FetchError::Stopped`].
    pub stop: &'a AtomicBool,
}

impl<'a> FetchOptions<'a> {
    /// Returns the default options for the folder `into`.
    pub fn new(into: &'a Path, stop: &'a AtomicBool) -> Self {
        Self {
            into,
            force: false,
            attempts: 5,
            pause: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
            min_speed: 1 << 10,
            window: Duration::from_secs(60),
            plain_loopback: false,
            stop,
        }
    }
}

/// Progress of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A request is sent.
    Connecting {
        /// The address.
        address: String,
        /// Bytes present already.
        from: u64,
    },
    /// Bytes have been received.
    Received {
        /// Bytes present, from the start of the file.
        bytes: u64,
        /// Total size, if the server or the catalogue gives it.
        of: Option<u64>,
    },
    /// An attempt failed; the next follows after a pause.
    Retrying {
        /// The reason.
        why: String,
        /// Time until the next attempt.
        pause: Duration,
    },
    /// The checksum is being computed.
    Checking,
    /// Part of an archive is unpacked.
    Unpacked {
        /// Number of files.
        files: u64,
        /// Their size in bytes.
        bytes: u64,
    },
}

/// The result of a fetch: the path of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Newly fetched.
    New(PathBuf),
    /// Present before: a file with the right checksum, or a folder.
    Existing(PathBuf),
}

/// Returns the path of the partial download: `aclImdb_v1.tar.gz.part` in the target's folder.
pub fn part(file: &File<'_>, into: &Path) -> PathBuf {
    let mut name = archive(file, into).into_os_string();
    name.push(".part");
    name.into()
}

/// Returns the path where an archive downloaded by hand is looked for, to be verified and unpacked; for a plain file its target.
pub fn archive(file: &File<'_>, into: &Path) -> PathBuf {
    let target = into.join(file.target);
    match file.form {
        Form::Plain => target,
        Form::TarGz(_) | Form::Zip(_) => target.with_file_name(file.name()),
    }
}

/// Fetches `file` and installs it at its target in [`FetchOptions::into`].
///
/// # Errors
/// If something else is at the target, no address serves a file with the right checksum, an I/O error occurs or the disk is full, an
/// archive is rejected, or it is cancelled. The target is then unchanged.
#[cfg(feature = "download")]
pub fn fetch(
    file: &File<'_>,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, FetchError> {
    install::fetch(file, options, progress)
}

/// Not available without the feature `download`.
///
/// # Errors
/// Always.
#[cfg(not(feature = "download"))]
pub fn fetch(_: &File<'_>, _: &FetchOptions<'_>, _: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
    Err(FetchError::Without)
}
