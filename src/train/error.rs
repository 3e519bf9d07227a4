use super::session::PrepareError;
use crate::error::chain;
use crate::run::RunError;

/// An error that ends training.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TrainError {
    /// A loss, gradient or weight is not finite.
    #[error("{0}")]
    Diverged(String),
    /// Data, preset or run folder are invalid.
    #[error("{0}")]
    Unusable(String),
    /// An error of the system, or a bug in the program.
    #[error("{0}")]
    Failed(String),
}

impl From<PrepareError> for TrainError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Threads(_) => Self::Failed(chain(&error)),
            PrepareError::Data(_) | PrepareError::Task(_) | PrepareError::Memory(_) => {
                Self::Unusable(chain(&error))
            }
        }
    }
}

impl From<RunError> for TrainError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Occupied(_) | RunError::NotEmpty { .. } | RunError::Locked { .. } => {
                Self::Unusable(chain(&error))
            }
            _ => Self::Failed(chain(&error)),
        }
    }
}
