//! Trains the trials of a sweep, several at a time.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::definition::Trial;
use super::folder::Sweep;
use super::halving::Reached;
use super::scheduler::{Next, Scheduler};
use super::state_files::{EndState, TrialResult};
use crate::experiment::error::ExperimentError;
use crate::experiment::start::{Start, go_on, has_run};
use crate::metrics::Metrics;
use crate::preset::Overrides;
use crate::protocol::{Command, CommandSender, Event};
use crate::runs::{self, Evaluated};
use crate::train::{Options, Outcome, Trainer};

/// The sender of the commands with which a sweep stops trainings.
pub const SENDER: &str = "sweep";

/// How the trials of a sweep are trained.
#[derive(Debug, Clone, Default)]
pub struct SweepOptions {
    /// The numbers of the trials that are trained.
    pub trials: Vec<usize>,
    /// The number of trainings at a time.
    pub jobs: usize,
    /// The number of threads of each.
    pub threads: usize,
}

/// Who watches the trainings of a sweep, from several threads.
pub trait SweepWatcher: Sync {
    /// A training begins; `commands` reach it.
    fn begins(&self, trial: &Trial, commands: CommandSender);
    /// A trial has ended, or has come to a comparison with others.
    fn ended(&self, trial: &Trial, result: &TrialResult);
    /// The sweep cannot go on: all trainings are to end, saved, and [`Self::is_stopping`] is true from here on.
    fn broken(&self);
    /// Whether trainings are to end: no other one begins.
    fn is_stopping(&self) -> bool;
}

/// How many trials of a process have ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepEnd {
    /// Whether it was interrupted.
    pub is_interrupted: bool,
    /// Trials that diverged.
    pub diverged: usize,
    /// Trials that failed.
    pub failed: usize,
}

impl Sweep {
    /// Trains what is left of the trials of `options`, until all have ended or `watcher` stops. Trials that diverge or fail do not end the
    /// others; those that other processes train are waited for, and taken over if their process dies.
    ///
    /// # Errors
    /// If the trials cannot be trained one by one, the folder cannot be read or written, or no thread can be started.
    pub fn run(
        &self,
        options: &SweepOptions,
        watcher: &dyn SweepWatcher,
    ) -> Result<SweepEnd, ExperimentError> {
        self.check_separable()?;
        let scheduler = Mutex::new(Scheduler::new(self, options.trials.clone())?);
        let work = || {
            let mut thread = WorkingThread { watcher, has_done_its_work: false };
            let result = self.work(&scheduler, options, watcher);
            thread.has_done_its_work = result.is_ok();
            result
        };
        let ended: Vec<Result<(), ExperimentError>> = thread::scope(|scope| {
            let others: Vec<_> = (1..options.jobs)
                .map_while(|_| thread::Builder::new().name("trials".into()).spawn_scoped(scope, work).ok())
                .collect();
            let own = work();
            let others = others.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost())));
            [own].into_iter().chain(others).collect()
        });
        ended.into_iter().collect::<Result<(), _>>()?;
        let scheduler = scheduler.into_inner().unwrap_or_else(PoisonError::into_inner);
        let count =
            |state| options.trials.iter().filter(|trial| scheduler.end(**trial) == Some(state)).count();
        Ok(SweepEnd {
            is_interrupted: watcher.is_stopping(),
            diverged: count(EndState::Diverged),
            failed: count(EndState::Failed),
        })
    }

    /// Trains one trial after the other.
    fn work(
        &self,
        scheduler: &Mutex<Scheduler<'_>>,
        options: &SweepOptions,
        watcher: &dyn SweepWatcher,
    ) -> Result<(), ExperimentError> {
        let lock = || scheduler.lock().unwrap_or_else(PoisonError::into_inner);
        while !watcher.is_stopping() {
            let next = lock().next()?;
            let (trial, claim, rung) = match next {
                Next::Train { trial, claim, rung } => (trial, claim, rung),
                Next::Wait(time) => {
                    thread::sleep(time);
                    continue;
                }
                Next::Done => return Ok(()),
            };
            let Some(trial) = self.trials.get(trial) else { continue };
            let result = self.train(trial, (claim, rung), options.threads, watcher);
            if let Some(result) = &result {
                watcher.ended(trial, result);
            }
            lock().ended(trial.trial, rung, result)?;
        }
        Ok(())
    }

    /// Trains `trial` up to the comparison `rung` or its end; `None` if it was interrupted.
    fn train(
        &self,
        trial: &Trial,
        (claim, rung): (u32, Option<u32>),
        threads: usize,
        watcher: &dyn SweepWatcher,
    ) -> Option<TrialResult> {
        let result = |end: Option<EndState>, reason: String| self.result(trial, (claim, rung), end, reason);
        let outcome = match self.start(trial, threads) {
            Ok(Started::Ended(outcome)) => outcome,
            Ok(Started::Training(trainer)) => {
                watcher.begins(trial, trainer.commands.clone());
                let before = runs::evaluations(&self.run_folder(trial)).unwrap_or_default();
                self.follow(*trainer, rung, before.last().map(Reached::from).unwrap_or_default())
            }
            Err(error) => return Some(result(Some(EndState::Failed), crate::error::chain(&error))),
        };
        match outcome {
            (Outcome::Finished, _) => Some(result(Some(EndState::Finished), String::new())),
            (Outcome::Diverged(what), _) => Some(result(Some(EndState::Diverged), what)),
            (Outcome::Stopped, Some(by)) if by == SENDER => Some(result(None, String::new())),
            (Outcome::Stopped, _) if watcher.is_stopping() => None,
            (Outcome::Stopped, by) => {
                let by = by.map_or(String::new(), |by| format!(" by {by}"));
                Some(result(Some(EndState::Stopped), format!("stopped{by}")))
            }
            (Outcome::Unusable(what) | Outcome::Failed(what), _) => {
                Some(result(Some(EndState::Failed), what))
            }
        }
    }

    /// The result of `trial` at the comparison `rung`, or at its end: up to the evaluation that counts, whatever was trained after it.
    pub(super) fn result(
        &self,
        trial: &Trial,
        (claim, rung): (u32, Option<u32>),
        end: Option<EndState>,
        reason: String,
    ) -> TrialResult {
        let folder = self.run_folder(trial);
        let run = runs::open(&folder, &self.run_name(trial));
        let summary = &run.summary;
        let mut evaluations = runs::evaluations(&folder).unwrap_or_default();
        if let (None, Some((halving, rung))) = (end, self.definition.stop_losers.zip(rung))
            && let Some(last) = evaluations.iter().position(|found| halving.is_reached(rung, found.into()))
        {
            evaluations.truncate(last + 1);
        }
        let reached = evaluations.last().map(Reached::from).unwrap_or_default();
        let value = |found: &Evaluated| found.metrics.get(&summary.monitor).filter(|value| !value.is_nan());
        // Of equal ones the first.
        let is_better =
            |value: f64, best: f64| if summary.higher_is_better { value > best } else { value < best };
        let best = evaluations
            .iter()
            .filter_map(|found| Some((value(found)?, found)))
            .reduce(|best, next| if is_better(next.0, best.0) { next } else { best });
        let best = best.filter(|_| !matches!(end, Some(EndState::Diverged | EndState::Failed)));
        TrialResult {
            end,
            reason,
            claim,
            epochs: reached.epochs,
            steps: if end.is_some() { summary.steps } else { reached.steps },
            seconds: reached.seconds,
            metric: summary.monitor.to_string(),
            value: best.map(|(value, _)| value),
            higher_is_better: summary.higher_is_better,
            metrics: best.map_or_else(Metrics::default, |(_, found)| found.metrics.clone()),
        }
    }

    fn start(&self, trial: &Trial, threads: usize) -> Result<Started, ExperimentError> {
        let folder = self.run_folder(trial);
        let resolved = self.definition.spec(trial)?;
        let start = match has_run(&folder) {
            true => go_on(&folder, &resolved.spec, &Overrides::default())?,
            false => Start::Train(Box::new(resolved.spec), resolved.notes, None),
        };
        Ok(match start {
            Start::Ended((outcome, _)) => Started::Ended((outcome, None)),
            Start::Train(spec, notes, resume) => {
                let options = Options { folder: Some(folder), threads, notes, resume, ..Options::default() };
                Started::Training(Box::new(Trainer::start(*spec, options)?))
            }
        })
    }

    /// Follows a training to its end; stops it at the evaluation with which it reaches the comparison `rung`.
    fn follow(&self, trainer: Trainer, rung: Option<u32>, before: Reached) -> (Outcome, Option<String>) {
        let halving = self.definition.stop_losers.zip(rung);
        let (mut reached, begin) = (before, Instant::now());
        for event in &trainer.events {
            match event {
                Event::Epoch(epoch) => (reached.epochs, reached.steps) = (epoch.epoch as u64, epoch.step),
                Event::Validation(validation) => reached.steps = validation.step,
                _ => continue,
            }
            reached.seconds = before.seconds + begin.elapsed().as_secs_f64();
            if halving.is_some_and(|(halving, rung)| halving.is_reached(rung, reached)) {
                // At the end of the training it has no effect.
                let _ = trainer.commands.named(SENDER).send(Command::SaveAndStop);
            }
        }
        let ended = trainer.join_ended();
        (ended.outcome, ended.reached.stopped_by)
    }
}

/// A thread that trains trials. If it ends by an error or a panic, all trainings end: others would wait for its trial.
struct WorkingThread<'w> {
    watcher: &'w dyn SweepWatcher,
    has_done_its_work: bool,
}

impl Drop for WorkingThread<'_> {
    fn drop(&mut self) {
        if !self.has_done_its_work {
            self.watcher.broken();
        }
    }
}

fn lost() -> ExperimentError {
    ExperimentError::Sweep("a thread that trained trials was lost".to_owned())
}

/// A trial that is to be trained.
enum Started {
    /// It has ended before.
    Ended((Outcome, Option<String>)),
    /// It is training.
    Training(Box<Trainer>),
}
