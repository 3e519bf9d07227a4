//! Where the epochs of a run lie: a command can change the number of steps of later ones.

use crate::protocol::{AppliedCommand, Command, RunInfo};

/// The steps of the epochs since the last change of the batch size.
#[derive(Debug, Clone, Default)]
pub(super) struct EpochSteps {
    /// The sequences of a batch that a command has set.
    pub batch_size: Option<usize>,
    /// After so many steps and epochs an epoch has so many steps; `None` since the start.
    since: Option<(u64, usize, usize)>,
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
            self.since = Some((self.ended.0, self.ended.1, steps));
        }
    }

    /// The steps of the current epoch.
    pub fn per_epoch(&self, info: &RunInfo) -> usize {
        self.since.map_or(info.steps_per_epoch, |(.., steps)| steps)
    }

    /// Epochs, with their fraction, after `step`; `None` where an epoch has no steps.
    pub fn epochs_at(&self, step: u64, info: &RunInfo) -> Option<f64> {
        match self.since {
            Some((since, epochs, steps)) if step >= since => {
                Some(epochs as f64 + (step - since) as f64 / steps as f64)
            }
            _ if info.steps_per_epoch == 0 => None,
            _ => Some(step as f64 / info.steps_per_epoch as f64),
        }
    }

    /// The steps of the whole run.
    pub fn total(&self, info: &RunInfo) -> u64 {
        let (since, epochs, steps) = self.since.unwrap_or((0, 0, info.steps_per_epoch));
        since.saturating_add((info.epochs.saturating_sub(epochs) as u64).saturating_mul(steps as u64))
    }
}
