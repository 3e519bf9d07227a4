use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The trained network that a training starts from: `from:` in a preset. Its vocabulary, labels and scale are those of the training too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromSpec {
    /// The folder of its run.
    pub run: PathBuf,
    /// The fingerprint of its weights; if absent, the weights are those of the last checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// New words of the training data that are appended to the vocabulary, at most.
    #[serde(default, skip_serializing_if = "is_none")]
    pub extend_vocabulary: usize,
    /// Whether labels are those of the data, and the weights of the last layer new.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_labels: bool,
}

fn is_none(words: &usize) -> bool {
    *words == 0
}
