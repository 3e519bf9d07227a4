use std::fs::DirEntry;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{io, thread};

use super::edited::check_preset;
use super::error::ExperimentError;
use super::start::{Start, Trained, go_on, has_run, result};
use super::summary::summary;
use super::sweep::{Claim, Repeats, Sweep, SweepDefinition};
use crate::data::{self, DataSpec};
use crate::metrics::Metrics;
use crate::preset::{self, Overrides, PresetError, Resolved, RunSpec};
use crate::run::{self, RunError, RunState, owner};
use crate::sort::SmallSort as _;
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

    /// The number of trainings.
    pub fn count(&self) -> usize {
        match self {
            Self::Seeds(seeds) => seeds.clone().count(),
            Self::Folds(folds) => usize::from(*folds),
        }
    }

    /// The names of the trainings, which are those of their folders.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        self.trainings(&Overrides::default()).into_iter().map(|(name, _)| name)
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

/// How several trainings are made.
#[derive(Debug, Clone, Default)]
pub struct RepeatOptions {
    /// The folder of the runs; by default one in `runs/`.
    pub root: Option<PathBuf>,
    /// Whether runs that are there go on, and those that are finished stay as they are.
    pub goes_on: bool,
    /// Whether they are seen on a screen, at the pace of the preset.
    pub watched: bool,
}

/// Who watches trainings with several seeds or folds, from several threads.
pub trait RepeatWatcher: Sync {
    /// Returns how many of the `left` trainings, each like that of `spec`, are made at a time, and the number of threads of each. All
    /// specs and the folder have been checked.
    ///
    /// # Errors
    /// If nothing can be trained here.
    fn jobs(&self, spec: &RunSpec, left: usize) -> io::Result<(usize, usize)>;
    /// Shows the training of the run `name` until it ends; once no other one is to begin, [`Self::is_ending`] is true.
    ///
    /// # Errors
    /// If it cannot be followed.
    fn follow(&self, name: &str, trainer: Trainer) -> io::Result<Trained>;
    /// No other training begins: those that are being made are to end, saved.
    fn end(&self);
    /// Whether no other training is to begin, however those at hand end.
    fn is_ending(&self) -> bool;
}

/// Trains `name` with `overrides` once for every seed or fold, each run in a folder of its own below the one of `options`, as many at a time
/// as `watcher` says. Trainings that diverge or fail do not end the others; one that is stopped, or whose data are unusable, ends all. The
/// folder is that of a sweep. Returns how the trainings ended, and the lines of the summary.
///
/// # Errors
/// When the preset, its data or `root` are wrong, before anything is trained; when a training cannot be started.
pub fn train_all(
    name: &str,
    repeat: &Repeat,
    overrides: &Overrides,
    RepeatOptions { root, goes_on, watched }: RepeatOptions,
    watcher: &dyn RepeatWatcher,
) -> Result<(Outcome, Vec<String>), ExperimentError> {
    let specs = specs(name, repeat, overrides)?;
    let definition = definition(name, repeat, overrides)?;
    if let Some(root) = &root {
        let names = specs.iter().map(|(name, _)| name.as_str());
        check_root(root, repeat, names.filter(|name| !(goes_on && has_run(&root.join(name)))))?;
        Repeats::check(root, &definition, goes_on)?;
        // Before any is trained.
        for (training, overrides) in repeat.trainings(overrides) {
            let folder = root.join(training);
            if goes_on && has_run(&folder) {
                check_same(&folder, name, &overrides)?;
            }
        }
    }
    let planned = specs.len();
    let root = match root {
        Some(root) => root,
        None => {
            let spec_name = specs.first().map_or(name, |(_, first)| first.spec.name.as_str());
            let name = format!("{spec_name}-{}", repeat.suffix());
            run::create_run_dir(Path::new("runs"), &name, SystemTime::now())?
        }
    };
    let repeats = Mutex::new(Repeats::begin(&root, &definition)?);
    let has_ended = |name: &str| {
        let state = owner::state(&root.join(name));
        goes_on && matches!(state, Ok(RunState::Finished | RunState::Diverged))
    };
    let left: Vec<&RunSpec> =
        specs.iter().filter(|(name, _)| !has_ended(name)).map(|(_, resolved)| &resolved.spec).collect();
    let (jobs, threads) = match left.first() {
        Some(first) => watcher.jobs(first, left.len())?,
        None => (1, 1),
    };
    let trainings = Trainings { root: &root, overrides, goes_on, watched, threads, repeats, watcher };
    let queue = Mutex::new(specs.into_iter().enumerate());
    let mut ended = trainings.train(&queue, jobs)?;
    ended.small_sort_by_key(|(number, ..)| *number);
    let mut outcome = Outcome::Finished;
    let mut ends = Vec::new();
    for (_, name, own, result) in ended {
        ends.push((name, result));
        outcome = outcome.or_worse(own);
    }
    Ok((outcome, summary(&ends, planned)))
}

/// A training that has ended: its number and name, how it counts, and its metrics or why it has none.
type EndedTraining = (usize, String, Outcome, Result<Metrics, String>);

/// What all trainings of a command have in common.
struct Trainings<'a> {
    root: &'a Path,
    overrides: &'a Overrides,
    goes_on: bool,
    watched: bool,
    threads: usize,
    repeats: Mutex<Repeats>,
    watcher: &'a dyn RepeatWatcher,
}

impl Trainings<'_> {
    /// Makes the trainings of `queue`, so many at a time.
    fn train<Q: Iterator<Item = (usize, (String, Resolved))> + Send>(
        &self,
        queue: &Mutex<Q>,
        jobs: usize,
    ) -> Result<Vec<EndedTraining>, ExperimentError> {
        let work = || {
            let ended = self.work(queue);
            if ended.is_err() {
                self.watcher.end();
            }
            ended
        };
        let ended: Vec<Result<Vec<EndedTraining>, ExperimentError>> = thread::scope(|scope| {
            let start = |_| thread::Builder::new().name("trainings".into()).spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..jobs).map_while(start).collect();
            let own = work();
            let lost = |_| Err(io::Error::other("a thread of the trainings was lost").into());
            let others = others.into_iter().map(|thread| thread.join().unwrap_or_else(lost));
            [own].into_iter().chain(others).collect()
        });
        Ok(ended.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Makes one training after another.
    fn work<Q: Iterator<Item = (usize, (String, Resolved))>>(
        &self,
        queue: &Mutex<Q>,
    ) -> Result<Vec<EndedTraining>, ExperimentError> {
        let repeats = || self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ended = Vec::new();
        while !self.watcher.is_ending() {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, (name, Resolved { spec, notes }))) = next else { break };
            let folder = self.root.join(&name);
            let start = match self.goes_on && has_run(&folder) && !owner::is_live(&folder) {
                true => go_on(&folder, &spec, self.overrides)?,
                false => Start::Train(Box::new(spec), notes, None),
            };
            let (claim, trained) = match start {
                Start::Ended(trained) => (None, trained),
                Start::Train(spec, notes, resume) => {
                    let claim = repeats().claim(&name)?;
                    let Claim::Mine(claim) = claim else {
                        let why = Err("another process trains it".to_owned());
                        ended.push((number, name, Outcome::Finished, why));
                        continue;
                    };
                    let (threads, watched) = (self.threads, self.watched);
                    let options = Options {
                        folder: Some(folder),
                        threads,
                        notes,
                        resume,
                        watched,
                        ..Options::default()
                    };
                    (Some(claim), self.watcher.follow(&name, Trainer::start(*spec, options)?)?)
                }
            };
            let (outcome, result) = result(trained);
            repeats().ended(&name, claim, &outcome)?;
            // The others would end in the same way.
            let ends_all = matches!(outcome, Outcome::Stopped | Outcome::Unusable(_));
            ended.push((number, name, outcome, result));
            if ends_all {
                self.watcher.end();
                break;
            }
        }
        Ok(ended)
    }
}

/// The trainings as a sweep.
fn definition(
    name: &str,
    repeat: &Repeat,
    overrides: &Overrides,
) -> Result<SweepDefinition, ExperimentError> {
    let base = preset::load(name, overrides)?.spec.tree().map_err(ExperimentError::Sweep)?;
    let (seeds, folds) = match repeat {
        Repeat::Seeds(seeds) => (Some((*seeds.start(), *seeds.end())), None),
        Repeat::Folds(folds) => (None, Some(*folds)),
    };
    Ok(SweepDefinition { seeds, folds, repeats: true, ..SweepDefinition::of(name, base) })
}

/// Checks that the run in `folder` is one of the preset `name`, and that this has not changed since the run was begun.
fn check_same(folder: &Path, name: &str, overrides: &Overrides) -> Result<(), ExperimentError> {
    let found = preset::load_run(&folder.join("spec.yaml"), &Overrides::default())?.spec;
    let given = preset::load(name, overrides)?.spec;
    if found.name == given.name {
        return check_preset(folder, name, overrides);
    }
    Err(ExperimentError::Unchangeable(format!(
        "{} contains a run of {}, not one of {}; choose another folder with --run",
        folder.display(),
        found.name,
        given.name
    )))
}

/// Checks that `root` contains nothing but runs of other seeds or folds, and that of the new ones there is none.
fn check_root<'n>(
    root: &Path,
    repeat: &Repeat,
    mut names: impl Iterator<Item = &'n str>,
) -> Result<(), RunError> {
    let is_run = |entry: &DirEntry| {
        let name = entry.file_name();
        if Sweep::owns(root, &name) {
            return true;
        }
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
