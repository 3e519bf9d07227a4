//! Reads a file frame by frame, each verified, up to its end or the first torn frame.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::bytes::PayloadReader;
use super::file_at::FileAt;
use super::{FRAME_HEADER, FRAME_TRAILER, Frame, HEADER, Kind, header};
use crate::run::RunError;

/// Iterates over the frames of an open file, up to the length that it had at the start. Several may read one file.
pub(in crate::run) struct FrameReader<'f> {
    path: &'f Path,
    input: BufReader<FileAt<'f>>,
    /// Offset of the next frame, after the last complete one.
    offset: u64,
    end: u64,
    ended: bool,
    frame: Vec<u8>,
}

impl<'f> FrameReader<'f> {
    /// Starts at the first frame of `file`; `path` is for messages. A file truncated within its header has no frames.
    ///
    /// # Errors
    /// If it is not a `frames.bin`, or of another version.
    pub fn new(path: &'f Path, file: &'f File) -> Result<Self, RunError> {
        let mut found = Vec::with_capacity(HEADER);
        let mut input = FileAt { file, offset: 0 }.take(HEADER as u64);
        input.read_to_end(&mut found).map_err(RunError::io("read", path))?;
        let expected = header();
        if !expected.starts_with(&found) {
            let version = found.len() == HEADER && found.starts_with(&super::MAGIC);
            let what = if version {
                "recorded by another version of unrolled"
            } else {
                "not a recording made by unrolled"
            };
            return Err(RunError::damaged(path, what));
        }
        let start = if found.len() == HEADER { HEADER as u64 } else { 0 };
        Self::at(path, file, start)
    }

    /// Starts at the frame at byte `offset`.
    pub fn at(path: &'f Path, file: &'f File, offset: u64) -> Result<Self, RunError> {
        let end = file.metadata().map_err(RunError::io("read", path))?.len();
        let input = BufReader::with_capacity(64 * 1024, FileAt { file, offset });
        Ok(Self { path, input, offset, end, ended: false, frame: Vec::new() })
    }

    /// Returns the next frame of a known kind, or `None` at the end of the file, even within a frame, and after an error.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a frame whose checksum is wrong.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, RunError> {
        while let Some(FrameHeader { offset, kind, step, length }) = self.advance()? {
            if let Some(kind) = Kind::from_byte(kind) {
                let payload = self.frame.get(FRAME_HEADER..FRAME_HEADER + length).unwrap_or_default();
                return Ok(Some(Frame { offset, kind, step, payload }));
            }
        }
        Ok(None)
    }

    /// Reads the next frame into the buffer and verifies it.
    fn advance(&mut self) -> Result<Option<FrameHeader>, RunError> {
        let left = self.trailing_bytes();
        // Until this one is verified.
        if std::mem::replace(&mut self.ended, true) || left < (FRAME_HEADER + FRAME_TRAILER) as u64 {
            return Ok(None);
        }
        self.read(0, FRAME_HEADER)?;
        let length = match PayloadReader(&self.frame).array() {
            Some(bytes) => u32::from_le_bytes(bytes) as usize,
            None => return Ok(None),
        };
        let total = FRAME_HEADER + length + FRAME_TRAILER;
        if left < total as u64 {
            return Ok(None);
        }
        self.read(FRAME_HEADER, total)?;
        let offset = self.offset;
        let Some((kind, step)) = parse(&self.frame, length) else {
            let what =
                format!("the frame at byte {offset} is damaged; the {left} bytes from there on are not read");
            return Err(RunError::damaged(self.path, what));
        };
        self.offset += total as u64;
        self.ended = false;
        Ok(Some(FrameHeader { offset, kind, step, length }))
    }

    /// Ends the iteration here.
    pub fn stop(&mut self) {
        self.ended = true;
    }

    /// Offset of the next frame, after the last complete one.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes after the last complete frame.
    pub fn trailing_bytes(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }

    /// Resizes the frame's buffer to `to` bytes and reads bytes `from` to `to`.
    fn read(&mut self, from: usize, to: usize) -> Result<(), RunError> {
        self.frame.resize(to, 0);
        let part = self.frame.get_mut(from..).unwrap_or_default();
        self.input.read_exact(part).map_err(RunError::io("read", self.path))
    }
}

/// The header of a frame whose bytes are in the buffer.
struct FrameHeader {
    offset: u64,
    kind: u8,
    step: u64,
    /// Bytes of the payload.
    length: usize,
}

/// Returns kind and step of a complete frame with a payload of `length` bytes; `None` if its checksum is wrong.
pub(super) fn parse(frame: &[u8], length: usize) -> Option<(u8, u64)> {
    let (content, checksum) = frame.split_at_checked(FRAME_HEADER + length)?;
    if PayloadReader(checksum).array() != Some(crc32fast::hash(content).to_le_bytes()) {
        return None;
    }
    let mut take = PayloadReader(content);
    take.bytes(4)?;
    Some((take.byte()?, take.array().map(u64::from_le_bytes)?))
}
