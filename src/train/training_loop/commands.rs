//! Commands, between two steps.

use std::time::Instant;

use super::{Progress, TrainingLoop};
use crate::number;
use crate::protocol::{Event, Level, RunStatus};
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

    /// Applies the pending change of the learning rate, and saves if requested.
    fn apply_pending(&mut self) {
        let factor = std::mem::replace(&mut self.control.factor, 1.0);
        if factor != 1.0 && self.progress.learning_rate.scale(factor) {
            let Progress { step, epoch, .. } = self.progress;
            let rate = self.progress.learning_rate.at(step, epoch);
            let text = format!("learning rate {} from step {} on", number::metric(rate), step + 1);
            self.publisher.log(Level::Info, text);
        }
        if std::mem::take(&mut self.control.save) {
            self.save(false);
        }
    }
}
