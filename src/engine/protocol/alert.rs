use serde::{Deserialize, Serialize};

/// A condition that the preset warns of has come true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The step.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: usize,
    /// The condition.
    pub kind: AlertKind,
    /// What was found, in words.
    pub text: String,
}

/// The conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The loss of a step is far above those before it.
    LossSpike,
    /// Many units of a recurrent layer do not change.
    DeadUnits,
    /// The gradient is halved within few steps of time.
    HalfLife,
    /// The loss on validation data has not fallen for some epochs while that on training data has.
    Overfitting,
    /// Training diverges; no preset needs to ask for it.
    Divergence,
}

impl AlertKind {
    /// The name in a preset and in `metrics.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LossSpike => "loss_spike",
            Self::DeadUnits => "dead_units",
            Self::HalfLife => "half_life",
            Self::Overfitting => "overfitting",
            Self::Divergence => "divergence",
        }
    }

    /// The letter of its mark on a chart.
    pub fn letter(self) -> char {
        match self {
            Self::LossSpike => 'S',
            Self::DeadUnits => 'U',
            Self::HalfLife => 'H',
            Self::Overfitting => 'O',
            Self::Divergence => 'D',
        }
    }
}
