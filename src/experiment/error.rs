use super::edited_spec::EditedSpec;
use crate::data::DataError;
use crate::preset::PresetError;
use crate::run::RunError;

/// Why trainings cannot begin, or runs cannot be trained on, branched or verified.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The preset is wrong.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// There are too few data for so many folds.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The preset's data have no folds.
    #[error("--folds: {0} generates its data; --seeds 1..5 trains on five generated sets")]
    NoFolds(String),
    /// The folder cannot be created, or contains something else.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A setting that cannot be changed while training.
    #[error("{0}")]
    Unchangeable(String),
    /// The `spec.yaml` of a run is not that with which it was trained.
    #[error("{0}")]
    Edited(Box<EditedSpec>),
    /// A run has diverged, and there is nothing to go on from.
    #[error("{0}")]
    Diverged(String),
    /// A run has no such step.
    #[error("--at {step}: the run has {}", crate::number::counted(*steps as usize, "step"))]
    NoStep {
        /// The step.
        step: u64,
        /// The steps of the run.
        steps: u64,
    },
    /// A sweep is wrong, or its folder.
    #[error("{0}")]
    Sweep(String),
    /// The networks of a race cannot be compared.
    #[error("{0}")]
    Race(String),
    /// A training cannot be repeated.
    #[error("the training cannot be repeated: {0}")]
    NotAgain(String),
    /// A training cannot be started or followed.
    #[error(transparent)]
    System(#[from] std::io::Error),
}
