//! Evaluation on the validation data, after an epoch and between two steps.

use ndarray::s;

use super::TrainingLoop;
use crate::data::{Batch, Forecasts, Targets, Vocabulary};
use crate::infer::Evaluator;
use crate::metrics::{ChunkCounts, Confusion, EvaluationResult, Metrics, VALIDATION};
use crate::protocol::{Event, RunStatus, ValidationMetrics};
use crate::train::control::Stop;
use crate::train::error::TrainError;
use crate::train::examples::{Examples, is_shown};
use crate::train::neighbours::neighbours;
use crate::train::session::Session;
use crate::train::state::{Next, TrainingState};
use crate::train::unit_response::unit_response;
use crate::train::watch::Watch;

impl TrainingLoop<'_> {
    /// Whether validation is due after the current step; after the last step of an epoch it is made anyway.
    pub(super) fn is_validation_due(&self) -> bool {
        let TrainingState { step, batch, .. } = self.state;
        let due = self.session.spec.train.validate_every.is_some_and(|every| step.is_multiple_of(every));
        due && batch < self.session.train.batches()
    }

    /// Evaluates between two steps, publishes the metrics and saves. The training that follows does not depend on it.
    /// Returns whether a command stops it.
    pub(super) fn validate_between(&mut self) -> Result<Option<Stop>, TrainError> {
        self.check_weights()?;
        let begin = self.clock.elapsed();
        let result = self.validate()?;
        if self.control.stop.is_some() {
            return Ok(self.control.stop);
        }
        self.state.next = Next::Step;
        let Some(result) = result else { return Ok(None) };
        let TrainingState { epoch, step, .. } = self.state;
        let mut metrics = Metrics::default();
        metrics.set_all(VALIDATION, &result.metrics);
        metrics.drop_unmeasured();
        // Weights that are restored are those of an epoch.
        let stopping = self.session.spec.train.early_stopping.as_ref();
        let restores = stopping.is_some_and(|stopping| stopping.restore_best_weights);
        let best = !restores && self.state.best.improves(&metrics);
        if best {
            self.state.best_metrics = Some(metrics.clone());
        }
        let seconds = (self.clock.elapsed() - begin).as_secs_f64();
        self.publisher.publish(Event::Validation(ValidationMetrics { step, epoch, metrics, seconds }));
        self.publish_examples();
        self.publish_requested();
        self.save_scheduled(best, true);
        self.clock.exclude_since(begin);
        Ok(None)
    }

    /// Evaluates the network on the validation data; `None` without any, or when a command stops it meanwhile.
    pub(super) fn validate(&mut self) -> Result<Option<EvaluationResult>, TrainError> {
        if self.session.validation.is_none() {
            return Ok(None);
        }
        self.publisher.publish(Event::Status(RunStatus::Validating));
        let mut evaluator = evaluator(&self.session);
        let mut examples = self.are_examples_due().then(|| Examples::new(&self.session)).flatten();
        let Session { validation: Some(validation), stepper, forecasts, legal, .. } = &mut self.session
        else {
            return Ok(None);
        };
        let (mut rows, mut first) = (std::mem::take(&mut self.batch), 0);
        stepper.reset_evaluation_states();
        let penalty = stepper.params().regularization_loss();
        for batch in 0..validation.batches() {
            self.control.poll();
            if self.control.stop.is_some() {
                return Ok(None);
            }
            // Every pass starts with a zero state.
            if let Err(error) = validation.fill(0, batch, &mut rows) {
                return Err(self.unreadable(&error));
            }
            let score = stepper.evaluate(&rows, evaluator.confusion());
            evaluator.add(score, penalty);
            if evaluator.needs_outputs() {
                stepper.each_output(|row, output| {
                    let forecasts = (forecasts.as_ref(), first + row);
                    evaluator.add_output(output, (&rows.targets, row), forecasts);
                    if let Some(examples) = &mut examples {
                        examples.forecast(forecasts.0, first + row, output);
                    }
                });
            }
            if let Some(chunks) = evaluator.chunks() {
                stepper.each_predicted(|row, predicted| count_chunks(chunks, &rows, row, predicted));
            }
            if let Some(examples) = examples.as_mut().filter(|examples| examples.needs_classes()) {
                stepper
                    .each_predicted(|row, predicted| examples.classes(&rows, (first + row, row), predicted));
            }
            if let Some(legal) = legal {
                evaluator.add_legal(stepper.legal(legal.slice(s![first..first + rows.len(), ..])));
            }
            first += rows.len();
        }
        let result = evaluator.result();
        if let Some(examples) = &mut examples {
            examples.counts(&result);
        }
        self.batch = rows;
        self.examples = examples;
        self.publisher.publish(Event::Status(RunStatus::Training));
        Ok(Some(result))
    }

    /// Whether the next validation has examples.
    fn are_examples_due(&self) -> bool {
        let TrainingState { epoch, step, next, .. } = self.state;
        match (next, self.session.spec.train.validate_every) {
            (Next::Validation, Some(every)) => is_shown(step / every.max(1)),
            _ => is_shown(epoch as u64) || epoch == self.session.spec.train.epochs,
        }
    }

    /// Publishes what commands have asked for, of the weights as they are.
    pub(super) fn publish_requested(&mut self) {
        let Watch { unit, neighbours_of, .. } = &self.session.watch;
        let (unit, neighbours_of, step) = (unit.clone(), neighbours_of.clone(), self.state.step);
        // What was possible when the command came still is.
        if let Some(Ok(response)) = unit.map(|unit| unit_response(&mut self.session, &unit, step)) {
            self.publisher.publish(Event::UnitResponse(Box::new(response)));
        }
        if let Some(Ok(near)) = neighbours_of.map(|word| neighbours(&self.session, word.as_deref(), step)) {
            self.publisher.publish(Event::Neighbours(Box::new(near)));
        }
    }

    /// Publishes the neighbours of the most frequent words after the last step, if no command has asked for any: nothing can be asked of the
    /// network once its training is over. Not beside other trainings, whose time it would take.
    pub(super) fn publish_last_neighbours(&mut self) {
        if self.session.watch.neighbours_of.is_some() || self.turn.is_some() {
            return;
        }
        if let Ok(near) = neighbours(&self.session, None, self.state.step) {
            self.publisher.publish(Event::Neighbours(Box::new(near)));
        }
    }

    /// Publishes the examples of the last validation, after its metrics.
    pub(super) fn publish_examples(&mut self) {
        let TrainingState { step, epoch, .. } = self.state;
        if let Some(examples) = self.examples.take().and_then(|examples| examples.finish(step, epoch)) {
            self.publisher.publish(Event::Examples(Box::new(examples)));
        }
    }
}

/// An evaluator of the validation data.
fn evaluator(session: &Session) -> Evaluator {
    let forecasts: Option<&Forecasts> = session.forecasts.as_ref();
    let (tags, unseen) = (session.labels.iter(), session.unseen.iter());
    Evaluator::new(session.task, session.stepper.model(), Confusion::MAX_CLASSES, forecasts)
        .with_chunks(tags.map(String::as_str), unseen.map(|unseen| unseen.label.as_str()))
}

/// Counts the chunks of the sentence at `row` of a batch, up to its padding.
fn count_chunks(chunks: &mut ChunkCounts, batch: &Batch, row: usize, predicted: &[u32]) {
    let (Some(ids), Targets::Steps(targets)) = (batch.inputs.tokens(), &batch.targets) else { return };
    let words = ids.row(row).iter().rposition(|id| *id != Vocabulary::PADDING).map_or(0, |last| last + 1);
    let actual: Vec<usize> = targets.row(row).iter().take(words).map(|class| *class as usize).collect();
    let predicted: Vec<usize> = predicted.iter().take(words).map(|class| *class as usize).collect();
    chunks.add(&actual, &predicted);
}

/// The names of the metrics that the epochs of a `session` will have.
pub(in crate::train) fn metric_names(session: &Session) -> Vec<String> {
    let training = crate::infer::Totals::default().metrics(session.task);
    let mut names: Vec<String> = training.names().map(str::to_owned).collect();
    if session.validation.is_some() {
        let mut evaluator = evaluator(session);
        if session.legal.is_some() {
            evaluator.add_legal(0.0);
        }
        names.extend(evaluator.result().metrics.names().map(|name| format!("{VALIDATION}{name}")));
    }
    names
}
