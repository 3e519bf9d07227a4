//! The state of a sweep for who watches it: what has changed is read again, and nothing else.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::definition::Trial;
use super::folder::Sweep;
use super::state_files::{StateFiles, TrialFiles};
use super::status::SweepStatus;
use crate::experiment::error::ExperimentError;
use crate::experiment::start::has_run;
use crate::run::owner::{self, Owner};
use crate::run::{RunError, RunState};
use crate::runs::{self, Run};

/// How often all runs are listed, also those that nobody trains as far as the state of the sweep says: one may have been resumed by hand.
const LIST_EVERY: Duration = Duration::from_secs(60);
/// The files of a run that change while it is trained.
const CHANGING: [&str; 3] = ["owner.json", "metrics.jsonl", "frames.bin"];

/// Size and time of each of the [`CHANGING`] files.
type Stamp = [Option<(u64, SystemTime)>; CHANGING.len()];

/// A sweep that is read again and again.
///
/// Of a sweep of which nothing is being trained, a reading lists the folder `state`. Of each trial that is being trained, or that ended since,
/// the run is read if its files have changed.
#[derive(Debug)]
pub struct SweepReader {
    sweep: Sweep,
    files: StateFiles,
    /// By the numbers of the trials.
    known: Vec<Known>,
    runs: HashMap<usize, Run>,
    /// When all runs were listed last.
    listed: Option<Instant>,
    status: SweepStatus,
    hosts: Vec<String>,
}

/// What was known of a trial when it was read last.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    files: TrialFiles,
    is_training: bool,
    stamp: Stamp,
}

impl SweepReader {
    /// Reads the state of `sweep` for the first time.
    ///
    /// # Errors
    /// If its folder cannot be read.
    pub fn new(sweep: Sweep) -> Result<Self, ExperimentError> {
        let files = StateFiles::new(&sweep.folder);
        let mut reader = Self {
            known: vec![Known::default(); sweep.trials.len()],
            runs: HashMap::new(),
            listed: None,
            status: SweepStatus::of(&sweep, &files, |_| None),
            hosts: Vec::new(),
            files,
            sweep,
        };
        reader.read()?;
        Ok(reader)
    }

    /// Reads what has changed since; returns whether anything has.
    ///
    /// # Errors
    /// If the folder of the sweep cannot be read.
    pub fn read(&mut self) -> Result<bool, ExperimentError> {
        self.files.refresh()?;
        let is_first = self.listed.is_none();
        let mut is_new = is_first;
        if self.listed.is_none_or(|listed| listed.elapsed() >= LIST_EVERY) {
            is_new |= self.list()?;
            self.listed = Some(Instant::now());
        }
        for trial in &self.sweep.trials {
            let number = trial.trial;
            let Some(known) = self.known.get_mut(number) else { continue };
            let files = self.files.of(number);
            let is_live = self.runs.get(&number).is_some_and(|run| run.state == RunState::Live);
            if files.is_settled() && !is_live && files == known.files {
                continue;
            }
            let folder = self.sweep.run_folder(trial);
            let is_training = self.files.is_training(number) || (is_live && owner::is_live(&folder));
            let found = Known { files, is_training, stamp: stamp(&folder) };
            if *known == found {
                continue;
            }
            *known = found;
            is_new = true;
            // All have just been listed.
            if !is_first && has_run(&folder) {
                self.runs.insert(number, runs::open(&folder, &trial.name()));
            }
        }
        let hosts = hosts(&self.sweep.folder.join("workers"));
        if is_new {
            self.status = SweepStatus::of(&self.sweep, &self.files, |trial| self.runs.get(&trial.trial));
        }
        is_new |= hosts != self.hosts;
        self.hosts = hosts;
        Ok(is_new)
    }

    /// Lists all runs; returns whether one has changed.
    fn list(&mut self) -> Result<bool, RunError> {
        let folders = self.sweep.trials.iter().map(|trial| (self.sweep.run_folder(trial), trial.trial));
        let numbers: HashMap<PathBuf, usize> = folders.collect();
        let runs = Some(self.sweep.runs_folder()).filter(|folder| folder.is_dir());
        let listed = runs.map(|folder| runs::list(&folder)).transpose()?.unwrap_or_default();
        let mut is_new = false;
        for run in listed {
            let Some(number) = numbers.get(&run.path) else { continue };
            is_new |= self.runs.get(number) != Some(&run);
            self.runs.insert(*number, run);
        }
        Ok(is_new)
    }

    /// The sweep.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// Its state when it was read last.
    pub fn status(&self) -> &SweepStatus {
        &self.status
    }

    /// The run of a trial, if it has begun.
    pub fn run(&self, trial: &Trial) -> Option<&Run> {
        self.runs.get(&trial.trial)
    }

    /// The host of each process that is at work, in alphabetical order.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// When the first trial began, if one has.
    pub fn began(&self) -> Option<SystemTime> {
        self.runs.values().map(|run| run.started).min()
    }

    /// When a trial was last begun or ended, if one was.
    pub fn changed(&self) -> Option<SystemTime> {
        fs::metadata(self.sweep.folder.join("state")).and_then(|folder| folder.modified()).ok()
    }
}

fn stamp(run: &Path) -> Stamp {
    CHANGING.map(|name| {
        let file = fs::metadata(run.join(name)).ok()?;
        Some((file.len(), file.modified().ok()?))
    })
}

/// The host of each process in the folder `workers` that is alive.
fn hosts(workers: &Path) -> Vec<String> {
    let entries = fs::read_dir(workers).into_iter().flatten().filter_map(Result::ok);
    let live = entries.map(|entry| entry.path()).filter(|path| owner::is_live(path));
    let mut hosts: Vec<String> = live.filter_map(|path| Owner::read(&path)).map(|owner| owner.host).collect();
    hosts.sort_unstable();
    hosts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::experiment::sweep::TrialState;
    use crate::experiment::sweep::state_files::Worker;
    use crate::preset::{self, Overrides};

    fn sweep(folder: &Path) -> Sweep {
        let spec = preset::load("word-order", &Overrides::default()).unwrap().spec;
        let grid = ["model.1.units=2,3,4"];
        let definition =
            json!({ "version": "", "preset": "word-order", "grid": grid, "base": spec.tree().unwrap() });
        let definition = serde_json::from_value(definition).unwrap();
        Sweep::create(Some(folder.join("s")), "s", definition).unwrap()
    }

    #[test]
    fn it_sees_what_processes_begin_and_end_and_is_quiet_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let mut reader = SweepReader::new(sweep(dir.path())).unwrap();
        let states =
            |reader: &SweepReader| reader.status().trials.iter().map(|trial| trial.state).collect::<Vec<_>>();
        assert_eq!(states(&reader), [TrialState::Waiting; 3]);
        assert!(!reader.read().unwrap(), "nothing has changed");
        let folder = reader.sweep().folder.clone();
        let worker = Worker::join(&folder).unwrap();
        assert!(reader.read().unwrap() && reader.hosts().len() == 1);
        let mut files = StateFiles::new(&folder);
        let claim = files.claim(1, &worker).unwrap().unwrap();
        assert!(reader.read().unwrap());
        assert_eq!(states(&reader), [TrialState::Waiting, TrialState::Running, TrialState::Waiting]);
        assert!(!reader.read().unwrap());
        let result = json!({
            "end": "finished", "claim": claim, "epochs": 1, "steps": 10, "seconds": 0.5, "metric": "val_loss", "value": 0.25,
            "higher_is_better": false,
        });
        let result = serde_json::from_value(result).unwrap();
        files.write(1, None, result).unwrap();
        assert!(reader.read().unwrap());
        assert_eq!(states(&reader)[1], TrialState::Finished);
        // A second one is claimed, and its process dies.
        files.claim(2, &worker).unwrap().unwrap();
        assert!(reader.read().unwrap());
        assert_eq!(states(&reader)[2], TrialState::Running);
        drop(worker);
        assert!(reader.read().unwrap());
        assert_eq!(states(&reader)[2], TrialState::Waiting, "it has no run to go on from");
        assert!(reader.hosts().is_empty() && !reader.read().unwrap());
    }
}
