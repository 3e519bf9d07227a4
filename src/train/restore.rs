//! A training as it was when a checkpoint was saved.

use std::path::Path;
use std::time::Duration;

use super::session::Session;
use super::state::TrainingState;
use crate::metrics::Metrics;
use crate::nn::{CarriedState, Params};
use crate::preset::{self, Overrides, RunSpec};
use crate::run::RunError;
use crate::run::checkpoint::{self, LoadedCheckpoint, Tensor};
use crate::step::{ShardWorker, Stepper};

/// The name of a slot variable of a parameter.
pub(super) fn slot_name(param: &str, slot: &str) -> String {
    format!("{param}.{slot}")
}

/// The tensors of a checkpoint as weights of `params`, laid out as [`Params::values`].
///
/// # Errors
/// In words, if they are those of another network.
pub(super) fn weights_of(params: &Params, tensors: &[Tensor]) -> Result<Vec<f32>, String> {
    let mut values = params.values().to_vec();
    for param in params.table() {
        values[param.range.clone()].copy_from_slice(find(tensors, &param.name, &param.shape)?);
    }
    Ok(values)
}

/// The slot variables of a checkpoint.
fn slots_of(stepper: &Stepper, tensors: &[Tensor]) -> Result<Vec<Vec<f32>>, String> {
    let mut slots = Vec::new();
    for (slot, initial) in stepper.optimizer().slots() {
        let mut values = initial.to_vec();
        for param in stepper.params().table().iter().filter(|param| param.trainable) {
            let name = slot_name(&param.name, slot);
            values[param.range.clone()].copy_from_slice(find(tensors, &name, &param.shape)?);
        }
        slots.push(values);
    }
    Ok(slots)
}

/// The values of the tensor `name`.
fn find<'t>(tensors: &'t [Tensor], name: &str, shape: &[usize]) -> Result<&'t [f32], String> {
    let found = tensors.iter().find(|tensor| tensor.name == name && tensor.shape == shape);
    found.map(|tensor| tensor.data.as_slice()).ok_or_else(|| format!("no tensor {name} of shape {shape:?}"))
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of updates at the checkpoint of the latest step.
    pub step: u64,
    /// The epoch that it is in, or the one after the last that has ended.
    pub epoch: usize,
    /// How many commands that change settings it has applied.
    pub commands: usize,
    /// Whether all epochs are done, or early stopping has ended training.
    pub is_complete: bool,
    /// The time of its steps alone; `None` in checkpoints of earlier versions.
    pub step_time: Option<Duration>,
}

impl Progress {
    /// The progress of a training of `spec` at the checkpoint in the folder `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is one of an earlier version.
    pub fn at(path: &Path, spec: &RunSpec) -> Result<Self, RunError> {
        let loaded = checkpoint::read_from(path)?;
        let what = |what| RunError::Damaged { path: path.join("state.json"), what };
        let state = TrainingState::from_json(&loaded.state).map_err(what)?;
        let is_complete = state.is_complete(spec.train.epochs);
        let (step_time, commands) = (state.step_time(), state.changes.len());
        Ok(Self { step: state.step, epoch: state.epoch, commands, is_complete, step_time })
    }
}

/// The spec of the training at a checkpoint; `None` in those of earlier versions.
pub fn spec_at(checkpoint: &LoadedCheckpoint) -> Option<RunSpec> {
    let state = TrainingState::from_json(&checkpoint.state).ok()?;
    Some(preset::reload(state.spec.as_deref()?, &Overrides::default()).ok()?.spec)
}

/// The metrics of the weights that the finished run of `spec` in the folder `run` keeps: of its best epoch, if its weights were restored, or
/// else of its last.
pub fn kept_metrics(run: &Path, spec: &RunSpec) -> Option<Metrics> {
    let mut checkpoints = checkpoint::by_step(run).into_iter();
    let latest = checkpoints.find_map(|(_, path)| checkpoint::read_from(&path).ok())?;
    let state = TrainingState::from_json(&latest.state).ok()?;
    let stopping = spec.train.early_stopping.as_ref();
    match stopping.is_some_and(|stopping| stopping.restore_best_weights) && state.best.value.is_some() {
        true => state.best_metrics.or(state.metrics),
        false => state.metrics,
    }
}

/// A checkpoint of which all fits a session.
pub(super) struct Restorable {
    state: TrainingState,
    weights: Vec<f32>,
    slots: Vec<Vec<f32>>,
    workers: Vec<ShardWorker>,
}

/// Sets the weights, the optimizer and the carried states of `session` to those of a checkpoint; returns the rest of its state.
///
/// # Errors
/// In words, if it is the checkpoint of another network or of other data; `session` is then as it was.
pub(super) fn restore(session: &mut Session, checkpoint: &LoadedCheckpoint) -> Result<TrainingState, String> {
    Ok(Restorable::new(session, checkpoint)?.restore(session))
}

impl Restorable {
    /// Checks that a checkpoint fits `session`.
    ///
    /// # Errors
    /// In words, if it is the checkpoint of another network or of other data.
    pub fn new(session: &Session, checkpoint: &LoadedCheckpoint) -> Result<Self, String> {
        let state = TrainingState::from_json(&checkpoint.state)?;
        if let Some(difference) = state.data.difference(&session.fingerprint()) {
            return Err(format!(
                "the data have changed since the run was stopped ({difference}): training cannot go on as if it had never stopped; \
                 restore the data, or train a new run"
            ));
        }
        let stepper = &session.stepper;
        let weights = weights_of(stepper.params(), &checkpoint.model)?;
        let slots = slots_of(stepper, &checkpoint.optimizer)?;
        let carried = carried(&state.shards, &checkpoint.carried)?;
        let workers = stepper.workers_with(carried).map_err(|error| error.to_string())?;
        Ok(Self { state, weights, slots, workers })
    }

    /// Sets the weights, the optimizer and the carried states of the same session; returns the rest of the state.
    pub fn restore(self, session: &mut Session) -> TrainingState {
        let Self { mut state, weights, slots, workers } = self;
        let stepper = &mut session.stepper;
        stepper.set_weights(&weights);
        stepper.optimizer_mut().restore(state.step, slots);
        stepper.set_workers(workers);
        session.watch.set_last_sample(state.sampled);
        state.learning_rate.set_schedule(&session.spec.train.schedule);
        state
    }
}

/// Checks that the data of `session` are those of the run in the folder `run`, as far as a checkpoint knows them.
///
/// # Errors
/// With what has changed.
pub(super) fn check_data(session: &Session, run: &Path) -> Result<(), String> {
    let states =
        checkpoint::by_step(run).into_iter().filter_map(|(_, path)| checkpoint::read_from(&path).ok());
    let state = states.filter_map(|loaded| TrainingState::from_json(&loaded.state).ok()).next();
    match state.and_then(|state| state.data.difference(&session.fingerprint())) {
        None => Ok(()),
        Some(difference) => Err(format!(
            "the data have changed since {} was trained ({difference}): the same training cannot be repeated; restore the data",
            run.display()
        )),
    }
}

/// The carried states of every shard.
fn carried(
    shards: &[(usize, usize)],
    tensors: &[Tensor],
) -> Result<Vec<(usize, usize, Vec<CarriedState>)>, String> {
    let part = |name: String| {
        let tensor = tensors.iter().find(|tensor| tensor.name == name)?;
        let [batch, units] = tensor.shape[..] else { return None };
        let mut block = crate::nn::Block::default();
        if batch > 0 {
            block.reshape(1, batch, units);
            block.data_mut().copy_from_slice(&tensor.data);
        }
        Some(block)
    };
    let of_shard = |(shard, (first_row, rows)): (usize, &(usize, usize))| {
        let layers = (0..).map_while(|layer| {
            let state = |name| part(format!("{shard}.{layer}.{name}"));
            Some(CarriedState { h: state("h")?, c: state("c")? })
        });
        (*first_row, *rows, layers.collect::<Vec<_>>())
    };
    let all: Vec<_> = shards.iter().enumerate().map(of_shard).collect();
    match all.iter().any(|(.., states)| states.is_empty()) {
        true => Err("carried states are missing".into()),
        false => Ok(all),
    }
}
