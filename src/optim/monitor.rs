use serde::{Deserialize, Serialize};

use crate::protocol::{EpochMetrics, ValidationMetrics};

/// A metric of an epoch by which something is decided, by Keras's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Mean training loss.
    Loss,
    /// Training accuracy.
    Accuracy,
    /// Mean loss on the validation data.
    ValLoss,
    /// Accuracy on the validation data.
    ValAccuracy,
}

impl Monitor {
    /// What decides unless a preset says otherwise: `val_loss`, or `loss` without validation data.
    pub fn default_of(has_validation: bool) -> Self {
        if has_validation { Self::ValLoss } else { Self::Loss }
    }

    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
        }
    }

    /// Whether there is no such metric without validation data.
    pub fn needs_validation(self) -> bool {
        matches!(self, Self::ValLoss | Self::ValAccuracy)
    }

    /// Whether more is better and there must be classes; else less is better.
    pub fn is_accuracy(self) -> bool {
        matches!(self, Self::Accuracy | Self::ValAccuracy)
    }

    /// Its value after an epoch, where it was measured.
    pub fn of(self, metrics: &EpochMetrics) -> Option<f64> {
        match self {
            Self::Loss => Some(metrics.loss),
            Self::Accuracy => metrics.accuracy,
            Self::ValLoss => metrics.val_loss,
            Self::ValAccuracy => metrics.val_accuracy,
        }
    }

    /// Its value between epochs, where it is one of the validation data.
    pub fn of_validation(self, metrics: &ValidationMetrics) -> Option<f64> {
        match self {
            Self::Loss | Self::Accuracy => None,
            Self::ValLoss => Some(metrics.loss),
            Self::ValAccuracy => metrics.accuracy,
        }
    }
}

/// The best value of a monitored metric so far, and when a further one is better: by more than `min_delta`.
///
/// Source: `keras/src/callbacks/monitor_callback.py`. Here a value that is no number is never better, not even the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    monitor: Monitor,
    min_delta: f64,
    /// `None` before the first.
    pub value: Option<f64>,
}

impl Best {
    /// Nothing seen yet.
    pub fn new(monitor: Monitor, min_delta: f64) -> Self {
        Self { monitor, min_delta: min_delta.abs(), value: None }
    }

    /// What it watches.
    pub fn monitor(&self) -> Monitor {
        self.monitor
    }

    /// Looks at an epoch; whether it is the best so far.
    pub fn improves(&mut self, metrics: &EpochMetrics) -> bool {
        self.is_best(self.monitor.of(metrics))
    }

    /// Looks at validation between epochs; whether it is the best so far. Never where the training data are monitored.
    pub fn improves_between(&mut self, metrics: &ValidationMetrics) -> bool {
        self.is_best(self.monitor.of_validation(metrics))
    }

    fn is_best(&mut self, value: Option<f64>) -> bool {
        let Some(value) = value.filter(|value| !value.is_nan()) else { return false };
        let better = self.value.is_none_or(|best| {
            if self.monitor.is_accuracy() {
                value - self.min_delta > best
            } else {
                value + self.min_delta < best
            }
        });
        if better {
            self.value = Some(value);
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(value: f64) -> EpochMetrics {
        EpochMetrics {
            epoch: 1,
            step: 1,
            loss: value,
            accuracy: Some(value),
            val_loss: None,
            val_accuracy: None,
            seconds: 0.0,
        }
    }

    #[test]
    fn better_is_less_of_a_loss_and_more_of_an_accuracy_by_more_than_the_delta() {
        let story = |monitor, values: &[f64]| {
            let mut best = Best::new(monitor, 0.1);
            values.iter().map(|value| best.improves(&epoch(*value))).collect::<Vec<_>>()
        };
        let losses = [f64::NAN, 1.0, 0.95, 0.85, f64::NAN, 0.8, 0.7];
        assert_eq!(story(Monitor::Loss, &losses), [false, true, false, true, false, false, true]);
        assert_eq!(story(Monitor::Accuracy, &[0.5, 0.55, 0.65, 0.7]), [true, false, true, false]);
        assert_eq!(story(Monitor::ValLoss, &[0.5]), [false]);
        let between = |monitor| {
            let metrics = ValidationMetrics { step: 1, epoch: 1, loss: 0.5, accuracy: None, seconds: 0.0 };
            Best::new(monitor, 0.0).improves_between(&metrics)
        };
        assert_eq!(
            [Monitor::Loss, Monitor::ValLoss, Monitor::ValAccuracy].map(between),
            [false, true, false]
        );
    }
}
