use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::event::encode;
use super::thinning::Thinning;
use super::{FRAME_HEADER, FrameReader, Index, Kind, header};
use crate::durable;
use crate::protocol::Event;
use crate::run::RunError;
use crate::run::record_file::RecordFile;

/// Writes `frames.bin`.
pub(in crate::run) struct FramesWriter {
    frames: Frames,
    thinning: Thinning,
}

impl FramesWriter {
    /// Creates a recording whose probes take at most `probe_budget` bytes.
    ///
    /// # Errors
    /// Also if `path` exists.
    pub fn create(path: &Path, probe_budget: u64) -> Result<Self, RunError> {
        let file = File::create_new(path).map_err(RunError::io("create", path))?;
        let mut frames = Frames::new(path.to_owned(), file);
        frames.output.flush()?;
        Ok(Self { frames, thinning: Thinning::new(probe_budget) })
    }

    /// Appends an event; it is on disk after the next [`flush`](Self::flush).
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

    /// Appends the index and syncs.
    pub fn finish(mut self) -> Result<(), RunError> {
        let own_offset = self.frames.offset;
        let (start, step) = (self.frames.begin(), self.frames.index.step());
        self.frames.index.encode(own_offset, &mut self.frames.output.pending);
        self.frames.end(start, Kind::Index, step)?;
        self.frames.output.sync()
    }

    /// Drops the probes of every second step that has any: the file is rewritten under a temporary name, then renamed.
    fn halve(&mut self) -> Result<(), RunError> {
        self.flush()?;
        let path = self.frames.output.path().clone();
        let temporary = durable::beside(&path);
        let halved = self.halve_into(&path, &temporary);
        if halved.is_err() {
            // Frees space on a full disk. Best effort: the first failure is the one to report.
            let _ = fs::remove_file(&temporary);
        }
        halved
    }

    fn halve_into(&mut self, path: &Path, temporary: &Path) -> Result<(), RunError> {
        let file = File::create(temporary).map_err(RunError::io("create", temporary))?;
        let mut kept = Frames::new(temporary.to_owned(), file);
        let mut bytes = 0;
        let (mut latest, mut keep) = (None, false);
        let before = File::open(path).map_err(RunError::io("open", path))?;
        let mut frames = FrameReader::new(path, &before)?;
        while let Some(frame) = frames.next()? {
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
        durable::rename(temporary, path)?;
        self.frames = Frames { output: kept.output.renamed(path.to_owned()), ..kept };
        self.thinning.halved(bytes);
        Ok(())
    }
}

/// A file of frames and its index.
struct Frames {
    output: RecordFile,
    /// Bytes of all complete frames, including those still in memory.
    offset: u64,
    index: Index,
}

impl Frames {
    /// Starts an empty file; its header is pending.
    fn new(path: PathBuf, file: File) -> Self {
        let mut output = RecordFile::new(path, file);
        let header = header();
        output.pending.extend_from_slice(&header);
        Self { output, offset: header.len() as u64, index: Index::default() }
    }

    /// Appends a frame; returns its size in bytes.
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

    /// Reserves the header of a frame whose payload is appended next.
    fn begin(&mut self) -> usize {
        let start = self.output.pending.len();
        self.output.pending.extend_from_slice(&[0; FRAME_HEADER]);
        start
    }

    /// Completes the frame that began at `start`; returns its size in bytes.
    fn end(&mut self, start: usize, kind: Kind, step: u64) -> Result<u64, RunError> {
        let pending = &mut self.output.pending;
        let Ok(length) = u32::try_from(pending.len() - start - FRAME_HEADER) else {
            pending.truncate(start);
            return Err(RunError::unwritable(self.output.path(), "an event of more than 4 GiB"));
        };
        let [a, b, c, d] = length.to_le_bytes();
        let [s, t, u, v, w, x, y, z] = step.to_le_bytes();
        pending[start..start + FRAME_HEADER]
            .copy_from_slice(&[a, b, c, d, kind as u8, s, t, u, v, w, x, y, z]);
        let checksum = crc32fast::hash(&pending[start..]);
        pending.extend_from_slice(&checksum.to_le_bytes());
        let bytes = (pending.len() - start) as u64;
        self.index.add(self.offset, step);
        self.offset += bytes;
        self.output.flush_if_full()?;
        Ok(bytes)
    }
}
