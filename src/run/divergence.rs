use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Folder, RunError, read_json};
use crate::protocol::NonFinite;

/// The file of a [`DivergenceReport`] in a run folder.
const FILE: &str = "divergence.json";

/// How a run has diverged: `divergence.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DivergenceReport {
    /// In words.
    pub reason: String,
    /// The step that failed, or the last one of a run whose loss is finite, from 1.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: usize,
    /// The step of the last checkpoint of good weights.
    pub checkpoint: Option<u64>,
    /// The first number that is not finite, if one is not.
    pub non_finite: Option<NonFinite>,
    /// The batch of the step that failed.
    pub batch: Option<FailedBatch>,
    /// The last steps that were made, the earliest first.
    pub recent_steps: Vec<RecentStep>,
}

/// A step that was made, measured on its batch before the update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecentStep {
    /// From 1.
    pub step: u64,
    /// The mean loss of the batch with the regularization penalty.
    pub loss: f64,
    /// The regularization penalty.
    pub penalty: f64,
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
}

/// The batch of a step that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedBatch {
    /// Its place in the epoch, from 1.
    pub number: usize,
    /// The learning rate of the update that was not made.
    pub learning_rate: f64,
    /// Its mean loss with the penalty, if it is finite.
    pub loss: Option<f64>,
    /// The L2 norm of its gradient, if it is finite.
    pub grad_norm: Option<f64>,
    /// The numbers of its sequences in the training data, from 0; `None` where data are streamed.
    pub sequences: Option<Vec<usize>>,
    /// The tokens of the row of the first number that is not finite, if it has any.
    pub tokens: Option<Vec<String>>,
    /// The rows that `inputs` and `targets` have, if not all.
    pub rows: Option<Vec<usize>>,
    /// The inputs of every row.
    pub inputs: Option<Numbers>,
    /// The targets of every row.
    pub targets: Option<Numbers>,
}

/// Numbers as nested arrays; one that is not finite is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Numbers {
    /// One class a row.
    Classes(Vec<u32>),
    /// Token ids or classes, `[row, time]`.
    Ids(Vec<Vec<u32>>),
    /// Token ids in channels, `[row, channel, time]`.
    Channels(Vec<Vec<Vec<u32>>>),
    /// `[row, output]`.
    Vectors(Vec<Vec<Option<f32>>>),
    /// `[row, time, feature]`.
    Sequences(Vec<Vec<Vec<Option<f32>>>>),
}

impl DivergenceReport {
    /// Writes it to the run folder, in place of an earlier one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Folder) -> Result<(), RunError> {
        let path = folder.path().join(FILE);
        let json = serde_json::to_string(self).map_err(|error| RunError::unwritable(&path, error))?;
        folder.write_text(FILE, &(json + "\n"))
    }

    /// Reads that of the run in the folder `run`; `None` if it has none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read(run: &Path) -> Result<Option<Self>, RunError> {
        match run.join(FILE).exists() {
            true => read_json(run, FILE).map(Some),
            false => Ok(None),
        }
    }
}
