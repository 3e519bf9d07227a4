//! The course of a run: epochs, steps, what is told of them, and what is saved.

use std::time::{Duration, Instant};

use ndarray::s;
use serde::Serialize;

use super::control::{Clock, Control, Stop};
use super::cost::Cost;
use super::evaluation::{Validated, evaluation};
use super::outlet::Outlet;
use super::session::Session;
use super::trainer::End;
use crate::data::{Batch, DataError, Errors, Forecasts, Targets};
use crate::nn::Score;
use crate::number;
use crate::optim::{Best, LearningRate, Stopper};
use crate::protocol::{
    Confusion, EpochMetrics, Event, LabelCounts, Level, RunStatus, StepMetrics, ValidationMetrics, is_told,
};
use crate::run::Folder;
use crate::run::checkpoint::{self, Checkpoint, NamedTensor};

/// Where a run stands: with the weights and the optimizer's moments all that it goes on from.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Progress {
    /// Updates made.
    step: u64,
    /// The epoch at hand, from 1.
    epoch: usize,
    /// Batches of it that are done.
    batch: usize,
    learning_rate: LearningRate,
    /// The monitored metric: the best epoch so far, and patience.
    stopper: Stopper,
    /// The same metric by which the best checkpoint is told, between epochs as well.
    best: Best,
    /// Sums over the epoch so far.
    sums: Sums,
    /// Seconds of training.
    seconds: f64,
}

impl Progress {
    pub fn new(session: &Session) -> Self {
        let (train, has_validation) = (&session.spec.train, session.validation.is_some());
        let initial = train.optimizer.learning_rate();
        let stopper = Stopper::new(train.early_stopping.as_ref(), has_validation);
        Self {
            step: 0,
            epoch: 1,
            batch: 0,
            learning_rate: LearningRate::new(&train.schedule, initial, has_validation),
            best: stopper.watched().clone(),
            stopper,
            sums: Sums::default(),
            seconds: 0.0,
        }
    }
}

/// Losses and what else is measured, summed over rows.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sums {
    score: Score,
    /// What the size of the weights added to the loss, each row counted.
    penalty: f64,
    /// Rows that were given a class the task allows there, where it leaves a choice.
    legal: Option<f64>,
}

impl Sums {
    fn add(&mut self, score: Score, penalty: f64) {
        self.score.add(score);
        self.penalty += penalty * score.count;
    }

    /// The mean loss as Keras reports it: of the data, and of the size of the weights.
    fn loss(&self) -> f64 {
        self.score.mean_loss() + self.penalty / self.score.count
    }
}

/// What validation gave.
struct Judged {
    sums: Sums,
    /// What was taken for what, where there are classes.
    confusion: Option<Confusion>,
    /// How often each label was told, where there are several at once.
    labels: Option<LabelCounts>,
    /// In the units of the series, where the data are one.
    errors: Option<Errors>,
}

pub(super) struct Run<'a> {
    pub session: Session,
    pub folder: Folder,
    pub outlet: &'a mut Outlet,
    pub control: Control,
    pub clock: Clock,
    pub progress: Progress,
    /// Those of the best epoch, where they are to be restored.
    pub best_weights: Option<Vec<f32>>,
    pub cost: Cost,
    /// Whether the log says what watching costs.
    pub cost_told: bool,
    /// Filled over and over.
    pub rows: Batch,
}

impl Run<'_> {
    pub fn epochs(&mut self) -> Result<RunStatus, End> {
        self.outlet.emit(Event::Status(RunStatus::Training));
        self.probe();
        for epoch in 1..=self.session.spec.train.epochs {
            let begin = self.clock.elapsed();
            self.progress.epoch = epoch;
            self.progress.sums = Sums::default();
            self.session.stepper.forget();
            for batch in 0..self.session.train.batches() {
                self.progress.batch = batch;
                if let Some(stop) = self.obey() {
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
            self.clock.leave_out_since(trained);
            if ends || epoch == self.session.spec.train.epochs {
                break;
            }
            if !self.cost_told {
                self.cost_told = self.tell_cost();
            }
        }
        self.restore_best();
        Ok(RunStatus::Finished)
    }

    /// Whether the validation data are to be looked at after the step just made; after the epoch's last they are anyway.
    fn is_validation_due(&self) -> bool {
        let Progress { step, batch, .. } = self.progress;
        let due = self.session.spec.train.validate_every.is_some_and(|every| step.is_multiple_of(every));
        due && batch < self.session.train.batches()
    }

    /// Looks at the validation data between two steps, tells of it and saves: nothing that weights come of hangs on it.
    fn validate_between(&mut self) -> Result<(), End> {
        self.check_weights()?;
        let begin = self.clock.elapsed();
        let Some(Judged { sums, .. }) = self.validate()? else { return Ok(()) };
        let Progress { epoch, step, .. } = self.progress;
        let metrics = ValidationMetrics {
            step,
            epoch,
            loss: sums.loss(),
            accuracy: self.accuracy(&sums),
            seconds: (self.clock.elapsed() - begin).as_secs_f64(),
        };
        self.outlet.emit(Event::Validation(metrics));
        let best = self.progress.best.improves_between(&metrics);
        self.save(best);
        self.clock.leave_out_since(begin);
        Ok(())
    }

    fn accuracy(&self, sums: &Sums) -> Option<f64> {
        self.session.stepper.model().loss().has_classes().then(|| sums.score.accuracy())
    }

    /// Tells of the epoch, saves, and draws the conclusions; whether training should end here.
    fn epoch_ended(&mut self, validation: Option<Judged>, seconds: f64) -> bool {
        let Progress { epoch, step, sums, .. } = self.progress;
        let measured = validation.as_ref().map(|judged| judged.sums);
        let model = self.session.stepper.model();
        let metrics = EpochMetrics {
            epoch,
            step,
            loss: sums.loss(),
            accuracy: self.accuracy(&sums),
            val_loss: measured.as_ref().map(Sums::loss),
            val_accuracy: measured.as_ref().and_then(|sums| self.accuracy(sums)),
            seconds,
        };
        let baselines = self.session.forecasts.as_ref().map_or(&[][..], Forecasts::baselines);
        let validation = validation.map(|Judged { sums, confusion, labels, errors }| Validated {
            score: sums.score,
            legal: sums.legal.map(|legal| legal / sums.score.count),
            confusion,
            labels,
            errors: errors.map(|errors| (errors, baselines)),
        });
        let more = evaluation(model, (epoch, step), &sums.score, validation);
        if let Some(more) = more {
            self.outlet.emit(Event::Evaluation(Box::new(more)));
        }
        self.outlet.emit(Event::Epoch(metrics));
        self.sample(true);
        let verdict = self.progress.stopper.judge(&metrics);
        if self.progress.learning_rate.epoch_ended(&metrics) {
            let rate = self.progress.learning_rate.at(step, epoch + 1);
            let text = format!("no progress: learning rate {rate:.3e} from step {} on", step + 1);
            self.outlet.log(Level::Info, text);
        }
        let stopping = self.session.spec.train.early_stopping.clone();
        if verdict.best && stopping.as_ref().is_some_and(|stopping| stopping.restore_best_weights) {
            self.best_weights = Some(self.session.stepper.params().values().to_vec());
        }
        let best = self.progress.best.improves(&metrics);
        self.save(best);
        if verdict.stop {
            let patience = stopping.map_or(0, |stopping| stopping.patience);
            let (monitor, best) = self.progress.stopper.best();
            let text = format!(
                "early stopping after epoch {epoch}: {} was best in epoch {} with {}, and patience is {patience}",
                monitor.name(),
                self.progress.stopper.best_epoch(),
                best.map_or("no number".into(), number::metric),
            );
            self.outlet.log(Level::Info, text);
        }
        verdict.stop
    }

    /// Goes back to the weights of the best epoch, if that was asked for and it is not the last, and saves them.
    fn restore_best(&mut self) {
        let Some(best) = self.best_weights.take() else { return };
        if best == self.session.stepper.params().values() {
            return;
        }
        self.session.stepper.restore(&best);
        let epoch = self.progress.stopper.best_epoch();
        self.outlet.log(Level::Info, format!("the weights are those of the best epoch, {epoch}"));
        self.save(false);
    }

    /// Takes commands, and waits while they ask for it.
    fn obey(&mut self) -> Option<Stop> {
        let (begin, paced) = (Instant::now(), self.control.pace().is_some());
        self.control.rest();
        self.cost.rest(begin.elapsed());
        self.control.poll();
        if paced && self.control.pace().is_none() {
            // From here on watching costs something else.
            self.cost = Cost::default();
        }
        self.heed();
        if self.control.holds() && self.control.stop.is_none() {
            self.clock.pause();
            self.outlet.emit(Event::Status(RunStatus::Paused));
            loop {
                self.control.wait();
                self.heed();
                if self.control.stop.is_some() || !self.control.holds() {
                    break;
                }
            }
            self.clock.resume();
            self.outlet.emit(Event::Status(RunStatus::Training));
        }
        self.control.stop
    }

    /// Does what can be done at once.
    fn heed(&mut self) {
        let factor = std::mem::replace(&mut self.control.factor, 1.0);
        if factor != 1.0 && self.progress.learning_rate.scale(factor) {
            let Progress { step, epoch, .. } = self.progress;
            let rate = self.progress.learning_rate.at(step, epoch);
            self.outlet.log(Level::Info, format!("learning rate {rate:.3e} from step {} on", step + 1));
        }
        if std::mem::take(&mut self.control.save) {
            self.save(false);
        }
    }

    fn step(&mut self, batch: usize) -> Result<(), End> {
        let mut rows = std::mem::take(&mut self.rows);
        let filled = self.session.train.fill(self.progress.epoch as u64, batch, &mut rows);
        filled.map_err(|error| self.unreadable(&error))?;
        let session = &mut self.session;
        let steps = self.progress.step;
        // Who asks for a single step wants to see it.
        let watch = session.watch.is_due(steps, self.control.pace()) || self.control.steps_singly();
        let learning_rate = self.progress.learning_rate.at(self.progress.step, self.progress.epoch);
        session.stepper.optimizer_mut().learning_rate = learning_rate;
        let begin = Instant::now();
        let taken = session.stepper.step(&rows, watch);
        let took = begin.elapsed();
        let taken = match taken {
            Ok(taken) => taken,
            Err(diverged) => {
                // What was learnt since the last checkpoint shows where it began to go wrong.
                if session.stepper.check().is_ok() {
                    self.save(false);
                }
                return Err(End::Diverged(format!("step {}: {diverged}", self.progress.step + 1)));
            }
        };
        self.progress.step += 1;
        self.progress.sums.add(taken.score, taken.penalty);
        let has_classes = session.stepper.model().loss().has_classes();
        let metrics = StepMetrics {
            step: self.progress.step,
            epoch: self.progress.epoch,
            loss: taken.score.mean_loss() + taken.penalty,
            accuracy: has_classes.then(|| taken.score.accuracy()),
            learning_rate,
            grad_norm: taken.grad_norm,
            sequences_per_s: self.clock.count(rows.len()),
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.outlet.emit(Event::Step(metrics));
        let reading = watch.then(|| self.watch(steps));
        self.rows = rows;
        self.cost.step(took, reading);
        self.sample(false);
        Ok(())
    }

    /// Tells what the instruments say of the step just made, the one after `steps` others, and what the network makes of its probes;
    /// how long it took.
    fn watch(&mut self, steps: u64) -> Duration {
        let begin = Instant::now();
        let Session { watch, stepper, .. } = &mut self.session;
        let all_radii = watch.measures_all_radii(steps, self.control.pace());
        watch.profile(stepper, self.progress.step, all_radii, &mut |event| self.outlet.emit(event));
        self.probe();
        begin.elapsed()
    }

    fn probe(&mut self) {
        let Session { watch, stepper, .. } = &mut self.session;
        watch.probe(stepper, self.progress.step, &mut |event| self.outlet.emit(event));
    }

    /// Lets a language model write, where that was asked for and is due.
    fn sample(&mut self, epoch_ended: bool) {
        let Session { watch, stepper, .. } = &mut self.session;
        let at = (self.progress.epoch, self.progress.step);
        watch.sample(stepper, at, epoch_ended, &mut |event| self.outlet.emit(event));
    }

    /// Says what watching has cost; whether that can be told.
    pub fn tell_cost(&mut self) -> bool {
        let Some(share) = self.cost.share() else { return false };
        let text = format!("instruments: {} of the training time", number::percent(share));
        self.outlet.log(Level::Info, text);
        true
    }

    /// Loss and what else is measured on the validation data; `None` without any, or when told to stop meanwhile.
    fn validate(&mut self) -> Result<Option<Judged>, End> {
        let Session { validation, stepper, forecasts, legal, .. } = &mut self.session;
        let Some(validation) = validation else { return Ok(None) };
        self.outlet.emit(Event::Status(RunStatus::Validating));
        let (mut rows, mut sums, mut first) = (std::mem::take(&mut self.rows), Sums::default(), 0);
        let mut errors = forecasts.as_ref().map(Forecasts::errors);
        stepper.judge_anew();
        let penalty = stepper.params().regularization_loss();
        // Which token was taken for which says little of a language model.
        let classes = stepper.model().classes().filter(|_| !stepper.model().is_next_token());
        let classes = classes.filter(|classes| *classes <= Confusion::MOST);
        let mut confusion = classes.map(Confusion::new);
        let mut labels = stepper.model().labels().map(LabelCounts::new);
        for batch in 0..validation.batches() {
            self.control.poll();
            if self.control.stop.is_some() {
                return Ok(None);
            }
            // Every pass is like the first.
            if let Err(error) = validation.fill(0, batch, &mut rows) {
                return Err(self.unreadable(&error));
            }
            sums.add(stepper.judge(&rows, confusion.as_mut()), penalty);
            if let (Some(forecasts), Some(errors)) = (&*forecasts, &mut errors) {
                stepper.outputs(|row, output| forecasts.judge(first + row, output, errors));
            }
            if let (Some(counts), Targets::Labels(all)) = (&mut labels, &rows.targets) {
                stepper.outputs(|row, output| {
                    let has = all.row(row);
                    counts.add(has.iter().zip(output).map(|(has, p)| (*has > 0.5, is_told(*p))));
                });
            }
            if let Some(legal) = legal {
                let count = stepper.legal(legal.slice(s![first..first + rows.len(), ..]));
                sums.legal = Some(sums.legal.unwrap_or(0.0) + count);
            }
            first += rows.len();
        }
        self.rows = rows;
        self.outlet.emit(Event::Status(RunStatus::Training));
        Ok(Some(Judged { sums, confusion, labels, errors }))
    }

    /// Data that cannot be read any more: what was learnt since the last checkpoint is kept.
    fn unreadable(&mut self, error: &DataError) -> End {
        if self.session.stepper.check().is_ok() {
            self.save(false);
        }
        End::Unusable(error.to_string())
    }

    /// Refuses weights that the last update has made useless: they must neither be saved nor pass for a result.
    fn check_weights(&self) -> Result<(), End> {
        let diverged = |e| End::Diverged(format!("step {}: {e}", self.progress.step));
        self.session.stepper.check().map_err(diverged)
    }

    fn stop(&mut self, stop: Stop) -> Result<RunStatus, End> {
        if stop == Stop::Save {
            self.check_weights()?;
        }
        Ok(RunStatus::Stopped { saved: stop == Stop::Save && self.save(false) })
    }

    /// Writes a checkpoint; whether it stands. Weights that are not finite are not worth one.
    fn save(&mut self, best: bool) -> bool {
        let stepper = &self.session.stepper;
        if let Err(e) = stepper.check() {
            self.outlet.log(Level::Error, format!("no checkpoint: {e}"));
            return false;
        }
        self.progress.seconds = self.clock.elapsed().as_secs_f64();
        let table = stepper.params().table();
        let tensor = |name: String, shape: &[usize], data| NamedTensor { name, shape: shape.to_vec(), data };
        let weights = stepper.params().values();
        let model =
            table.iter().map(|p| tensor(p.name.clone(), &p.shape, &weights[p.range.clone()])).collect();
        let slots = stepper.optimizer().slots();
        let optimizer = slots.flat_map(|(slot, values)| {
            table
                .iter()
                .filter(|p| p.trainable)
                .map(move |p| tensor(format!("{}.{slot}", p.name), &p.shape, &values[p.range.clone()]))
        });
        let state = serde_json::to_value(&self.progress).unwrap_or_default();
        let checkpoint =
            Checkpoint { step: self.progress.step, model, optimizer: optimizer.collect(), state, best };
        match checkpoint::write(&self.folder, &checkpoint) {
            Ok(saved) => {
                self.outlet.emit(Event::Saved(saved));
                true
            }
            Err(e) => {
                self.outlet.log(Level::Error, format!("no checkpoint: {e}"));
                false
            }
        }
    }
}
