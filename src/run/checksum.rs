use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RunError;
use crate::durable;

/// The length and the CRC-32 of a file, by which a change after it was saved is detected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// The file's name in its folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum, as of zlib.
    pub crc32: u32,
}

impl Checksum {
    /// The checksum of a file with this content.
    pub fn of(name: &str, content: &[u8]) -> Self {
        Self { name: name.into(), bytes: content.len() as u64, crc32: crc32fast::hash(content) }
    }

    /// Reads the file in `dir` and verifies it.
    ///
    /// # Errors
    /// [`RunError::Damaged`] if it has changed; also if it cannot be read.
    pub fn read(&self, dir: &Path) -> Result<Vec<u8>, RunError> {
        let path = dir.join(&self.name);
        let content = durable::read_regular(&path).map_err(RunError::io("read", &path))?;
        if content.len() as u64 != self.bytes {
            let what = format!("{} bytes were saved, but the file has {}", self.bytes, content.len());
            return Err(RunError::damaged(&path, what));
        }
        match crc32fast::hash(&content) == self.crc32 {
            true => Ok(content),
            false => Err(RunError::damaged(&path, "its checksum differs from the one that was saved")),
        }
    }
}

/// Verifies the files of the run folder `run` on which predictions depend, as [`LoadedCheckpoint::run_files`] lists them.
///
/// # Errors
/// For the first that has changed since training.
///
/// [`LoadedCheckpoint::run_files`]: super::checkpoint::LoadedCheckpoint::run_files
pub fn check_run_files(run: &Path, files: &[Checksum]) -> Result<(), RunError> {
    for file in files {
        // The list may have been tampered with: only files of the folder itself.
        if Path::new(&file.name).file_name().is_none_or(|name| name != file.name.as_str()) {
            return Err(RunError::damaged(run, format!("a checkpoint lists the file {:?}", file.name)));
        }
        file.read(run).map_err(|error| match error {
            RunError::Damaged { path, what } => {
                let what = format!(
                    "{what}, so predictions would not be those of the trained network; restore the file from a copy"
                );
                RunError::Damaged { path, what }
            }
            error => error,
        })?;
    }
    Ok(())
}
