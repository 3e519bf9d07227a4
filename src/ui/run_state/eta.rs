//! Estimates the time remaining.

use crate::protocol::StepMetrics;

/// The least time between two steps in which the process may have been stopped (Ctrl-Z) or the machine asleep, in seconds.
const LEAST_GAP: f64 = 1.0;
/// How many times as long as the mean step it is at least.
const GAP: f64 = 30.0;
/// Steps before the mean is known.
const KNOWN: u64 = 8;

/// The speed of a run by the trainer's own clock, which excludes pauses, without the gaps in which nothing was trained.
#[derive(Debug, Clone, Default)]
pub(super) struct Eta {
    first: Option<(u64, f64)>,
    latest: (u64, f64),
    /// Seconds of all gaps, and of those in this epoch.
    gaps: [f64; 2],
    /// Whether something other than training takes time before the next step.
    is_busy: bool,
    /// Seconds per step of the latest complete epoch, its validation included.
    per_step_of_epoch: Option<f64>,
}

impl Eta {
    pub(super) fn step(&mut self, metrics: &StepMetrics) {
        let (step, seconds) = self.latest;
        let is_busy = std::mem::take(&mut self.is_busy);
        let gap = metrics.seconds - seconds;
        let is_next = metrics.step == step + 1 && !is_busy;
        let mean = self.mean_step().filter(|_| is_next && gap > LEAST_GAP);
        if mean.is_some_and(|mean| gap > GAP * mean) {
            self.gaps = self.gaps.map(|gaps| gaps + gap);
        }
        self.latest = (metrics.step, metrics.seconds);
        self.first.get_or_insert(self.latest);
    }

    /// Something takes time that is no gap: a validation, a checkpoint, a sample.
    pub(super) fn busy(&mut self) {
        self.is_busy = true;
    }

    pub(super) fn epoch(&mut self, seconds: f64, steps: usize) {
        let trained = seconds - std::mem::take(&mut self.gaps[1]);
        if steps > 0 && trained.is_finite() {
            self.per_step_of_epoch = Some(trained.max(0.0) / steps as f64);
        }
    }

    /// Seconds of a step, without gaps; `None` before enough steps.
    fn mean_step(&self) -> Option<f64> {
        let (first, since) = self.first?;
        let (step, seconds) = self.latest;
        (step >= first + KNOWN).then(|| (seconds - since - self.gaps[0]) / (step - first) as f64)
    }

    /// Seconds until `total` steps are done.
    pub(super) fn remaining(&self, total: u64) -> Option<f64> {
        let (first, since) = self.first?;
        let (step, seconds) = self.latest;
        let per_step = || (step > first).then(|| (seconds - since - self.gaps[0]) / (step - first) as f64);
        Some(total.saturating_sub(step) as f64 * self.per_step_of_epoch.or_else(per_step)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(eta: &mut Eta, step: u64, seconds: f64) {
        eta.step(&StepMetrics {
            step,
            epoch: 1,
            loss: 1.0,
            accuracy: None,
            learning_rate: 1e-3,
            grad_norm: 1.0,
            sequences_per_s: 1.0,
            seconds,
        });
    }

    #[test]
    fn time_in_which_the_process_was_stopped_does_not_count() {
        let mut eta = Eta::default();
        (1..=20).for_each(|n| step(&mut eta, n, n as f64 * 0.01));
        let close = |eta: &Eta, expected: f64| {
            let remaining = eta.remaining(120).unwrap();
            assert!((remaining - expected).abs() < 1e-9, "{remaining}");
        };
        close(&eta, 1.0);
        // Ctrl-Z for a minute.
        step(&mut eta, 21, 60.2);
        (22..=40).for_each(|n| step(&mut eta, n, 60.0 + n as f64 * 0.01));
        assert!(eta.remaining(120).unwrap() < 1.0, "80 steps of 10 ms");
        // The epoch took 60.4 s by the trainer's clock.
        eta.epoch(60.4, 40);
        assert!(eta.remaining(120).unwrap() < 1.0);
        eta.epoch(0.8, 40);
        close(&eta, 1.6);
    }

    #[test]
    fn a_slow_validation_counts() {
        let mut eta = Eta::default();
        (1..=20).for_each(|n| step(&mut eta, n, n as f64 * 0.01));
        eta.busy();
        step(&mut eta, 21, 2.2);
        assert!(eta.remaining(41).unwrap() > 2.0);
    }
}
