use crate::data::DataError;
use crate::preset::PresetError;
use crate::run::RunError;

/// An error of using a run for inference.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The spec of the run cannot be read.
    #[error(transparent)]
    Spec(#[from] PresetError),
    /// The run folder is invalid.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run has another task.
    #[error("{0}")]
    Task(String),
    /// The data are missing or invalid.
    #[error(transparent)]
    Data(#[from] DataError),
}
