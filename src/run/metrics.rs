use std::fs::File;
use std::path::Path;

use serde::Serialize;

use super::RunError;
use super::record_file::RecordFile;
use crate::metrics::Metrics;
use crate::protocol::Event;

/// A line of `metrics.jsonl`. The order of the fields is that of the keys; metrics follow by name.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Step {
        step: u64,
        epoch: usize,
        loss: f64,
        accuracy: Option<f64>,
        learning_rate: f64,
        grad_norm: f64,
        sequences_per_s: f64,
    },
    Epoch {
        step: u64,
        epoch: usize,
        seconds: f64,
        #[serde(flatten)]
        metrics: &'a Metrics,
    },
    Validation {
        step: u64,
        epoch: usize,
        seconds: f64,
        #[serde(flatten)]
        metrics: &'a Metrics,
    },
    Command {
        step: u64,
        epoch: usize,
        command: &'static str,
        factor: f64,
        learning_rate: f64,
    },
    Sample {
        step: u64,
        epoch: usize,
        prime: &'a str,
        text: &'a str,
    },
}

/// Writes `metrics.jsonl`: a JSON object per line, non-finite numbers as null.
pub(super) struct MetricsWriter(RecordFile);

impl MetricsWriter {
    /// Opens `path` for appending and creates it if it is missing.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file =
            File::options().create(true).append(true).open(path).map_err(RunError::io("create", path))?;
        Ok(Self(RecordFile::new(path.to_owned(), file)))
    }

    /// Appends an event if it carries metrics of a step or an epoch; it is on disk after the next [`flush`](Self::flush).
    pub fn write(&mut self, event: &Event) -> Result<(), RunError> {
        let line = match event {
            Event::Step(m) => Line::Step {
                step: m.step,
                epoch: m.epoch,
                loss: m.loss,
                accuracy: m.accuracy,
                learning_rate: m.learning_rate,
                grad_norm: m.grad_norm,
                sequences_per_s: m.sequences_per_s,
            },
            Event::Epoch(m) => {
                Line::Epoch { step: m.step, epoch: m.epoch, seconds: m.seconds, metrics: &m.metrics }
            }
            Event::Validation(m) => {
                Line::Validation { step: m.step, epoch: m.epoch, seconds: m.seconds, metrics: &m.metrics }
            }
            Event::LearningRate(change) => Line::Command {
                step: change.step,
                epoch: change.epoch,
                command: "scale_learning_rate",
                factor: change.factor,
                learning_rate: change.learning_rate,
            },
            Event::Sample(m) => Line::Sample { step: m.step, epoch: m.epoch, prime: &m.prime, text: &m.text },
            _ => return Ok(()),
        };
        serde_json::to_writer(&mut self.0.pending, &line)
            .map_err(|error| RunError::unwritable(self.0.path(), error))?;
        self.0.pending.push(b'\n');
        self.0.flush_if_full()
    }

    pub fn flush(&mut self) -> Result<(), RunError> {
        self.0.flush()
    }

    pub fn sync(&mut self) -> Result<(), RunError> {
        self.0.sync()
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
