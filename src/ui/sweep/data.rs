//! What the screen of a sweep shows, as plain data: the program reads it from the folder of the sweep.

use std::path::PathBuf;

use super::axis::AxisScale;
use crate::runs::{Statistic, Values};
use crate::sort::SmallSort as _;

/// The state of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// A process trains it.
    Running,
    /// It has begun, and nobody trains it.
    Interrupted,
    /// It has not begun.
    Waiting,
    /// Trained to its end.
    Finished,
    /// Stopped for good: others were better, or by a user.
    Stopped,
    /// A loss, gradient or weight was not finite.
    Diverged,
    /// It could not be trained.
    Failed,
}

impl TrialState {
    /// All states, in the order of the head line.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Running,
        Self::Interrupted,
        Self::Finished,
        Self::Stopped,
        Self::Diverged,
        Self::Failed,
    ];

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
        }
    }
}

/// A setting in which trials differ.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSetting {
    /// Its path, as in `--set`; `seed` and `fold` of repetitions.
    pub key: String,
    /// Whether it repeats a combination of the others: seed and fold.
    pub is_repeat: bool,
    /// How its values lie on an axis.
    pub scale: AxisScale,
}

/// A trial, how far it is and what it has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepTrial {
    /// The name of its folder: `0007`.
    pub name: String,
    /// The folder of its run.
    pub folder: PathBuf,
    /// One for each setting of the sweep, as it was written. Foreign.
    pub settings: Vec<String>,
    /// Its state.
    pub state: TrialState,
    /// Why it has ended, where that is no success. Foreign.
    pub reason: String,
    /// The best value of the monitored metric so far.
    pub value: Option<f64>,
    /// The epoch of that value, from 1.
    pub best_epoch: Option<u64>,
    /// All metrics of that evaluation.
    pub metrics: Values,
    /// Epochs that have ended.
    pub epochs: u64,
    /// Epochs to train; 0 if that is unknown.
    pub planned: u64,
    /// Steps made.
    pub steps: u64,
    /// The part of the training that is done, from 0 to 1, while it is known.
    pub progress: Option<f64>,
    /// Seconds of training.
    pub seconds: f64,
}

/// The trials with the same settings but for seed and fold.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepCombination {
    /// Its number, from 0.
    pub number: usize,
    /// The numbers of its trials.
    pub trials: Vec<usize>,
    /// How many of them have finished.
    pub finished: usize,
    /// Mean and standard deviation of the monitored metric over the finished ones.
    pub statistic: Option<Statistic>,
    /// The ends of the interval that contains the mean of more seeds or folds with the probability 0.95; `None` of one.
    pub interval: Option<(f64, f64)>,
}

/// A sweep at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepData {
    /// Its folder.
    pub folder: PathBuf,
    /// Its folder. Foreign.
    pub name: String,
    /// The monitored metric.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The settings in which trials differ.
    pub settings: Vec<SweepSetting>,
    /// By their numbers.
    pub trials: Vec<SweepTrial>,
    /// All combinations of settings.
    pub combinations: Vec<SweepCombination>,
    /// For each setting that is no repetition its key, and the share of the differences between finished trials that it explains alone;
    /// `None` where there are too few.
    pub importance: Vec<(String, Option<f64>)>,
    /// The number of the best trial.
    pub best: Option<usize>,
    /// The host of each process that is at work.
    pub hosts: Vec<String>,
    /// Whole seconds since the first trial began; when nothing is at work any more, up to the last change.
    pub elapsed: Option<f64>,
}

impl SweepData {
    /// How many trials are in `state`.
    pub fn count(&self, state: TrialState) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// The name of the setting `number`: the last part of its path, if no other one has it.
    pub fn label(&self, number: usize) -> &str {
        let Some(setting) = self.settings.get(number) else { return "" };
        let short = last_part(&setting.key);
        match self.settings.iter().filter(|other| last_part(&other.key) == short).count() {
            0 | 1 => short,
            _ => &setting.key,
        }
    }

    /// Whether combinations have several trials.
    pub fn has_repeats(&self) -> bool {
        self.combinations.len() < self.trials.len()
    }

    /// Orders values of the metric, the best first, missing ones last.
    pub fn compare(&self, a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
        let cost = |value: Option<f64>| match value.filter(|value| !value.is_nan()) {
            Some(value) if self.higher_is_better => -value,
            Some(value) => value,
            None => f64::INFINITY,
        };
        cost(a).total_cmp(&cost(b))
    }

    /// The value of a trial that has ended: finished, or stopped because others were better.
    pub fn ended_value(&self, trial: usize) -> Option<f64> {
        let trial = self.trials.get(trial)?;
        let has_ended = matches!(trial.state, TrialState::Finished | TrialState::Stopped);
        trial.value.filter(|value| has_ended && value.is_finite())
    }

    /// The trial of a combination that stands for it: the best of those that have ended, else the first that is being trained, else the
    /// first.
    pub fn representative(&self, combination: &SweepCombination) -> Option<usize> {
        let ended = combination.trials.iter().copied().filter(|trial| self.ended_value(*trial).is_some());
        let best = ended.min_by(|a, b| self.compare(self.ended_value(*a), self.ended_value(*b)));
        let is_running =
            |trial: &&usize| self.trials.get(**trial).is_some_and(|trial| trial.state == TrialState::Running);
        best.or_else(|| combination.trials.iter().find(is_running).copied())
            .or_else(|| combination.trials.first().copied())
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The greatest of values that is so many times the least makes the scale of a loss logarithmic.
const LOG_FROM: f64 = 100.0;

/// From what is worst to what is best: the scale of colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The best value.
    pub best: f64,
    /// The worst value that has a colour of its own.
    pub worst: f64,
    /// Whether there are worse ones, which have its colour.
    pub is_cut: bool,
    /// Whether the scale is logarithmic.
    pub is_log: bool,
}

impl Quality {
    /// Of the values of ended trials. Values beyond the upper fence of a box plot, as of trials that nearly diverged, do not stretch the
    /// scale. That of positive values of which less is better is logarithmic if they differ by a factor of a hundred or more without those.
    pub fn of(data: &SweepData) -> Option<Self> {
        let mut values: Vec<f64> =
            (0..data.trials.len()).filter_map(|trial| data.ended_value(trial)).collect();
        values.small_sort_by(|a, b| data.compare(Some(*a), Some(*b)));
        let (best, last) = (*values.first()?, *values.last()?);
        let linear = Self {
            best,
            worst: fenced(&values, data.higher_is_better, |value| value),
            is_cut: false,
            is_log: false,
        };
        let is_log = !data.higher_is_better && best > 0.0 && linear.worst / best >= LOG_FROM;
        let worst = if is_log { fenced(&values, false, f64::ln) } else { linear.worst };
        Some(Self { worst, is_cut: worst != last, is_log, ..linear })
    }

    /// Where a value lies, from 0, the worst, to 1, the best.
    pub fn share(&self, value: f64) -> f32 {
        let [best, worst, value] =
            [self.best, self.worst, value].map(|value| if self.is_log { value.ln() } else { value });
        let span = best - worst;
        if span == 0.0 { 1.0 } else { (((value - worst) / span) as f32).clamp(0.0, 1.0) }
    }
}

/// The worst of `values`, which are from the best to the worst, within the upper fence of a box plot on the scale of `place`.
fn fenced(values: &[f64], higher_is_better: bool, place: fn(f64) -> f64) -> f64 {
    let last = values.last().copied().unwrap_or_default();
    let quartile = |share: usize| place(values.get(values.len() * share / 4).copied().unwrap_or(last));
    let fence = quartile(3) + 1.5 * (quartile(3) - quartile(1));
    let is_within =
        |value: &f64| if higher_is_better { place(*value) >= fence } else { place(*value) <= fence };
    values.iter().rev().copied().find(is_within).unwrap_or(last)
}
