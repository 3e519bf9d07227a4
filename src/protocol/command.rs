use serde::{Deserialize, Serialize};

/// What a person, or a program in their place, asks of a trainer. Obeyed between two steps, never within one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Wait after the current step.
    Pause,
    /// Go on.
    Resume,
    /// Make one step, then wait.
    SingleStep,
    /// Multiply the learning rate by `factor` (finite and above 0) from the next step on.
    ScaleLearningRate {
        /// New rate ÷ present rate.
        factor: f64,
    },
    /// Keep the preset's pace no longer: as fast as it goes from here on.
    FullSpeed,
    /// Write a checkpoint and go on.
    Save,
    /// Write a checkpoint and end.
    SaveAndStop,
    /// End without a further checkpoint.
    Stop,
}
