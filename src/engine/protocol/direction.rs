use serde::{Deserialize, Serialize};

/// The direction of one half of a `Bidirectional` layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Reads from the first input position to the last.
    Forward,
    /// Reads from the last input position to the first.
    Backward,
}
