//! The training loop: epochs of steps; validation after every epoch and optionally between; commands between two steps.

mod commands;
mod saving;
mod validation;

pub(super) use saving::Saving;
pub(super) use validation::metric_names;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::control::{Clock, Control, Stop};
use super::cost::Cost;
use super::divergence::Divergence;
use super::error::TrainError;
use super::publisher::Publisher;
use super::session::Session;
use crate::data::{Batch, DataError};
use crate::error::chain;
use crate::infer::Totals;
use crate::metrics::{EvaluationResult, Metrics, Task, VALIDATION};
use crate::number;
use crate::optim::{Best, LearningRate, Stopper};
use crate::protocol::{
    Alert, AlertKind, EpochMetrics, Event, LearningRateChange, Level, RunStatus, StepMetrics,
};
use crate::run::Folder;

/// The state of training apart from the weights and the optimizer's slots.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Progress {
    /// The number of updates.
    step: u64,
    /// The current epoch, from 1.
    epoch: usize,
    /// The number of its batches that are done.
    batch: usize,
    learning_rate: LearningRate,
    /// The best epoch so far by the monitored metric, and patience.
    early_stopping: Stopper,
    /// The best value of the same metric for the best checkpoint, between epochs as well.
    best: Best,
    /// The totals of the epoch so far.
    totals: Totals,
    /// Seconds of training.
    seconds: f64,
}

impl Progress {
    pub fn new(session: &Session) -> Self {
        let (train, has_validation) = (&session.spec.train, session.validation.is_some());
        let initial = train.optimizer.learning_rate();
        let early_stopping = Stopper::new(train.early_stopping.as_ref(), has_validation);
        Self {
            step: 0,
            epoch: 1,
            batch: 0,
            learning_rate: LearningRate::new(&train.schedule, initial, has_validation),
            best: early_stopping.watched().clone(),
            early_stopping,
            totals: Totals::default(),
            seconds: 0.0,
        }
    }

    /// The number of updates.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The best value of the monitored metric.
    pub fn best(&self) -> &Best {
        &self.best
    }
}

pub(super) struct TrainingLoop<'a> {
    pub session: Session,
    pub folder: Folder,
    pub publisher: &'a mut Publisher,
    pub control: Control,
    pub clock: Clock,
    pub progress: Progress,
    pub saving: Saving,
    pub divergence: Divergence,
    /// The metrics of the epoch whose weights are those of the network: the last, or the best if its weights were restored.
    pub kept: Option<Metrics>,
    /// The weights of the best epoch and its metrics, if they are to be restored.
    pub best_epoch: Option<(Vec<f32>, Metrics)>,
    /// The changes of the learning rate by commands.
    pub rate_changes: Vec<LearningRateChange>,
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
        self.publish_probes();
        for epoch in 1..=self.session.spec.train.epochs {
            let begin = self.clock.elapsed();
            self.progress.epoch = epoch;
            self.progress.totals = Totals::default();
            self.session.stepper.reset_states();
            for batch in 0..self.session.train.batches() {
                self.progress.batch = batch;
                if let Some(stop) = self.poll_commands() {
                    return self.stop(stop);
                }
                self.step(batch)?;
                self.progress.batch = batch + 1;
                if self.is_validation_due() {
                    self.validate_between()?;
                }
            }
            self.check_weights()?;
            let trained = self.clock.elapsed();
            let validation = self.validate()?;
            if let Some(stop) = self.control.stop {
                return self.stop(stop);
            }
            let seconds = (self.clock.elapsed() - begin).as_secs_f64();
            let ends = self.epoch_ended(validation, seconds);
            self.clock.exclude_since(trained);
            if ends || epoch == self.session.spec.train.epochs {
                break;
            }
            if !self.cost_logged {
                self.cost_logged = self.log_cost();
            }
        }
        self.restore_best();
        Ok(RunStatus::Finished)
    }

    fn step(&mut self, batch: usize) -> Result<(), TrainError> {
        let mut rows = std::mem::take(&mut self.batch);
        let filled = self.session.train.fill(self.progress.epoch as u64, batch, &mut rows);
        filled.map_err(|error| self.unreadable(&error))?;
        let session = &mut self.session;
        let steps = self.progress.step;
        // A single step is always monitored.
        let watch = session.watch.is_due(steps, self.control.pace()) || self.control.is_single_step();
        let learning_rate = self.progress.learning_rate.at(self.progress.step, self.progress.epoch);
        session.stepper.optimizer_mut().learning_rate = learning_rate;
        let begin = Instant::now();
        let result = session.stepper.step(&rows, watch);
        let took = begin.elapsed();
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                // The metrics since the last checkpoint show where training diverged; its weights may be good until then.
                let is_finite = session.stepper.check().is_ok();
                let diverges = self.divergence.verdict(session.stepper.params().values(), false).is_some();
                if is_finite && !(diverges && self.has_good_checkpoint()) {
                    self.save(false);
                }
                return Err(TrainError::Diverged(format!("step {}: {error}", self.progress.step + 1)));
            }
        };
        self.progress.step += 1;
        self.progress.totals.add(result.score, result.penalty);
        let has_classes = session.stepper.model().loss().has_classes();
        let metrics = StepMetrics {
            step: self.progress.step,
            epoch: self.progress.epoch,
            loss: result.score.mean_loss() + result.penalty,
            accuracy: has_classes.then(|| result.score.accuracy()),
            learning_rate,
            grad_norm: result.grad_norm,
            sequences_per_s: self.clock.count(rows.len()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.publisher.publish(Event::Step(metrics));
        if let Some(line) = self.divergence.step(self.progress.step, result.score.mean_loss()) {
            match line.level {
                Level::Warning => {
                    let Progress { step, epoch, .. } = self.progress;
                    self.publisher.alert(Alert { step, epoch, kind: AlertKind::Divergence, text: line.text });
                }
                _ => self.publisher.publish(Event::Log(line)),
            }
        }
        let reading = watch.then(|| self.publish_instruments(steps));
        self.batch = rows;
        self.cost.step(took, reading);
        self.publish_sample(false);
        Ok(())
    }

    /// Publishes the epoch, saves, and applies schedule and early stopping; returns whether training ends here.
    fn epoch_ended(&mut self, validation: Option<EvaluationResult>, seconds: f64) -> bool {
        let Progress { epoch, step, .. } = self.progress;
        let event = EpochMetrics {
            epoch,
            step,
            metrics: self.epoch_metrics(validation.as_ref()),
            confusion: validation.and_then(|result| result.details.confusion().cloned()),
            seconds,
        };
        let metrics = event.metrics.clone();
        self.kept = Some(metrics.clone());
        self.publisher.publish(Event::Epoch(Box::new(event)));
        self.publish_sample(true);
        let verdict = self.progress.early_stopping.epoch_ended(epoch, &metrics);
        if self.progress.learning_rate.epoch_ended(&metrics) {
            let rate = self.progress.learning_rate.at(step, epoch + 1);
            let text =
                format!("no progress: learning rate {} from step {} on", number::metric(rate), step + 1);
            self.publisher.log(Level::Info, text);
        }
        let stopping = self.session.spec.train.early_stopping.clone();
        if verdict.best && stopping.as_ref().is_some_and(|stopping| stopping.restore_best_weights) {
            self.best_epoch = Some((self.session.stepper.params().values().to_vec(), metrics.clone()));
        }
        let best = self.progress.best.improves(&metrics);
        self.save_scheduled(best);
        if verdict.stop {
            let patience = stopping.map_or(0, |stopping| stopping.patience);
            let (monitor, best) = self.progress.early_stopping.best();
            let text = format!(
                "early stopping after epoch {epoch}: {monitor} was best in epoch {} with {}, and patience is {patience}",
                self.progress.early_stopping.best_epoch(),
                best.map_or("no value".into(), number::metric),
            );
            self.publisher.log(Level::Info, text);
        }
        verdict.stop
    }

    /// The metrics of the epoch, and those of the validation after it.
    fn epoch_metrics(&self, validation: Option<&EvaluationResult>) -> Metrics {
        // Without validation data errors of forecasts are those of scaled numbers.
        let task = match self.session.task {
            Task::Forecast if self.session.forecasts.is_none() => Task::Regression,
            task => task,
        };
        let mut metrics = self.progress.totals.metrics(task);
        if let Some(validation) = validation {
            metrics.set_all(VALIDATION, &validation.metrics);
        }
        metrics.drop_unmeasured();
        metrics
    }

    /// Publishes the instruments' readings of the step just made, the one after `steps` others, and the predictions for the probes;
    /// returns how long it took.
    fn publish_instruments(&mut self, steps: u64) -> Duration {
        let begin = Instant::now();
        let Session { watch, stepper, .. } = &mut self.session;
        let all_radii = watch.measures_all_radii(steps, self.control.pace());
        watch.profile(stepper, self.progress.step, all_radii, &mut |event| self.publisher.publish(event));
        self.publish_probes();
        begin.elapsed()
    }

    fn publish_probes(&mut self) {
        let Session { watch, stepper, .. } = &mut self.session;
        watch.probe(stepper, self.progress.step, &mut |event| self.publisher.publish(event));
    }

    /// Publishes a sample of a language model if it is due.
    fn publish_sample(&mut self, epoch_ended: bool) {
        let Session { watch, stepper, .. } = &mut self.session;
        let at = (self.progress.epoch, self.progress.step);
        watch.sample(stepper, at, epoch_ended, &mut |event| self.publisher.publish(event));
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
        let diverged = |error| TrainError::Diverged(format!("step {}: {error}", self.progress.step));
        self.session.stepper.check().map_err(diverged)
    }

    fn stop(&mut self, stop: Stop) -> Result<RunStatus, TrainError> {
        if stop == Stop::Save {
            self.check_weights()?;
        }
        Ok(RunStatus::Stopped { saved: stop == Stop::Save })
    }
}
