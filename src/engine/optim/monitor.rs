use serde::{Deserialize, Serialize};

use crate::metrics::{Metrics, VALIDATION, higher_is_better};

/// Whether less or more of a monitored metric is better. Keras's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonitorMode {
    /// As the metric's name implies: see [`higher_is_better`].
    #[default]
    Auto,
    /// Less is better.
    Min,
    /// More is better.
    Max,
}

impl MonitorMode {
    /// Whether it is the default, which presets leave out.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// Whether more of the metric called `name` is better.
    pub fn higher_is_better(self, name: &str) -> bool {
        match self {
            Self::Auto => higher_is_better(name),
            Self::Min => false,
            Self::Max => true,
        }
    }
}

/// The name of the metric that decides unless a preset names one: `val_loss`, or `loss` without validation data.
pub fn default_monitor(has_validation: bool) -> &'static str {
    if has_validation { "val_loss" } else { "loss" }
}

/// Whether the metric called `name` is one of the validation data.
pub fn needs_validation(name: &str) -> bool {
    name.starts_with(VALIDATION)
}

/// The best value of a monitored metric so far. A further one is better if it is by more than `min_delta`.
///
/// Source: `keras/src/callbacks/monitor_callback.py`. Here a value that is no number is never better, not even the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    monitor: String,
    higher_is_better: bool,
    min_delta: f64,
    /// `None` before the first.
    pub value: Option<f64>,
}

impl Best {
    /// Of the metric called `monitor`; no value yet.
    pub fn new(monitor: &str, mode: MonitorMode, min_delta: f64) -> Self {
        let higher_is_better = mode.higher_is_better(monitor);
        Self { monitor: monitor.to_owned(), higher_is_better, min_delta: min_delta.abs(), value: None }
    }

    /// The name of the metric.
    pub fn monitor(&self) -> &str {
        &self.monitor
    }

    /// Whether more of the metric is better.
    pub fn higher_is_better(&self) -> bool {
        self.higher_is_better
    }

    /// Takes the metrics of an epoch, or of a validation between epochs; returns whether the monitored one is the best so far. Never
    /// where it is not among them.
    pub fn improves(&mut self, metrics: &Metrics) -> bool {
        let value = metrics.get(&self.monitor).filter(|value| !value.is_nan());
        let Some(value) = value else { return false };
        let better = self.value.is_none_or(|best| match self.higher_is_better {
            true => value - self.min_delta > best,
            false => value + self.min_delta < best,
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

    #[test]
    fn better_is_less_of_a_loss_and_more_of_an_accuracy_by_more_than_the_delta() {
        let story = |monitor, mode, values: &[f64]| {
            let mut best = Best::new(monitor, mode, 0.1);
            values.iter().map(|value| best.improves(&[(monitor, *value)].into())).collect::<Vec<_>>()
        };
        let losses = [f64::NAN, 1.0, 0.95, 0.85, f64::NAN, 0.8, 0.7];
        let better = [false, true, false, true, false, false, true];
        assert_eq!(story("loss", MonitorMode::Auto, &losses), better);
        assert_eq!(story("val_rmse.sold", MonitorMode::Auto, &losses), better);
        assert_eq!(story("val_f1", MonitorMode::Min, &losses), better);
        let better = [true, false, true, false];
        assert_eq!(story("accuracy", MonitorMode::Auto, &[0.5, 0.55, 0.65, 0.7]), better);
        assert_eq!(story("val_f1", MonitorMode::Auto, &[0.5, 0.55, 0.65, 0.7]), better);
        assert_eq!(story("loss", MonitorMode::Max, &[0.5, 0.55, 0.65, 0.7]), better);
        let mut absent = Best::new("val_loss", MonitorMode::Auto, 0.1);
        assert!(!absent.improves(&[("loss", 0.5)].into()));
    }
}
