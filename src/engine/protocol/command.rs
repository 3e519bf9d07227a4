use serde::{Deserialize, Serialize};

use super::{LayerUnit, ProbeChange};

/// A command to a trainer, applied between two steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Pause after the current step.
    Pause,
    /// Continue.
    Resume,
    /// Make one step, then pause.
    SingleStep,
    /// Multiply the learning rate by `factor` (finite and above 0) from the next step on.
    ScaleLearningRate {
        /// New rate ÷ current rate.
        factor: f64,
    },
    /// Set the learning rate of the next step; a schedule goes on from there in proportion.
    SetLearningRate {
        /// The rate, finite and above 0.
        value: f64,
    },
    /// Clip gradients by their global norm from the next step on, or no longer.
    SetClipnorm {
        /// The maximum norm, finite and above 0.
        global_clipnorm: Option<f64>,
    },
    /// Set the rate of all `Dropout` and `SpatialDropout1D` layers from the next step on.
    SetDropout {
        /// The rate, from 0 and below 1.
        rate: f64,
    },
    /// Set the number of sequences of a batch from the next epoch on, or from this one if it has no step yet.
    SetBatchSize {
        /// Sequences, at least 1 and at most those of the training data.
        batch_size: usize,
    },
    /// Set the patience of early stopping.
    SetPatience {
        /// Epochs without an improvement after which training stops, at least 1.
        patience: usize,
    },
    /// Show the network another text at monitored steps.
    AddProbe {
        /// The text, as in the preset's `watch.probes`.
        text: String,
    },
    /// Show the network a probe once more with a change, at monitored steps.
    VaryProbe {
        /// The number of the probe, from 0.
        probe: usize,
        /// The change.
        change: ProbeChange,
    },
    /// Sample a language model from another beginning or at another temperature, also after the next step.
    SetSample {
        /// The beginning; `None` leaves it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prime: Option<String>,
        /// The temperature, 0 or more; `None` leaves it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
    },
    /// Sample a language model from a beginning that is longer by a token, as if it had written that itself.
    ExtendSample {
        /// The token, as in [`Sample::candidates`](super::Sample::candidates).
        token: String,
    },
    /// Measure which tokens drive a unit, now and after each validation, or no longer.
    WatchUnit {
        /// The unit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<LayerUnit>,
    },
    /// Find the words whose embeddings are nearest, now and after each validation.
    ShowNeighbours {
        /// The word; `None` for the most frequent ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<String>,
    },
    /// Ignore the preset's pace from now on.
    FullSpeed,
    /// Undo the latest command that changed the training: go back to the step before it.
    Undo,
    /// Write a checkpoint and continue.
    Save,
    /// Write a checkpoint and end.
    SaveAndStop,
    /// End without a further checkpoint.
    Stop,
}

/// An argument of a command that is out of its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{argument} is {found}; expected {expected}")]
pub struct CommandError {
    argument: &'static str,
    found: f64,
    expected: &'static str,
}

/// Whether it is above 0 and finite in the precision of training.
fn is_usable(number: f64) -> bool {
    number > 0.0 && (number as f32).is_finite()
}

impl Command {
    /// Checks the arguments.
    ///
    /// # Errors
    /// When one is out of range.
    pub fn check(&self) -> Result<(), CommandError> {
        let positive = "a number above 0 that is finite in single precision";
        let (argument, found, fits, expected) = match self {
            Self::ScaleLearningRate { factor } => ("factor", *factor, is_usable(*factor), positive),
            Self::SetLearningRate { value } => ("value", *value, is_usable(*value), positive),
            Self::SetClipnorm { global_clipnorm: Some(norm) } => {
                ("global_clipnorm", *norm, is_usable(*norm), positive)
            }
            Self::SetDropout { rate } => {
                ("rate", *rate, (0.0..1.0).contains(rate), "0 or more and less than 1")
            }
            Self::SetSample { temperature: Some(temperature), .. } => {
                let fits = temperature.is_finite() && *temperature >= 0.0;
                ("temperature", *temperature, fits, "0 or more and finite")
            }
            Self::SetBatchSize { batch_size } => {
                ("batch_size", *batch_size as f64, *batch_size > 0, "1 or more")
            }
            Self::SetPatience { patience } => ("patience", *patience as f64, *patience > 0, "1 or more"),
            _ => return Ok(()),
        };
        if fits { Ok(()) } else { Err(CommandError { argument, found, expected }) }
    }

    /// Whether it changes a setting, which a training that is resumed takes over.
    pub fn is_setting(&self) -> bool {
        self.changes_training()
            || matches!(
                self,
                Self::AddProbe { .. }
                    | Self::VaryProbe { .. }
                    | Self::SetSample { .. }
                    | Self::ExtendSample { .. }
                    | Self::FullSpeed
            )
    }

    /// Whether the weights of later steps depend on it: the spec alone does not give them.
    pub fn changes_training(&self) -> bool {
        matches!(
            self,
            Self::ScaleLearningRate { .. }
                | Self::SetLearningRate { .. }
                | Self::SetClipnorm { .. }
                | Self::SetDropout { .. }
                | Self::SetPatience { .. }
                | Self::SetBatchSize { .. }
        )
    }
}

/// A command and its sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// Who sends it: `screen`, `signal`, or the name that a client of the control socket gives.
    pub by: String,
    /// The command.
    #[serde(flatten)]
    pub command: Command,
}

impl Command {
    /// The command, sent by `by`.
    pub fn by(self, by: impl Into<String>) -> CommandRequest {
        CommandRequest { by: by.into(), command: self }
    }
}

/// A command that a trainer has applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppliedCommand {
    /// The number of updates before it.
    pub step: u64,
    /// The current epoch, from 1.
    pub epoch: usize,
    /// The command and its sender.
    #[serde(flatten)]
    pub request: CommandRequest,
    /// The learning rate of the next update.
    pub learning_rate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_out_of_range_are_named_with_what_is_expected() {
        let wrong = [
            Command::ScaleLearningRate { factor: f64::NAN },
            Command::SetLearningRate { value: 0.0 },
            Command::SetClipnorm { global_clipnorm: Some(-1.0) },
            Command::SetDropout { rate: 1.0 },
            Command::SetPatience { patience: 0 },
            Command::SetBatchSize { batch_size: 0 },
            Command::SetSample { prime: None, temperature: Some(-0.5) },
        ];
        for command in wrong {
            let error = command.check().unwrap_err().to_string();
            assert!(error.contains("; expected "), "{error}");
        }
        let right = [
            Command::Pause,
            Command::SetClipnorm { global_clipnorm: None },
            Command::SetDropout { rate: 0.0 },
            Command::SetPatience { patience: 1 },
        ];
        assert!(right.iter().all(|command| command.check().is_ok()));
    }

    #[test]
    fn an_applied_command_is_one_flat_json_object() {
        let request = Command::ScaleLearningRate { factor: 0.5 }.by("screen");
        let applied = AppliedCommand { step: 7, epoch: 2, request, learning_rate: 0.01 };
        let json = serde_json::to_string(&applied).unwrap();
        let expected = r#"{"step":7,"epoch":2,"by":"screen","command":"scale_learning_rate","factor":0.5,"learning_rate":0.01}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<AppliedCommand>(&json).unwrap(), applied);
    }
}
