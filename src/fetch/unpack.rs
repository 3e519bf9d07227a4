//! Unpacks untrusted archives.
//!
//! Only files and folders of the selected part are extracted. The whole archive is rejected for: absolute names, names with `..` or
//! control characters; symbolic and hard links, devices, pipes; duplicate names; more files or bytes than the catalogue allows.
//! Owners, modes and times of the archive are ignored.

mod sink;
mod tar;
mod zip;

use std::fs::File;
use std::path::Path;

use super::{FetchError, FetchOptions, Form, Progress};
use crate::durable::FileError;
use sink::Sink;

/// Why unpacking failed: the archive, or an I/O error.
#[derive(Debug)]
enum UnpackError {
    Archive(String),
    Disk(FetchError),
}

impl From<FileError> for UnpackError {
    fn from(error: FileError) -> Self {
        Self::Disk(error.into())
    }
}

impl UnpackError {
    /// Returns the error of a failed read of the archive.
    fn read(error: &std::io::Error) -> Self {
        Self::Archive(format!("it cannot be unpacked: {error}"))
    }
}

/// Unpacks `archive`, whose path is `path`, to `root`, which must not exist: a folder, or the one selected file.
///
/// # Errors
/// If the archive is rejected, damaged, or does not contain the selected part; on an I/O error or cancellation. The caller then
/// removes `root`.
pub(super) fn unpack(
    (archive, path): (&mut File, &Path),
    form: Form<'_>,
    root: &Path,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let (Form::TarGz(part) | Form::Zip(part)) = form else { return Ok(()) };
    let mut sink = Sink::new(root, part, options, progress);
    let read = match form {
        Form::Zip(_) => zip::read(archive, &mut sink),
        Form::TarGz(_) | Form::Plain => tar::read(archive, &mut sink),
    };
    read.and_then(|()| sink.end()).map_err(|bad| match bad {
        UnpackError::Archive(what) => FetchError::Archive { path: path.to_owned(), what },
        UnpackError::Disk(error) => error,
    })
}
