use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Alert, AppliedCommand, AttentionWeights, Command, DataFacts, Direction, EmbeddingNeighbours, Instruments,
    ModelTable, ProbeText, TokenInfluence, TokenWindow, UnitResponse, ValidationExamples,
    WeightDistributions,
};
use crate::metrics::{Confusion, Metrics, Task};

/// An event of a trainer. Screens, recorders and tests process the same events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run is ready to train: sent once, before any step.
    Prepared(Box<RunInfo>),
    /// The status of the trainer has changed.
    Status(RunStatus),
    /// An optimizer update was made.
    Step(StepMetrics),
    /// The network was evaluated on the validation data between two steps of an epoch.
    Validation(ValidationMetrics),
    /// An epoch and its validation ended.
    Epoch(Box<EpochMetrics>),
    /// The gradient norm per unrolled step of one recurrent layer, on monitored steps.
    Gradient(GradientProfile),
    /// Saturation, spectral radii and norms of all weight tensors, on monitored steps.
    Instruments(Box<Instruments>),
    /// The distributions of all weights, on monitored steps; of large networks on some of them. Latest wins.
    Weights(Box<WeightDistributions>),
    /// A probe sentence seen by the network, on watched steps. Latest wins.
    Probe(Box<ProbeFrame>),
    /// A generated text of a language model.
    Sample(Sample),
    /// Examples of the validation that was made just now.
    Examples(Box<ValidationExamples>),
    /// A checkpoint is complete on disk.
    Saved(Saved),
    /// A line of the log.
    Log(LogLine),
    /// A command was applied.
    Command(AppliedCommand),
    /// Training goes on from a checkpoint.
    Resumed(Resumed),
    /// Training has gone back to the step before a change: the events of later steps are void, and no longer recorded.
    Undone(Undone),
    /// A command has added a probe, with the next number of [`ProbeFrame::probe`].
    ProbeAdded(ProbeText),
    /// How the unit that a command has chosen responds to tokens: after the command and after each validation.
    UnitResponse(Box<UnitResponse>),
    /// The nearest neighbours of embeddings that a command has requested: after the command and after each validation.
    Neighbours(Box<EmbeddingNeighbours>),
    /// A condition that the preset warns of has come true. A line of the log says it as well.
    Alert(Alert),
}

impl Event {
    /// Whether a later event of its kind replaces it on a screen, unlike all others.
    pub fn is_picture(&self) -> bool {
        matches!(self, Self::Gradient(_) | Self::Instruments(_) | Self::Weights(_) | Self::Probe(_))
    }
}

/// The facts of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The preset's name.
    pub name: String,
    /// The preset's title.
    pub title: String,
    /// What the run shows.
    pub about: String,
    /// The run folder.
    pub folder: PathBuf,
    /// The layers.
    pub model: ModelTable,
    /// The facts of the data.
    pub data: DataFacts,
    /// The probe sentences that [`ProbeFrame::probe`] counts.
    pub probes: Vec<ProbeText>,
    /// Epochs to train.
    pub epochs: usize,
    /// Optimizer steps an epoch.
    pub steps_per_epoch: usize,
    /// Sequences a step (the last of an epoch may have fewer).
    pub batch_size: usize,
    /// The interval in steps of measuring gradients and probes.
    pub watch_every: usize,
    /// The steps a second to which training is slowed down for watching, until a command says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
    /// The task of the network.
    pub task: Task,
    /// Keras's name of the loss.
    pub loss: String,
    /// Keras's name of the optimizer.
    pub optimizer: String,
    /// Seed of weights, order and generated data.
    pub seed: u64,
    /// The number of threads of a step.
    pub threads: usize,
    /// The metric that decides which epoch is the best. `None` in recordings that lack it.
    #[serde(default)]
    pub monitor: Option<Monitor>,
}

/// A metric by which epochs are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitor {
    /// Its name, e.g. `val_loss`.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
}

impl RunInfo {
    /// Whether the network reads tokens: texts, or sequences of symbols.
    pub fn reads_tokens(&self) -> bool {
        self.data.vocabulary > 0
    }

    /// Whether the network predicts several labels, each with its own probability.
    pub fn has_labels(&self) -> bool {
        self.task == Task::Labels
    }

    /// Takes what a command changes in it.
    pub fn apply(&mut self, command: &Command) {
        if *command == Command::FullSpeed {
            self.pace = None;
        }
    }

    /// The class `label` as a reader sees it: a number alone, as of data without names, is said to be a class. Text of the data: escape it
    /// before printing.
    pub fn class_name<'a>(&self, label: &'a str) -> Cow<'a, str> {
        let is_number = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
        let is_class = matches!(self.task, Task::Binary | Task::Classes) && !self.data.has_symbols;
        if is_number && is_class { format!("class {label}").into() } else { label.into() }
    }
}

/// The status of the trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunStatus {
    /// Reading data, building the network; `what` in words.
    Preparing {
        /// What is being prepared, e.g. `reading imdb-train.csv.gz`.
        what: String,
    },
    /// Making steps.
    Training,
    /// Validating between two steps.
    Validating,
    /// Waiting for a command.
    Paused,
    /// Training has finished.
    Finished,
    /// Stopped by a command or signal; `saved` if a checkpoint of the last step exists.
    Stopped {
        /// Whether the last step is saved.
        saved: bool,
    },
    /// A loss or gradient was not finite; the weights are those before that step.
    Diverged {
        /// What was not finite, where, and what may help.
        what: String,
    },
    /// The trainer failed: data, disk or a bug.
    Failed {
        /// The error message.
        what: String,
    },
}

impl RunStatus {
    /// Whether the trainer has ended.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished | Self::Stopped { .. } | Self::Diverged { .. } | Self::Failed { .. })
    }

    /// One word for the status line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Preparing { .. } => "preparing",
            Self::Training => "training",
            Self::Validating => "validating",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped { .. } => "stopped",
            Self::Diverged { .. } => "diverged",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The scalars of one optimizer step, measured on its batch before the update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Optimizer updates made, this one counted: from 1.
    pub step: u64,
    /// From 1.
    pub epoch: usize,
    /// The batch's mean loss.
    pub loss: f64,
    /// The accuracy of the batch, if the task has classes.
    pub accuracy: Option<f64>,
    /// The learning rate of this update.
    pub learning_rate: f64,
    /// L2 norm of the whole gradient, before clipping.
    pub grad_norm: f64,
    /// Training throughput of the last steps.
    pub sequences_per_s: f64,
    /// Seconds of training so far, without pauses.
    pub seconds: f64,
}

/// The metrics of an epoch, and of the validation after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: usize,
    /// The epoch's last step.
    pub step: u64,
    /// By name: `loss` and what else its task measures, of the training data as means over the epoch's sequences, each seen by the
    /// weights of its moment; and, with `val_` before the name, of the validation data after the epoch. See [`Task::metrics`].
    pub metrics: Metrics,
    /// Of the validation data, for up to [`Confusion::MAX_CLASSES`] classes.
    pub confusion: Option<Confusion>,
    /// The duration in seconds, including validation, without pauses.
    pub seconds: f64,
}

impl EpochMetrics {
    /// The metric `name`, if measured.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.get(name)
    }
}

/// The metrics of a validation between two steps of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationMetrics {
    /// The number of updates before it.
    pub step: u64,
    /// The current epoch, from 1.
    pub epoch: usize,
    /// By name, with `val_` before it, as in [`EpochMetrics`].
    pub metrics: Metrics,
    /// The duration in seconds.
    pub seconds: f64,
}

impl ValidationMetrics {
    /// The metric `name`, if measured.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.get(name)
    }
}

/// `hnorm[t] = ‖∂L/∂h_t‖₂` over batch and units, L the batch's mean loss, the derivative total: through every later
/// step as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientProfile {
    /// The step whose batch this is.
    pub step: u64,
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// One norm per input position, from 0, also with `go_backwards`.
    pub hnorm: Vec<f32>,
    /// The contribution of each position to the gradient of the recurrent kernel `U`: `‖∂L/∂U_t‖_F` with
    /// `∂L/∂U_t = h_{t−1}ᵀ·δ_t` over the whole batch, δ_t the derivative of the product with `U` (for a GRU without
    /// `reset_after` the candidate's `r_t ⊙ h_{t−1}` replaces `h_{t−1}`). The `∂L/∂U_t` of all positions add up to
    /// `∂L/∂U`: they are the gradients of copies of `U`, one a step (Goodfellow, Bengio & Courville 2016, section 10.2.2). Indexed as `hnorm`; 0 at
    /// the first position read, which has no predecessor, and at masked ones. Empty in recordings that lack it.
    #[serde(default)]
    pub kernel_norm: Vec<f32>,
    /// `‖∂L/∂c_t‖₂` of the cell state of an LSTM, total as well, indexed as `hnorm`. Empty for cells without one, and in recordings that
    /// lack it.
    #[serde(default)]
    pub cnorm: Vec<f32>,
    /// Which positions are padding in most sequences of the batch: masked, or all that they have read is the id 0. Empty where none is,
    /// and in recordings that lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub padding: Vec<bool>,
    /// Steps back over which the norm halves, without the padding; see [`half_life`](crate::metrics::half_life).
    pub half_life: Option<f32>,
}

impl GradientProfile {
    /// Whether a position is padding in most sequences of the batch.
    pub fn is_padding(&self, position: usize) -> bool {
        self.padding.get(position) == Some(&true)
    }

    /// The first position that is not padding.
    pub fn first_position(&self) -> usize {
        (0..self.hnorm.len()).find(|t| !self.is_padding(*t)).unwrap_or(0)
    }

    /// The last position that is not padding.
    pub fn last_position(&self) -> usize {
        let positions = 0..self.hnorm.len();
        positions.rev().find(|t| !self.is_padding(*t)).unwrap_or(self.hnorm.len().saturating_sub(1))
    }
}

/// The prediction and the activations for one probe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeFrame {
    /// The number of updates before it.
    pub step: u64,
    /// Index in [`RunInfo::probes`].
    pub probe: usize,
    /// The probability of each class, in class order, or the numbers of the output; of a network with an output at every step
    /// those of the last step of the probe.
    pub prediction: Vec<f32>,
    /// The prediction after each token, an entry per entry of [`ProbeText::tokens`], each with up to [`TokenPrediction::MOST`] outputs: of a
    /// network with an output at every step that of the step, of one with a single output its prediction for the text up to and including
    /// the token. Without outputs where no prediction is made, or not at this step; empty in recordings that lack it.
    pub by_token: Vec<TokenPrediction>,
    /// The activations of each recurrent layer after each token, and of each convolution at each window.
    pub activations: Vec<Activations>,
    /// The weights of each head of each attention layer. Empty in recordings that lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<AttentionWeights>,
    /// What each token contributes to the prediction: of texts for networks with a single output, where it is measured at this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub influence: Option<TokenInfluence>,
}

impl ProbeFrame {
    /// Whether the predictions after its tokens were made at this step, which are not made at every monitored one; that after the last is.
    pub fn has_predictions(&self) -> bool {
        self.by_token.iter().rev().skip(1).any(|prediction| !prediction.outputs.is_empty())
    }

    /// Takes the predictions that were not made at this step from an `earlier` frame of the same probe.
    pub fn keep_predictions(&mut self, earlier: &mut Self) {
        if self.by_token.len() == earlier.by_token.len() {
            let pairs = self.by_token.iter_mut().zip(&mut earlier.by_token);
            let missing = pairs.filter(|(mine, _)| mine.outputs.is_empty());
            missing.for_each(|(mine, theirs)| std::mem::swap(mine, theirs));
        }
    }
}

/// The leading outputs of a network after one token of a probe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenPrediction {
    /// Name and value of each output: of classes and labels the most probable ones, most probable first; of numbers the first ones, without
    /// names. Names are text of the data: escape them before printing.
    pub outputs: Vec<(String, f32)>,
}

impl TokenPrediction {
    /// Maximum number of outputs.
    pub const MOST: usize = 3;
}

/// One quantity of one layer at every token of a probe, or at every window of tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Activations {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// `h`, or the name of the gate or cell; of a convolution its activation: `relu`.
    pub quantity: String,
    /// Columns of `values`.
    pub units: usize,
    /// Row-major `[token, unit]`, a row per entry of [`ProbeText::tokens`], or per window.
    pub values: Vec<f32>,
    /// Which tokens each row has read, where it is not one token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<TokenWindow>,
}

/// A text generated by a language model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The number of updates before it.
    pub step: u64,
    /// The current epoch, or the one just ended, from 1.
    pub epoch: usize,
    /// The beginning.
    pub prime: String,
    /// The continuation, with line ends.
    pub text: String,
    /// The temperature at which it was sampled; 0 in recordings that lack it.
    #[serde(default)]
    pub temperature: f64,
    /// The most probable first tokens of a continuation with their probabilities, the most probable first, up to [`Sample::CANDIDATES`].
    /// Empty in recordings that lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<(String, f32)>,
}

impl Sample {
    /// The maximum number of candidates.
    pub const CANDIDATES: usize = 10;
}

/// A checkpoint on disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The number of updates before it.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// Whether it is the best so far by the monitored metric.
    pub best: bool,
    /// The fingerprint of its weights, 16 hexadecimal digits: equal for equal bits. Empty in recordings that lack it.
    #[serde(default)]
    pub weights: String,
}

/// Training goes on from a checkpoint: a seam in the curves, and none in the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    /// The number of updates before it.
    pub step: u64,
    /// The current epoch, from 1.
    pub epoch: usize,
    /// The settings that were changed, as `key=value`.
    pub changes: Vec<String>,
    /// The same settings, each with its values before and after. Empty in recordings that lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<ChangedSetting>,
    /// The run that this one was branched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<PathBuf>,
}

/// The warning that no change can be undone, which is void once one is.
pub const NOTHING_TO_UNDO: &str = "there is nothing to undo: no command has changed the training";

/// A change that was undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undone {
    /// The number of updates before it, to which training has gone back.
    pub step: u64,
    /// The epoch of the next update, from 1.
    pub epoch: usize,
    /// Who has undone it.
    pub by: String,
    /// The number of updates that were made when it was undone.
    pub from: u64,
    /// The changes that no longer apply, in order.
    pub changes: Vec<AppliedCommand>,
    /// Increases with every one of a run.
    pub number: u64,
    /// The number of this event in the recording, from 1, pictures left out.
    pub seq: u64,
}

/// A setting that was changed when training went on from a checkpoint, or branched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedSetting {
    /// The number of updates before it.
    pub step: u64,
    /// The current epoch, from 1.
    pub epoch: usize,
    /// The path of the setting, as `--set` takes it.
    pub setting: String,
    /// The value before; `None` if there was none.
    pub old: Option<Value>,
    /// The value from then on; `None` if there is none.
    pub new: Option<Value>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its severity.
    pub level: Level,
    /// May contain text of the data: escape it before printing.
    pub text: String,
}

/// The severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Information.
    Info,
    /// A problem; training continues.
    Warning,
    /// A failure.
    Error,
}
