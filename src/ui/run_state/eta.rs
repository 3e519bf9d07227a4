//! Estimates the time remaining.

use crate::protocol::StepMetrics;

/// The speed of a run by the trainer's own clock, which excludes pauses.
#[derive(Debug, Clone, Default)]
pub(super) struct Eta {
    first: Option<(u64, f64)>,
    latest: (u64, f64),
    /// Seconds per step of the latest complete epoch, its validation included.
    per_step_of_epoch: Option<f64>,
}

impl Eta {
    pub(super) fn step(&mut self, metrics: &StepMetrics) {
        self.latest = (metrics.step, metrics.seconds);
        self.first.get_or_insert(self.latest);
    }

    pub(super) fn epoch(&mut self, seconds: f64, steps: usize) {
        if steps > 0 && seconds.is_finite() {
            self.per_step_of_epoch = Some(seconds / steps as f64);
        }
    }

    /// Seconds until `total` steps are done.
    pub(super) fn remaining(&self, total: u64) -> Option<f64> {
        let (first, since) = self.first?;
        let (step, seconds) = self.latest;
        let per_step = || (step > first).then(|| (seconds - since) / (step - first) as f64);
        Some(total.saturating_sub(step) as f64 * self.per_step_of_epoch.or_else(per_step)?)
    }
}
