use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::event::{decode, encode};
use super::framing::{begin, seal};
use super::stream::scalars;
use super::thinning::Thinning;
use super::{FRAME_HEADER, FRAME_TRAILER, Frame, FrameReader, Index, Kind, header};
use crate::durable;
use crate::error::chain;
use crate::protocol::{Event, Level, LogLine};
use crate::run::record_file::{RecordFile, Space};
use crate::run::{ResumePoint, RunError};

/// The time between two attempts to thin probes, which needs space for a second file.
const HALVE_EVERY: Duration = Duration::from_secs(5);

/// Writes `frames.bin`.
pub(in crate::run) struct FramesWriter {
    frames: Frames,
    thinning: Thinning,
    /// After a failed attempt to thin probes: when to try again. Until then none are recorded.
    halve_at: Option<Instant>,
    /// All dropped events.
    pub lost: u64,
    /// The highest number of an [`Undone`](crate::protocol::Undone) that the recording had when it was opened.
    pub undone: u64,
}

impl FramesWriter {
    /// Creates a recording whose probes and distributions of weights take at most `probe_budget` bytes.
    ///
    /// # Errors
    /// Also if `path` exists.
    pub fn create(path: &Path, probe_budget: u64) -> Result<Self, RunError> {
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(RunError::io("create", path))?;
        let mut frames = Frames::new(path.to_owned(), file);
        frames.output.flush()?;
        Ok(Self { frames, thinning: Thinning::new(probe_budget), halve_at: None, lost: 0, undone: 0 })
    }

    /// Continues the recording at `path` of a run that goes on from a checkpoint, or from the start without one: what was recorded
    /// after it is dropped, and the index at its end. What is left is read once.
    ///
    /// # Errors
    /// If it cannot be read or truncated, or is no recording.
    /// A recording that is damaged before the checkpoint is copied to `frames-damaged.bin` first; returns that in words.
    pub fn resume(
        path: &Path,
        probe_budget: u64,
        from: Option<&ResumePoint>,
    ) -> Result<(Self, Option<String>), RunError> {
        let file = File::options().read(true).write(true).open(path).map_err(RunError::io("open", path))?;
        let (mut all, mut at_checkpoint) = (Resumable::new(probe_budget), None);
        let mut frames = FrameReader::new(path, &file)?;
        let (mut damage, mut undone) = (None, 0);
        loop {
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    damage = Some(chain(&error));
                    break;
                }
            };
            if frame.kind == Kind::Index {
                continue;
            }
            if frame.kind == Kind::Undone
                && let Some(Event::Undone(event)) = decode(frame)
            {
                // Also of those that are dropped: others may have read them.
                undone = undone.max(event.number);
            }
            let saved = (frame.kind == Kind::Saved).then(|| decode(frame));
            all.add(&frame);
            if let (Some(Some(Event::Saved(saved))), Some(from)) = (saved, from)
                && from.is_of(&saved)
            {
                at_checkpoint = Some(all.clone());
            }
        }
        let damage = damage.filter(|_| from.is_some() && at_checkpoint.is_none());
        if damage.is_some() {
            let copy = path.with_file_name("frames-damaged.bin");
            fs::copy(path, &copy).map_err(RunError::io("copy to", &copy))?;
        }
        let damage = damage.map(|what| {
            format!("{what}; what was recorded before the checkpoint is in frames-damaged.bin, and the recording has a gap")
        });
        let kept = match from {
            None => Resumable::new(probe_budget),
            // The event that the checkpoint is saved was not recorded any more: all that was, is before it.
            Some(_) => at_checkpoint.unwrap_or(all),
        };
        if kept.end == 0 {
            // Not even the header.
            file.set_len(0).map_err(RunError::io("truncate", path))?;
            let frames = Frames::new(path.to_owned(), file);
            return Ok((Self { frames, thinning: kept.thinning, halve_at: None, lost: 0, undone }, damage));
        }
        file.set_len(kept.end).map_err(RunError::io("truncate", path))?;
        let output = RecordFile::new(path.to_owned(), file, kept.end);
        let frames = Frames { output, offset: kept.end, index: kept.index };
        Ok((Self { frames, thinning: kept.thinning, halve_at: None, lost: 0, undone }, damage))
    }

    /// Goes back to what was recorded before the checkpoint of `to`. The file is replaced: who reads the old one reads it to its end.
    ///
    /// # Errors
    /// If it cannot be written; the recording is then as it was.
    pub fn rewind(&mut self, to: &ResumePoint) -> Result<(), RunError> {
        self.sync()?;
        let path = self.frames.output.path().to_owned();
        let temporary = durable::beside(&path);
        let rewound = fs::copy(&path, &temporary)
            .map_err(RunError::io("copy to", &temporary))
            .and_then(|_| Self::resume(&temporary, self.thinning.budget(), Some(to)))
            .and_then(|(rewound, _)| {
                durable::rename(&temporary, &path).map(|()| rewound).map_err(Into::into)
            });
        let rewound = rewound.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        let output = rewound.frames.output.replaces(&mut self.frames.output);
        *self = Self { frames: Frames { output, ..rewound.frames }, lost: self.lost, ..rewound };
        Ok(())
    }

    /// Appends an event; it is on disk after the next [`flush`](Self::flush).
    pub fn write(&mut self, event: &Event) -> Result<(), RunError> {
        let step = match event {
            Event::Probe(frame) => frame.step,
            Event::Weights(read) => read.step,
            other => {
                if let Event::Instruments(read) = other {
                    // Probes of the same step follow: a recording that is resumed counts monitored steps by these, which are never dropped.
                    self.thinning.keeps(read.step);
                }
                return self.append(other);
            }
        };
        let keeps = self.thinning.keeps(step);
        if self.halve_at.is_some_and(|time| Instant::now() < time) {
            return Ok(());
        }
        self.halve_at = None;
        let (before, mut appended) = (self.frames.offset, Ok(()));
        if keeps {
            appended = self.append(event);
            self.thinning.wrote(self.frames.offset - before);
        }
        while self.thinning.is_over() {
            if let Err(error) = self.halve() {
                self.halve_at = Some(Instant::now() + HALVE_EVERY);
                return Err(error);
            }
        }
        appended
    }

    /// Appends an event if there is space.
    fn append(&mut self, event: &Event) -> Result<(), RunError> {
        let gap = match self.frames.output.space() {
            Space::Ample => Ok(()),
            Space::AfterGap(events) => self.append_gap(events),
            Space::None => {
                self.lost += 1;
                return Ok(());
            }
        };
        gap.and(self.frames.append_event(event))
    }

    /// Records that events were dropped, as a line of the log.
    fn append_gap(&mut self, events: u64) -> Result<(), RunError> {
        let text = format!("{events} events are missing here: there was no space to record them");
        let line = LogLine { level: Level::Warning, text };
        self.frames.append_event(&Event::Log(line))
    }

    /// A handle of the file, the bytes of its whole frames, and the frames that are not written yet.
    pub fn recording(&self) -> io::Result<(File, u64, Vec<u8>)> {
        self.frames.output.records()
    }

    /// The number of events recorded that are no pictures, and the last step, epoch and validation of them; none where they cannot be read.
    pub fn scalars(&self) -> (u64, Vec<Event>) {
        let read = || {
            let (mut file, written, _) = self.recording()?;
            file.rewind()?;
            scalars(io::BufReader::new(file.take(written)))
        };
        read().unwrap_or_default()
    }

    /// The step of the latest event that has one.
    pub fn step(&self) -> u64 {
        self.frames.index.step()
    }

    /// Whether the last attempt to write failed.
    pub fn is_failing(&self) -> bool {
        self.frames.output.is_failing()
    }

    pub fn flush(&mut self) -> Result<(), RunError> {
        self.frames.output.flush()
    }

    pub fn sync(&mut self) -> Result<(), RunError> {
        self.frames.output.sync()
    }

    /// Appends the index and syncs.
    ///
    /// # Errors
    /// Also if the file is no longer at its path.
    pub fn finish(mut self) -> Result<(), RunError> {
        // Errors of appending are those of the last write.
        if let Some(events) = self.frames.output.gap() {
            let _ = self.append_gap(events);
        }
        let own_offset = self.frames.offset;
        let (start, step) = (self.frames.begin(), self.frames.index.step());
        self.frames.index.encode(own_offset, &mut self.frames.output.pending);
        let _ = self.frames.end(start, Kind::Index, step);
        self.frames.output.finish()
    }

    /// Drops the probes and distributions of weights of every second step that has any: the file is rewritten under a temporary name, then renamed.
    fn halve(&mut self) -> Result<(), RunError> {
        self.sync()?;
        let path = self.frames.output.path().to_owned();
        let temporary = durable::beside(&path);
        let halved = self.halve_into(&path, &temporary);
        if halved.is_err() {
            // Frees space on a full disk. Best effort: the first failure is the one to report.
            let _ = fs::remove_file(&temporary);
        }
        halved
    }

    fn halve_into(&mut self, path: &Path, temporary: &Path) -> Result<(), RunError> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(temporary);
        let file = file.map_err(RunError::io("create", temporary))?;
        let mut kept = Frames::new(temporary.to_owned(), file);
        let mut bytes = 0;
        let stride = self.thinning.next_stride();
        kept.append_stride(stride)?;
        let (mut latest, mut keep) = (None, false);
        let before = File::open(path).map_err(RunError::io("open", path))?;
        let mut frames = FrameReader::new(path, &before)?;
        while let Some(frame) = frames.next()? {
            if frame.kind == Kind::Stride {
                continue;
            }
            if frame.kind.is_thinned() {
                keep ^= latest.replace(frame.step) != Some(frame.step);
                if !keep {
                    continue;
                }
            }
            let start = kept.begin();
            kept.output.pending.extend_from_slice(frame.payload);
            let written = kept.end(start, frame.kind, frame.step)?;
            bytes += if frame.kind.is_thinned() { written } else { 0 };
        }
        kept.output.sync()?;
        durable::rename(temporary, path)?;
        self.frames = Frames { output: kept.output.replaces(&mut self.frames.output), ..kept };
        self.thinning.halved(bytes);
        Ok(())
    }
}

/// What a recording is up to one of its frames.
#[derive(Clone)]
struct Resumable {
    /// Bytes of it.
    end: u64,
    index: Index,
    thinning: Thinning,
}

impl Resumable {
    fn new(probe_budget: u64) -> Self {
        Self { end: 0, index: Index::default(), thinning: Thinning::new(probe_budget) }
    }

    /// Adds the next frame.
    fn add(&mut self, frame: &Frame<'_>) {
        let bytes = (FRAME_HEADER + frame.payload.len() + FRAME_TRAILER) as u64;
        self.index.add(frame.offset, frame.step);
        self.end = frame.offset + bytes;
        match frame.kind {
            Kind::Stride => {
                let stride = frame.payload.try_into().map_or(1, u64::from_le_bytes);
                self.thinning.set_stride(stride);
            }
            Kind::Instruments => {
                self.thinning.keeps(frame.step);
            }
            kind if kind.is_thinned() => {
                self.thinning.keeps(frame.step);
                self.thinning.wrote(bytes);
            }
            _ => {}
        }
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
        let mut output = RecordFile::new(path, file, 0);
        let header = header();
        output.pending.extend_from_slice(&header);
        output.end_header();
        Self { output, offset: header.len() as u64, index: Index::default() }
    }

    /// Appends a frame.
    fn append_event(&mut self, event: &Event) -> Result<(), RunError> {
        let start = self.begin();
        match encode(event, &mut self.output.pending) {
            Ok((kind, step)) => self.end(start, kind, step.unwrap_or(self.index.step())).map(|_| ()),
            Err(error) => {
                self.output.pending.truncate(start);
                Err(RunError::unwritable(self.output.path(), error))
            }
        }
    }

    /// Appends the stride of recorded probes.
    fn append_stride(&mut self, stride: u64) -> Result<(), RunError> {
        let start = self.begin();
        self.output.pending.extend_from_slice(&stride.to_le_bytes());
        self.end(start, Kind::Stride, self.index.step()).map(|_| ())
    }

    /// Reserves the header of a frame whose payload is appended next.
    fn begin(&mut self) -> usize {
        begin(&mut self.output.pending)
    }

    /// Completes the frame that began at `start`; returns its size in bytes.
    fn end(&mut self, start: usize, kind: Kind, step: u64) -> Result<u64, RunError> {
        let Some(bytes) = seal(&mut self.output.pending, start, kind, step) else {
            return Err(RunError::unwritable(self.output.path(), "an event of more than 4 GiB"));
        };
        self.index.add(self.offset, step);
        self.offset += bytes;
        self.output.end_record()?;
        Ok(bytes)
    }
}
