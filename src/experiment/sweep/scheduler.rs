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
    /// The trials of each combination of settings.
    combinations: Vec<Vec<usize>>,
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
        let mut combinations: Vec<Vec<usize>> = Vec::new();
        for trial in &sweep.trials {
            if combinations.len() <= trial.combination {
                combinations.resize(trial.combination + 1, Vec::new());
            }
            if let Some(trials) = combinations.get_mut(trial.combination) {
                trials.push(trial.trial);
            }
        }
        Ok(Self {
            sweep,
            worker,
            files,
            combinations,
            mine,
            first: 0,
            own: HashSet::new(),
            tried: HashSet::new(),
        })
    }

    /// What to do next.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn next(&mut self) -> Result<Next, ExperimentError> {
        self.files.refresh()?;
        if let Some(halving) = self.sweep.definition.stop_losers {
            let values = self.rung_values();
            let waiting = |combination: usize, rung: u32| {
                let mut trials = self.combinations.get(combination).into_iter().flatten().copied();
                trials.find(|trial| {
                    let files = self.files.of(*trial);
                    files.end.is_none() && files.is_settled() && files.rungs.len() == rung as usize + 1
                })
            };
            let promoted =
                halving.promoted(&values, |combination, rung| waiting(combination, rung).is_some());
            let promoted = promoted.and_then(|(combination, rung)| Some((waiting(combination, rung)?, rung)));
            let promoted = self.behind().or(promoted);
            if let Some((trial, rung)) = promoted
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

    /// A trial that waits after a comparison from which another seed or fold of its combination has gone on: a better combination that comes
    /// later does not stop the half of one. Also the number of the comparison.
    fn behind(&self) -> Option<(usize, u32)> {
        self.combinations.iter().find_map(|trials| {
            let files: Vec<TrialFiles> = trials.iter().map(|trial| self.files.of(*trial)).collect();
            let has_diverged = |files: &TrialFiles| {
                files.end.as_ref().is_some_and(|end| end.end == Some(EndState::Diverged))
            };
            if files.iter().any(has_diverged) {
                return None;
            }
            let begun = |files: &TrialFiles| files.rungs.len() + usize::from(!files.is_settled());
            let furthest = files.iter().map(begun).max()?;
            let mut waiting = trials.iter().zip(&files).filter(|(_, files)| Self::waits(files));
            let (trial, files) = waiting.find(|(_, files)| files.rungs.len() < furthest)?;
            Some((*trial, (files.rungs.len() - 1) as u32))
        })
    }

    fn claim(&mut self, trial: usize) -> Result<Option<u32>, ExperimentError> {
        let claim = self.files.claim(trial, &self.worker)?;
        if claim.is_some() {
            self.own.insert(trial);
            self.tried.insert(trial);
        }
        Ok(claim)
    }

    /// The results of each comparison by combination of settings, smaller being better: the means over seeds and folds, once all of them have
    /// come to it. One that has finished before counts with what it has reached, one that failed does not; one that diverged makes its
    /// combination diverge.
    fn rung_values(&self) -> Vec<Vec<(usize, Option<f64>)>> {
        let mut values: Vec<Vec<(usize, Option<f64>)>> = Vec::new();
        for (combination, trials) in self.combinations.iter().enumerate() {
            let files: Vec<TrialFiles> = trials.iter().map(|trial| self.files.of(*trial)).collect();
            let has_ended =
                |files: &TrialFiles, how| files.end.as_ref().is_some_and(|end| end.end == Some(how));
            let result = |files: &'_ TrialFiles, rung: usize| {
                let last = files.rungs.last().filter(|_| has_ended(files, EndState::Finished));
                files.rungs.get(rung).or(last).cloned()
            };
            for rung in 0..files.iter().map(|files| files.rungs.len()).max().unwrap_or(0) {
                let counted = files
                    .iter()
                    .filter(|files| files.rungs.len() > rung || !has_ended(files, EndState::Failed));
                let results: Option<Vec<TrialResult>> = counted.map(|files| result(files, rung)).collect();
                let Some(results) = results.filter(|results| !results.is_empty()) else { break };
                let costs: Option<Vec<f64>> = results.iter().map(|result| result.cost()).collect();
                let mean = costs.map(|costs| costs.iter().sum::<f64>() / costs.len() as f64);
                if values.len() <= rung {
                    values.push(Vec::new());
                }
                if let Some(results) = values.get_mut(rung) {
                    results.push((combination, mean));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::sweep::definition::SweepDefinition;
    use crate::experiment::sweep::halving::{Amount, Halving};
    use crate::metrics::Metrics;
    use crate::preset::{self, Overrides};

    /// Three settings with two seeds each: trials 0 and 1, 2 and 3, 4 and 5.
    fn sweep(folder: &std::path::Path) -> Sweep {
        let base = preset::load("word-order", &Overrides::default()).unwrap().spec.tree().unwrap();
        let definition = SweepDefinition {
            grid: vec!["model.1.units=2,3,4".parse().unwrap()],
            seeds: Some((1, 2)),
            stop_losers: Some(Halving { first: Amount::Epochs(1), factor: 3 }),
            ..SweepDefinition::of("word-order", base)
        };
        Sweep::write_new(folder, definition).unwrap()
    }

    fn result(claim: u32, end: Option<EndState>, value: Option<f64>) -> TrialResult {
        TrialResult {
            end,
            reason: String::new(),
            claim,
            epochs: 1,
            steps: 10,
            seconds: 0.5,
            metric: "val_loss".into(),
            value,
            higher_is_better: false,
            metrics: Metrics::default(),
        }
    }

    /// The next trial, and the comparison that it trains up to.
    fn next(scheduler: &mut Scheduler<'_>) -> Option<(usize, u32, u32)> {
        match scheduler.next().unwrap() {
            Next::Train { trial, claim, rung } => Some((trial, claim, rung.unwrap())),
            Next::Wait(_) | Next::Done => None,
        }
    }

    /// Trains the next trial, which is to be `expected`, up to its comparison with `value`.
    fn reach(scheduler: &mut Scheduler<'_>, expected: (usize, u32), value: f64) {
        let (trial, claim, rung) = next(scheduler).unwrap();
        assert_eq!((trial, rung), expected);
        scheduler.ended(trial, Some(rung), Some(result(claim, None, Some(value)))).unwrap();
    }

    #[test]
    fn settings_are_compared_by_the_mean_of_their_seeds() {
        let dir = tempfile::tempdir().unwrap();
        let sweep = sweep(dir.path());
        let mut scheduler = Scheduler::new(&sweep, (0..6).collect()).unwrap();
        // The best single trial is of the second setting, the best mean of the third.
        for (trial, value) in [0.5, 0.5, 0.1, 0.9, 0.4, 0.3].into_iter().enumerate() {
            reach(&mut scheduler, (trial, 0), value);
        }
        reach(&mut scheduler, (4, 1), 0.3);
        // No other mean is among the best third; the other seed goes on.
        reach(&mut scheduler, (5, 1), 0.2);
        assert_eq!(scheduler.next().unwrap(), Next::Done);
        assert_eq!([0, 2, 3, 5].map(|trial| scheduler.end(trial)), [Some(EndState::Stopped); 4]);
    }

    #[test]
    fn a_seed_follows_another_that_goes_on_and_one_that_failed_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let sweep = sweep(dir.path());
        let mut scheduler = Scheduler::new(&sweep, (0..6).collect()).unwrap();
        for (trial, value) in [0.2, 0.2, 0.5, 0.5].into_iter().enumerate() {
            reach(&mut scheduler, (trial, 0), value);
        }
        let (trial, claim, _) = next(&mut scheduler).unwrap();
        assert_eq!(trial, 4);
        scheduler.ended(4, Some(0), Some(result(claim, Some(EndState::Failed), None))).unwrap();
        let (last, last_claim, _) = next(&mut scheduler).unwrap();
        assert_eq!(last, 5);
        // While it trains, two settings are complete, and none is among the best third of two.
        assert_eq!(next(&mut scheduler), None);
        scheduler.ended(5, Some(0), Some(result(last_claim, None, Some(0.9)))).unwrap();
        // The mean of the third setting is that of the seed that has not failed.
        let (trial, claim, rung) = next(&mut scheduler).unwrap();
        assert_eq!((trial, rung), (0, 1));
        // While one seed trains on, the other does as well.
        let (other, _, rung) = next(&mut scheduler).unwrap();
        assert_eq!((other, rung), (1, 1));
        scheduler.ended(0, Some(1), Some(result(claim, Some(EndState::Diverged), None))).unwrap();
        assert_eq!(scheduler.end(0), Some(EndState::Diverged));
    }
}
