use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::summary::summary;
use crate::data::{self, DataError, DataSpec};
use crate::metrics::Metrics;
use crate::preset::{self, Overrides, PresetError, Resolved};
use crate::run::{self, RunError};
use crate::train::{Options, Outcome, Trainer};

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
    /// The folder cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A training cannot be started or followed.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// How a training ended, and the metrics of its last epoch.
pub type Trained = (Outcome, Option<Metrics>);

impl Repeat {
    /// The name of each training, with what it lays over the preset.
    fn trainings(&self, all: &Overrides) -> Vec<(String, Overrides)> {
        match self {
            Self::Seeds(seeds) => {
                let with = |seed| (format!("seed-{seed}"), Overrides { seed: Some(seed), ..all.clone() });
                seeds.clone().map(with).collect()
            }
            Self::Folds(folds) => {
                let with = |fold| {
                    let set = format!("data.validation={{folds: {folds}, fold: {fold}}}");
                    let set = all.set.iter().cloned().chain([set]).collect();
                    (format!("fold-{fold}"), Overrides { set, ..all.clone() })
                };
                (1..=*folds).map(with).collect()
            }
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
/// `follow` shows a training until it ends. Returns the lines of the summary, or the outcome of the first training that did not finish.
///
/// # Errors
/// When the preset or its data are wrong, before anything is trained; when a training cannot be started.
pub fn train_all(
    name: &str,
    repeat: &Repeat,
    overrides: &Overrides,
    (root, threads): (Option<PathBuf>, usize),
    follow: &mut dyn FnMut(Trainer) -> std::io::Result<Trained>,
) -> Result<Result<Vec<String>, Outcome>, ExperimentError> {
    let specs = specs(name, repeat, overrides)?;
    let mut root = root;
    let mut ends = Vec::new();
    for (name, Resolved { spec, notes }) in specs {
        let root = match &mut root {
            Some(root) => root,
            none => {
                let name = format!("{}-{}", spec.name, repeat.suffix());
                none.insert(run::create_run_dir(Path::new("runs"), &name, SystemTime::now())?)
            }
        };
        let options = Options { folder: Some(root.join(&name)), threads, watched: false, notes };
        match follow(Trainer::start(spec, options)?)? {
            (Outcome::Finished, Some(metrics)) => ends.push((name, metrics)),
            (Outcome::Finished, None) => {
                return Ok(Err(Outcome::Failed("the training had no epoch".into())));
            }
            (outcome, _) => return Ok(Err(outcome)),
        }
    }
    Ok(Ok(summary(&ends)))
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
