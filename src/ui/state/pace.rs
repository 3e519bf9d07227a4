//! How long the rest takes.

use crate::protocol::StepMetrics;

/// The pace of a run, from the trainer's own clock: pauses do not count in it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    first: Option<(u64, f64)>,
    latest: (u64, f64),
    /// Seconds a step over the latest whole epoch, its validation shared among its steps.
    of_epoch: Option<f64>,
}

impl Pace {
    pub(super) fn step(&mut self, metrics: &StepMetrics) {
        self.latest = (metrics.step, metrics.seconds);
        self.first.get_or_insert(self.latest);
    }

    pub(super) fn epoch(&mut self, seconds: f64, steps: usize) {
        if steps > 0 && seconds.is_finite() {
            self.of_epoch = Some(seconds / steps as f64);
        }
    }

    /// Seconds until `total` steps are made.
    pub(super) fn remaining(&self, total: u64) -> Option<f64> {
        let (first, since) = self.first?;
        let (step, seconds) = self.latest;
        let of_steps = || (step > first).then(|| (seconds - since) / (step - first) as f64);
        Some(total.saturating_sub(step) as f64 * self.of_epoch.or_else(of_steps)?)
    }
}
