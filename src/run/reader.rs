use std::fs::File;
use std::path::{Path, PathBuf};

use super::RunError;
use super::frames::{Index, Kind, OldEvaluation, Walk, decode};
use crate::protocol::Event;

/// Reads the events of a run from its folder, while it is being trained or after.
///
/// It sees the recording as it is when it is opened; what comes later is read by another `Reader`.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    index: Index,
}

impl Reader {
    /// Opens the recording in the run folder `run`. One that was not finished is read once through, for its index.
    ///
    /// # Errors
    /// If there is none, or it is of another version. Damage further on is met where it is.
    pub fn open(run: &Path) -> Result<Self, RunError> {
        let path = run.join("frames.bin");
        let file = File::open(&path).map_err(RunError::io("open", &path))?;
        let index = Index::load(&path, &file)?;
        Ok(Self { path, file, index })
    }

    /// All events, in the order in which they were recorded.
    pub fn events(&self) -> Result<Events<'_>, RunError> {
        Ok(Events { path: &self.path, walk: Walk::new(&self.path, &self.file)?, step: 0, old: None })
    }

    /// The events of `step` and later ones, in the order in which they were recorded. An event without a step of its
    /// own (a status, a line of the log) belongs to the latest before it that has one.
    pub fn events_from(&self, step: u64) -> Result<Events<'_>, RunError> {
        let walk = Walk::at(&self.path, &self.file, self.index.offset_of(step))?;
        Ok(Events { path: &self.path, walk, step, old: None })
    }
}

/// The events of a [`Reader`], as they were but for what quantising takes from probes: half a 127th of the largest
/// activation of a quantity at most, and NaN for what was not finite.
///
/// A recording that a crash cut short ends with its last whole event; see [`dropped`](Self::dropped). Damage is an
/// error, and the end.
pub struct Events<'r> {
    path: &'r Path,
    walk: Walk<'r>,
    step: u64,
    /// Of the epoch that comes next, in recordings of earlier versions.
    old: Option<OldEvaluation>,
}

impl Events<'_> {
    /// After the last event: the bytes behind it that are no whole event. 0 unless the recording was cut short or is
    /// damaged.
    pub fn dropped(&self) -> u64 {
        self.walk.dropped()
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let frame = match self.walk.next() {
                Ok(frame) => frame?,
                Err(error) => return Some(Err(error)),
            };
            if frame.step < self.step || frame.kind == Kind::Index {
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
                self.walk.stop();
                let what = format!("the event at byte {offset} cannot be read");
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
