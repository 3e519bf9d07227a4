use serde::{Deserialize, Serialize};

use crate::protocol::RunStatus;

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process trains it.
    Live,
    /// Training has finished.
    Finished,
    /// Stopped by a command or signal.
    Stopped,
    /// A loss or gradient was not finite, or the loss absurd.
    Diverged,
    /// The trainer failed: data, disk or a bug.
    Failed,
    /// The process ended without saying so: killed, or the machine went down.
    Crashed,
    /// Its files cannot be read.
    Damaged,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Finished,
        Self::Stopped,
        Self::Diverged,
        Self::Failed,
        Self::Crashed,
        Self::Damaged,
    ];

    /// The state that `status` has ended a run with; `None` if the run goes on after it.
    pub fn of_status(status: &RunStatus) -> Option<Self> {
        match status {
            RunStatus::Finished => Some(Self::Finished),
            RunStatus::Stopped { .. } => Some(Self::Stopped),
            RunStatus::Diverged { .. } => Some(Self::Diverged),
            RunStatus::Failed { .. } => Some(Self::Failed),
            RunStatus::Preparing { .. } | RunStatus::Training | RunStatus::Validating | RunStatus::Paused => {
                None
            }
        }
    }

    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Damaged => "damaged",
        }
    }
}
