use std::path::Path;

use super::RunError;
use super::frames::{FrameReader, Index, Kind, decode};
use crate::durable;
use crate::protocol::{Event, LogLine, Resumed, RunInfo, RunStatus, StepMetrics};

/// Frames before the first step in which the facts of the run are looked for.
const FIRST_FRAMES: usize = 1000;

/// What a recording says of its run as a whole, without its steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// The facts of the run, once it is prepared.
    pub info: Option<Box<RunInfo>>,
    /// The last status.
    pub status: Option<RunStatus>,
    /// The last step.
    pub latest: Option<StepMetrics>,
    /// Whether the recording was read to its end; that of an unfinished one is read on request only.
    pub is_complete: bool,
}

impl Outline {
    /// Reads the outline of the run in `run`: the start of its recording, and the end if it is finished. An unfinished recording is read
    /// as a whole if `all`.
    ///
    /// # Errors
    /// If there is no recording, or of another version. Damage further on ends the reading.
    pub fn read(run: &Path, all: bool) -> Result<Self, RunError> {
        let path = run.join("frames.bin");
        let file = durable::open_regular(&path).map_err(RunError::io("open", &path))?;
        if !file.metadata().is_ok_and(|file| file.is_file()) {
            return Err(RunError::damaged(&path, "it is not a regular file"));
        }
        let mut outline = Self::default();
        let mut frames = FrameReader::new(&path, &file)?;
        for _ in 0..FIRST_FRAMES {
            match frames.next() {
                Ok(Some(frame)) if frame.kind == Kind::Prepared => {
                    if let Some(Event::Prepared(info)) = decode(frame) {
                        outline.info = Some(info);
                    }
                    break;
                }
                Ok(Some(frame)) if frame.kind != Kind::Step => {}
                _ => break,
            }
        }
        let from = match Index::from_end(&path, &file) {
            // No event of the last step, or after it, is before this.
            Some(index) => index.offset_of(index.step()),
            None if all => super::frames::HEADER as u64,
            None => return Ok(outline),
        };
        outline.is_complete = true;
        let mut frames = FrameReader::at(&path, &file, from)?;
        while let Ok(Some(frame)) = frames.next() {
            if matches!(frame.kind, Kind::Status | Kind::Step) {
                match decode(frame) {
                    Some(Event::Status(status)) => outline.status = Some(status),
                    Some(Event::Step(metrics)) => outline.latest = Some(metrics),
                    _ => {}
                }
            }
        }
        Ok(outline)
    }
}

/// Returns the lines of the log of the run in `run`, and where it went on from a checkpoint.
///
/// # Errors
/// As [`Outline::read`].
pub fn log_lines(run: &Path) -> Result<(Vec<LogLine>, Vec<Resumed>), RunError> {
    let path = run.join("frames.bin");
    let file = durable::open_regular(&path).map_err(RunError::io("open", &path))?;
    let mut frames = FrameReader::new(&path, &file)?;
    let (mut lines, mut seams) = (Vec::new(), Vec::new());
    while let Ok(Some(frame)) = frames.next() {
        if matches!(frame.kind, Kind::Log | Kind::Resumed) {
            match decode(frame) {
                Some(Event::Log(line)) => lines.push(line),
                Some(Event::Resumed(resumed)) => seams.push(resumed),
                _ => {}
            }
        }
    }
    Ok((lines, seams))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Level, ProbeFrame};
    use crate::run::{Folder, Recorder};

    fn step(step: u64) -> Event {
        Event::Step(StepMetrics {
            step,
            epoch: 1,
            loss: 0.5,
            accuracy: None,
            learning_rate: 0.1,
            grad_norm: 1.0,
            sequences_per_s: 10.0,
            seconds: step as f64,
        })
    }

    #[test]
    fn the_end_of_a_finished_recording_and_the_whole_of_another_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        recorder.record(Event::Status(RunStatus::Training)).unwrap();
        for n in 1..=5000 {
            recorder.record(step(n)).unwrap();
        }
        recorder.record(Event::Log(LogLine { level: Level::Warning, text: "hot".into() })).unwrap();
        recorder.record(Event::Status(RunStatus::Finished)).unwrap();
        // A probe of an earlier step may come late.
        let probe = ProbeFrame {
            step: 3,
            probe: 0,
            prediction: vec![0.5],
            by_token: Vec::new(),
            activations: Vec::new(),
            ..ProbeFrame::default()
        };
        recorder.record(Event::Probe(Box::new(probe))).unwrap();
        recorder.finish().unwrap();
        let whole = Outline::read(dir.path(), false).unwrap();
        assert_eq!((whole.status.clone(), whole.latest.unwrap().step), (Some(RunStatus::Finished), 5000));
        assert_eq!(log_lines(dir.path()).unwrap().0.len(), 1);
        // Without its index, as after a crash.
        let path = dir.path().join("frames.bin");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert_eq!(Outline::read(dir.path(), false).unwrap(), Outline::default());
        assert_eq!(Outline::read(dir.path(), true).unwrap(), whole);
        std::fs::write(&path, "no recording").unwrap();
        assert!(matches!(Outline::read(dir.path(), true), Err(RunError::Damaged { .. })));
    }
}
