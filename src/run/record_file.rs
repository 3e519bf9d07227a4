use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::RunError;

/// Pending bytes that trigger a write.
const BUFFER_SIZE: usize = 64 * 1024;

/// A file that grows by whole records: they are buffered in memory, and every write ends at the end of a record.
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    /// Whole records that are not written yet.
    pub pending: Vec<u8>,
}

impl RecordFile {
    pub fn new(path: PathBuf, file: File) -> Self {
        Self { path, file, pending: Vec::with_capacity(2 * BUFFER_SIZE) }
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Writes the pending records if they fill the buffer.
    pub fn flush_if_full(&mut self) -> Result<(), RunError> {
        if self.pending.len() < BUFFER_SIZE { Ok(()) } else { self.flush() }
    }

    /// Writes the pending records, which makes them visible to other processes.
    pub fn flush(&mut self) -> Result<(), RunError> {
        let written = self.file.write_all(&self.pending).map_err(RunError::io("write", &self.path));
        self.pending.clear();
        written
    }

    /// Writes the pending records so that they survive a loss of power.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        self.file.sync_data().map_err(RunError::io("sync", &self.path))
    }

    /// Updates the path after a rename.
    pub fn renamed(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }
}
