use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::event::encode;
use super::thinning::Thinning;
use super::{FRAME_HEAD, Index, Kind, Walk, head};
use crate::durable;
use crate::protocol::Event;
use crate::run::RunError;
use crate::run::output::Output;

/// Writes `frames.bin`.
pub(in crate::run) struct FramesWriter {
    frames: Frames,
    thinning: Thinning,
}

impl FramesWriter {
    /// Begins a recording whose probes take at most `probe_budget` bytes.
    ///
    /// # Errors
    /// Also if `path` exists.
    pub fn create(path: &Path, probe_budget: u64) -> Result<Self, RunError> {
        let file = File::create_new(path).map_err(RunError::io("create", path))?;
        let mut frames = Frames::new(path.to_owned(), file);
        frames.output.flush()?;
        Ok(Self { frames, thinning: Thinning::new(probe_budget) })
    }

    /// Takes note of an event; it is on disk after the next [`flush`](Self::flush).
    pub fn write(&mut self, event: &Event) -> Result<(), RunError> {
        let Event::Probe(frame) = event else {
            return self.frames.append_event(event).map(|_| ());
        };
        if self.thinning.keeps(frame.step) {
            let bytes = self.frames.append_event(event)?;
            self.thinning.wrote(bytes);
        }
        while self.thinning.is_over() {
            self.halve()?;
        }
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), RunError> {
        self.frames.output.flush()
    }

    pub fn sync(&mut self) -> Result<(), RunError> {
        self.frames.output.sync()
    }

    /// Appends the index; all is on disk.
    pub fn finish(mut self) -> Result<(), RunError> {
        let own_offset = self.frames.offset;
        let (start, step) = (self.frames.begin(), self.frames.index.step());
        self.frames.index.encode(own_offset, &mut self.frames.output.pending);
        self.frames.end(start, Kind::Index, step)?;
        self.frames.output.sync()
    }

    /// Drops the probes of every second step that has any: the file is written anew beside, and takes the old one's place.
    fn halve(&mut self) -> Result<(), RunError> {
        self.flush()?;
        let path = self.frames.output.path().clone();
        let beside = durable::beside(&path);
        let halved = self.halve_into(&path, &beside);
        if halved.is_err() {
            // Room that a full disk needs. Best effort: the failure to report is the first one.
            let _ = fs::remove_file(&beside);
        }
        halved
    }

    fn halve_into(&mut self, path: &Path, beside: &Path) -> Result<(), RunError> {
        let file = File::create(beside).map_err(RunError::io("create", beside))?;
        let mut kept = Frames::new(beside.to_owned(), file);
        let mut bytes = 0;
        let (mut latest, mut keep) = (None, false);
        let before = File::open(path).map_err(RunError::io("open", path))?;
        let mut walk = Walk::new(path, &before)?;
        while let Some(frame) = walk.next()? {
            if frame.kind == Kind::Probe {
                keep ^= latest.replace(frame.step) != Some(frame.step);
                if !keep {
                    continue;
                }
            }
            let start = kept.begin();
            kept.output.pending.extend_from_slice(frame.payload);
            let written = kept.end(start, frame.kind, frame.step)?;
            bytes += if frame.kind == Kind::Probe { written } else { 0 };
        }
        kept.output.sync()?;
        durable::rename(beside, path)?;
        self.frames = Frames { output: kept.output.renamed(path.to_owned()), ..kept };
        self.thinning.halved(bytes);
        Ok(())
    }
}

/// A file of frames, and the index of what is in it.
struct Frames {
    output: Output,
    /// Bytes of all whole frames, those that wait in memory counted.
    offset: u64,
    index: Index,
}

impl Frames {
    /// Over an empty file; its head waits to be written.
    fn new(path: PathBuf, file: File) -> Self {
        let mut output = Output::new(path, file);
        let head = head();
        output.pending.extend_from_slice(&head);
        Self { output, offset: head.len() as u64, index: Index::default() }
    }

    /// Appends a frame; gives its bytes.
    fn append_event(&mut self, event: &Event) -> Result<u64, RunError> {
        let start = self.begin();
        match encode(event, &mut self.output.pending) {
            Ok((kind, step)) => self.end(start, kind, step.unwrap_or(self.index.step())),
            Err(error) => {
                self.output.pending.truncate(start);
                Err(RunError::unwritable(self.output.path(), error))
            }
        }
    }

    /// Leaves room for the head of a frame whose payload is appended next.
    fn begin(&mut self) -> usize {
        let start = self.output.pending.len();
        self.output.pending.extend_from_slice(&[0; FRAME_HEAD]);
        start
    }

    /// Completes the frame that began at `start`; gives its bytes.
    fn end(&mut self, start: usize, kind: Kind, step: u64) -> Result<u64, RunError> {
        let pending = &mut self.output.pending;
        let Ok(length) = u32::try_from(pending.len() - start - FRAME_HEAD) else {
            pending.truncate(start);
            return Err(RunError::unwritable(self.output.path(), "an event of more than 4 GiB"));
        };
        let [a, b, c, d] = length.to_le_bytes();
        let [s, t, u, v, w, x, y, z] = step.to_le_bytes();
        pending[start..start + FRAME_HEAD].copy_from_slice(&[a, b, c, d, kind as u8, s, t, u, v, w, x, y, z]);
        let checksum = crc32fast::hash(&pending[start..]);
        pending.extend_from_slice(&checksum.to_le_bytes());
        let bytes = (pending.len() - start) as u64;
        self.index.note(self.offset, step);
        self.offset += bytes;
        self.output.spill()?;
        Ok(bytes)
    }
}
