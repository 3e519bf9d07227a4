//! The state of a training besides its weights: what the next step depends on, and what later events depend on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alerts::Alerts;
use super::divergence::LossHistory;
use super::fingerprint::DataFingerprint;
use super::session::Session;
use crate::infer::Totals;
use crate::metrics::Metrics;
use crate::optim::{Best, LearningRate, Stopper};
use crate::protocol::{AppliedCommand, ChangedSetting, Command};
use crate::run::checkpoint::undo::UndoPoint;

/// The version of `state.json`; one of another version cannot be resumed.
const VERSION: u32 = 2;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Next {
    /// A step of the batch number [`TrainingState::batch`].
    Step,
    /// The validation between two steps of an epoch.
    Validation,
    /// The validation after the last step of an epoch, and what follows from it.
    EpochEnd,
}

/// The state of training apart from weights, optimizer slots and carried states, which are tensors. A checkpoint has it as `state.json`, as
/// it is between two steps, or before a validation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TrainingState {
    version: u32,
    /// The number of updates.
    pub step: u64,
    /// The current epoch, from 1; one more than the spec has once training is complete.
    pub epoch: usize,
    /// The number of its batches that are done.
    pub batch: usize,
    pub next: Next,
    /// Seconds of training.
    pub seconds: f64,
    /// Seconds of its steps alone, by which races compare; absent in states of earlier versions.
    #[serde(default)]
    pub step_seconds: Option<f64>,
    /// [`seconds`](Self::seconds) when the epoch began.
    pub epoch_began: f64,
    pub learning_rate: LearningRate,
    /// The best epoch so far by the monitored metric, and patience.
    pub early_stopping: Stopper,
    /// The best value of the same metric for the best checkpoint, between epochs as well.
    pub best: Best,
    /// The metrics of the best checkpoint, and those of the last epoch.
    #[serde(with = "pairs")]
    pub best_metrics: Option<Metrics>,
    #[serde(with = "pairs")]
    pub metrics: Option<Metrics>,
    /// The totals of the epoch so far.
    pub totals: Totals,
    pub losses: LossHistory,
    /// What has been seen of the conditions that the preset warns of.
    #[serde(default)]
    pub alerts: Option<Alerts>,
    /// Whether the probes were shown before the first step.
    pub has_probed: bool,
    /// The step of the last sample of a language model.
    pub sampled: u64,
    /// The commands that changed the training or its monitoring.
    pub changes: Vec<AppliedCommand>,
    /// Of the shards whose carried states are saved: the first row and the number of rows.
    pub shards: Vec<(usize, usize)>,
    /// The length of `metrics.jsonl`, if all lines so far were written.
    pub metrics_bytes: Option<u64>,
    pub data: DataFingerprint,
    /// The spec, as `spec.yaml` has it without its comments; absent in states of earlier versions.
    #[serde(default)]
    pub spec: Option<String>,
    /// The settings that were changed when training went on from a checkpoint.
    #[serde(default)]
    pub settings: Vec<ChangedSetting>,
    /// The batch size of the current epoch, where a command has set it.
    #[serde(default)]
    pub batch_size: Option<usize>,
    /// The changes that can be undone, the earliest first.
    #[serde(default)]
    pub undo: Vec<UndoableChange>,
    /// How many changes were undone.
    #[serde(default)]
    pub undone: u64,
}

/// What commands and settings have changed in a state, as numbers: it may change between two steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Edits {
    changes: usize,
    settings: usize,
    undone: u64,
}

/// A change of the training that can be undone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UndoableChange {
    /// Its place in [`TrainingState::changes`].
    pub change: usize,
    /// The checkpoint before it.
    pub point: UndoPoint,
}

/// Metrics as names and values: their names are no keys of `state.json`.
mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::metrics::Metrics;

    pub fn serialize<S: Serializer>(metrics: &Option<Metrics>, serializer: S) -> Result<S::Ok, S::Error> {
        metrics.as_ref().map(|metrics| metrics.iter().collect::<Vec<_>>()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Metrics>, D::Error> {
        let pairs: Option<Vec<(String, Option<f64>)>> = Option::deserialize(deserializer)?;
        let number = |(name, value): (String, Option<f64>)| (name, value.unwrap_or(f64::NAN));
        Ok(pairs.map(|pairs| pairs.into_iter().map(number).collect()))
    }
}

impl TrainingState {
    /// What commands and settings have changed so far.
    pub fn edits(&self) -> Edits {
        Edits { changes: self.changes.len(), settings: self.settings.len(), undone: self.undone }
    }

    /// The state before the first step.
    pub fn new(session: &Session) -> Self {
        let (train, has_validation) = (&session.spec.train, session.validation.is_some());
        let initial = train.optimizer.learning_rate();
        let early_stopping = Stopper::new(train.early_stopping.as_ref(), has_validation);
        Self {
            version: VERSION,
            step: 0,
            epoch: 1,
            batch: 0,
            next: Next::Step,
            seconds: 0.0,
            step_seconds: Some(0.0),
            epoch_began: 0.0,
            learning_rate: LearningRate::new(&train.schedule, initial, has_validation),
            best: early_stopping.watched().clone(),
            early_stopping,
            best_metrics: None,
            metrics: None,
            totals: Totals::default(),
            losses: LossHistory::default(),
            alerts: None,
            has_probed: false,
            sampled: 0,
            changes: Vec::new(),
            shards: Vec::new(),
            metrics_bytes: None,
            data: session.fingerprint(),
            spec: session.spec.to_yaml().ok(),
            settings: Vec::new(),
            batch_size: None,
            undo: Vec::new(),
            undone: 0,
        }
    }

    /// Reads `state.json`.
    ///
    /// # Errors
    /// In words, for the state of an earlier version, for none, as of an imported network, and for anything else.
    pub fn from_json(state: &serde_json::Value) -> Result<Self, String> {
        if state.is_null() {
            return Err("an imported network has weights and no training state: train it with `unrolled train --from RUN`".into());
        }
        #[derive(Deserialize)]
        struct Versioned {
            #[serde(default)]
            version: u32,
        }
        let found = Versioned::deserialize(state).map_err(|error| error.to_string())?.version;
        if found != VERSION {
            return Err(format!(
                "the training state is of version {found}, and this program resumes version {VERSION}; train again with \
                 `unrolled train RUN/spec.yaml`"
            ));
        }
        Self::deserialize(state).map_err(|error| error.to_string())
    }

    /// Takes over the settings of a spec that was changed since the state was saved.
    pub fn apply_spec(&mut self, session: &Session, before: &crate::preset::RunSpec) {
        let (train, old) = (&session.spec.train, &before.train);
        let fresh = Self::new(session);
        if train.optimizer.learning_rate() != old.optimizer.learning_rate() || train.schedule != old.schedule
        {
            self.learning_rate = fresh.learning_rate;
        } else {
            self.learning_rate.set_schedule(&train.schedule);
        }
        if train.early_stopping != old.early_stopping {
            self.early_stopping.set_config(train.early_stopping.as_ref(), fresh.early_stopping.watched());
            if self.best.monitor() != fresh.best.monitor() {
                self.best = fresh.best;
                self.best_metrics = None;
            }
        }
    }

    /// The time of its steps alone, if it is known.
    pub fn step_time(&self) -> Option<Duration> {
        self.step_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// The batch size that a command has set for the next epoch, or for this one before its first step.
    pub fn next_batch_size(&self) -> Option<usize> {
        self.changes.iter().rev().find_map(|change| match change.request.command {
            Command::SetBatchSize { batch_size } => Some(batch_size),
            _ => None,
        })
    }

    /// Whether a command has ended the pace of the preset.
    pub fn has_full_speed(&self) -> bool {
        self.changes.iter().any(|change| change.request.command == Command::FullSpeed)
    }

    /// Whether all epochs are done, or early stopping ends training.
    pub fn is_complete(&self, epochs: usize) -> bool {
        let between = self.batch == 0 && self.next == Next::Step;
        between && (self.epoch > epochs || self.early_stopping.has_stopped())
    }
}
