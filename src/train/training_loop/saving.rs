//! Checkpoints: after an epoch or a validation, on command, and at the end.

use std::thread;
use std::time::{Duration, Instant};

use super::TrainingLoop;
use crate::error::chain;
use crate::nn::{CarriedState, Param};
use crate::number::{count, metric};
use crate::optim::Best;
use crate::preset::CheckpointSpec;
use crate::protocol::{Event, Level, RunStatus, Saved};
use crate::run::checkpoint::{self, Checkpoint, NamedTensor, Which};
use crate::train::error::TrainError;
use crate::train::restore::{slot_name, weights_of};
use crate::train::state::{Edits, TrainingState};

/// The pause before the last attempt to save at the end.
const LAST_ATTEMPT: Duration = Duration::from_millis(200);

/// What is saved, and what is not.
#[derive(Debug)]
pub(in crate::train) struct Saving {
    /// The last checkpoint.
    pub last: Option<Saved>,
    /// What its state has of commands and settings.
    pub edits: Edits,
    /// Whether its weights are absurd: there are no better ones.
    pub is_absurd: bool,
    /// The step of the checkpoint whose weights were restored, which is the last one now.
    restored: Option<u64>,
    /// When the last checkpoint was saved.
    at: Instant,
    /// The best value of the monitored metric whose weights are saved.
    pub best: Best,
    /// The best weights, as long as they could not be saved.
    unsaved_best: Option<Snapshot>,
    /// The failed attempts since the last that succeeded, and the last error.
    failures: u64,
    error: Option<String>,
}

/// All that a checkpoint contains.
#[derive(Debug)]
struct Snapshot {
    state: TrainingState,
    weights: Vec<f32>,
    slots: Vec<(&'static str, Vec<f32>)>,
    carried: Carried,
}

/// Of every shard the first row, the number of rows, and the states that it carries to the next batch.
pub(super) type Carried = Vec<(usize, usize, Vec<CarriedState>)>;

impl Saving {
    /// Nothing is saved yet; `best` has no value.
    pub fn new(best: Best) -> Self {
        Self {
            last: None,
            edits: Edits::default(),
            is_absurd: false,
            restored: None,
            at: Instant::now(),
            best,
            unsaved_best: None,
            failures: 0,
            error: None,
        }
    }
}

impl Saving {
    /// Training goes on from `last`, whose state is `state`.
    pub fn resume(state: &TrainingState, last: Saved) -> Self {
        Self { last: Some(last), edits: state.edits(), ..Self::new(state.best.clone()) }
    }
}

impl TrainingLoop<'_> {
    /// Makes the best checkpoint the last, if the preset requests it and it is not: its weights are those that predictions use. The
    /// checkpoint of the latest step stays.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub(super) fn restore_best(&mut self) -> Result<(), TrainError> {
        let stopping = self.session.spec.train.early_stopping.as_ref();
        if !stopping.is_some_and(|stopping| stopping.restore_best_weights) || self.state.best.value.is_none()
        {
            return Ok(());
        }
        // First the latest, so that training can go on.
        self.save_all()?;
        let best = checkpoint::best_is_last(&self.folder)?;
        if best.step == self.state.step {
            return Ok(());
        }
        let stepper = &mut self.session.stepper;
        let weights = weights_of(stepper.params(), &best.model).map_err(TrainError::Failed)?;
        stepper.set_weights(&weights);
        self.divergence.restored();
        self.final_metrics = self.state.best_metrics.clone();
        self.saving.restored = Some(best.step);
        let text = format!(
            "the weights are the best, of step {}: {} {}",
            count(best.step),
            self.state.best.monitor(),
            self.state.best.value.map_or(String::new(), metric)
        );
        self.publisher.log(Level::Info, text);
        // Its step is an earlier one: that the checkpoint itself was saved is recorded there.
        let path = self.folder.path().join("checkpoints/last");
        let weights = best.fingerprint();
        self.publisher.publish(Event::Saved(Saved { step: best.step, path, best: true, weights }));
        Ok(())
    }

    /// Whether there is a checkpoint of good weights.
    pub(super) fn has_good_checkpoint(&self) -> bool {
        self.saving.last.is_some() && !self.saving.is_absurd
    }

    /// Whether a checkpoint is due after an epoch.
    pub(super) fn is_checkpoint_due_after(&self, epoch: usize) -> bool {
        let CheckpointSpec { every_epochs, .. } = self.session.spec.train.checkpoint;
        let is_complete = self.state.is_complete(self.session.spec.train.epochs);
        is_complete || every_epochs > 0 && epoch.is_multiple_of(every_epochs)
    }

    /// Writes a checkpoint between two steps, if one is due by steps or by time.
    pub(super) fn save_between(&mut self) {
        let CheckpointSpec { every_steps, every_seconds, .. } = self.session.spec.train.checkpoint;
        let step = self.state.step;
        let is_new = step > 0 && self.saving.last.as_ref().is_none_or(|saved| saved.step != step);
        let by_steps = || every_steps.is_some_and(|every| step.is_multiple_of(every));
        let by_time = || every_seconds.is_some_and(|every| self.saving.at.elapsed().as_secs_f64() >= every);
        if is_new && (by_steps() || by_time()) {
            self.save_scheduled(false, true);
        }
    }

    /// Writes a checkpoint if it `is_due` or the best, unless training diverges and there is an earlier one.
    pub(super) fn save_scheduled(&mut self, best: bool, is_due: bool) {
        if best || is_due && (!self.has_good_checkpoint() || !self.divergence.is_diverging()) {
            self.save(best);
        }
    }

    /// Writes a checkpoint, unless the weights are not finite, or absurd and there is one of good weights; returns whether it is complete.
    pub(super) fn save(&mut self, best: bool) -> bool {
        let stepper = &self.session.stepper;
        if let Err(e) = stepper.check() {
            self.failed(format!("step {}: {e}", count(self.state.step)));
            return false;
        }
        let absurd = self.divergence.absurd(stepper.params().values());
        if let Some(why) = absurd.as_ref().filter(|_| self.has_good_checkpoint()) {
            self.failed(why.clone());
            return false;
        }
        let (best, is_absurd) = (best && absurd.is_none(), absurd.is_some());
        if !best {
            self.save_earlier_best();
        }
        self.saving.at = Instant::now();
        let (state, carried) = self.present(best);
        let CheckpointSpec { mut keep, .. } = self.session.spec.train.checkpoint;
        if self.failure.is_some() {
            // The weights of a step that fails may be no good any more: the checkpoint before it stays as well.
            keep = keep.max(1).saturating_add(1);
        }
        let stepper = &self.session.stepper;
        let (table, weights) = (stepper.params().table(), stepper.params().values());
        let checkpoint = Checkpoint {
            carried: carried_tensors(&carried),
            keep,
            ..checkpoint(table, &state, weights, stepper.optimizer().slots(), best)
        };
        match checkpoint::write(&self.folder, &checkpoint) {
            Ok(saved) => {
                self.saving.edits = state.edits();
                if best {
                    self.saving.unsaved_best = None;
                    self.saving.best = state.best;
                }
                self.saving.is_absurd = is_absurd;
                self.saved(saved);
                true
            }
            Err(e) => {
                if best {
                    let slots = stepper.optimizer().slots().map(|(name, values)| (name, values.to_vec()));
                    let snapshot =
                        Snapshot { state, weights: weights.to_vec(), slots: slots.collect(), carried };
                    self.saving.unsaved_best = Some(snapshot);
                }
                self.failed(chain(&e));
                false
            }
        }
    }

    /// The state as a checkpoint has it, after everything so far is on disk, and the carried states.
    pub(super) fn present(&mut self, best: bool) -> (TrainingState, Carried) {
        self.state.seconds = self.clock.elapsed().as_secs_f64();
        self.state.losses = self.divergence.history();
        self.state.alerts = self.publisher.alerts();
        self.state.sampled = self.session.watch.last_sample();
        // A checkpoint must not be more durable than its history.
        self.state.metrics_bytes = self.publisher.sync();
        // The state has the best value whose weights are saved.
        let of = if best { &self.state.best } else { &self.saving.best };
        let carried = self.session.stepper.carried();
        let shards = carried.iter().map(|(first_row, rows, _)| (*first_row, *rows)).collect();
        let mut state = self.state.clone();
        (state.best, state.shards) = (of.clone(), shards);
        (state, carried)
    }

    /// Tries again to save the best weights, if that failed when they were the last.
    fn save_earlier_best(&mut self) {
        let Some(best) = self.saving.unsaved_best.take() else { return };
        let slots = best.slots.iter().map(|(name, values)| (*name, values.as_slice()));
        let table = self.session.stepper.params().table();
        let checkpoint = Checkpoint {
            carried: carried_tensors(&best.carried),
            keep: self.session.spec.train.checkpoint.keep,
            ..checkpoint(table, &best.state, &best.weights, slots, true)
        };
        match checkpoint::write_best(&self.folder, &checkpoint) {
            Ok(saved) => {
                self.saving.best = best.state.best;
                self.publisher.publish(Event::Saved(saved));
            }
            Err(e) => {
                self.saving.unsaved_best = Some(best);
                self.failed(chain(&e));
            }
        }
    }

    fn saved(&mut self, saved: Saved) {
        self.saving.last = Some(saved.clone());
        self.publisher.publish(Event::Saved(saved));
        if self.saving.unsaved_best.is_none() && self.saving.error.take().is_some() {
            let failures = std::mem::take(&mut self.saving.failures);
            let attempts = if failures == 1 { "attempt" } else { "attempts" };
            let text = format!("checkpoints are saved again, after {} failed {attempts}", count(failures));
            self.publisher.log(Level::Info, text);
        }
    }

    /// Logs the first failure of several in a row; the others are counted.
    fn failed(&mut self, error: String) {
        self.saving.failures += 1;
        if self.saving.error.replace(error.clone()).is_none() {
            self.publisher.log(Level::Error, format!("no checkpoint: {error}"));
        }
    }

    /// Saves at the end what is not saved, and checks that it is on disk.
    ///
    /// # Errors
    /// [`TrainError::Failed`] with what is not saved, and why; [`TrainError::Diverged`] if the loss or the weights are absurd.
    pub(super) fn conclude(&mut self, end: Result<RunStatus, TrainError>) -> Result<RunStatus, TrainError> {
        match end {
            Ok(status) => {
                let stopped = matches!(status, RunStatus::Stopped { .. });
                let diverged = self.divergence.verdict(self.session.stepper.params().values(), stopped);
                match diverged {
                    _ if status == (RunStatus::Stopped { saved: false }) => self.discard(status),
                    Some(what) => {
                        // Weights that are better than none, or that the user wants.
                        if stopped || !self.has_good_checkpoint() {
                            self.save(false);
                        }
                        Err(self.diverged(what))
                    }
                    None => self.save_all().map(|()| status),
                }
            }
            Err(TrainError::Diverged(what)) => Err(self.diverged(what)),
            Err(error) => {
                self.save_earlier_best();
                Err(error)
            }
        }
    }

    /// Ends without saving what was trained since the last checkpoint.
    fn discard(&mut self, status: RunStatus) -> Result<RunStatus, TrainError> {
        self.save_earlier_best();
        match self.saving.error.take() {
            Some(error) if self.saving.failures > 0 => Err(self.unsaved(&error)),
            _ => Ok(status),
        }
    }

    /// Says which weights a training that has diverged leaves.
    fn diverged(&mut self, what: String) -> TrainError {
        self.save_earlier_best();
        let text = match &self.saving.last {
            Some(saved) if self.saving.is_absurd => {
                format!(
                    "no good weights are saved: the last checkpoint, of step {}, is one of divergence",
                    count(saved.step)
                )
            }
            Some(saved) => format!("the last checkpoint is of step {}", count(saved.step)),
            None => "there is no checkpoint".into(),
        };
        self.publisher.log(Level::Warning, text);
        let good = self.saving.last.as_ref().filter(|_| !self.saving.is_absurd).map(|saved| saved.step);
        self.report_divergence(&what, good);
        TrainError::Diverged(what)
    }

    /// Saves the last and the best weights, if they are not saved.
    fn save_all(&mut self) -> Result<(), TrainError> {
        for pause in [Duration::ZERO, LAST_ATTEMPT] {
            thread::sleep(pause);
            self.save_earlier_best();
            let saved = self.is_last_saved() || self.save(false);
            if saved && self.saving.unsaved_best.is_none() {
                return Ok(());
            }
        }
        let error = self.saving.error.take().unwrap_or_default();
        Err(self.unsaved(&error))
    }

    /// Whether the present weights and settings are in the last checkpoint, on disk.
    fn is_last_saved(&self) -> bool {
        if self.saving.restored.is_some() {
            return checkpoint::exists(self.folder.path(), Which::Last);
        }
        let is_current =
            |saved: &&Saved| saved.step == self.state.step && self.saving.edits == self.state.edits();
        let last = self.saving.last.as_ref().filter(is_current);
        last.is_some_and(|saved| checkpoint::is_last(&self.folder, saved))
    }

    /// What is not saved, and why.
    fn unsaved(&self, error: &str) -> TrainError {
        let steps = |step| format!("the weights of step {}", count(step));
        let best = self.saving.unsaved_best.as_ref().map(|best| best.state.step);
        let what = match (self.is_last_saved(), best) {
            (false, Some(best)) if best != self.state.step => {
                format!("{} and the best weights, of step {},", steps(self.state.step), count(best))
            }
            (true, Some(best)) => format!("the best weights, of step {},", count(best)),
            _ => steps(self.state.step),
        };
        let attempts = match self.saving.failures {
            0 | 1 => String::new(),
            failures => format!("; {} attempts to save failed", count(failures)),
        };
        let left = match checkpoint::last_step(self.folder.path()) {
            // The error says it.
            _ if self.folder.check_place().is_err() => String::new(),
            // It may be one whose save failed after it had become the last.
            Some(step) => format!("; the last checkpoint is of step {}", count(step)),
            None => "; there is no checkpoint".into(),
        };
        TrainError::Failed(format!("{what} could not be saved: {error}{attempts}{left}"))
    }
}

/// A checkpoint of these weights and slots.
pub(super) fn checkpoint<'a>(
    table: &[Param],
    state: &TrainingState,
    weights: &'a [f32],
    slots: impl Iterator<Item = (&'static str, &'a [f32])>,
    best: bool,
) -> Checkpoint<'a> {
    let tensor = |name: String, shape: &[usize], data| NamedTensor { name, shape: shape.to_vec(), data };
    let model = table.iter().map(|p| tensor(p.name.clone(), &p.shape, &weights[p.range.clone()])).collect();
    let optimizer = slots.flat_map(|(slot, values)| {
        table
            .iter()
            .filter(|p| p.trainable)
            .map(move |p| tensor(slot_name(&p.name, slot), &p.shape, &values[p.range.clone()]))
    });
    let optimizer = optimizer.collect();
    let json = serde_json::to_value(state).unwrap_or_default();
    Checkpoint { step: state.step, model, optimizer, state: json, best, ..Checkpoint::default() }
}

/// The carried states of every shard: `SHARD.LAYER.h` and `SHARD.LAYER.c`, `[batch, units]`, where LAYER counts recurrent layers and
/// directions.
pub(super) fn carried_tensors(shards: &[(usize, usize, Vec<CarriedState>)]) -> Vec<NamedTensor<'_>> {
    let states = shards.iter().enumerate().flat_map(|(shard, (.., states))| {
        states.iter().enumerate().map(move |(layer, state)| (format!("{shard}.{layer}"), state))
    });
    let tensors = states.flat_map(|(name, CarriedState { h, c })| {
        [("h", h), ("c", c)].map(|(part, block)| {
            let (_, batch, units) = block.dim();
            NamedTensor { name: format!("{name}.{part}"), shape: vec![batch, units], data: block.data() }
        })
    });
    tensors.collect()
}
