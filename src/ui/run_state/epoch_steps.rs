//! Where the epochs of a run lie: a command can change the number of steps of later ones.

use crate::protocol::{AppliedCommand, Command, RunInfo};

/// The steps of the epochs, as changes of the batch size make them.
#[derive(Debug, Clone, Default)]
pub struct EpochSteps {
    /// The sequences of a batch that a command has set.
    pub batch_size: Option<usize>,
    /// After so many steps and epochs an epoch has so many steps: one entry a change, the earliest first.
    since: Vec<(u64, usize, usize)>,
    /// The steps of an epoch after the current one, if they differ.
    next: Option<usize>,
    /// The steps and epochs that have ended.
    ended: (u64, usize),
}

impl EpochSteps {
    /// Folds a command.
    pub fn command(&mut self, applied: &AppliedCommand, info: Option<&RunInfo>) {
        let Command::SetBatchSize { batch_size } = applied.request.command else { return };
        self.batch_size = Some(batch_size);
        self.next = info.map(|info| info.data.train.div_ceil(batch_size.max(1)).max(1));
        if applied.step == self.ended.0 {
            self.begin_epoch();
        }
    }

    /// The `epoch`-th epoch has ended after `step` steps.
    pub fn epoch(&mut self, step: u64, epoch: usize) {
        self.ended = (step, epoch);
        self.begin_epoch();
    }

    fn begin_epoch(&mut self) {
        if let Some(steps) = self.next.take() {
            self.since.push((self.ended.0, self.ended.1, steps));
        }
    }

    /// The steps of the current epoch.
    pub fn per_epoch(&self, info: &RunInfo) -> usize {
        self.since.last().map_or(info.steps_per_epoch, |(.., steps)| *steps)
    }

    /// Epochs, with their fraction, after `step`; `None` where an epoch has no steps.
    pub fn epochs_at(&self, step: u64, info: &RunInfo) -> Option<f64> {
        let before = self.since.iter().rfind(|(since, ..)| *since <= step).copied();
        let (since, epochs, steps) = before.unwrap_or((0, 0, info.steps_per_epoch));
        (steps > 0).then(|| epochs as f64 + (step - since) as f64 / steps as f64)
    }

    /// The steps after `epochs`, with their fraction.
    pub fn step_at(&self, epochs: f64, info: &RunInfo) -> f64 {
        let before = self.since.iter().rfind(|(_, since, _)| *since as f64 <= epochs).copied();
        let (step, since, steps) = before.unwrap_or((0, 0, info.steps_per_epoch));
        step as f64 + (epochs - since as f64) * steps.max(1) as f64
    }

    /// The steps of the whole run.
    pub fn total(&self, info: &RunInfo) -> u64 {
        let (since, epochs, steps) = self.since.last().copied().unwrap_or((0, 0, info.steps_per_epoch));
        since.saturating_add((info.epochs.saturating_sub(epochs) as u64).saturating_mul(steps as u64))
    }
}
