//! The files of a sweep's state: who trains which trial, what comparisons found, how trials ended.
//!
//! ```text
//! workers/HOST-PID-START/    a process that trains trials, alive as long as its owner.json says
//! state/0007.claim-1         the process that trains trial 7; a later number takes over from one that is dead
//! state/0007.rung-0.json     the result at the first comparison with other trials
//! state/0007.end.json        how it ended
//! ```
//! A claim is made by creating its file, which of several processes, on any hosts of a shared file system, one alone can do.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::experiment::error::ExperimentError;
use crate::metrics::Metrics;
use crate::run::{RunError, owner};
use crate::sort::SmallSort as _;

/// How a trial has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// All of its epochs, or early stopping.
    Finished,
    /// It was worse than others, or stopped by a user.
    Stopped,
    /// A loss, gradient or weight was not finite.
    Diverged,
    /// Anything else.
    Failed,
}

/// How a trial has ended, or what a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// How it ended; `None` at a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<EndState>,
    /// Why, where it is no success.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The number of its claim.
    pub claim: u32,
    /// Epochs that have ended.
    pub epochs: u64,
    /// Steps made.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The monitored metric.
    pub metric: String,
    /// Its best value up to here; `None` if it was not measured.
    pub value: Option<f64>,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// All metrics of the evaluation with that value.
    #[serde(default, skip_serializing_if = "Metrics::is_empty")]
    pub metrics: Metrics,
}

impl TrialResult {
    /// The value as one of which less is better.
    pub fn cost(&self) -> Option<f64> {
        self.value.map(|value| if self.higher_is_better { -value } else { value })
    }
}

/// What is known of a trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrialFiles {
    /// The number of its latest claim; 0 without one.
    pub claim: u32,
    /// The comparisons, in order.
    pub rungs: Vec<TrialResult>,
    /// Its end.
    pub end: Option<TrialResult>,
}

impl TrialFiles {
    /// Whether the latest claim has led to a result, and so nobody trains it.
    pub fn is_settled(&self) -> bool {
        let results = self.rungs.iter().chain(&self.end);
        self.claim == 0 || results.map(|result| result.claim).max() == Some(self.claim)
    }
}

/// The state of all trials of a sweep, read again and again.
#[derive(Debug)]
pub struct StateFiles {
    folder: PathBuf,
    workers: PathBuf,
    trials: HashMap<usize, TrialFiles>,
}

/// The state in a file name: the trial, and what it is.
enum Name {
    Claim(u32),
    Rung(usize),
    End,
}

fn parse_name(name: &str) -> Option<(usize, Name)> {
    let (trial, what) = name.split_once('.')?;
    let what = match what {
        "end.json" => Name::End,
        _ if what.starts_with("claim-") => Name::Claim(what.strip_prefix("claim-")?.parse().ok()?),
        _ => Name::Rung(what.strip_prefix("rung-")?.strip_suffix(".json")?.parse().ok()?),
    };
    Some((trial.parse().ok()?, what))
}

impl StateFiles {
    /// Of the sweep in the folder `sweep`.
    pub fn new(sweep: &Path) -> Self {
        Self { folder: sweep.join("state"), workers: sweep.join("workers"), trials: HashMap::new() }
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn refresh(&mut self) -> Result<(), ExperimentError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| list_error(&self.folder, error))?,
        };
        let mut claims: HashMap<usize, u32> = HashMap::new();
        let mut results = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| list_error(&self.folder, error))?;
            let name = entry.file_name();
            match name.to_str().and_then(parse_name) {
                Some((trial, Name::Claim(number))) => {
                    let latest = claims.entry(trial).or_default();
                    *latest = number.max(*latest);
                }
                Some((trial, Name::Rung(rung))) => {
                    let known = self.trials.get(&trial).map_or(0, |files| files.rungs.len());
                    if rung >= known {
                        results.push((trial, Some(rung), entry.path()));
                    }
                }
                Some((trial, Name::End)) => results.push((trial, None, entry.path())),
                None => {}
            }
        }
        for (trial, claim) in claims {
            self.trials.entry(trial).or_default().claim = claim;
        }
        results.small_sort_by_key(|(trial, rung, _)| (*trial, rung.is_none(), *rung));
        for (trial, rung, path) in results {
            let files = self.trials.entry(trial).or_default();
            // An end that was known may have been replaced: the trial failed, and was trained again.
            let is_known = files.end.as_ref().is_some_and(|end| end.claim == files.claim);
            if rung.is_none() && is_known {
                continue;
            }
            let read =
                fs::read(&path).ok().and_then(|json| serde_json::from_slice::<TrialResult>(&json).ok());
            match (rung, read) {
                (Some(rung), Some(result)) if rung == files.rungs.len() => files.rungs.push(result),
                (None, Some(result)) => files.end = Some(result),
                // Damaged: it is as if it had not been reached.
                _ => {}
            }
        }
        Ok(())
    }

    /// What is known of `trial`.
    pub fn of(&self, trial: usize) -> TrialFiles {
        self.trials.get(&trial).cloned().unwrap_or_default()
    }

    /// Whether a process that is alive trains `trial`.
    pub fn is_training(&self, trial: usize) -> bool {
        let Some(files) = self.trials.get(&trial).filter(|files| !files.is_settled()) else { return false };
        let worker = fs::read_to_string(self.claim_path(trial, files.claim)).unwrap_or_default();
        let worker = worker.trim();
        // One line without separators, or it is no name.
        !worker.is_empty() && !worker.contains('/') && owner::is_live(&self.workers.join(worker))
    }

    fn claim_path(&self, trial: usize, number: u32) -> PathBuf {
        self.folder.join(format!("{trial:04}.claim-{number}"))
    }

    /// Claims `trial` for `worker`; returns the number of the claim, or `None` if another process was faster.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn claim(&mut self, trial: usize, worker: &Worker) -> Result<Option<u32>, ExperimentError> {
        let number = self.of(trial).claim + 1;
        let path = self.claim_path(trial, number);
        // The name is there when the file is: it is written under another name, and linked.
        let own = self.folder.join(format!("{trial:04}.new-{}", worker.name));
        let written = File::create(&own).and_then(|mut file| writeln!(file, "{}", worker.name));
        let linked = written.and_then(|()| fs::hard_link(&own, &path));
        // A file system without links.
        let linked = match linked {
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                File::create_new(&path).and_then(|mut file| writeln!(file, "{}", worker.name))
            }
            linked => linked,
        };
        let _ = fs::remove_file(&own);
        match linked {
            Ok(()) => {
                self.trials.entry(trial).or_default().claim = number;
                Ok(Some(number))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(source) => Err(RunError::Io { action: "create", path, source }.into()),
        }
    }

    /// Writes the result of `trial` at the comparison `rung`, or at its end.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(
        &mut self,
        trial: usize,
        rung: Option<usize>,
        result: TrialResult,
    ) -> Result<(), ExperimentError> {
        let name = rung
            .map_or_else(|| format!("{trial:04}.end.json"), |rung| format!("{trial:04}.rung-{rung}.json"));
        let json = serde_json::to_vec(&result)
            .map_err(|error| ExperimentError::Sweep(format!("{name} cannot be written: {error}")))?;
        durable::write(&self.folder.join(name), &json).map_err(RunError::from)?;
        let files = self.trials.entry(trial).or_default();
        match rung {
            Some(_) => files.rungs.push(result),
            None => files.end = Some(result),
        }
        Ok(())
    }
}

fn list_error(path: &Path, source: std::io::Error) -> ExperimentError {
    RunError::Io { action: "list", path: path.to_owned(), source }.into()
}

/// This process as one that trains trials of a sweep; alive until it is dropped, or the process ends.
#[derive(Debug)]
pub struct Worker {
    name: String,
    _membership: owner::Membership,
}

impl Worker {
    /// Joins the sweep in the folder `sweep`.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn join(sweep: &Path) -> Result<Self, ExperimentError> {
        for folder in ["state", "workers"] {
            let path = sweep.join(folder);
            fs::create_dir_all(&path).map_err(|source| RunError::Io { action: "create", path, source })?;
        }
        let workers = sweep.join("workers");
        forget_dead(&workers);
        let membership = owner::join(&workers)?;
        Ok(Self { name: membership.name().to_owned(), _membership: membership })
    }
}

/// Removes the folders of processes that have died; one that has just been made has no owner yet.
fn forget_dead(workers: &Path) {
    let entries = fs::read_dir(workers).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        if owner::Owner::read(&path).is_some() && !owner::is_live(&path) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(claim: u32, end: Option<EndState>) -> TrialResult {
        TrialResult {
            end,
            reason: String::new(),
            claim,
            epochs: 1,
            steps: 10,
            seconds: 0.5,
            metric: "val_loss".into(),
            value: Some(0.25),
            higher_is_better: false,
            metrics: Metrics::default(),
        }
    }

    #[test]
    fn of_several_processes_one_claims_a_trial_and_a_dead_one_is_followed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Worker::join(dir.path()).unwrap(), Worker::join(dir.path()).unwrap());
        let (mut first, mut second) = (StateFiles::new(dir.path()), StateFiles::new(dir.path()));
        assert_eq!(first.claim(7, &one).unwrap(), Some(1));
        assert_eq!(second.claim(7, &other).unwrap(), None, "it did not know");
        second.refresh().unwrap();
        assert!(second.is_training(7) && !second.is_training(8));
        drop(one);
        assert!(!second.is_training(7), "the process has ended");
        first.refresh().unwrap();
        assert_eq!(second.claim(7, &other).unwrap(), Some(2));
        assert_eq!(first.claim(7, &other).unwrap(), None, "one takes over");
    }

    #[test]
    fn results_are_seen_by_other_processes_and_settle_a_claim() {
        let dir = tempfile::tempdir().unwrap();
        let worker = Worker::join(dir.path()).unwrap();
        let (mut first, mut second) = (StateFiles::new(dir.path()), StateFiles::new(dir.path()));
        let claim = first.claim(3, &worker).unwrap().unwrap();
        first.write(3, Some(0), result(claim, None)).unwrap();
        second.refresh().unwrap();
        assert!(second.of(3).is_settled() && !second.is_training(3));
        assert_eq!(second.of(3).rungs, [result(1, None)]);
        let claim = second.claim(3, &worker).unwrap().unwrap();
        first.refresh().unwrap();
        assert!(first.is_training(3), "it goes on after the comparison");
        second.write(3, None, result(claim, Some(EndState::Failed))).unwrap();
        first.refresh().unwrap();
        assert_eq!(first.of(3).end, Some(result(2, Some(EndState::Failed))));
        // Trained again, and its end replaced.
        let claim = first.claim(3, &worker).unwrap().unwrap();
        first.write(3, None, result(claim, Some(EndState::Finished))).unwrap();
        second.refresh().unwrap();
        assert_eq!(second.of(3).end, Some(result(3, Some(EndState::Finished))));
    }

    #[test]
    fn foreign_and_damaged_files_are_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let _worker = Worker::join(dir.path()).unwrap();
        let mut files = StateFiles::new(dir.path());
        for (name, content) in [
            ("0001.end.json", "{"),
            ("0002.rung-1.json", "{}"),
            ("notes.txt", ""),
            ("0003.claim-x", ""),
            ("0004.claim-1", "../../etc\n"),
        ] {
            fs::write(dir.path().join("state").join(name), content).unwrap();
        }
        files.refresh().unwrap();
        assert_eq!(files.of(1), TrialFiles::default());
        assert_eq!(files.of(2), TrialFiles::default());
        assert_eq!(files.of(3), TrialFiles::default());
        assert!(!files.is_training(4));
    }
}
