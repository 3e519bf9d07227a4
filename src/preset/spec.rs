use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use serde_yaml::Value;

use super::alerts::AlertSpec;
use super::from_spec::FromSpec;
use super::{CheckpointSpec, units};
use crate::data::{DataSpec, Form, InputForm, TargetForm, TokenSpec, TokenUse};
use crate::metrics::Task;
use crate::nn::{BuildError, LayerNode, LossSpec, Model, Shape};
use crate::optim::{EarlyStopping, OptimizerSpec, Schedule};

/// The resolved settings of a run: with all defaults, and absolute paths. In the run folder it is itself a valid preset that
/// gives the same run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSpec {
    /// The name, from which that of the run folder is made.
    pub name: String,
    /// One line.
    pub title: String,
    /// What the run shows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The trained network that the training starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<FromSpec>,
    /// The data source.
    pub data: DataSpec,
    /// The tokenization, if the data are texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenSpec>,
    /// The layers in order.
    pub model: Vec<LayerNode>,
    /// Settings of training.
    pub train: TrainSpec,
    /// Settings of monitoring.
    pub watch: WatchSpec,
    /// Conditions that are warned of.
    #[serde(skip_serializing_if = "AlertSpec::is_empty")]
    pub alerts: AlertSpec,
    /// Whether the units of the last layer are those that the data need, and still a placeholder: written as `units: classes`.
    #[serde(skip)]
    pub units_follow_classes: bool,
}

impl RunSpec {
    /// The network.
    ///
    /// # Errors
    /// The first layer that does not fit. A spec of [`super::load`] always fits.
    pub fn model(&self) -> Result<Model, BuildError> {
        Model::of_channels(&self.model, &self.channels(), self.train.loss)
    }

    /// What the network reads: the channels of the data by their names, or the data as one channel without a name.
    pub fn channels(&self) -> Vec<(String, Shape)> {
        let one = |shape| vec![(String::new(), shape)];
        match (self.form().inputs, &self.tokens) {
            (InputForm::Tokens { time, .. }, Some(tokens)) if !tokens.channels.is_empty() => {
                let shape = |vocabulary| Shape::Ids { time, vocabulary };
                tokens.sizes().into_iter().map(|(name, size)| (name, shape(size))).collect()
            }
            (InputForm::Tokens { time, vocabulary, .. }, _) => one(Shape::Ids { time, vocabulary }),
            (InputForm::Real { time, features }, _) => one(Shape::Sequence { time, features }),
        }
    }

    /// The effective token settings: those of the preset, or of a generated task with its own symbols; `None` if
    /// sequences are numbers.
    pub fn token_spec(&self) -> Option<TokenSpec> {
        match self.data.source().token_use() {
            TokenUse::Own { tokens, .. } => Some(tokens),
            TokenUse::Required(_) => self.tokens.clone(),
            TokenUse::Numbers { .. } => None,
        }
    }

    /// The shapes of the data, as far as they are known before data are read.
    pub fn form(&self) -> Form {
        self.data.source().form(self.tokens.as_ref())
    }

    /// The task of `model`, the network of this spec.
    pub fn task(&self, model: &Model) -> Task {
        let generated = matches!(self.data, DataSpec::Generated(_));
        match (&self.data, self.form().targets) {
            (DataSpec::Series(_), _) => Task::Forecast,
            (_, TargetForm::Next) => Task::Language,
            // A generated task whose classes are its symbols has the metrics of a language model.
            (_, TargetForm::Steps(_)) if generated && model.is_next_token() => Task::Language,
            (_, TargetForm::Steps(_)) => Task::Tags,
            (_, TargetForm::Labels(_)) => Task::Labels,
            (_, TargetForm::Classes(_)) if model.loss().is_binary() => Task::Binary,
            (_, TargetForm::Classes(_)) => Task::Classes,
            (_, TargetForm::Real(_)) => Task::Regression,
        }
    }

    /// The monitored metrics, each with its field.
    pub fn monitored(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let stopping = self.train.early_stopping.as_ref().and_then(|stopping| stopping.monitor.as_deref());
        let all = [("schedule", self.train.schedule.monitor()), ("early_stopping", stopping)];
        all.into_iter().filter_map(|(field, name)| Some((field, name?)))
    }

    /// Sets the units of the last layer by `form`, the shapes of the data, if they follow the data and are known there.
    pub fn set_units(&mut self, form: &Form) {
        self.units_follow_classes =
            self.units_follow_classes && !units::set(&mut self.model, form, self.train.loss.loss);
    }

    /// The spec as a tree of YAML.
    ///
    /// # Errors
    /// When a path is not Unicode, which YAML cannot represent.
    pub(super) fn to_tree(&self) -> Result<Value, serde_yaml::Error> {
        let mut tree = serde_yaml::to_value(self)?;
        let layers = tree.get_mut("model").and_then(Value::as_sequence_mut);
        let last = layers.and_then(|layers| layers.last_mut()).and_then(Value::as_mapping_mut);
        if let Some(layer) = last.filter(|_| self.units_follow_classes) {
            layer.insert("units".into(), units::CLASSES.into());
        }
        Ok(tree)
    }

    /// Serializes the spec as a preset.
    ///
    /// # Errors
    /// When a path is not Unicode, which YAML cannot represent.
    pub fn to_yaml(&self) -> Result<String, String> {
        match self.units_follow_classes {
            true => self.to_tree().and_then(|tree| serde_yaml::to_string(&tree)),
            false => serde_yaml::to_string(self),
        }
        .map_err(|e| format!("this spec cannot be written as YAML: {e}"))
    }
}

/// Settings of training: `train:` in a preset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainSpec {
    /// The loss.
    pub loss: LossSpec,
    /// The optimizer.
    pub optimizer: OptimizerSpec,
    /// The schedule of the learning rate.
    pub schedule: Schedule,
    /// Early stopping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// The class weight of each label; 1 if absent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_weight: BTreeMap<String, f64>,
    /// The share of the training data that is trained on; its vocabulary and scale are of that share.
    #[serde(skip_serializing_if = "is_all")]
    pub fraction: f64,
    /// The number of sequences of an optimizer step.
    pub batch_size: usize,
    /// The number of epochs.
    pub epochs: usize,
    /// Also validate every so many steps, not only after epochs. It changes no weight, neither early
    /// stopping nor plateaus count it, and the best checkpoint may come of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<u64>,
    /// When checkpoints are saved.
    #[serde(skip_serializing_if = "CheckpointSpec::is_default")]
    pub checkpoint: CheckpointSpec,
    /// The seed of weights, order and generated data.
    pub seed: u64,
}

/// Whether all training data are used, which `spec.yaml` leaves out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_all(fraction: &f64) -> bool {
    *fraction >= 1.0
}

impl TrainSpec {
    /// The weight of each class, in the order of `labels`; empty if all are 1.
    ///
    /// # Errors
    /// A message with the field, for a weight of an unknown label.
    pub fn class_weights(&self, labels: &[String]) -> Result<Vec<f32>, String> {
        if let Some(stranger) = self.class_weight.keys().find(|label| !labels.contains(label)) {
            let known = labels.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if labels.len() > 10 { ", …" } else { "" };
            return Err(format!(
                "train.class_weight.{stranger}: the data have no label `{stranger}`; they have {known}{more}"
            ));
        }
        if self.class_weight.is_empty() {
            return Ok(Vec::new());
        }
        let weight = |label| self.class_weight.get(label).map_or(1.0, |weight| *weight as f32);
        Ok(labels.iter().map(weight).collect())
    }
}

/// Settings of monitoring: `watch:` in a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSpec {
    /// The interval in steps of measuring gradients and probes; with a pace at least as often as the screen is drawn.
    pub every: usize,
    /// Sequences whose activations are shown.
    pub probes: Probes,
    /// The maximum size of recorded probes in MiB; beyond it every second one is removed.
    pub budget: u64,
    /// The maximum optimizer steps a second with a screen, as small networks train faster than eyes can follow. It slows
    /// training down and changes nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
    /// Samples of a language model after every epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSpec>,
}

impl Default for WatchSpec {
    fn default() -> Self {
        Self { every: 100, probes: Probes::default(), budget: 256, pace: None, sample: None }
    }
}

/// Settings of generated samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleSpec {
    /// The text to continue.
    pub prime: String,
    /// The sampling temperature, which divides the logits: below 1 more predictable, above 1 more varied; 0 always takes the most likely token.
    pub temperature: f64,
    /// The number of tokens.
    pub length: usize,
    /// Also every so many steps, not only after epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
}

impl SampleSpec {
    /// Checks the settings; an error is the field and a message.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { temperature, length, every, .. } = self;
        if !(temperature.is_finite() && *temperature >= 0.0) {
            return Err(("temperature", format!("found {temperature}; it must be 0 or more and finite")));
        }
        if !(1..=1_000_000).contains(length) {
            return Err(("length", format!("found {length}; expected 1 to 1000000 tokens")));
        }
        match every {
            Some(0) => Err(("every", "found 0; it must be at least 1".into())),
            _ => Ok(()),
        }
    }
}

impl Default for SampleSpec {
    fn default() -> Self {
        Self { prime: String::new(), temperature: 1.0, length: 200, every: None }
    }
}

/// Sequences whose activations are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Probes {
    /// The first sequences of the validation data, or else of the training data.
    First(usize),
    /// These texts.
    Texts(Vec<String>),
}

impl Default for Probes {
    fn default() -> Self {
        Self::First(2)
    }
}

/// Not derived: the error of serde for an untagged enum names neither what was found nor the invalid item of the list.
impl<'de> Deserialize<'de> for Probes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ProbesVisitor;

        impl<'de> Visitor<'de> for ProbesVisitor {
            type Value = Probes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts, or how many sequences of the validation data to show")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Probes, E> {
                Ok(Probes::First(usize::try_from(count).unwrap_or(usize::MAX)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Probes, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(texts)).map(Probes::Texts)
            }
        }

        deserializer.deserialize_any(ProbesVisitor)
    }
}
