//! What the table of a sweep is sorted by.

use std::cmp::Ordering;

use super::data::{SweepCombination, SweepData, SweepTrial};

/// A column that the table can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortKey {
    /// The metric: its best value, or the mean of a combination. The best first.
    Metric,
    /// The number.
    Number,
    /// The state: what is being trained first.
    State,
    /// A setting, by its number.
    Setting(usize),
    /// The epoch of the best value.
    Epoch,
    /// How far the training is, in epochs.
    Epochs,
    /// Seconds of training.
    Seconds,
    /// How many trials of a combination have finished.
    Finished,
}

impl SortKey {
    /// The columns of trials, or of combinations, in the order of the key that turns through them.
    pub fn all(data: &SweepData, is_grouped: bool) -> Vec<Self> {
        let is_shown = |number: &usize| {
            !is_grouped || data.settings.get(*number).is_some_and(|setting| !setting.is_repeat)
        };
        let settings = (0..data.settings.len()).filter(is_shown).map(Self::Setting);
        let rest: &[Self] = match is_grouped {
            true => &[Self::Finished, Self::State],
            false => &[Self::Epoch, Self::Epochs, Self::Seconds, Self::State],
        };
        [Self::Metric, Self::Number].into_iter().chain(settings).chain(rest.iter().copied()).collect()
    }

    /// Orders two trials, by their numbers.
    pub fn compare(self, data: &SweepData, a: usize, b: usize) -> Ordering {
        let (Some(first), Some(second)) = (data.trials.get(a), data.trials.get(b)) else { return a.cmp(&b) };
        let by = |number: fn(&SweepTrial) -> f64| number(first).total_cmp(&number(second));
        let order = match self {
            Self::Metric => data.compare(first.value, second.value),
            Self::Number => Ordering::Equal,
            Self::State | Self::Finished => first.state.cmp(&second.state),
            Self::Setting(number) => settings(first, second, number),
            Self::Epoch => by(|trial| trial.best_epoch.map_or(f64::INFINITY, |epoch| epoch as f64)),
            Self::Epochs => by(|trial| trial.epochs as f64),
            Self::Seconds => by(|trial| trial.seconds),
        };
        order.then(a.cmp(&b))
    }

    /// Orders two combinations.
    pub fn compare_combinations(
        self,
        data: &SweepData,
        a: &SweepCombination,
        b: &SweepCombination,
    ) -> Ordering {
        let trial = |combination: &SweepCombination| data.trials.get(*combination.trials.first()?);
        let mean = |combination: &SweepCombination| combination.statistic.map(|statistic| statistic.mean);
        let order = match (self, trial(a).zip(trial(b))) {
            (Self::Setting(number), Some((a, b))) => settings(a, b, number),
            (Self::Metric, _) => {
                // Those of which a part is missing may be lucky: after complete ones.
                let is_part = |of: &SweepCombination| of.statistic.is_none() || of.finished < of.trials.len();
                let rank = |of: &SweepCombination| (of.statistic.is_none(), is_part(of));
                rank(a).cmp(&rank(b)).then(data.compare(mean(a), mean(b)))
            }
            (Self::Finished, _) => a.finished.cmp(&b.finished),
            (Self::State, _) => {
                let left = |of: &SweepCombination| {
                    of.trials
                        .iter()
                        .filter_map(|trial| data.trials.get(*trial))
                        .map(|trial| trial.state)
                        .min()
                };
                left(a).cmp(&left(b))
            }
            _ => Ordering::Equal,
        };
        order.then(a.number.cmp(&b.number))
    }
}

/// Numbers by their size, before words.
fn settings(a: &SweepTrial, b: &SweepTrial, number: usize) -> Ordering {
    let (Some(a), Some(b)) = (a.settings.get(number), b.settings.get(number)) else { return Ordering::Equal };
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}
