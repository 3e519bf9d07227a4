use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::lost_lines;
use super::metrics_line::{Line, line_of};
use super::record_file::{RecordFile, Space};
use super::{ResumePoint, RunError};
use crate::durable;
use crate::protocol::Event;

/// Writes `metrics.jsonl`: a JSON object per line, non-finite numbers as null.
pub(super) struct MetricsWriter {
    output: RecordFile,
    /// Of the lines that were dropped since the last gap: the first step, and the last step and epoch.
    dropped: Option<(u64, (u64, usize))>,
    /// All dropped lines.
    pub lost: u64,
}

impl MetricsWriter {
    /// Opens `path` for appending and creates it if it is missing; a part of a line at its end is removed.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(RunError::io("create", path))?;
        let length = file.metadata().map_err(RunError::io("read", path))?.len();
        let mut whole = 0;
        if length > 0 {
            let content = fs::read(path).map_err(RunError::io("read", path))?;
            whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last as u64 + 1);
        }
        if whole < length {
            file.set_len(whole).map_err(RunError::io("truncate", path))?;
        }
        Ok(Self { output: RecordFile::new(path.to_owned(), file, whole), dropped: None, lost: 0 })
    }

    /// Continues the file of a run that goes on at `from`, or from the start without it: later lines are dropped. Lines that were lost are
    /// those that `recorded` returns; what is lost there too is marked as a gap. Returns in words what was lost.
    pub fn resume(
        path: &Path,
        from: Option<&ResumePoint>,
        recorded: impl FnOnce() -> Vec<u8>,
    ) -> Result<(Self, Option<String>), RunError> {
        let content = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(RunError::io("read", path))?,
        };
        let whole = from.map_or(0, |from| from.bytes_before(&content));
        let mut lost = None;
        let left = content.get(..whole).unwrap_or_default();
        if let Some(from) = from.filter(|from| !from.is_whole(left)) {
            let (lines, what) = lost_lines::restored(left, recorded(), from);
            durable::write(path, &lines)?;
            lost = Some(what);
        } else if let Ok(file) = File::options().write(true).open(path) {
            file.set_len(whole as u64).map_err(RunError::io("truncate", path))?;
        }
        Ok((Self::open(path)?, lost))
    }

    /// The folder of the file.
    pub fn folder(&self) -> &Path {
        self.output.path().parent().unwrap_or(Path::new("."))
    }

    /// Drops the lines that were written after the checkpoint of `to`.
    ///
    /// # Errors
    /// If the file cannot be read or truncated.
    pub fn rewind(&mut self, to: &ResumePoint, recorded: impl FnOnce() -> Vec<u8>) -> Result<(), RunError> {
        self.sync()?;
        let (rewound, _) = Self::resume(self.output.path(), Some(to), recorded)?;
        *self = Self { lost: self.lost, ..rewound };
        Ok(())
    }

    /// Bytes of all lines, if they are written.
    pub fn bytes(&self) -> Option<u64> {
        self.output.bytes()
    }

    /// Appends an event if it carries metrics of a step or an epoch; it is on disk after the next [`flush`](Self::flush).
    pub fn write(&mut self, event: &Event) -> Result<(), RunError> {
        match event {
            Event::Resumed(resumed) => resumed.settings.iter().try_for_each(|changed| {
                self.write_line((changed.step, changed.epoch), &Line::Setting(changed))
            }),
            event => line_of(event).map_or(Ok(()), |(at, line)| self.write_line(at, &line)),
        }
    }

    /// Appends a line about a step and an epoch if there is space.
    fn write_line(&mut self, at: (u64, usize), line: &Line<'_>) -> Result<(), RunError> {
        let gap = match self.output.space() {
            Space::Ample => Ok(()),
            Space::AfterGap(records) => self.append_gap(records),
            Space::None => {
                self.lost += 1;
                self.dropped = Some((self.dropped.map_or(at.0, |(first, _)| first), at));
                return Ok(());
            }
        };
        gap.and(self.append(line))
    }

    fn append_gap(&mut self, records: u64) -> Result<(), RunError> {
        let (first_step, (step, epoch)) = self.dropped.take().unwrap_or_default();
        self.append(&Line::Gap { step, epoch, first_step, records })
    }

    fn append(&mut self, line: &Line<'_>) -> Result<(), RunError> {
        if let Err(error) = line.put(&mut self.output.pending) {
            return Err(RunError::unwritable(self.output.path(), error));
        }
        self.output.end_record()
    }

    pub fn flush(&mut self) -> Result<(), RunError> {
        self.output.flush()
    }

    pub fn sync(&mut self) -> Result<(), RunError> {
        self.output.sync()
    }

    /// Whether the last attempt to write failed.
    pub fn is_failing(&self) -> bool {
        self.output.is_failing()
    }

    /// Writes and syncs all lines.
    ///
    /// # Errors
    /// Also if the file is no longer at its path.
    pub fn finish(mut self) -> Result<(), RunError> {
        if let Some(records) = self.output.gap() {
            // Its error is that of the next line.
            let _ = self.append_gap(records);
        }
        self.output.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EpochMetrics, RunStatus, StepMetrics, ValidationMetrics};

    #[test]
    fn lines_have_the_documented_keys_and_null_for_non_finite_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut writer = MetricsWriter::open(&path).unwrap();
        let step = StepMetrics {
            step: 3,
            epoch: 1,
            loss: f64::NAN,
            accuracy: None,
            learning_rate: 0.001,
            grad_norm: f64::INFINITY,
            sequences_per_s: 12.5,
            seconds: 0.5,
        };
        let metrics = [("loss", 0.5), ("accuracy", 0.75), ("val_loss", 0.25), ("val_f1", 1.5)].into();
        let epoch = EpochMetrics { epoch: 1, step: 3, metrics, confusion: None, seconds: 9.0 };
        let metrics = [("val_loss", f64::NAN), ("val_accuracy", 0.5)].into();
        let validation = ValidationMetrics { step: 3, epoch: 1, metrics, seconds: 2.0 };
        for event in [
            Event::Step(step),
            Event::Validation(validation),
            Event::Status(RunStatus::Training),
            Event::Epoch(Box::new(epoch)),
        ] {
            writer.write(&event).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            concat!(
                r#"{"kind":"step","step":3,"epoch":1,"loss":null,"accuracy":null,"learning_rate":0.001,"#,
                r#""grad_norm":null,"sequences_per_s":12.5}"#,
                "\n",
                r#"{"kind":"validation","step":3,"epoch":1,"seconds":2.0,"val_loss":null,"val_accuracy":0.5}"#,
                "\n",
                r#"{"kind":"epoch","step":3,"epoch":1,"seconds":9.0,"loss":0.5,"accuracy":0.75,"val_loss":0.25,"val_f1":1.5}"#,
                "\n"
            )
        );
    }
}
