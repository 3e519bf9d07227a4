//! How far a sweep is, and what it has found.

use std::collections::{HashMap, HashSet};

use super::definition::Trial;
use super::folder::Sweep;
use super::importance::omega_squared;
use super::state_files::{EndState, StateFiles, TrialFiles};
use crate::experiment::error::ExperimentError;
use crate::metrics::{higher_is_better, mean_interval};
use crate::run::RunState;
use crate::runs::{self, Run, Statistic, Values};
use crate::sort::SmallSort as _;

/// So many unfinished runs are read one by one; of more the index of all runs is read.
const FEW: usize = 200;

/// The state of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// Trained to its end.
    Finished,
    /// A process trains it.
    Running,
    /// It has begun, and nobody trains it: interrupted, its process dead, or compared with others and waiting for more of them.
    Interrupted,
    /// It has not begun.
    Waiting,
    /// Stopped for good: others were better, or by a user.
    Stopped,
    /// A loss, gradient or weight was not finite.
    Diverged,
    /// It could not be trained.
    Failed,
}

impl TrialState {
    /// All, in the order of summaries.
    pub const ALL: [Self; 7] = [
        Self::Finished,
        Self::Running,
        Self::Interrupted,
        Self::Waiting,
        Self::Stopped,
        Self::Diverged,
        Self::Failed,
    ];

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
        }
    }
}

/// A trial, how far it is and what it has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialStatus {
    /// The trial.
    pub trial: Trial,
    /// Its state.
    pub state: TrialState,
    /// Why it has ended, where that is no success.
    pub reason: String,
    /// Epochs that have ended.
    pub epochs: u64,
    /// Steps made.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The best value of the monitored metric so far.
    pub value: Option<f64>,
    /// All metrics of that evaluation.
    pub metrics: Values,
}

/// What the trials of one combination of settings have reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The number of the combination.
    pub number: usize,
    /// Its settings, as `key=value`.
    pub set: Vec<String>,
    /// The numbers of its trials.
    pub trials: Vec<usize>,
    /// How many of them have finished.
    pub finished: usize,
    /// Mean and standard deviation of the monitored metric over the finished ones.
    pub statistic: Option<Statistic>,
    /// The ends of the interval that contains the mean of more seeds or folds with the probability 0.95; `None` of one.
    pub interval: Option<(f64, f64)>,
}

/// A sweep with the state of its trials.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepStatus {
    /// The monitored metric.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// The trials, by their numbers.
    pub trials: Vec<TrialStatus>,
    /// The combinations of settings, the best first, then those of which none has finished.
    pub combinations: Vec<Combination>,
    /// For each setting the share of the differences between finished trials that it explains alone; `None` where there are too few.
    pub importance: Vec<(String, Option<f64>)>,
}

impl SweepStatus {
    /// Reads the state of `sweep`; writes nothing but the index of runs. Of a trial that has ended one small file is read, and nothing of its
    /// run.
    ///
    /// # Errors
    /// If its folder cannot be read.
    pub fn read(sweep: &Sweep) -> Result<Self, ExperimentError> {
        let mut files = StateFiles::new(&sweep.folder);
        files.refresh()?;
        let runs = Runs::read(sweep, &files)?;
        Ok(Self::of(sweep, &files, |trial| runs.of(&sweep.run_name(trial))))
    }

    /// The state of `sweep` as `files` and the runs of its trials say.
    pub(super) fn of<'r>(
        sweep: &Sweep,
        files: &StateFiles,
        run_of: impl Fn(&Trial) -> Option<&'r Run>,
    ) -> Self {
        let trials = sweep.trials.iter().map(|trial| status(trial, files, run_of(trial))).collect();
        let of_results = sweep.trials.iter().find_map(|trial| {
            let TrialFiles { rungs, end, .. } = files.of(trial.trial);
            let result = end.into_iter().chain(rungs).find(|result| !result.metric.is_empty())?;
            Some((result.metric, result.higher_is_better))
        });
        let of_runs = || {
            let mut summaries = sweep.trials.iter().filter_map(|trial| Some(&run_of(trial)?.summary));
            let summary = summaries.find(|summary| !summary.monitor.is_empty())?;
            Some((summary.monitor.to_string(), summary.higher_is_better))
        };
        let monitored = of_results.or_else(of_runs);
        let (metric, higher_is_better) =
            monitored.unwrap_or_else(|| ("val_loss".to_owned(), higher_is_better("val_loss")));
        let mut status =
            Self { metric, higher_is_better, combinations: Vec::new(), importance: Vec::new(), trials };
        status.combinations = status.combine();
        status.importance = status.explain(&sweep.definition.keys());
        status
    }

    /// How many trials are in `state`.
    pub fn count(&self, state: TrialState) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// The best trial: of the best combination, by its mean, the one with the best value.
    pub fn best(&self) -> Option<&TrialStatus> {
        let best = self.combinations.first().filter(|combination| combination.statistic.is_some())?;
        let trials = best.trials.iter().filter_map(|trial| self.trials.get(*trial));
        let finished = trials.filter(|trial| trial.state == TrialState::Finished && trial.value.is_some());
        finished.min_by(|a, b| self.cost(a.value).total_cmp(&self.cost(b.value)))
    }

    /// A value as one of which less is better, infinite if there is none.
    fn cost(&self, value: Option<f64>) -> f64 {
        match value {
            Some(value) if self.higher_is_better => -value,
            Some(value) => value,
            None => f64::INFINITY,
        }
    }

    fn combine(&self) -> Vec<Combination> {
        let mut combinations: Vec<Combination> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for status in &self.trials {
            let number = status.trial.combination;
            let place = *places.entry(number).or_insert(combinations.len());
            if place == combinations.len() {
                let (set, trials, statistic) = (status.trial.set.clone(), Vec::new(), None);
                combinations.push(Combination {
                    number,
                    set,
                    trials,
                    finished: 0,
                    statistic,
                    interval: None,
                });
            }
            if let Some(combination) = combinations.get_mut(place) {
                combination.trials.push(status.trial.trial);
            }
        }
        for combination in &mut combinations {
            let finished = combination.trials.iter().filter_map(|trial| self.trials.get(*trial));
            let finished = finished.filter(|trial| trial.state == TrialState::Finished);
            let values: Vec<f64> = finished.filter_map(|trial| trial.value).collect();
            combination.finished = values.len();
            combination.statistic = Statistic::of(&values);
            combination.interval = mean_interval(&values);
        }
        // Those of which a part is missing may be lucky: after complete ones.
        let rank = |combination: &Combination| {
            (combination.statistic.is_none(), combination.finished < combination.trials.len())
        };
        let mean = |combination: &Combination| self.cost(combination.statistic.map(|of| of.mean));
        combinations.small_sort_by(|a, b| {
            let means = mean(a).total_cmp(&mean(b));
            rank(a).cmp(&rank(b)).then(means).then(a.number.cmp(&b.number))
        });
        combinations
    }

    fn explain(&self, keys: &[&str]) -> Vec<(String, Option<f64>)> {
        let finished = self.trials.iter().filter(|trial| trial.state == TrialState::Finished);
        let finished: Vec<(&TrialStatus, f64)> =
            finished.filter_map(|trial| Some((trial, trial.value?))).collect();
        let values: Vec<f64> = finished.iter().map(|(_, value)| *value).collect();
        let share = |(i, key): (usize, &&str)| {
            let level = |(trial, _): &(&TrialStatus, f64)| {
                trial.trial.set.get(i).and_then(|set| set.split_once('=')).map(|(_, value)| value.to_owned())
            };
            let levels: Option<Vec<String>> = finished.iter().map(level).collect();
            let levels = levels.unwrap_or_default();
            let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
            ((*key).to_owned(), omega_squared(&levels, &values))
        };
        keys.iter().enumerate().map(share).collect()
    }
}

/// The runs of trials whose results do not tell how far they are, by name.
struct Runs(HashMap<String, Run>);

impl Runs {
    fn read(sweep: &Sweep, files: &StateFiles) -> Result<Self, ExperimentError> {
        let folder = sweep.runs_folder();
        // One that has a folder has begun.
        let begun = sweep.begun();
        let is_told = |trial: usize| {
            let files = files.of(trial);
            files.is_settled() && (files.end.is_some() || !files.rungs.is_empty())
        };
        let open =
            sweep.trials.iter().filter(|trial| !is_told(trial.trial)).map(|trial| sweep.run_name(trial));
        let open: HashSet<String> = open.filter(|name| begun.contains(name)).collect();
        if open.len() <= FEW {
            let read = open.into_iter().map(|name| {
                let run = runs::open(&folder.join(&name), &name);
                (name, run)
            });
            return Ok(Self(read.collect()));
        }
        let listed = runs::list(&folder)?.into_iter().map(|run| (run.name.to_string(), run));
        Ok(Self(listed.filter(|(name, _)| open.contains(name)).collect()))
    }

    fn of(&self, name: &str) -> Option<&Run> {
        self.0.get(name)
    }
}

fn status(trial: &Trial, files: &StateFiles, run: Option<&Run>) -> TrialStatus {
    let TrialFiles { rungs, end, .. } = files.of(trial.trial);
    let (state, reason) = match end.as_ref().and_then(|end| Some((end.end?, end.reason.clone()))) {
        _ if files.is_training(trial.trial) || run.is_some_and(|run| run.state == RunState::Live) => {
            (TrialState::Running, String::new())
        }
        Some((EndState::Finished, why)) => (TrialState::Finished, why),
        Some((EndState::Stopped, why)) => (TrialState::Stopped, why),
        Some((EndState::Diverged, why)) => (TrialState::Diverged, why),
        Some((EndState::Failed, why)) => (TrialState::Failed, why),
        None if run.is_some() || !rungs.is_empty() => (TrialState::Interrupted, String::new()),
        None => (TrialState::Waiting, String::new()),
    };
    let result = end.or_else(|| rungs.into_iter().next_back());
    // A running trial is further than its last result.
    let run = run.map(|run| &run.summary).filter(|_| result.is_none() || state == TrialState::Running);
    let (epochs, steps, seconds, value) = match (run, &result) {
        (Some(run), _) => (run.epochs, run.steps, run.seconds, run.best.as_ref().map(|best| best.value)),
        (None, Some(result)) => (result.epochs, result.steps, result.seconds, result.value),
        (None, None) => (0, 0, 0.0, None),
    };
    let metrics: Values = match (run.and_then(|run| run.best.as_ref()), result) {
        (Some(best), _) => best.metrics.clone(),
        (None, Some(result)) => result.metrics.iter().map(|(name, value)| (name.into(), value)).collect(),
        (None, None) => Values::new(),
    };
    TrialStatus { trial: trial.clone(), state, reason, epochs, steps, seconds, value, metrics }
}
