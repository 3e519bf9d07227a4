//! Unpacking what came from elsewhere.
//!
//! Of an archive only files and folders are taken, and only below the part that is asked for. Refused, with the whole archive:
//! names that are absolute, lead upwards (`..`) or hold control characters; links of either kind, devices, pipes; a name twice; more
//! files or bytes than the catalogue allows, wherever they stand. Nothing in it chooses an owner, a mode or a time.

mod sink;
mod tar;
mod zip;

use std::fs::File;
use std::path::Path;

use super::{FetchError, FetchOptions, Form, Progress};
use crate::durable::FileError;
use sink::Sink;

/// What is wrong with an archive, or what the disk says.
#[derive(Debug)]
enum Bad {
    Archive(String),
    Disk(FetchError),
}

impl From<FileError> for Bad {
    fn from(error: FileError) -> Self {
        Self::Disk(error.into())
    }
}

impl Bad {
    /// An error of reading the archive.
    fn read(error: &std::io::Error) -> Self {
        Self::Archive(format!("it cannot be unpacked: {error}"))
    }
}

/// Unpacks `archive`, whose path is `path`, to `root`, which must not exist: a folder, or the one file that is asked for.
///
/// # Errors
/// When it holds what is refused, is broken, or holds nothing of what is asked for; when the disk refuses or it is stopped. What is
/// then at `root` is for the caller to remove.
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
        Bad::Archive(what) => FetchError::Archive { path: path.to_owned(), what },
        Bad::Disk(error) => error,
    })
}
