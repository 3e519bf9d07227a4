//! Commands, between two steps.

use std::time::Instant;

use super::{Progress, TrainingLoop};
use crate::error::chain;
use crate::number;
use crate::protocol::{Event, LearningRateChange, Level, RunStatus};
use crate::train::control::Stop;
use crate::train::cost::Cost;

impl TrainingLoop<'_> {
    /// Applies pending commands, and waits while training is paused or slowed down; returns whether to stop.
    pub(super) fn poll_commands(&mut self) -> Option<Stop> {
        let (begin, paced) = (Instant::now(), self.control.pace().is_some());
        self.control.throttle();
        self.cost.idle(begin.elapsed());
        self.control.poll();
        if paced && self.control.pace().is_none() {
            // At full speed the overhead of monitoring differs.
            self.cost = Cost::default();
        }
        self.apply_pending();
        if self.control.must_wait() && self.control.stop.is_none() {
            self.clock.pause();
            self.publisher.publish(Event::Status(RunStatus::Paused));
            loop {
                self.control.wait();
                self.apply_pending();
                if self.control.stop.is_some() || !self.control.must_wait() {
                    break;
                }
            }
            self.clock.resume();
            self.publisher.publish(Event::Status(RunStatus::Training));
        }
        self.control.stop
    }

    /// Writes the changes of the learning rate as comments into `spec.yaml`, which is read as before.
    fn note_rate_changes(&mut self) {
        let Ok(spec) = self.session.spec.to_yaml() else { return };
        let mut yaml =
            "# This file alone does not reproduce the run: commands changed the learning rate.\n".to_owned();
        for LearningRateChange { step, factor, learning_rate, .. } in &self.rate_changes {
            yaml += &format!("#   after step {step}: multiplied by {factor}, to {learning_rate}\n");
        }
        if let Err(error) = self.folder.write_spec(&(yaml + &spec)) {
            self.publisher.log(Level::Error, chain(&error));
        }
    }

    /// Says at the end of training that commands have changed the learning rate.
    pub(in crate::train) fn log_rate_changes(&mut self) {
        if !self.rate_changes.is_empty() {
            let text = format!(
                "commands changed the learning rate {}: spec.yaml alone does not reproduce this run; its first lines and the lines of kind \
                 command in metrics.jsonl have the changes",
                number::counted(self.rate_changes.len(), "time"),
            );
            self.publisher.log(Level::Warning, text);
        }
    }

    /// Applies the pending change of the learning rate, and saves if requested.
    fn apply_pending(&mut self) {
        let factor = std::mem::replace(&mut self.control.factor, 1.0);
        if factor != 1.0 && self.progress.learning_rate.scale(factor) {
            let Progress { step, epoch, .. } = self.progress;
            let rate = self.progress.learning_rate.at(step, epoch);
            let text = format!("learning rate {} from step {} on", number::metric(rate), step + 1);
            self.publisher.log(Level::Info, text);
            let change = LearningRateChange { step, epoch, factor, learning_rate: rate };
            self.publisher.publish(Event::LearningRate(change));
            self.rate_changes.push(change);
            self.note_rate_changes();
        }
        if std::mem::take(&mut self.control.save) {
            self.save(false);
        }
    }
}
