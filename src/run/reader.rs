use std::fs::File;
use std::path::{Path, PathBuf};

use super::RunError;
use super::frames::{FrameReader, Index, Kind, OldEvaluation, decode};
use super::place::is_at;
use crate::durable;
use crate::protocol::Event;

/// A place between two events of one recording: before the first, between two, or after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(Index::START);

    /// Its distance from the start of the file, in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

/// Reads the events of a run from its folder, during training or after it.
///
/// It sees the recording as it was when opened; later events need another `Reader`.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    index: Index,
}

impl Reader {
    /// Opens the recording in the run folder `run`. An unfinished one is scanned once to build its index.
    ///
    /// # Errors
    /// If there is none, or it is of another version. Damage further on is reported when it is reached.
    pub fn open(run: &Path) -> Result<Self, RunError> {
        let path = run.join("frames.bin");
        let file = durable::open_regular(&path).map_err(RunError::io("open", &path))?;
        let index = Index::load(&path, &file)?;
        Ok(Self { path, file, index })
    }

    /// Returns all events, in the order in which they were recorded.
    pub fn events(&self) -> Result<Events<'_>, RunError> {
        Ok(Events { path: &self.path, frames: FrameReader::new(&self.path, &self.file)?, step: 0, old: None })
    }

    /// Returns the events of `step` and later ones, in the order in which they were recorded. An event without a step of
    /// its own (a status, a log line) belongs to the step of the latest event before it that has one.
    pub fn events_from(&self, step: u64) -> Result<Events<'_>, RunError> {
        let frames = FrameReader::at(&self.path, &self.file, self.index.offset_of(step))?;
        Ok(Events { path: &self.path, frames, step, old: None })
    }

    /// Returns the events after `position`, also those that were recorded since the recording was opened.
    pub fn events_at(&self, position: Position) -> Result<Events<'_>, RunError> {
        let frames = FrameReader::at(&self.path, &self.file, position.0)?;
        Ok(Events { path: &self.path, frames, step: 0, old: None })
    }

    /// Returns the highest step that was recorded when it was opened, damaged events excluded.
    pub fn last_step(&self) -> u64 {
        self.index.step()
    }

    /// Returns the number of bytes of the recording at present.
    pub fn bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// Whether the file is still that of the run: a recording in progress is rewritten when its probes are thinned.
    pub fn is_current(&self) -> bool {
        is_at(&self.file, &self.path).is_ok()
    }
}

/// The events of a [`Reader`], exact except for quantised probes: an error of at most 1/254 of the largest activation
/// of a quantity, and NaN for values that were not finite.
///
/// A recording truncated by a crash ends with its last complete event; see [`trailing_bytes`](Self::trailing_bytes).
/// Damage is an error and ends the iteration.
pub struct Events<'r> {
    path: &'r Path,
    frames: FrameReader<'r>,
    step: u64,
    /// Of the epoch that comes next, in recordings of earlier versions.
    old: Option<OldEvaluation>,
}

impl Events<'_> {
    /// The position after the last event that was returned.
    pub fn position(&self) -> Position {
        Position(self.frames.offset())
    }

    /// After the last event: the number of bytes behind it that are not a complete event. 0 unless the recording is
    /// truncated or damaged.
    pub fn trailing_bytes(&self) -> u64 {
        self.frames.trailing_bytes()
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let frame = match self.frames.next() {
                Ok(frame) => frame?,
                Err(error) => return Some(Err(error)),
            };
            if frame.step < self.step || matches!(frame.kind, Kind::Index | Kind::Stride) {
                continue;
            }
            let offset = frame.offset;
            let event = match frame.kind {
                Kind::OldEvaluation => {
                    self.old = OldEvaluation::decode(frame.payload);
                    if self.old.is_some() {
                        continue;
                    }
                    None
                }
                _ => decode(frame),
            };
            let Some(mut event) = event else {
                self.frames.stop();
                let what = format!("the event at byte {offset} cannot be decoded");
                return Some(Err(RunError::damaged(self.path, what)));
            };
            if let Event::Epoch(metrics) = &mut event
                && let Some(old) = self.old.take()
            {
                old.add_to(metrics);
            }
            return Some(Ok(event));
        }
    }
}
