use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::RunError;

/// Bytes that wait at most before they are written.
const ENOUGH: usize = 64 * 1024;

/// A file that grows by whole records: they gather in memory, and a write ends where a record ends.
pub(super) struct Output {
    path: PathBuf,
    file: File,
    /// Whole records not written yet.
    pub pending: Vec<u8>,
}

impl Output {
    pub fn new(path: PathBuf, file: File) -> Self {
        Self { path, file, pending: Vec::with_capacity(2 * ENOUGH) }
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Writes what waits if it is worth a system call.
    pub fn spill(&mut self) -> Result<(), RunError> {
        if self.pending.len() < ENOUGH { Ok(()) } else { self.flush() }
    }

    /// Writes what waits, for other processes to see.
    pub fn flush(&mut self) -> Result<(), RunError> {
        let written = self.file.write_all(&self.pending).map_err(RunError::io("write", &self.path));
        self.pending.clear();
        written
    }

    /// Writes what waits, so that a loss of power keeps it.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        self.file.sync_data().map_err(RunError::io("sync", &self.path))
    }

    /// The file took another name.
    pub fn renamed(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }
}
