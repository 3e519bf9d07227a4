//! From frame to frame, each verified, until the file ends or is no longer whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::Take;
use super::{FRAME_HEAD, FRAME_TAIL, Frame, HEAD, Kind, head};
use crate::run::RunError;

/// A walk over the frames of an open file, as long as the file was at the start. Several may go over one file.
pub(in crate::run) struct Walk<'f> {
    path: &'f Path,
    input: BufReader<From<'f>>,
    /// Where the next frame begins: behind all that was whole.
    offset: u64,
    end: u64,
    over: bool,
    frame: Vec<u8>,
}

impl<'f> Walk<'f> {
    /// Starts at the first frame of `file`; `path` is for messages. A file cut within its head has no frames.
    ///
    /// # Errors
    /// If it is no `frames.bin`, or of another version.
    pub fn new(path: &'f Path, file: &'f File) -> Result<Self, RunError> {
        let mut there = Vec::with_capacity(HEAD);
        let mut input = From { file, offset: 0 }.take(HEAD as u64);
        input.read_to_end(&mut there).map_err(RunError::io("read", path))?;
        let expected = head();
        if !expected.starts_with(&there) {
            let version = there.len() == HEAD && there.starts_with(&super::MAGIC);
            let what = if version {
                "recorded by another version of unrolled"
            } else {
                "not a recording of unrolled"
            };
            return Err(RunError::damaged(path, what));
        }
        let start = if there.len() == HEAD { HEAD as u64 } else { 0 };
        Self::at(path, file, start)
    }

    /// Starts at the frame that begins `offset` bytes into the file.
    pub fn at(path: &'f Path, file: &'f File, offset: u64) -> Result<Self, RunError> {
        let end = file.metadata().map_err(RunError::io("read", path))?.len();
        let input = BufReader::with_capacity(64 * 1024, From { file, offset });
        Ok(Self { path, input, offset, end, over: false, frame: Vec::new() })
    }

    /// The next frame of a kind that is known, or `None` where the file ends, in the middle of a frame or not. Nothing comes after an
    /// error.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for a frame that is not what was written.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, RunError> {
        while let Some(Whole { offset, kind, step, length }) = self.advance()? {
            if let Some(kind) = Kind::of(kind) {
                let payload = self.frame.get(FRAME_HEAD..FRAME_HEAD + length).unwrap_or_default();
                return Ok(Some(Frame { offset, kind, step, payload }));
            }
        }
        Ok(None)
    }

    /// Reads the next frame into the buffer and verifies it.
    fn advance(&mut self) -> Result<Option<Whole>, RunError> {
        let left = self.dropped();
        // Until this one proves whole.
        if std::mem::replace(&mut self.over, true) || left < (FRAME_HEAD + FRAME_TAIL) as u64 {
            return Ok(None);
        }
        self.read(0, FRAME_HEAD)?;
        let length = match Take(&self.frame).array() {
            Some(bytes) => u32::from_le_bytes(bytes) as usize,
            None => return Ok(None),
        };
        let whole = FRAME_HEAD + length + FRAME_TAIL;
        if left < whole as u64 {
            return Ok(None);
        }
        self.read(FRAME_HEAD, whole)?;
        let offset = self.offset;
        let Some((kind, step)) = parse(&self.frame, length) else {
            let what =
                format!("the frame at byte {offset} is damaged; {left} bytes from there on are not read");
            return Err(RunError::damaged(self.path, what));
        };
        self.offset += whole as u64;
        self.over = false;
        Ok(Some(Whole { offset, kind, step, length }))
    }

    /// Ends the walk here.
    pub fn stop(&mut self) {
        self.over = true;
    }

    /// Bytes behind the last frame that was whole.
    pub fn dropped(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }

    /// Makes the frame's buffer `to` bytes long and reads those `from` on.
    fn read(&mut self, from: usize, to: usize) -> Result<(), RunError> {
        self.frame.resize(to, 0);
        let part = self.frame.get_mut(from..).unwrap_or_default();
        self.input.read_exact(part).map_err(RunError::io("read", self.path))
    }
}

/// A frame whose bytes are in the buffer.
struct Whole {
    offset: u64,
    kind: u8,
    step: u64,
    /// Bytes of the payload.
    length: usize,
}

/// Kind and step of a whole frame with a payload of `length` bytes; `None` if its checksum is wrong.
fn parse(frame: &[u8], length: usize) -> Option<(u8, u64)> {
    let (content, checksum) = frame.split_at_checked(FRAME_HEAD + length)?;
    if Take(checksum).array() != Some(crc32fast::hash(content).to_le_bytes()) {
        return None;
    }
    let mut take = Take(content);
    take.bytes(4)?;
    Some((take.byte()?, take.array().map(u64::from_le_bytes)?))
}

/// Reads a shared file from a position of its own.
struct From<'f> {
    file: &'f File,
    offset: u64,
}

impl Read for From<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(into, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
