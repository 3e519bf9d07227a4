//! The folder of a sweep.
//!
//! ```text
//! sweep.yaml      what it trains, with the resolved settings of the preset
//! trials.jsonl    its trials, a function of that
//! trials/0007/    the run of a trial
//! state/, workers/  who trains what, and how it ended (state_files.rs)
//! ```

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::definition::{DEFINITION, MAX_TRIALS, OWN, SweepDefinition, TRIALS, Trial};
use crate::durable;
use crate::experiment::error::ExperimentError;
use crate::preset::{from_yaml, to_yaml};
use crate::run::{self, RunError};

/// A sweep in its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The folder.
    pub folder: PathBuf,
    /// What it trains.
    pub definition: SweepDefinition,
    /// Its trials, by their numbers.
    pub trials: Vec<Trial>,
}

impl Sweep {
    /// Makes the folder of a sweep, by default one in `runs/` with `name` in its name. All specs are checked before.
    ///
    /// # Errors
    /// If a setting is wrong, there are too many trials, or the folder contains something.
    pub fn create(
        folder: Option<PathBuf>,
        name: &str,
        definition: SweepDefinition,
    ) -> Result<Self, ExperimentError> {
        match definition.count() {
            Some(1..=MAX_TRIALS) => {}
            count => {
                let found = count.map_or("too many".to_owned(), |count| count.to_string());
                return Err(ExperimentError::Sweep(format!(
                    "found {found} trials; expected 1 to {MAX_TRIALS}; --random N draws some of them"
                )));
            }
        }
        let trials = definition.trials();
        definition.check(&trials)?;
        let folder = match folder {
            Some(folder) if Self::is_in(&folder) => {
                return Err(ExperimentError::Sweep(format!(
                    "{0} contains a sweep; `unrolled sweep run {0}` goes on with it, --run chooses another folder",
                    folder.display()
                )));
            }
            Some(folder) => {
                run::check_empty(&folder)?;
                folder
            }
            None => run::create_run_dir(Path::new("runs"), &format!("{name}-sweep"), SystemTime::now())?,
        };
        let sweep = Self { folder, definition, trials };
        sweep.rewrite()?;
        Ok(sweep)
    }

    /// Makes a sweep in `folder`, without any check.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub(super) fn write_new(folder: &Path, definition: SweepDefinition) -> Result<Self, ExperimentError> {
        let sweep = Self { folder: folder.to_owned(), trials: definition.trials(), definition };
        sweep.rewrite()?;
        Ok(sweep)
    }

    /// Writes trials and definition, which more seeds may have joined.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub(super) fn rewrite(&self) -> Result<(), ExperimentError> {
        let create = |source| RunError::Io { action: "create", path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(create)?;
        // A definition without its trials is completed; trials without their definition are no sweep.
        self.write_trials()?;
        self.write_definition()
    }

    /// Whether there is a sweep in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(DEFINITION).is_file()
    }

    /// Whether `name` is what the sweep in `folder` has there besides its runs: its files, and screenshots.
    pub fn owns(folder: &Path, name: &OsStr) -> bool {
        let is_picture = |name: &str| {
            name.strip_prefix("screen").is_some_and(|rest| rest.ends_with(".svg") || rest.ends_with(".txt"))
        };
        let is_own = name.to_str().is_some_and(|name| OWN.contains(&name) || is_picture(name));
        is_own && Self::is_in(folder)
    }

    /// Opens the sweep in `folder`, which is to be that of `definition`, whatever version and jobs it was made with.
    ///
    /// # Errors
    /// If it is another, or its files are damaged.
    pub fn open_same(folder: &Path, definition: &SweepDefinition) -> Result<Self, ExperimentError> {
        let sweep = Self::open(folder)?;
        let found = &sweep.definition;
        let as_found = SweepDefinition {
            version: found.version.clone(),
            preset: found.preset.clone(),
            slurm: found.slurm.clone(),
            directory: found.directory.clone(),
            ..definition.clone()
        };
        // As it is written: numbers have other types before.
        let yaml = |definition: &SweepDefinition| to_yaml(definition).map_err(ExperimentError::Sweep);
        // Relative paths may be others elsewhere.
        let is_here = found.directory == definition.directory;
        let same_spec =
            |trial: &Trial| Ok(is_here || found.spec(trial)?.spec == definition.spec(trial)?.spec);
        let mut specs = sweep.trials.iter().map(same_spec);
        match yaml(&as_found)? == yaml(found)?
            && specs.try_fold(true, |all, same: Result<bool, ExperimentError>| {
                Ok::<_, ExperimentError>(all && same?)
            })? {
            true => Ok(sweep),
            false => Err(ExperimentError::Sweep(format!(
                "{} contains another sweep, or one of a preset that has been edited; choose another folder with --run",
                folder.display()
            ))),
        }
    }

    fn write_trials(&self) -> Result<(), ExperimentError> {
        let mut lines = String::new();
        for trial in &self.trials {
            lines +=
                &serde_json::to_string(trial).map_err(|error| ExperimentError::Sweep(error.to_string()))?;
            lines.push('\n');
        }
        self.write(TRIALS, &lines)
    }

    /// Writes `sweep.yaml`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_definition(&self) -> Result<(), ExperimentError> {
        let head =
            "# A sweep of unrolled: `unrolled sweep status` shows it, `unrolled help sweeps` explains it.\n";
        let yaml = to_yaml(&self.definition).map_err(ExperimentError::Sweep)?;
        self.write(DEFINITION, &(head.to_owned() + &yaml))
    }

    /// Writes a text into the folder, durably.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), ExperimentError> {
        Ok(durable::write(&self.folder.join(name), text.as_bytes()).map_err(RunError::from)?)
    }

    /// Opens the sweep in `folder`.
    ///
    /// # Errors
    /// If there is none, or its files are damaged.
    pub fn open(folder: &Path) -> Result<Self, ExperimentError> {
        let path = folder.join(DEFINITION);
        let Ok(text) = fs::read_to_string(&path) else {
            return Err(ExperimentError::Sweep(format!(
                "{}: no sweep; expected a folder that `unrolled sweep PRESET …` has made",
                folder.display()
            )));
        };
        let definition: SweepDefinition = from_yaml(&path.to_string_lossy(), &text)?;
        definition.check_networks()?;
        let path = folder.join(TRIALS);
        let lines = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let sweep = Self { folder: folder.to_owned(), trials: definition.trials(), definition };
                sweep.write_trials()?;
                return Ok(sweep);
            }
            lines => lines.map_err(|source| RunError::Io { action: "read", path: path.clone(), source })?,
        };
        let damaged = |line: usize, what: &dyn std::fmt::Display| {
            ExperimentError::Sweep(format!(
                "{}:{line}: {what}; remove the file, and it is written again from {DEFINITION}",
                path.display()
            ))
        };
        let mut trials: Vec<Trial> = Vec::new();
        for (i, line) in lines.lines().enumerate() {
            let trial: Trial = serde_json::from_str(line).map_err(|error| damaged(i + 1, &error))?;
            if trial.trial != i {
                return Err(damaged(i + 1, &format!("found trial {}, expected {i}", trial.trial)));
            }
            trials.push(trial);
        }
        if definition.count() != Some(trials.len()) {
            let expected = definition.count().unwrap_or_default();
            return Err(damaged(
                trials.len(),
                &format!("found {} trials, expected {expected}", trials.len()),
            ));
        }
        Ok(Self { folder: folder.to_owned(), definition, trials })
    }

    /// The folder of the run of `trial`.
    pub fn run_folder(&self, trial: &Trial) -> PathBuf {
        self.runs_folder().join(self.run_name(trial))
    }

    /// The folder of all runs.
    pub fn runs_folder(&self) -> PathBuf {
        match self.definition.repeats {
            true => self.folder.clone(),
            false => self.folder.join("trials"),
        }
    }

    /// The name of the folder of the run of `trial`: `0007`, or `seed-7`, `fold-7` and `NETWORK/seed-7` of a sweep that varies nothing
    /// else.
    pub fn run_name(&self, trial: &Trial) -> String {
        if !self.definition.repeats {
            return trial.name();
        }
        let name = match (trial.seed, trial.fold) {
            (Some(seed), _) => format!("seed-{seed}"),
            (None, Some(fold)) => format!("fold-{fold}"),
            (None, None) => trial.name(),
        };
        match self.definition.network(trial) {
            Some(network) => format!("{}/{name}", network.name),
            None => name,
        }
    }

    /// The names of the folders of runs that are there: those of trials that have begun, maybe with others.
    pub(super) fn begun(&self) -> HashSet<String> {
        let runs = self.runs_folder();
        let names = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            entries.filter_map(|entry| entry.file_name().into_string().ok())
        };
        match self.definition.repeats && !self.definition.networks.is_empty() {
            true => {
                let networks = self.definition.networks.iter().map(|network| &network.name);
                let of = |network: &String| {
                    names(runs.join(network)).map(|name| format!("{network}/{name}")).collect::<Vec<_>>()
                };
                networks.flat_map(of).collect()
            }
            false => names(runs).collect(),
        }
    }

    /// Checks that the trials can be trained one by one.
    ///
    /// # Errors
    /// For a race by time.
    pub fn check_separable(&self) -> Result<(), ExperimentError> {
        if !self.definition.by_time {
            return Ok(());
        }
        Err(ExperimentError::Sweep(format!(
            "{} is a race by time: its networks are measured while they take turns, and one alone cannot be given as much time; \
             `unrolled race … --by time` with another --run repeats it",
            self.folder.display()
        )))
    }
}
