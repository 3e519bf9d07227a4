use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::{DataSpec, Form, InputForm, TargetForm, TokenSpec, TokenUse};
use crate::metrics::Task;
use crate::nn::{BuildError, LayerNode, Loss, Model, Shape};
use crate::optim::{EarlyStopping, OptimizerSpec, Schedule};

/// A run, resolved: every default filled in, every path absolute. Written to the run folder it is itself a valid preset that
/// gives the same run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSpec {
    /// What the run folder is called after.
    pub name: String,
    /// One line.
    pub title: String,
    /// What to look for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Where the data come from.
    pub data: DataSpec,
    /// How texts become ids, where the data are texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenSpec>,
    /// The layers in order.
    pub model: Vec<LayerNode>,
    /// How to train.
    pub train: TrainSpec,
    /// What to watch.
    pub watch: WatchSpec,
}

impl RunSpec {
    /// The network.
    ///
    /// # Errors
    /// The first layer that does not fit. A spec that [`super::load`] gave always fits.
    pub fn model(&self) -> Result<Model, BuildError> {
        let loss = self.train.loss;
        match (self.form().inputs, &self.tokens) {
            (InputForm::Tokens { time, .. }, Some(tokens)) if !tokens.channels.is_empty() => {
                let shape = |vocabulary| Shape::Ids { time, vocabulary };
                let channels = tokens.sizes().into_iter().map(|(name, size)| (name, shape(size)));
                Model::of_channels(&self.model, &channels.collect::<Vec<_>>(), loss)
            }
            (InputForm::Tokens { time, vocabulary, .. }, _) => {
                Model::build(&self.model, Shape::Ids { time, vocabulary }, loss)
            }
            (InputForm::Real { time, features }, _) => {
                Model::build(&self.model, Shape::Sequence { time, features }, loss)
            }
        }
    }

    /// The token settings that are used: those of the preset, or of a generated task with symbols of its own; `None` where
    /// sequences are numbers.
    pub fn token_spec(&self) -> Option<TokenSpec> {
        match self.data.source().token_use() {
            TokenUse::Own { tokens, .. } => Some(tokens),
            TokenUse::Required(_) => self.tokens.clone(),
            TokenUse::Numbers { .. } => None,
        }
    }

    /// What the data look like, as far as it is known before they are read.
    pub fn form(&self) -> Form {
        self.data.source().form(self.tokens.as_ref())
    }

    /// What `model`, the network of this spec, does.
    pub fn task(&self, model: &Model) -> Task {
        let generated = matches!(self.data, DataSpec::Generated(_));
        match (&self.data, self.form().targets) {
            (DataSpec::Series(_), _) => Task::Forecast,
            (_, TargetForm::Next) => Task::Language,
            // A generated task whose classes are its symbols is measured like a language model.
            (_, TargetForm::Steps(_)) if generated && model.is_next_token() => Task::Language,
            (_, TargetForm::Steps(_)) => Task::Tags,
            (_, TargetForm::Labels(_)) => Task::Labels,
            (_, TargetForm::Classes(_)) if model.loss() == Loss::BinaryCrossentropy => Task::Binary,
            (_, TargetForm::Classes(_)) => Task::Classes,
            (_, TargetForm::Real(_)) => Task::Regression,
        }
    }

    /// The metrics that the preset names as monitored, each with the field that names it.
    pub fn monitored(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let stopping = self.train.early_stopping.as_ref().and_then(|stopping| stopping.monitor.as_deref());
        let all = [("schedule", self.train.schedule.monitor()), ("early_stopping", stopping)];
        all.into_iter().filter_map(|(field, name)| Some((field, name?)))
    }

    /// As a preset.
    ///
    /// # Errors
    /// When a path is not Unicode, which YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, String> {
        serde_yaml::to_string(self).map_err(|e| format!("this spec cannot be written as YAML: {e}"))
    }
}

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainSpec {
    /// What to make small.
    pub loss: Loss,
    /// How.
    pub optimizer: OptimizerSpec,
    /// How its learning rate changes.
    pub schedule: Schedule,
    /// When to end before the epochs are over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// What an error on a label counts, by label; 1 for those not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_weight: BTreeMap<String, f64>,
    /// Sequences an optimizer step.
    pub batch_size: usize,
    /// Times through the training data.
    pub epochs: usize,
    /// Look at the validation data every so many steps as well, not after epochs alone. It changes no weight, neither early
    /// stopping nor plateaus count it, and the best checkpoint may come of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<u64>,
    /// Of weights, order and generated data.
    pub seed: u64,
}

impl TrainSpec {
    /// What an error on each class counts, in the order of `labels`; empty when all count alike.
    ///
    /// # Errors
    /// In words, with the field, for a weight of a label that there is none of.
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

/// What to watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSpec {
    /// Look at gradients and probes every so many steps; as often as the screen is drawn, if that is more often, while a pace is kept.
    pub every: usize,
    /// Sequences whose way through the network is shown.
    pub probes: Probes,
    /// MiB that recorded probes may take; beyond, every second one goes.
    pub budget: u64,
    /// Optimizer steps a second at most while a screen watches: small networks learn faster than eyes can follow. It slows
    /// training down and changes nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
    /// What a language model goes on with, after every epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSpec>,
}

impl Default for WatchSpec {
    fn default() -> Self {
        Self { every: 50, probes: Probes::default(), budget: 256, pace: None, sample: None }
    }
}

/// What a language model is to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleSpec {
    /// The text that it goes on with.
    pub prime: String,
    /// What logits are divided by: below 1 it keeps to what is likely, above it dares more; 0 takes the most likely always.
    pub temperature: f64,
    /// How many tokens.
    pub length: usize,
    /// Every so many steps as well, not after epochs alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
}

impl SampleSpec {
    /// Whether it can be met; else the field, what was found and what would be right.
    ///
    /// # Errors
    /// The first field that cannot.
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

/// Sequences whose way through the network is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Probes {
    /// The first so many of the validation data; of the training data where there are no others.
    First(usize),
    /// These texts.
    Texts(Vec<String>),
}

impl Default for Probes {
    fn default() -> Self {
        Self::First(2)
    }
}

/// Not derived: what serde says of an untagged enum names neither what was found nor the text in the list that is none.
impl<'de> Deserialize<'de> for Probes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
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

        deserializer.deserialize_any(Written)
    }
}
