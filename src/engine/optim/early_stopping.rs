use serde::{Deserialize, Serialize};

use super::config::{Bound, ConfigError};
use super::{Best, MonitorMode, default_monitor};
use crate::metrics::Metrics;

/// When training that no longer gets better ends: after `patience` epochs in which the monitored metric was not better
/// than its best by more than `min_delta`. Epochs alone count, as in Keras, also where validation is made between them.
///
/// Source: `keras/src/callbacks/early_stopping.py`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EarlyStopping {
    /// The name of a metric, e.g. `val_f1`; `val_loss` when absent, or `loss` without validation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// Whether less or more of it is better.
    #[serde(skip_serializing_if = "MonitorMode::is_auto")]
    pub mode: MonitorMode,
    /// Epochs without improvement before training ends.
    pub patience: usize,
    /// The least change that counts.
    pub min_delta: f64,
    /// Whether the weights at the end are those of the best epoch; also when training ends by itself.
    pub restore_best_weights: bool,
}

impl EarlyStopping {
    /// Checks the numbers.
    ///
    /// # Errors
    /// For a delta that is negative or not finite.
    pub fn check(&self) -> Result<(), ConfigError> {
        Bound::NotNegative.check("min_delta", self.min_delta)
    }
}

/// Early stopping at work: the best epoch so far, and the epochs since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopper {
    best: Best,
    best_epoch: usize,
    wait: usize,
    /// `None`: only the best epoch is of interest.
    patience: Option<usize>,
    /// Whether training ends after the last epoch.
    stopped: bool,
}

/// The decision after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The best so far.
    pub best: bool,
    /// Training should end here.
    pub stop: bool,
}

impl Stopper {
    /// Nothing seen yet. Without `config` it never stops.
    pub fn new(config: Option<&EarlyStopping>, has_validation: bool) -> Self {
        let monitor = config.and_then(|config| config.monitor.as_deref());
        let monitor = monitor.unwrap_or(default_monitor(has_validation));
        let mode = config.map_or(MonitorMode::Auto, |config| config.mode);
        Self {
            best: Best::new(monitor, mode, config.map_or(0.0, |config| config.min_delta)),
            best_epoch: 0,
            wait: 0,
            patience: config.map(|config| config.patience),
            stopped: false,
        }
    }

    /// Takes the metrics of an epoch, from 1. The first never ends training.
    pub fn epoch_ended(&mut self, epoch: usize, metrics: &Metrics) -> Verdict {
        self.wait += 1;
        let best = self.best.improves(metrics);
        if best {
            (self.wait, self.best_epoch) = (0, epoch);
        }
        self.stopped = !best && self.is_exhausted() && epoch > 1;
        Verdict { best, stop: self.stopped }
    }

    /// The best so far of the metric that it watches.
    pub fn watched(&self) -> &Best {
        &self.best
    }

    /// Changes the patience; returns whether training may stop early at all.
    pub fn set_patience(&mut self, patience: usize) -> bool {
        let is_set = self.patience.as_mut().map(|old| *old = patience).is_some();
        self.stopped &= self.is_exhausted();
        is_set
    }

    /// Takes other settings, and the `best` value of what they monitor, if that is another metric.
    pub fn set_config(&mut self, config: Option<&EarlyStopping>, best: &Best) {
        self.patience = config.map(|config| config.patience);
        if self.best.monitor() != best.monitor() {
            self.best = best.clone();
            (self.best_epoch, self.wait) = (0, 0);
        }
        self.stopped &= self.is_exhausted();
    }

    /// Whether training ends after the last epoch.
    pub fn has_stopped(&self) -> bool {
        self.stopped
    }

    fn is_exhausted(&self) -> bool {
        self.patience.is_some_and(|patience| self.wait >= patience)
    }

    /// The best epoch, from 1; 0 if there was none.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }

    /// The best value of the monitored metric, and which metric that is.
    pub fn best(&self) -> (&str, Option<f64>) {
        (self.best.monitor(), self.best.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_of_every_case_is_that_of_keras() {
        #[derive(Deserialize)]
        struct Case {
            config: EarlyStopping,
            losses: Vec<f64>,
            stopped_after: usize,
            best_epoch: usize,
        }
        #[derive(Deserialize)]
        struct Cases {
            early_stopping: Vec<Case>,
        }
        let cases: Cases = serde_json::from_str(include_str!("../../../tests/keras/schedules.json")).unwrap();
        assert!(cases.early_stopping.len() >= 4);
        for Case { config, losses, stopped_after, best_epoch } in cases.early_stopping {
            let mut stopper = Stopper::new(Some(&config), true);
            let stopped = losses
                .iter()
                .enumerate()
                .position(|(i, loss)| stopper.epoch_ended(i + 1, &[("val_loss", *loss)].into()).stop);
            let stopped = stopped.map_or(losses.len(), |at| at + 1);
            assert_eq!((stopped, stopper.best_epoch()), (stopped_after, best_epoch), "{config:?} {losses:?}");
        }
    }
}
