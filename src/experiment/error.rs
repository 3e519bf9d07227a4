use std::path::{Path, PathBuf};

use super::edited_spec::EditedSpec;
use crate::data::DataError;
use crate::escape::shell_word;
use crate::preset::PresetError;
use crate::run::{RunError, checkpoint};

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
    /// A run has no training to go on with, to branch or to repeat.
    #[error("{}", imported(run))]
    Imported {
        /// Its folder.
        run: PathBuf,
    },
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

fn imported(run: &Path) -> String {
    let run = shell_word(&run.display().to_string());
    format!(
        "{run} is an imported network: it has weights, and no training to go on with, to branch or to repeat; train it with: \
         unrolled train --from {run} --data PATH"
    )
}

/// Checks that the run in the folder `run` was trained here.
///
/// # Errors
/// [`ExperimentError::Imported`] with how an imported network is trained.
pub fn check_trained(run: &Path) -> Result<(), ExperimentError> {
    match checkpoint::is_imported(run) {
        true => Err(ExperimentError::Imported { run: run.to_owned() }),
        false => Ok(()),
    }
}
