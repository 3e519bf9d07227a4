use serde::Serialize;

use crate::metrics::Metrics;
use crate::protocol::{AppliedCommand, ChangedSetting, Event};

/// A line of `metrics.jsonl`. The order of the fields is that of the keys; metrics follow by name.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
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
    Command(&'a AppliedCommand),
    Sample {
        step: u64,
        epoch: usize,
        prime: &'a str,
        text: &'a str,
    },
    Alert {
        step: u64,
        epoch: usize,
        alert: &'static str,
        text: &'a str,
    },
    Setting(&'a ChangedSetting),
    /// So many lines, from `first_step` to `step`, were not written here: there was no space.
    Gap {
        step: u64,
        epoch: usize,
        first_step: u64,
        records: u64,
    },
}

impl Line<'_> {
    /// Appends it to `out`; nothing after an error.
    pub fn put(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let start = out.len();
        match serde_json::to_writer(&mut *out, self) {
            Ok(()) => out.push(b'\n'),
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The line of an event that carries metrics of a step or an epoch, with the step and the epoch.
pub(super) fn line_of(event: &Event) -> Option<((u64, usize), Line<'_>)> {
    Some(match event {
        Event::Step(m) => (
            (m.step, m.epoch),
            Line::Step {
                step: m.step,
                epoch: m.epoch,
                loss: m.loss,
                accuracy: m.accuracy,
                learning_rate: m.learning_rate,
                grad_norm: m.grad_norm,
                sequences_per_s: m.sequences_per_s,
            },
        ),
        Event::Epoch(m) => {
            let (step, epoch, seconds) = (m.step, m.epoch, m.seconds);
            ((step, epoch), Line::Epoch { step, epoch, seconds, metrics: &m.metrics })
        }
        Event::Validation(m) => {
            let (step, epoch, seconds) = (m.step, m.epoch, m.seconds);
            ((step, epoch), Line::Validation { step, epoch, seconds, metrics: &m.metrics })
        }
        Event::Sample(m) => {
            let (step, epoch) = (m.step, m.epoch);
            ((step, epoch), Line::Sample { step, epoch, prime: &m.prime, text: &m.text })
        }
        // Pausing and saving leave no trace: the metrics are those of a training that was never stopped.
        Event::Command(m) if m.request.command.changes_training() => ((m.step, m.epoch), Line::Command(m)),
        Event::Alert(m) => {
            let (step, epoch, alert) = (m.step, m.epoch, m.kind.name());
            ((step, epoch), Line::Alert { step, epoch, alert, text: &m.text })
        }
        _ => return None,
    })
}
