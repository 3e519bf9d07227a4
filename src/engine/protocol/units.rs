use serde::{Deserialize, Serialize};

use super::Direction;

/// One unit of one quantity of a recurrent layer, or one filter of a convolution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUnit {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// `h`, or the name of the gate or cell; of a convolution its activation, `conv` if that is linear.
    pub quantity: String,
    /// The unit's number, from 0.
    pub unit: usize,
}

/// How a unit responds to what the network reads, over a bounded number of sequences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitResponse {
    /// The number of updates before it.
    pub step: u64,
    /// The unit.
    pub unit: LayerUnit,
    /// Whether the sequences are validation data, and not training data.
    pub is_validation: bool,
    /// The number of sequences that were read: the first ones, up to [`UnitResponse::SEQUENCES`].
    pub sequences: usize,
    /// The number of their steps, without padding.
    pub steps: u64,
    /// The mean value of the unit over these steps.
    pub mean: f32,
    /// Times that a token must occur to be in the lists.
    pub least_count: u64,
    /// The tokens after which the value rises most, the strongest first, up to [`UnitResponse::MOST`]; of a convolution the windows of tokens
    /// with the greatest value. Empty for numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rising: Vec<TokenResponse>,
    /// The tokens after which it falls most; of a convolution the windows with the least value, if it is negative.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub falling: Vec<TokenResponse>,
    /// For a network that reads numbers: the steps of the greatest value, at most one of a sequence, the greatest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highest: Vec<StepResponse>,
    /// Those of the least value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lowest: Vec<StepResponse>,
}

impl UnitResponse {
    /// Maximum number of sequences that are read.
    pub const SEQUENCES: usize = 256;
    /// Maximum number of their time steps, padding counted; one sequence is read in any case.
    pub const STEPS: usize = 1 << 15;
    /// Maximum number of tokens, or of steps, of each list.
    pub const MOST: usize = 12;
}

/// How a unit responds to a token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token, or those of a window, text of the data: escape it before printing.
    pub token: String,
    /// How often it was read.
    pub count: u64,
    /// The mean value after it.
    pub mean: f32,
    /// The mean change of the value by it: value after it − value before it; of a window the difference from the mean of all windows.
    pub change: f32,
}

/// A unit's value at one step of one sequence of numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepResponse {
    /// The number of the sequence, from 0.
    pub sequence: usize,
    /// The time step, from 0.
    pub step: usize,
    /// What was read there, as the network reads it: the first [`StepResponse::INPUTS`] features.
    pub inputs: Vec<f32>,
    /// The value of the unit.
    pub value: f32,
}

impl StepResponse {
    /// Maximum number of features.
    pub const INPUTS: usize = 3;
}
