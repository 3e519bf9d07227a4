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

/// The key of the network among the settings of a trial.
const NETWORK: &str = "network";

/// What a sweep trains: the content of `sweep.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepDefinition {
    /// The version of the program that made it.
    pub version: String,
    /// The preset, as it was named.
    pub preset: String,
    /// The networks that are compared: each is trained with all combinations of the other settings. Empty for that of `base` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<SweepNetwork>,
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
    /// Whether it varies networks, seeds or folds alone, and the runs are in its folder itself, named after them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// Whether it is a race by time, whose trials cannot be trained one by one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_time: bool,
    /// When trials are stopped that are worse than others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_losers: Option<Halving>,
    /// How trials become jobs of Slurm, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmOptions>,
    /// The folder that relative paths among the settings of trials start from: where the sweep was made.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub directory: PathBuf,
    /// The settings before those of a trial: a resolved spec. Null where each network has its own.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub base: Value,
}

/// A network of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepNetwork {
    /// Its name, which can be that of a folder.
    pub name: String,
    /// Its settings before those of a trial: a resolved spec.
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
            networks: Vec::new(),
            grid: Vec::new(),
            random: None,
            over: Vec::new(),
            search_seed: 0,
            seeds: None,
            more_seeds: Vec::new(),
            folds: None,
            repeats: false,
            by_time: false,
            stop_losers: None,
            slurm: None,
            directory: std::env::current_dir().unwrap_or_default(),
            base,
        }
    }

    /// The combinations of settings.
    fn combinations(&self) -> Vec<Vec<String>> {
        let settings = match self.random {
            Some(count) => (0..count).map(|i| self.draw(i)).collect(),
            None => self.grid.iter().fold(vec![Vec::new()], |all, GridSetting { key, values }| {
                combined(&all, values.iter().map(|value| format!("{key}={value}")))
            }),
        };
        if self.networks.is_empty() {
            return settings;
        }
        let networks = self.networks.iter().map(|network| format!("{NETWORK}={}", network.name));
        let with =
            |network| settings.iter().map(move |set| std::iter::once(&network).chain(set).cloned().collect());
        networks.flat_map(|network: String| with(network).collect::<Vec<_>>()).collect()
    }

    /// The combination `number` of those that are drawn.
    fn draw(&self, number: usize) -> Vec<String> {
        let mut rng = Rng::new(self.search_seed, "sweep", number as u64);
        let draw = |over: &RandomSetting| format!("{}={}", over.key, over.distribution.draw(&mut rng));
        self.over.iter().map(draw).collect()
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
        combinations?.checked_mul(self.networks.len().max(1))?.checked_mul(repeats)
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

    /// The trials: all seeds and folds of a combination follow one another, or all networks with a seed where more seeds may join.
    pub fn trials(&self) -> Vec<Trial> {
        let seeds: Vec<Option<u64>> =
            self.all_seeds().map_or(vec![None], |seeds| seeds.into_iter().map(Some).collect());
        let folds: Vec<Option<u16>> = self.folds.map_or(vec![None], |folds| (1..=folds).map(Some).collect());
        let repeats = seeds.iter().flat_map(|seed| folds.iter().map(move |fold| (*seed, *fold)));
        let combinations = self.combinations();
        let mut trials = Vec::new();
        let mut add = |combination: usize, set: &[String], (seed, fold)| {
            trials.push(Trial { trial: trials.len(), combination, set: set.to_vec(), seed, fold });
        };
        let numbered = || combinations.iter().enumerate();
        match self.repeats {
            true => repeats.for_each(|of| numbered().for_each(|(number, set)| add(number, set, of))),
            false => numbered().for_each(|(number, set)| repeats.clone().for_each(|of| add(number, set, of))),
        }
        trials
    }

    /// The network of a trial, where several are compared.
    pub fn network(&self, trial: &Trial) -> Option<&SweepNetwork> {
        let name = trial.set.iter().find_map(|set| set.strip_prefix(NETWORK)?.strip_prefix('='))?;
        self.networks.iter().find(|network| network.name == name)
    }

    /// The spec of a trial.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn spec(&self, trial: &Trial) -> Result<Resolved, ExperimentError> {
        let network = self.network(trial);
        let mut set = trial.set.clone();
        if network.is_some() {
            set.retain(|set| set.split_once('=').is_none_or(|(key, _)| key != NETWORK));
        }
        if let (Some(folds), Some(fold)) = (self.folds, trial.fold) {
            set.push(format!("data.validation={{folds: {folds}, fold: {fold}}}"));
        }
        let overrides = Overrides { set, data: None, seed: trial.seed };
        self.load(network.map_or(&self.base, |network| &network.base), &overrides)
    }

    /// The settings before those of a trial; of several networks those of the first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn base_spec(&self) -> Result<RunSpec, ExperimentError> {
        let base = self.networks.first().map_or(&self.base, |network| &network.base);
        Ok(self.load(base, &Overrides::default())?.spec)
    }

    fn load(&self, base: &Value, overrides: &Overrides) -> Result<Resolved, ExperimentError> {
        Ok(preset::load_tree("sweep.yaml", base.clone(), overrides, &self.directory)?)
    }

    /// The settings that trials differ in, without seed and fold.
    pub fn keys(&self) -> Vec<&str> {
        let network = (!self.networks.is_empty()).then_some(NETWORK);
        let keys: Vec<&str> = match self.random {
            Some(_) => self.over.iter().map(|over| over.key.as_str()).collect(),
            None => self.grid.iter().map(|grid| grid.key.as_str()).collect(),
        };
        network.into_iter().chain(keys).collect()
    }

    /// Checks the names of the networks: folders are named after them.
    ///
    /// # Errors
    /// With a name that is there twice, or is none of a folder.
    pub fn check_networks(&self) -> Result<(), ExperimentError> {
        for (i, SweepNetwork { name, .. }) in self.networks.iter().enumerate() {
            if folder_name(name) != *name {
                return Err(ExperimentError::Sweep(format!(
                    "found {name:?} as the name of a network; expected up to 60 letters, digits, -, _ and dots, and none of {}",
                    OWN.join(", ")
                )));
            }
            if self.networks.iter().take(i).any(|other| other.name == *name) {
                return Err(ExperimentError::Sweep(format!(
                    "two networks have the name {name}; expected a name for each"
                )));
            }
        }
        Ok(())
    }

    /// Checks the specs of all trials.
    ///
    /// # Errors
    /// With the first setting that is wrong, or if the data cannot be split.
    pub fn check(&self, trials: &[Trial]) -> Result<(), ExperimentError> {
        self.check_networks()?;
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

/// Each of `all` with each of `settings`.
fn combined(all: &[Vec<String>], settings: impl Iterator<Item = String> + Clone) -> Vec<Vec<String>> {
    let with = |before: &Vec<String>| {
        let set = |setting| before.iter().cloned().chain([setting]).collect();
        settings.clone().map(set).collect::<Vec<Vec<String>>>()
    };
    all.iter().flat_map(with).collect()
}

/// The file of a sweep's definition.
pub(super) const DEFINITION: &str = "sweep.yaml";
/// The file of its trials.
pub(super) const TRIALS: &str = "trials.jsonl";
/// What is in the folder besides runs.
pub(super) const OWN: [&str; 7] = [DEFINITION, TRIALS, "state", "workers", "job.sh", "jobs.txt", "logs"];

/// `name` as the name of a network's folder in that of a sweep.
pub fn folder_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().take(60).map(plain).collect();
    match name.trim_matches('.') {
        "" => "network".to_owned(),
        name if OWN.contains(&name) => format!("network-{name}"),
        name => name.to_owned(),
    }
}
