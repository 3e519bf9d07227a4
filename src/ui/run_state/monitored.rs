//! The metric that decides which epoch is the best.

use super::axis::XPosition;
use crate::protocol::{EpochMetrics, Monitor};

/// The values of the monitored metric after the epochs so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitored {
    /// Its name.
    pub metric: String,
    /// After the latest epoch.
    pub latest: f64,
    /// After the epoch before.
    pub previous: Option<f64>,
    /// The best value.
    pub best: f64,
    /// The epoch with the best value, from 1.
    pub best_epoch: usize,
    /// The end of that epoch.
    pub best_at: XPosition,
}

impl Monitored {
    /// Folds an epoch that ended at `at`. A metric that is not measured, or not a number, changes nothing.
    pub(super) fn fold(this: &mut Option<Self>, monitor: &Monitor, epoch: &EpochMetrics, at: XPosition) {
        let Some(value) = epoch.get(&monitor.metric).filter(|value| !value.is_nan()) else { return };
        let Some(monitored) = this else {
            let metric = monitor.metric.clone();
            let (best_epoch, best_at) = (epoch.epoch, at);
            *this = Some(Self { metric, latest: value, previous: None, best: value, best_epoch, best_at });
            return;
        };
        monitored.previous = Some(std::mem::replace(&mut monitored.latest, value));
        let is_better =
            if monitor.higher_is_better { value > monitored.best } else { value < monitored.best };
        if is_better {
            (monitored.best, monitored.best_epoch, monitored.best_at) = (value, epoch.epoch, at);
        }
    }

    /// Whether the latest epoch is the best one.
    pub fn is_best(&self) -> bool {
        self.latest == self.best
    }

    /// `▲` where it has risen in the latest epoch, `▼` where it has fallen.
    pub fn trend(&self) -> &'static str {
        match self.previous.and_then(|previous| self.latest.partial_cmp(&previous)) {
            Some(std::cmp::Ordering::Greater) => " ▲",
            Some(std::cmp::Ordering::Less) => " ▼",
            _ => "",
        }
    }
}
