use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DataFacts, Evaluation, Instruments, ModelTable, ProbeText};

/// What a trainer tells, in order. A screen, a recorder and a test fold the same events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run is ready to train: sent once, before any step.
    Prepared(Box<RunInfo>),
    /// The trainer does something else from here on.
    Status(RunStatus),
    /// An optimizer update was made.
    Step(StepMetrics),
    /// What more was measured of the epoch that ends next.
    Evaluation(Box<Evaluation>),
    /// Validation data were looked at between two steps of an epoch.
    Validation(ValidationMetrics),
    /// An epoch and its validation ended.
    Epoch(EpochMetrics),
    /// The gradient norm per unrolled step of one recurrent layer, on watched steps.
    Gradient(GradientProfile),
    /// Saturation, spectral radii and norms of all weight tensors, on watched steps.
    Instruments(Box<Instruments>),
    /// A probe sentence seen by the network, on watched steps. Latest wins.
    Probe(Box<ProbeFrame>),
    /// What a language model wrote.
    Sample(Sample),
    /// A checkpoint is complete on disk.
    Saved(Saved),
    /// Something worth a line in the log.
    Log(LogLine),
}

/// What holds for a whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The preset's name.
    pub name: String,
    /// The preset's title.
    pub title: String,
    /// What to look for.
    pub about: String,
    /// The run folder.
    pub folder: PathBuf,
    /// The layers.
    pub model: ModelTable,
    /// The data as read.
    pub data: DataFacts,
    /// The probe sentences that [`ProbeFrame::probe`] counts.
    pub probes: Vec<ProbeText>,
    /// Epochs to train.
    pub epochs: usize,
    /// Optimizer steps an epoch.
    pub steps_per_epoch: usize,
    /// Sequences a step (the last of an epoch may have fewer).
    pub batch_size: usize,
    /// Every how many steps gradients and probes are watched.
    pub watch_every: usize,
    /// Keras's name of the loss.
    pub loss: String,
    /// Keras's name of the optimizer.
    pub optimizer: String,
    /// Seed of weights, order and generated data.
    pub seed: u64,
    /// Threads that share a step.
    pub threads: usize,
}

impl RunInfo {
    /// Whether the model tells several labels at once: of each a probability of its own.
    pub fn has_labels(&self) -> bool {
        let width = self.model.layers.last().and_then(|layer| layer.output.last().copied().flatten());
        self.loss == "binary_crossentropy" && width.is_some_and(|width| width > 1)
    }
}

/// What the trainer is doing.
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
    /// Looking at validation data between two steps.
    Validating,
    /// Waiting for a command.
    Paused,
    /// All epochs are done.
    Finished,
    /// Ended by command or signal; `saved` when a checkpoint of this very step exists.
    Stopped {
        /// Whether nothing is lost.
        saved: bool,
    },
    /// A loss or gradient was not finite; the weights are those before that step.
    Diverged {
        /// What was not finite, where, and what may help.
        what: String,
    },
    /// The trainer failed: data, disk or a defect.
    Failed {
        /// The error in words.
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
    /// Share of the batch that is right, where the task has classes.
    pub accuracy: Option<f64>,
    /// The rate that this update used.
    pub learning_rate: f64,
    /// L2 norm of the whole gradient, before clipping.
    pub grad_norm: f64,
    /// Training throughput of the last steps.
    pub sequences_per_s: f64,
    /// Seconds of training so far, pauses not counted.
    pub seconds: f64,
}

/// Means over one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: usize,
    /// The epoch's last step.
    pub step: u64,
    /// Mean training loss over the epoch's sequences, each seen by the weights of its moment.
    pub loss: f64,
    /// Training accuracy, likewise.
    pub accuracy: Option<f64>,
    /// Mean loss over the validation data, after the epoch.
    pub val_loss: Option<f64>,
    /// Accuracy on the validation data, after the epoch.
    pub val_accuracy: Option<f64>,
    /// Seconds that the epoch took, validation counted, pauses not.
    pub seconds: f64,
}

/// Means over the validation data, between two steps of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationMetrics {
    /// After how many updates.
    pub step: u64,
    /// The epoch at hand, from 1.
    pub epoch: usize,
    /// Mean loss over the validation data.
    pub loss: f64,
    /// Accuracy on the validation data, where the task has classes.
    pub accuracy: Option<f64>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The direction of one half of a `Bidirectional` layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Reads from the first input position to the last.
    Forward,
    /// Reads from the last input position to the first.
    Backward,
}

/// `hnorm[t] = ‖∂L/∂h_t‖₂` over batch and units, L the batch's mean loss, the derivative total: through every later
/// step as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientProfile {
    /// The step whose batch this is.
    pub step: u64,
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// One norm per input position, from 0, also with `go_backwards`.
    pub hnorm: Vec<f32>,
    /// What each position contributes by itself to the gradient of the recurrent kernel `U`: `‖∂L/∂U_t‖_F` with
    /// `∂L/∂U_t = h_{t−1}ᵀ·δ_t` over the whole batch, δ_t the derivative of the product with `U` (for a GRU without
    /// `reset_after` the candidate's `r_t ⊙ h_{t−1}` takes the place of `h_{t−1}`). The `∂L/∂U_t` of all positions add up to
    /// `∂L/∂U`: they are the gradients of copies of `U`, one a step (Goodfellow, Bengio & Courville 2016, section 10.2.2). Indexed as `hnorm`; 0 at
    /// the first position read, which nothing came before, and at masked ones. Empty in recordings that lack it.
    #[serde(default)]
    pub kernel_norm: Vec<f32>,
    /// Steps back over which the norm halves; see [`half_life`].
    pub half_life: Option<f32>,
}

/// What the network makes of one probe sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeFrame {
    /// After how many updates.
    pub step: u64,
    /// Index in [`RunInfo::probes`].
    pub probe: usize,
    /// The probability of each class, in class order, or the numbers of the output; of a network that answers at every step
    /// those of the probe's last.
    pub prediction: Vec<f32>,
    /// What each recurrent layer held after reading each token.
    pub activations: Vec<Activations>,
}

/// One quantity of one recurrent layer at every token of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activations {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// `h`; gates and cells carry their own names.
    pub quantity: String,
    /// Columns of `values`.
    pub units: usize,
    /// Row-major `[token, unit]`, a row per entry of [`ProbeText::tokens`].
    pub values: Vec<f32>,
}

/// A text as a language model goes on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// After how many updates.
    pub step: u64,
    /// The epoch at hand or just ended, from 1.
    pub epoch: usize,
    /// What it was given.
    pub prime: String,
    /// What it wrote after that; line ends and all.
    pub text: String,
}

/// A checkpoint on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// After how many updates.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// Whether it is the best so far by the monitored metric.
    pub best: bool,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// Foreign text may be in it: escape before it reaches a terminal.
    pub text: String,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be; training goes on.
    Warning,
    /// Something failed.
    Error,
}

/// The number of steps back over which `hnorm` halves, or `None` without at least three usable steps.
///
/// `hnorm[t] ≈ a·2^(t/half_life)`: the slope `b` of `log2 hnorm` over `t` is the median of the slopes between all pairs
/// of steps (Theil 1950, Sen 1968; robust against a third of outliers), and `half_life = 1/b`: positive when the
/// gradient fades going back, negative when it grows. Zero and non-finite norms are left out, and so are the
/// steps whose `masked` is true: a masked position only carries the next one's derivative on. Long profiles are
/// thinned evenly to 128 steps first, which bounds the pairs.
pub fn half_life(hnorm: &[f32], masked: Option<&[bool]>) -> Option<f32> {
    let usable: Vec<(f64, f64)> = hnorm
        .iter()
        .enumerate()
        .filter(|(t, n)| n.is_finite() && **n > 0.0 && masked.is_none_or(|m| m.get(*t) != Some(&true)))
        .map(|(t, n)| (t as f64, f64::from(*n).log2()))
        .collect();
    if usable.len() < 3 {
        return None;
    }
    let points: Vec<(f64, f64)> = match usable.len() {
        n if n <= 128 => usable,
        n => (0..128).filter_map(|i| usable.get(i * (n - 1) / 127).copied()).collect(),
    };
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, a)| points.iter().skip(i + 1).map(move |b| (b.1 - a.1) / (b.0 - a.0)))
        .collect();
    let middle = slopes.len() / 2;
    let (_, slope, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
    (slope.abs() > 1e-9).then(|| (1.0 / *slope) as f32)
}

#[cfg(test)]
mod tests {
    use super::half_life;

    #[test]
    fn a_norm_that_halves_every_three_steps_has_half_life_three() {
        let fading: Vec<f32> = (0..40).map(|t| 2f32.powf(t as f32 / 3.0)).collect();
        let growing: Vec<f32> = fading.iter().rev().copied().collect();
        assert!((half_life(&fading, None).unwrap() - 3.0).abs() < 1e-3);
        assert!((half_life(&growing, None).unwrap() + 3.0).abs() < 1e-3);
    }

    #[test]
    fn spikes_zeros_and_masked_steps_do_not_move_the_half_life() {
        let mut norm: Vec<f32> = (0..300).map(|t| 2f32.powf(t as f32 / 10.0 - 20.0)).collect();
        (0..300).step_by(17).for_each(|t| norm[t] = 1e9);
        norm[4] = f32::NAN;
        norm[5] = 0.0;
        let masked: Vec<bool> = (0..300).map(|t| t < 40).collect();
        (0..40).for_each(|t| norm[t] = 7.0);
        assert!((half_life(&norm, Some(&masked)).unwrap() - 10.0).abs() < 0.3);
    }

    #[test]
    fn a_flat_or_tiny_profile_has_none() {
        assert_eq!(half_life(&[1.0; 30], None), None);
        assert_eq!(half_life(&[1.0, 2.0], None), None);
        assert_eq!(half_life(&[0.0; 30], None), None);
    }
}
