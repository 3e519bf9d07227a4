use std::fs::File;
use std::io::BufReader;

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Sink, UnpackError};

/// The file type bits of a Unix mode, and their values for a regular file and a folder.
const KIND: u32 = 0o170_000;
const PLAIN: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Reads a zip archive.
pub(super) fn read(archive: &mut File, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let mut zip = ZipArchive::new(BufReader::new(archive)).map_err(|error| broken(&error))?;
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i).map_err(|error| broken(&error))?;
        let name = entry.name().map_err(|error| broken(&error))?.into_owned();
        if entry.is_symlink() {
            return Err(sink.refuse(&name, "a symbolic link"));
        }
        let kind = entry.unix_mode().map_or(0, |mode| mode & KIND);
        if !matches!(kind, 0 | PLAIN | FOLDER) {
            return Err(sink.refuse(&name, "a device, a pipe or a link"));
        }
        match entry.is_dir() {
            true => sink.folder(&name)?,
            false => sink.file(&name, entry.size(), &mut entry)?,
        }
    }
    Ok(())
}

fn broken(error: &ZipError) -> UnpackError {
    UnpackError::Archive(format!("it cannot be unpacked: {error}"))
}
