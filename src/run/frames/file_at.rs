use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Reads a shared file at its own position.
pub(in crate::run) struct FileAt<'f> {
    pub file: &'f File,
    pub offset: u64,
}

impl Read for FileAt<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(into, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
