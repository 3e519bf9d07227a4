use std::fs::DirEntry;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::summary::summary;
use crate::data::{self, DataError, DataSpec};
use crate::metrics::Metrics;
use crate::preset::{self, Overrides, PresetError, Resolved};
use crate::run::{self, RunError};
use crate::train::{Options, Outcome, Trainer};

/// The maximum number of seeds: the specs of all are checked before the first training.
pub const MAX_SEEDS: u64 = 10_000;

/// What sets the trainings apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// The seed.
    Seeds(RangeInclusive<u64>),
    /// Which of so many parts of the data is held out.
    Folds(u16),
}

/// Why several trainings cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The preset is wrong.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// There are too few data for so many folds.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The preset's data have no folds.
    #[error("--folds: {0} generates its data; --seeds 1..5 trains on five generated sets")]
    NoFolds(String),
    /// The folder cannot be created, or contains something else.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A setting that cannot be changed while training.
    #[error("{0}")]
    Unchangeable(String),
    /// A run has no such step.
    #[error("--at {step}: the run has {steps} steps")]
    NoStep {
        /// The step.
        step: u64,
        /// The steps of the run.
        steps: u64,
    },
    /// The networks of a race cannot be compared.
    #[error("{0}")]
    Race(String),
    /// A training cannot be repeated.
    #[error("the training cannot be repeated: {0}")]
    NotAgain(String),
    /// A training cannot be started or followed.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// How a training ended, and the metrics of the weights that its run keeps.
pub type Trained = (Outcome, Option<Metrics>);

impl Repeat {
    /// The name of each training, with what it lays over the preset.
    fn trainings(&self, all: &Overrides) -> Vec<(String, Overrides)> {
        match self {
            Self::Seeds(seeds) => {
                let with = |seed| {
                    (format!("{}{seed}", self.prefix()), Overrides { seed: Some(seed), ..all.clone() })
                };
                seeds.clone().map(with).collect()
            }
            Self::Folds(folds) => {
                let with = |fold| {
                    let set = format!("data.validation={{folds: {folds}, fold: {fold}}}");
                    let set = all.set.iter().cloned().chain([set]).collect();
                    (format!("{}{fold}", self.prefix()), Overrides { set, ..all.clone() })
                };
                (1..=*folds).map(with).collect()
            }
        }
    }

    /// The beginning of the names of the trainings.
    fn prefix(&self) -> &'static str {
        match self {
            Self::Seeds(_) => "seed-",
            Self::Folds(_) => "fold-",
        }
    }

    /// The end of the name of the folder that holds the runs.
    fn suffix(&self) -> &'static str {
        match self {
            Self::Seeds(_) => "seeds",
            Self::Folds(_) => "folds",
        }
    }
}

/// Trains `name` with `overrides` once for every seed or fold, each run in a folder of its own below `root` (by default one in `runs/`);
/// `follow` shows a training until it ends. Trainings that diverge do not end the others; what ends one in another way, ends all. Returns
/// how the trainings ended, and the lines of the summary.
///
/// # Errors
/// When the preset, its data or `root` are wrong, before anything is trained; when a training cannot be started.
pub fn train_all(
    name: &str,
    repeat: &Repeat,
    overrides: &Overrides,
    (root, threads): (Option<PathBuf>, usize),
    follow: &mut dyn FnMut(Trainer) -> std::io::Result<Trained>,
) -> Result<(Outcome, Vec<String>), ExperimentError> {
    let specs = specs(name, repeat, overrides)?;
    if let Some(root) = &root {
        check_root(root, repeat, specs.iter().map(|(name, _)| name.as_str()))?;
    }
    let (mut root, planned) = (root, specs.len());
    let mut ends = Vec::new();
    let mut outcome = Outcome::Finished;
    for (name, Resolved { spec, notes }) in specs {
        let root = match &mut root {
            Some(root) => root,
            none => {
                let name = format!("{}-{}", spec.name, repeat.suffix());
                none.insert(run::create_run_dir(Path::new("runs"), &name, SystemTime::now())?)
            }
        };
        let options =
            Options { folder: Some(root.join(&name)), threads, watched: false, notes, ..Options::default() };
        let (ended, result) = match follow(Trainer::start(spec, options)?)? {
            (Outcome::Finished, Some(metrics)) => (Outcome::Finished, Ok(metrics)),
            (Outcome::Finished, None) => {
                let what = "the training had no epoch".to_owned();
                (Outcome::Failed(what.clone()), Err(what))
            }
            (Outcome::Diverged(what), _) => {
                (Outcome::Diverged(what.clone()), Err(format!("diverged: {what}")))
            }
            (Outcome::Stopped, _) => (Outcome::Stopped, Err("stopped".to_owned())),
            (Outcome::Unusable(what), _) => (Outcome::Unusable(what.clone()), Err(what)),
            (Outcome::Failed(what), _) => (Outcome::Failed(what.clone()), Err(format!("failed: {what}"))),
        };
        ends.push((name, result));
        if ended != Outcome::Finished {
            let ends_all = !matches!(ended, Outcome::Diverged(_));
            outcome = ended;
            if ends_all {
                break;
            }
        }
    }
    Ok((outcome, summary(&ends, planned)))
}

/// Checks that `root` contains nothing but runs of other seeds or folds, and that of the new ones there is none.
fn check_root<'n>(
    root: &Path,
    repeat: &Repeat,
    mut names: impl Iterator<Item = &'n str>,
) -> Result<(), RunError> {
    let is_run = |entry: &DirEntry| {
        let name = entry.file_name();
        let is_named = name.to_str().is_some_and(|name| name.starts_with(repeat.prefix()));
        is_named && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    run::check_empty_except(root, is_run)?;
    names.try_for_each(|name| run::check_empty(&root.join(name)))
}

/// The spec of each training, checked before hours of training.
fn specs(
    name: &str,
    repeat: &Repeat,
    overrides: &Overrides,
) -> Result<Vec<(String, Resolved)>, ExperimentError> {
    if let Repeat::Folds(_) = repeat {
        let spec = preset::load(name, overrides)?.spec;
        if matches!(spec.data, DataSpec::Generated(_)) {
            return Err(ExperimentError::NoFolds(spec.name));
        }
    }
    let trainings = repeat.trainings(overrides).into_iter();
    let specs = trainings.map(|(training, overrides)| Ok((training, preset::load(name, &overrides)?)));
    let specs = specs.collect::<Result<Vec<_>, PresetError>>()?;
    if let (Repeat::Folds(folds), Some((_, first))) = (repeat, specs.first()) {
        data::check_folds(&first.spec.data, usize::from(*folds), first.spec.train.seed)?;
    }
    Ok(specs)
}
