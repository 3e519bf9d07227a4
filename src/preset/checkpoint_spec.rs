use serde::{Deserialize, Serialize};

/// When checkpoints are saved: `train.checkpoint:` in a preset. The best is saved whenever there is a better one, and the last at the end.
/// None of it changes a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSpec {
    /// After every so many epochs; 0 for none.
    pub every_epochs: usize,
    /// After every so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// Between two steps, when so many seconds have passed since the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<f64>,
    /// How many checkpoints of the latest steps stay, besides the best.
    pub keep: usize,
}

impl Default for CheckpointSpec {
    fn default() -> Self {
        Self { every_epochs: 1, every_steps: None, every_seconds: None, keep: 1 }
    }
}

impl CheckpointSpec {
    /// Whether all settings are the defaults, which `spec.yaml` leaves out.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The first invalid setting, with what was found and what is expected.
    pub(super) fn invalid(&self) -> Option<(&'static str, String)> {
        if self.every_steps == Some(0) {
            return Some(("every_steps", "found 0; expected 1 or more".into()));
        }
        if let Some(seconds) = self.every_seconds.filter(|seconds| !(seconds.is_finite() && *seconds > 0.0)) {
            return Some(("every_seconds", format!("found {seconds}; expected a finite number above 0")));
        }
        (self.keep == 0).then(|| ("keep", "found 0; expected 1 or more".into()))
    }
}
