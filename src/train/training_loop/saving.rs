//! Checkpoints.

use super::TrainingLoop;
use crate::error::chain;
use crate::protocol::{Event, Level};
use crate::run::checkpoint::{self, Checkpoint, NamedTensor};

impl TrainingLoop<'_> {
    /// Restores and saves the weights of the best epoch, if the preset requests it and it is not the last.
    pub(super) fn restore_best(&mut self) {
        let Some((best, metrics)) = self.best_epoch.take() else { return };
        if best == self.session.stepper.params().values() {
            return;
        }
        self.session.stepper.set_weights(&best);
        self.kept = Some(metrics);
        let epoch = self.progress.early_stopping.best_epoch();
        self.publisher.log(Level::Info, format!("the weights are those of the best epoch, {epoch}"));
        self.save(false);
    }

    /// Writes a checkpoint, unless a weight is not finite; returns whether it is complete.
    pub(super) fn save(&mut self, best: bool) -> bool {
        let stepper = &self.session.stepper;
        if let Err(e) = stepper.check() {
            self.publisher.log(Level::Error, format!("no checkpoint: {e}"));
            return false;
        }
        self.progress.seconds = self.clock.elapsed().as_secs_f64();
        let table = stepper.params().table();
        let tensor = |name: String, shape: &[usize], data| NamedTensor { name, shape: shape.to_vec(), data };
        let weights = stepper.params().values();
        let model =
            table.iter().map(|p| tensor(p.name.clone(), &p.shape, &weights[p.range.clone()])).collect();
        let slots = stepper.optimizer().slots();
        let optimizer = slots.flat_map(|(slot, values)| {
            table
                .iter()
                .filter(|p| p.trainable)
                .map(move |p| tensor(format!("{}.{slot}", p.name), &p.shape, &values[p.range.clone()]))
        });
        let state = serde_json::to_value(&self.progress).unwrap_or_default();
        let checkpoint =
            Checkpoint { step: self.progress.step, model, optimizer: optimizer.collect(), state, best };
        match checkpoint::write(&self.folder, &checkpoint) {
            Ok(saved) => {
                self.publisher.publish(Event::Saved(saved));
                true
            }
            Err(e) => {
                self.publisher.log(Level::Error, format!("no checkpoint: {}", chain(&e)));
                false
            }
        }
    }
}
