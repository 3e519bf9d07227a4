//! The training loop: epochs of steps; validation after every epoch and optionally between; commands between two steps.

mod commands;
mod failure;
mod saving;
mod start;
mod undoing;
mod validation;

use failure::Failure;
use saving::Saving;
pub(super) use start::write_files;
pub(super) use validation::metric_names;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::control::{Clock, Control, Stop};
use super::cost::Cost;
use super::divergence::Divergence;
use super::error::TrainError;
use super::examples::Examples;
use super::probes::Detail;
use super::publisher::Publisher;
use super::session::Session;
use super::state::{Next, TrainingState};
use super::turns::{Permit, RACE, Turn, Usage};
use crate::data::{Batch, DataError};
use crate::error::chain;
use crate::infer::Totals;
use crate::metrics::{EvaluationResult, Metrics, Task, VALIDATION};
use crate::number;
use crate::protocol::{
    Alert, AlertKind, Command, CommandRequest, EpochMetrics, Event, Level, RunStatus, StepMetrics,
};
use crate::run::{Folder, RecentStep};

pub(super) struct TrainingLoop<'a> {
    pub session: Session,
    pub folder: Folder,
    pub publisher: &'a mut Publisher,
    pub control: Control,
    pub clock: Clock,
    pub state: TrainingState,
    pub saving: Saving,
    pub divergence: Divergence,
    /// The step that failed, once one has.
    pub failure: Option<Box<Failure>>,
    /// The metrics of the checkpoint that predictions use: the last, or the best if its weights were restored.
    pub final_metrics: Option<Metrics>,
    /// What the last validation shows besides its metrics, until it is published.
    pub examples: Option<Examples>,
    /// Commands to apply before the step after so many steps, in order.
    pub script: VecDeque<(u64, CommandRequest)>,
    /// The turn in which steps are made, if other trainings share the machine.
    pub turn: Option<Turn>,
    pub cost: Cost,
    /// Whether the overhead of monitoring has been logged.
    pub cost_logged: bool,
    /// The buffer of the current batch.
    pub batch: Batch,
}

impl TrainingLoop<'_> {
    /// Trains to the end, or until a command stops it, and saves.
    pub fn run(&mut self) -> Result<RunStatus, TrainError> {
        let end = self.train();
        self.conclude(end)
    }

    fn train(&mut self) -> Result<RunStatus, TrainError> {
        self.publisher.publish(Event::Status(RunStatus::Training));
        if !std::mem::replace(&mut self.state.has_probed, true) {
            self.publish_probes(Detail::All);
        }
        while !self.state.is_complete(self.session.spec.train.epochs) {
            match self.state.next {
                Next::Step => {
                    if self.await_turn() == Permit::End {
                        return self.end_time();
                    }
                    if let Some(stop) = self.poll_commands() {
                        return self.stop(stop);
                    }
                    if self.state.next != Next::Step {
                        // A change was undone.
                        continue;
                    }
                    self.save_between();
                    if self.state.batch == 0 {
                        self.begin_epoch();
                    }
                    self.timed_step(self.state.batch)?;
                    self.state.batch += 1;
                    self.state.next = match self.state.batch < self.session.train.batches() {
                        false => Next::EpochEnd,
                        true if self.is_validation_due() => Next::Validation,
                        true => Next::Step,
                    };
                }
                Next::Validation => {
                    if let Some(stop) = self.validate_between()? {
                        return self.stop(stop);
                    }
                }
                Next::EpochEnd => {
                    self.check_weights()?;
                    let trained = self.clock.elapsed();
                    let validation = self.validate()?;
                    if let Some(stop) = self.control.stop {
                        return self.stop(stop);
                    }
                    let seconds = self.clock.elapsed().as_secs_f64() - self.state.epoch_began;
                    self.end_epoch(validation, seconds);
                    self.clock.exclude_since(trained);
                    if !self.cost_logged {
                        self.cost_logged = self.log_cost();
                    }
                }
            }
        }
        if let Some(turn) = &self.turn {
            turn.finish();
        }
        self.restore_best()?;
        Ok(RunStatus::Finished)
    }

    /// The number of sequences of a batch in the current epoch.
    fn batch_size(&self) -> usize {
        self.state.batch_size.unwrap_or(self.session.spec.train.batch_size)
    }

    /// What it has used so far, before it went on.
    pub fn used(&self) -> Usage {
        let TrainingState { epoch, batch, step, .. } = self.state;
        if step == 0 {
            return Usage::default();
        }
        let in_epoch = (batch * self.batch_size()).min(self.session.train.len());
        let sequences = (epoch - 1) * self.session.train.len() + in_epoch;
        let time = self.state.step_time().unwrap_or_else(|| self.clock.elapsed());
        Usage { tokens: self.session.tokens(sequences), time }
    }

    /// Makes a step, and counts its time.
    fn timed_step(&mut self, batch: usize) -> Result<(), TrainError> {
        let begin = Instant::now();
        self.step(batch)?;
        let took = begin.elapsed();
        if let Some(seconds) = &mut self.state.step_seconds {
            *seconds += took.as_secs_f64();
        }
        if let Some(turn) = &self.turn {
            turn.count(self.session.tokens(self.batch.len()), took);
        }
        Ok(())
    }

    /// Evaluates and stops, as the time of the training is over: recorded as a command, so that the training can be repeated.
    fn end_time(&mut self) -> Result<RunStatus, TrainError> {
        let seconds = number::duration(self.clock.elapsed().as_secs_f64());
        self.publisher.log(Level::Info, format!("the time of the race is over after {seconds} of training"));
        if self.state.batch > 0
            && let Some(stop) = self.validate_between()?
        {
            return self.stop(stop);
        }
        self.control.receive(Command::SaveAndStop.by(RACE).into());
        self.stop(Stop::Save)
    }

    fn begin_epoch(&mut self) {
        self.state.totals = Totals::default();
        self.state.epoch_began = self.clock.elapsed().as_secs_f64();
        if let Some(batch_size) = self.state.next_batch_size() {
            self.state.batch_size = Some(batch_size);
            self.session.train.set_batch_size(batch_size);
        }
        self.session.stepper.reset_states();
    }

    fn step(&mut self, batch: usize) -> Result<(), TrainError> {
        let mut rows = std::mem::take(&mut self.batch);
        let filled = self.session.train.fill(self.state.epoch as u64, batch, &mut rows);
        filled.map_err(|error| self.unreadable(&error))?;
        let session = &mut self.session;
        let steps = self.state.step;
        // Those that stay on the screen are always monitored: a single step, and the last of a training.
        let is_last = self.state.epoch >= session.spec.train.epochs && batch + 1 >= session.train.batches();
        let watch =
            is_last || session.watch.is_due(steps, self.control.pace()) || self.control.is_single_step();
        let learning_rate = self.state.learning_rate.at(self.state.step, self.state.epoch);
        session.stepper.optimizer_mut().learning_rate = learning_rate;
        let begin = Instant::now();
        let result = session.stepper.step(&rows, watch);
        let took = begin.elapsed();
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                self.step_failed(&error, &rows, learning_rate);
                // The metrics since the last checkpoint show where training diverged; its weights may be good until then.
                let stepper = &self.session.stepper;
                let is_finite = stepper.check().is_ok();
                let is_absurd = self.divergence.absurd(stepper.params().values()).is_some();
                let diverges = is_absurd || self.divergence.is_diverging();
                if is_finite && !(diverges && self.has_good_checkpoint()) {
                    self.save(false);
                }
                return Err(TrainError::Diverged(format!("step {}: {error}", self.state.step + 1)));
            }
        };
        self.state.step += 1;
        self.state.totals.add(result.score, result.penalty);
        let has_classes = self.session.stepper.model().loss().has_classes();
        let metrics = StepMetrics {
            step: self.state.step,
            epoch: self.state.epoch,
            loss: result.score.mean_loss() + result.penalty,
            accuracy: has_classes.then(|| result.score.accuracy()),
            learning_rate,
            grad_norm: result.grad_norm,
            sequences_per_s: self.clock.count(rows.len()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.publisher.publish(Event::Step(metrics));
        let made = RecentStep {
            step: metrics.step,
            loss: metrics.loss,
            penalty: result.penalty,
            grad_norm: result.grad_norm,
            learning_rate,
        };
        if let Some(line) = self.divergence.step(made) {
            match line.level {
                Level::Warning => {
                    let TrainingState { step, epoch, .. } = self.state;
                    self.publisher.alert(Alert { step, epoch, kind: AlertKind::Divergence, text: line.text });
                }
                _ => self.publisher.publish(Event::Log(line)),
            }
        }
        let reading = watch.then(|| self.publish_instruments(steps, is_last));
        self.batch = rows;
        self.cost.step(took, reading);
        self.publish_sample(false);
        Ok(())
    }

    /// Publishes the epoch, applies schedule and early stopping, and saves.
    fn end_epoch(&mut self, validation: Option<EvaluationResult>, seconds: f64) {
        let TrainingState { epoch, step, .. } = self.state;
        let event = EpochMetrics {
            epoch,
            step,
            metrics: self.epoch_metrics(validation.as_ref()),
            confusion: validation.and_then(|result| result.details.confusion().cloned()),
            seconds,
        };
        let metrics = event.metrics.clone();
        self.publisher.publish(Event::Epoch(Box::new(event)));
        self.publish_examples();
        self.publish_requested();
        self.publish_sample(true);
        let verdict = self.state.early_stopping.epoch_ended(epoch, &metrics);
        if self.state.learning_rate.epoch_ended(&metrics) {
            let rate = self.state.learning_rate.at(step, epoch + 1);
            let text =
                format!("no progress: learning rate {} from step {} on", number::setting(rate), step + 1);
            self.publisher.log(Level::Info, text);
        }
        let best = self.state.best.improves(&metrics);
        if best {
            self.state.best_metrics = Some(metrics.clone());
        }
        self.state.metrics = Some(metrics.clone());
        self.final_metrics = Some(metrics);
        let is_planned_end = epoch == self.session.spec.train.epochs;
        if verdict.stop && !is_planned_end {
            // The pictures that stay are those of the last step, in full. Before the checkpoint: a run that goes on from it has ended.
            self.publish_probes(Detail::All);
        }
        if verdict.stop || epoch >= self.session.spec.train.epochs {
            self.publish_last_neighbours();
        }
        (self.state.epoch, self.state.batch, self.state.next) = (epoch + 1, 0, Next::Step);
        let is_due = self.is_checkpoint_due_after(epoch);
        self.save_scheduled(best, is_due);
        if verdict.stop {
            let stopping = self.session.spec.train.early_stopping.as_ref();
            let patience = stopping.map_or(0, |stopping| stopping.patience);
            let (monitor, best) = self.state.early_stopping.best();
            let text = format!(
                "early stopping after epoch {epoch}: {monitor} was best in epoch {} with {}, and patience is {patience}",
                self.state.early_stopping.best_epoch(),
                best.map_or("no value".into(), number::metric),
            );
            self.publisher.log(Level::Info, text);
        }
    }

    /// The metrics of the epoch, and those of the validation after it.
    fn epoch_metrics(&self, validation: Option<&EvaluationResult>) -> Metrics {
        // Without validation data errors of forecasts are those of scaled numbers.
        let task = match self.session.task {
            Task::Forecast if self.session.forecasts.is_none() => Task::Regression,
            task => task,
        };
        let mut metrics = self.state.totals.metrics(task);
        if let Some(validation) = validation {
            metrics.set_all(VALIDATION, &validation.metrics);
        }
        metrics.drop_unmeasured();
        metrics
    }

    /// Publishes the instruments' readings of the step just made, the one after `steps` others, and the predictions for the probes, all of
    /// them if it `is_last`; returns how long it took.
    fn publish_instruments(&mut self, steps: u64, is_last: bool) -> Duration {
        let begin = Instant::now();
        let Session { watch, stepper, .. } = &mut self.session;
        let detail = if is_last { Detail::All } else { watch.detail(steps, self.control.pace()) };
        watch.profile(stepper, self.state.step, detail, &mut |event| self.publisher.publish(event));
        self.publish_probes(detail);
        begin.elapsed()
    }

    /// Shows the predictions for the probes on the screen of this process, without recording them.
    fn show_probes(&mut self) {
        let Session { watch, stepper, .. } = &mut self.session;
        watch.probe(stepper, self.state.step, Detail::All, &mut |event| self.publisher.show(event));
    }

    fn publish_probes(&mut self, detail: Detail) {
        let Session { watch, stepper, .. } = &mut self.session;
        watch.probe(stepper, self.state.step, detail, &mut |event| self.publisher.publish(event));
    }

    /// Publishes a sample of a language model if it is due.
    fn publish_sample(&mut self, epoch_ended: bool) {
        let Session { watch, stepper, .. } = &mut self.session;
        let at = (self.state.epoch, self.state.step);
        watch.sample(stepper, at, epoch_ended, &mut |event| self.publisher.publish(event));
    }

    /// Shows a sample on the screen of this process, without recording it.
    fn show_sample(&mut self) {
        let Session { watch, stepper, .. } = &mut self.session;
        let at = (self.state.epoch, self.state.step);
        watch.sample_now(stepper, at, &mut |event| self.publisher.show(event));
    }

    /// Logs the overhead of monitoring; returns whether it is known.
    pub fn log_cost(&mut self) -> bool {
        let Some(share) = self.cost.share() else { return false };
        let text = format!("monitoring overhead: {} of the training time", number::percent(share));
        self.publisher.log(Level::Info, text);
        true
    }

    /// Saves before training ends with an error of streamed data.
    fn unreadable(&mut self, error: &DataError) -> TrainError {
        if self.session.stepper.check().is_ok() {
            self.save(false);
        }
        TrainError::Unusable(chain(error))
    }

    /// Checks that the weights are finite after the last update, before they are saved.
    fn check_weights(&self) -> Result<(), TrainError> {
        let diverged = |error| TrainError::Diverged(format!("step {}: {error}", self.state.step));
        self.session.stepper.check().map_err(diverged)
    }

    fn stop(&mut self, stop: Stop) -> Result<RunStatus, TrainError> {
        // Those that have come during a validation, the one that stops it among them.
        self.apply_pending();
        if stop == Stop::Save {
            self.check_weights()?;
        }
        Ok(RunStatus::Stopped { saved: stop == Stop::Save })
    }
}
