//! Which trial is trained next.

use std::collections::HashSet;
use std::time::Duration;

use super::folder::Sweep;
use super::state_files::{EndState, StateFiles, TrialFiles, TrialResult, Worker};
use crate::experiment::error::ExperimentError;
use crate::run::owner;

/// How long to wait while this process trains the last trials.
const OWN: Duration = Duration::from_millis(200);
/// How long to wait for trials of other processes.
const OTHERS: Duration = Duration::from_secs(2);

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Train this trial, claimed under this number, up to a comparison with others or to its end.
    Train {
        /// Its number.
        trial: usize,
        /// The number of the claim.
        claim: u32,
        /// The number of the comparison; `None` without any.
        rung: Option<u32>,
    },
    /// Look again after this time: other trials are training.
    Wait(Duration),
    /// All trials have ended.
    Done,
}

/// Chooses trials for the threads of a process.
#[derive(Debug)]
pub struct Scheduler<'s> {
    sweep: &'s Sweep,
    worker: Worker,
    files: StateFiles,
    /// The numbers of the trials that this process may train.
    mine: Vec<usize>,
    /// Of `mine`, the first that may not have ended.
    first: usize,
    /// The trials that this process trains now.
    own: HashSet<usize>,
    /// Those that failed before this process began, and are tried once more, or were tried.
    tried: HashSet<usize>,
}

impl<'s> Scheduler<'s> {
    /// For the trials `mine` of `sweep`.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn new(sweep: &'s Sweep, mine: Vec<usize>) -> Result<Self, ExperimentError> {
        let worker = Worker::join(&sweep.folder)?;
        let files = StateFiles::new(&sweep.folder);
        Ok(Self { sweep, worker, files, mine, first: 0, own: HashSet::new(), tried: HashSet::new() })
    }

    /// What to do next.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn next(&mut self) -> Result<Next, ExperimentError> {
        self.files.refresh()?;
        if let Some(halving) = self.sweep.definition.stop_losers {
            let values = self.rung_values();
            let may_go_on = |trial: usize, rung: u32| {
                let files = self.files.of(trial);
                files.end.is_none() && files.is_settled() && files.rungs.len() == rung as usize + 1
            };
            if let Some((trial, rung)) = halving.promoted(&values, may_go_on)
                && let Some(claim) = self.claim(trial)?
            {
                return Ok(Next::Train { trial, claim, rung: Some(rung + 1) });
            }
        }
        let mut is_training_elsewhere = false;
        let mut i = self.first;
        while let Some(trial) = self.mine.get(i).copied() {
            let files = self.files.of(trial);
            let has_ended = self.has_ended(trial, &files);
            if has_ended && i == self.first {
                self.first += 1;
            }
            i += 1;
            if has_ended || self.own.contains(&trial) || (self.is_halving() && Self::waits(&files)) {
                continue;
            }
            if self.files.is_training(trial) || owner::is_live(&self.run_folder(trial)) {
                is_training_elsewhere = true;
                continue;
            }
            if let Some(claim) = self.claim(trial)? {
                let rung = self.is_halving().then_some(files.rungs.len() as u32);
                return Ok(Next::Train { trial, claim, rung });
            }
            is_training_elsewhere = true;
        }
        Ok(match (self.own.is_empty(), is_training_elsewhere) {
            (false, _) => Next::Wait(OWN),
            (true, true) => Next::Wait(OTHERS),
            (true, false) => {
                self.stop_the_rest()?;
                Next::Done
            }
        })
    }

    fn is_halving(&self) -> bool {
        self.sweep.definition.stop_losers.is_some()
    }

    fn run_folder(&self, trial: usize) -> std::path::PathBuf {
        self.sweep.trials.get(trial).map(|trial| self.sweep.run_folder(trial)).unwrap_or_default()
    }

    /// Whether there is nothing left to train: one that failed is tried again once by a process that comes later.
    fn has_ended(&self, trial: usize, files: &TrialFiles) -> bool {
        match &files.end {
            Some(TrialResult { end: Some(EndState::Failed), .. }) => self.tried.contains(&trial),
            Some(_) => files.is_settled(),
            None => false,
        }
    }

    /// Whether `trial` has been compared, and has not begun to go on.
    fn waits(files: &TrialFiles) -> bool {
        files.is_settled() && !files.rungs.is_empty() && files.end.is_none()
    }

    fn claim(&mut self, trial: usize) -> Result<Option<u32>, ExperimentError> {
        let claim = self.files.claim(trial, &self.worker)?;
        if claim.is_some() {
            self.own.insert(trial);
            self.tried.insert(trial);
        }
        Ok(claim)
    }

    /// The results of each comparison, smaller being better.
    fn rung_values(&self) -> Vec<Vec<(usize, Option<f64>)>> {
        let mut values: Vec<Vec<(usize, Option<f64>)>> = Vec::new();
        for trial in 0..self.sweep.trials.len() {
            for (rung, result) in self.files.of(trial).rungs.iter().enumerate() {
                if values.len() <= rung {
                    values.push(Vec::new());
                }
                if let Some(results) = values.get_mut(rung) {
                    results.push((trial, result.cost()));
                }
            }
        }
        values
    }

    /// Ends the trials that were compared and do not go on.
    fn stop_the_rest(&mut self) -> Result<(), ExperimentError> {
        for trial in self.mine.clone() {
            let files = self.files.of(trial);
            if !self.is_halving() || !Self::waits(&files) {
                continue;
            }
            if let Some(last) = files.rungs.last() {
                let reason = "others were better after as much training".to_owned();
                let end = TrialResult { end: Some(EndState::Stopped), reason, ..last.clone() };
                self.files.write(trial, None, end)?;
            }
        }
        Ok(())
    }

    /// How `trial` has ended; `None` if it has not.
    pub fn end(&self, trial: usize) -> Option<EndState> {
        self.files.of(trial).end?.end
    }

    /// The training of `trial` has ended, with a result if it was not interrupted.
    ///
    /// # Errors
    /// If the result cannot be written.
    pub fn ended(
        &mut self,
        trial: usize,
        rung: Option<u32>,
        result: Option<TrialResult>,
    ) -> Result<(), ExperimentError> {
        self.own.remove(&trial);
        match result {
            // What ended for good was compared as well, where others are.
            Some(result) if result.end.is_some() => {
                let compared = rung.filter(|_| result.end != Some(EndState::Failed));
                if let Some(rung) = compared {
                    self.files.write(
                        trial,
                        Some(rung as usize),
                        TrialResult { end: None, ..result.clone() },
                    )?;
                }
                self.files.write(trial, None, result)
            }
            Some(result) => self.files.write(trial, rung.map(|rung| rung as usize), result),
            None => Ok(()),
        }
    }
}
