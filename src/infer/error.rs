use crate::data::DataError;
use crate::preset::PresetError;
use crate::run::RunError;

/// Why a run cannot be put to use, or not on these data.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// Its spec cannot be read.
    #[error(transparent)]
    Spec(#[from] PresetError),
    /// Its folder is not as it must be.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It does something else.
    #[error("{0}")]
    Task(String),
    /// The data to ask or to judge it by are missing or wrong.
    #[error(transparent)]
    Data(#[from] DataError),
}
