use serde::{Deserialize, Serialize};

/// A command to a trainer, applied between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Pause after the current step.
    Pause,
    /// Continue.
    Resume,
    /// Make one step, then pause.
    SingleStep,
    /// Multiply the learning rate by `factor` (finite and above 0) from the next step on.
    ScaleLearningRate {
        /// New rate ÷ current rate.
        factor: f64,
    },
    /// Ignore the preset's pace from now on.
    FullSpeed,
    /// Write a checkpoint and continue.
    Save,
    /// Write a checkpoint and end.
    SaveAndStop,
    /// End without a further checkpoint.
    Stop,
}
