//! What a sweep trains, and its trials, which are a function of that alone.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::halving::Halving;
use super::space::{GridSetting, RandomSetting};
use crate::data::{self, DataSpec};
use crate::experiment::error::ExperimentError;
use crate::preset::{self, Overrides, Resolved, RunSpec, Value};
use crate::rng::Rng;

/// The most trials of a sweep.
pub const MAX_TRIALS: usize = 100_000;

/// What a sweep trains: the content of `sweep.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepDefinition {
    /// The version of the program that made it.
    pub version: String,
    /// The preset, as it was named.
    pub preset: String,
    /// The settings of a grid: a trial for each combination of their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grid: Vec<GridSetting>,
    /// The number of combinations that are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<usize>,
    /// The settings that are drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<RandomSetting>,
    /// The seed of the draws.
    #[serde(default)]
    pub search_seed: u64,
    /// The first and the last seed with which each combination is trained; by default that of the preset alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<(u64, u64)>,
    /// The first and the last of seeds that were asked for later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_seeds: Vec<(u64, u64)>,
    /// Into how many parts the data are split, each held out once for each combination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u16>,
    /// Whether it varies seeds or folds alone, and the runs are in its folder itself, named after them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// When trials are stopped that are worse than others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_losers: Option<Halving>,
    /// How trials become jobs of Slurm, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmOptions>,
    /// The folder that relative paths among the settings of trials start from: where the sweep was made.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub directory: PathBuf,
    /// The settings before those of a trial: a resolved spec.
    pub base: Value,
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// How the trials of a sweep become an array of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmOptions {
    /// Options of sbatch, in one line.
    pub options: String,
    /// Jobs at a time at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// Trials of a job; by default as few as the size of arrays allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_task: Option<u32>,
}

/// One training of a sweep: what is laid over the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 0.
    pub trial: usize,
    /// The number of its combination of settings; trials of the same one differ by seed or fold.
    pub combination: usize,
    /// The settings, as `key=value`.
    pub set: Vec<String>,
    /// The seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The part of the data that is held out, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u16>,
}

impl Trial {
    /// The name of its folder: `0007`.
    pub fn name(&self) -> String {
        format!("{:04}", self.trial)
    }

    /// The settings in which it differs, as key and value, with seed and fold.
    pub fn settings(&self) -> impl Iterator<Item = (&str, String)> {
        let set = self.set.iter().filter_map(|set| set.split_once('='));
        let seed = self.seed.map(|seed| ("seed", seed.to_string()));
        let fold = self.fold.map(|fold| ("fold", fold.to_string()));
        set.map(|(key, value)| (key, value.to_owned())).chain(seed).chain(fold)
    }
}

impl SweepDefinition {
    /// A sweep of the resolved settings `base` of `preset` that varies nothing yet.
    pub fn of(preset: &str, base: Value) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            preset: preset.to_owned(),
            grid: Vec::new(),
            random: None,
            over: Vec::new(),
            search_seed: 0,
            seeds: None,
            more_seeds: Vec::new(),
            folds: None,
            repeats: false,
            stop_losers: None,
            slurm: None,
            directory: std::env::current_dir().unwrap_or_default(),
            base,
        }
    }

    /// The combinations of settings.
    fn combinations(&self) -> Vec<Vec<String>> {
        if let Some(count) = self.random {
            let combination = |i: usize| {
                let mut rng = Rng::new(self.search_seed, "sweep", i as u64);
                let draw =
                    |over: &RandomSetting| format!("{}={}", over.key, over.distribution.draw(&mut rng));
                self.over.iter().map(draw).collect()
            };
            return (0..count).map(combination).collect();
        }
        let mut combinations = vec![Vec::new()];
        for GridSetting { key, values } in &self.grid {
            let with = |before: &Vec<String>| {
                let set = |value: &String| before.iter().cloned().chain([format!("{key}={value}")]).collect();
                values.iter().map(set).collect::<Vec<Vec<String>>>()
            };
            combinations = combinations.iter().flat_map(with).collect();
        }
        combinations
    }

    /// The number of trials; `None` beyond the range of numbers.
    pub fn count(&self) -> Option<usize> {
        let combinations = match self.random {
            Some(count) => Some(count),
            None => self.grid.iter().try_fold(1_usize, |all, grid| all.checked_mul(grid.values.len())),
        };
        let count =
            |(first, last): &(u64, u64)| usize::try_from(last.checked_sub(*first)?).ok()?.checked_add(1);
        let mut seeds = self.seeds.iter().chain(&self.more_seeds);
        let seeds = match self.seeds {
            Some(_) => seeds.try_fold(0_usize, |all, range| all.checked_add(count(range)?))?,
            None => 1,
        };
        let repeats = seeds.checked_mul(usize::from(self.folds.unwrap_or(1)))?;
        combinations?.checked_mul(repeats)
    }

    /// The seeds, in the order of the trials; `None` for that of the preset alone.
    fn all_seeds(&self) -> Option<Vec<u64>> {
        self.seeds?;
        Some(self.seeds.iter().chain(&self.more_seeds).flat_map(|(first, last)| *first..=*last).collect())
    }

    /// Adds the seeds of `other` that are not there, behind the others.
    pub fn join_seeds(&mut self, other: &Self) {
        let (Some(mut known), Some(all)) = (self.all_seeds(), other.all_seeds()) else { return };
        known.sort_unstable();
        for seed in all.into_iter().filter(|seed| known.binary_search(seed).is_err()) {
            match self.more_seeds.last_mut() {
                Some((_, last)) if *last + 1 == seed => *last = seed,
                _ => self.more_seeds.push((seed, seed)),
            }
        }
    }

    /// The trials: all seeds and folds of a combination follow one another.
    pub fn trials(&self) -> Vec<Trial> {
        let seeds: Vec<Option<u64>> =
            self.all_seeds().map_or(vec![None], |seeds| seeds.into_iter().map(Some).collect());
        let folds: Vec<Option<u16>> = self.folds.map_or(vec![None], |folds| (1..=folds).map(Some).collect());
        let mut trials = Vec::new();
        for (combination, set) in self.combinations().into_iter().enumerate() {
            for seed in &seeds {
                for fold in &folds {
                    let (trial, set) = (trials.len(), set.clone());
                    trials.push(Trial { trial, combination, set, seed: *seed, fold: *fold });
                }
            }
        }
        trials
    }

    /// The spec of a trial.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn spec(&self, trial: &Trial) -> Result<Resolved, ExperimentError> {
        let mut set = trial.set.clone();
        if let (Some(folds), Some(fold)) = (self.folds, trial.fold) {
            set.push(format!("data.validation={{folds: {folds}, fold: {fold}}}"));
        }
        let overrides = Overrides { set, data: None, seed: trial.seed };
        self.load(&overrides)
    }

    /// The settings before those of a trial.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn base_spec(&self) -> Result<RunSpec, ExperimentError> {
        Ok(self.load(&Overrides::default())?.spec)
    }

    fn load(&self, overrides: &Overrides) -> Result<Resolved, ExperimentError> {
        Ok(preset::load_tree("sweep.yaml", self.base.clone(), overrides, &self.directory)?)
    }

    /// The settings that trials differ in, without seed and fold.
    pub fn keys(&self) -> Vec<&str> {
        match self.random {
            Some(_) => self.over.iter().map(|over| over.key.as_str()).collect(),
            None => self.grid.iter().map(|grid| grid.key.as_str()).collect(),
        }
    }

    /// Checks the specs of all trials.
    ///
    /// # Errors
    /// With the first setting that is wrong, or if the data cannot be split.
    pub fn check(&self, trials: &[Trial]) -> Result<(), ExperimentError> {
        for (i, key) in self.keys().iter().enumerate() {
            if self.keys().iter().take(i).any(|other| other == key) {
                return Err(ExperimentError::Sweep(format!(
                    "the setting {key} is varied twice; expected once"
                )));
            }
            if (*key == "train.seed" && self.seeds.is_some())
                || (key.starts_with("data.validation") && self.folds.is_some())
            {
                let by = if self.folds.is_some() { "--folds" } else { "--seeds" };
                return Err(ExperimentError::Sweep(format!("{key} is set by {by}; expected one of them")));
            }
        }
        if let Some(folds) = self.folds {
            let spec = self.base_spec()?;
            if matches!(spec.data, DataSpec::Generated(_)) {
                return Err(ExperimentError::NoFolds(spec.name));
            }
            data::check_folds(&spec.data, usize::from(folds), spec.train.seed)?;
        }
        trials.iter().try_for_each(|trial| self.spec(trial).map(|_| ()))
    }
}
