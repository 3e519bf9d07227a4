use std::fmt;

use ndarray::ArrayView3;
use serde::de::{self, Visitor};
use serde::{Deserialize, Serialize};

use super::batch_normalization::BatchNormalizationCache;
use super::bidirectional::BidirectionalCache;
use super::cache::Cache;
use super::layer::{BackwardContext, ForwardContext, LayerOutput};
use super::recurrent::{Cell, RecurrentBuffers};
use super::{
    ActivationLayer as Activation, Add, AdditiveAttention, Attention, Average, AveragePooling1D,
    BatchNormalization, Bidirectional, Concatenate, Conv1D, Dense, Dropout, Embedding, Flatten, GRU,
    GaussianNoise, GlobalAveragePooling1D, GlobalMaxPooling1D, LSTM, Layer, LayerNormalization, Mask,
    Masking, MaxPooling1D, Maximum, MultiHeadAttention, Multiply, Permute, Regularizer, RepeatVector,
    Reshape, SimpleRNN, SpatialDropout1D, TimeDistributed, UpSampling1D, ZeroPadding1D,
};
use crate::protocol::Direction;

/// Makes [`LayerSpec`] and [`LayerCache`] from the list of layers: the one place that a new layer is added to.
macro_rules! layers {
    ($($name:ident),* $(,)?) => {
        /// A layer as a preset names it: `{layer: Dense, units: 1, …}`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "layer")]
        pub enum LayerSpec {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)*
        }

        impl LayerSpec {
            /// The names that a preset may use.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads the configuration of the layer called `name`; `None` when there is no such layer.
            ///
            /// # Errors
            /// The deserializer's own, of a bad configuration.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, config: D) -> Option<Result<Self, D::Error>> {
                match full_name(name) {
                    $(stringify!($name) => Some($name::deserialize(config).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// The layer.
            pub fn layer(&self) -> &dyn Layer {
                match self {
                    $(Self::$name(layer) => layer,)*
                }
            }
        }

        /// The cache of a layer, one variant for each of [`LayerSpec`].
        #[derive(Debug)]
        #[allow(clippy::upper_case_acronyms)] // the names are Keras's
        pub(super) enum LayerCache {
            $($name(Box<<$name as Layer>::Cache>),)*
        }

        impl LayerCache {
            /// Bytes of memory in use.
            pub fn bytes(&self) -> usize {
                match self {
                    $(Self::$name(cache) => cache.bytes(),)*
                }
            }
        }

        /// The passes over a layer and its cache, which [`LayerSpec::new_cache`] has made for it.
        impl LayerSpec {
            pub(super) fn new_cache(&self) -> LayerCache {
                match self {
                    $(Self::$name(_) => LayerCache::$name(Box::default()),)*
                }
            }

            pub(super) fn forward(&self, ctx: ForwardContext<'_>, cache: &mut LayerCache, output: &mut LayerOutput) {
                match (self, cache) {
                    $((Self::$name(layer), LayerCache::$name(cache)) => layer.forward(ctx, cache, output),)*
                    _ => debug_assert!(false, "the cache of another layer"),
                }
            }

            pub(super) fn backward(&self, ctx: BackwardContext<'_>, cache: &mut LayerCache) {
                match (self, cache) {
                    $((Self::$name(layer), LayerCache::$name(cache)) => layer.backward(ctx, cache),)*
                    _ => debug_assert!(false, "the cache of another layer"),
                }
            }

            pub(super) fn attention<'a>(&self, cache: &'a LayerCache) -> Vec<ArrayView3<'a, f32>> {
                match (self, cache) {
                    $((Self::$name(layer), LayerCache::$name(cache)) => layer.attention(cache),)*
                    _ => Vec::new(),
                }
            }
        }

        $(impl From<$name> for LayerSpec {
            fn from(layer: $name) -> Self {
                Self::$name(layer)
            }
        })*
    };
}

layers!(
    Embedding,
    Masking,
    SimpleRNN,
    LSTM,
    GRU,
    Bidirectional,
    TimeDistributed,
    Dense,
    Activation,
    Conv1D,
    MaxPooling1D,
    AveragePooling1D,
    GlobalMaxPooling1D,
    GlobalAveragePooling1D,
    Flatten,
    RepeatVector,
    Reshape,
    Permute,
    ZeroPadding1D,
    UpSampling1D,
    Concatenate,
    Add,
    Multiply,
    Average,
    Maximum,
    LayerNormalization,
    BatchNormalization,
    Dropout,
    SpatialDropout1D,
    GaussianNoise,
    Attention,
    AdditiveAttention,
    MultiHeadAttention,
);

/// The name of a layer for which Keras has two.
fn full_name(name: &str) -> &str {
    match name {
        "Convolution1D" => "Conv1D",
        "MaxPool1D" => "MaxPooling1D",
        "AvgPool1D" => "AveragePooling1D",
        "GlobalMaxPool1D" => "GlobalMaxPooling1D",
        "GlobalAvgPool1D" => "GlobalAveragePooling1D",
        other => other,
    }
}

impl LayerCache {
    /// The caches of the directions of a recurrent layer, in the order of [`Layer::directions`].
    pub fn recurrent_mut(&mut self) -> [Option<&mut RecurrentBuffers>; 2] {
        match self {
            Self::SimpleRNN(cache) | Self::LSTM(cache) | Self::GRU(cache) => [Some(cache), None],
            Self::Bidirectional(cache) => {
                let BidirectionalCache { forward, backward, .. } = &mut **cache;
                [Some(forward), Some(backward)]
            }
            _ => [None, None],
        }
    }
}

impl LayerSpec {
    /// The cell of a recurrent layer.
    pub(super) fn cell(&self) -> Option<&dyn Cell> {
        match self {
            Self::SimpleRNN(cell) => Some(cell),
            Self::LSTM(cell) => Some(cell),
            Self::GRU(cell) => Some(cell),
            _ => None,
        }
    }

    /// The cell and the cache of each direction of a recurrent layer, in the order of [`Layer::directions`]; empty for other layers.
    pub(super) fn recurrent<'a>(
        &'a self,
        cache: &'a LayerCache,
    ) -> Vec<(Option<Direction>, &'a dyn Cell, &'a RecurrentBuffers)> {
        match (self, cache) {
            (Self::SimpleRNN(cell), LayerCache::SimpleRNN(cache)) => vec![(None, cell, cache)],
            (Self::LSTM(cell), LayerCache::LSTM(cache)) => vec![(None, cell, cache)],
            (Self::GRU(cell), LayerCache::GRU(cache)) => vec![(None, cell, cache)],
            (Self::Bidirectional(both), LayerCache::Bidirectional(cache)) => {
                let cell = both.cell();
                let BidirectionalCache { forward, backward, .. } = &**cache;
                vec![(Some(Direction::Forward), cell, forward), (Some(Direction::Backward), cell, backward)]
            }
            _ => Vec::new(),
        }
    }

    /// Whether the halves of a `Bidirectional` have an activity regularizer.
    pub(super) fn has_inner_activity(&self) -> bool {
        matches!(self, Self::Bidirectional(both) if both.cell().settings().activity_regularizer.is_some())
    }

    /// The activity penalty of the halves of a `Bidirectional`, summed over the sequences of a shard.
    pub(super) fn activity_loss(&self, cache: &LayerCache, mask: Option<&Mask>) -> f64 {
        match (self, cache) {
            (Self::Bidirectional(both), LayerCache::Bidirectional(cache)) => both.activity_loss(cache, mask),
            _ => 0.0,
        }
    }

    /// Whether the layer carries its state from batch to batch.
    pub(super) fn is_stateful(&self) -> bool {
        match self {
            Self::Bidirectional(both) => both.cell().settings().stateful,
            other => other.cell().is_some_and(|cell| cell.settings().stateful),
        }
    }

    /// The rate of a layer that only drops.
    pub(super) fn dropout_mut(&mut self) -> Option<&mut f64> {
        match self {
            Self::Dropout(layer) => Some(&mut layer.rate),
            Self::SpatialDropout1D(layer) => Some(&mut layer.rate),
            Self::TimeDistributed(layer) => layer.of.dropout_mut(),
            _ => None,
        }
    }

    /// Whether the layer needs sums over a whole batch before it goes on in training.
    pub(super) fn is_synchronized(&self) -> bool {
        matches!(self, Self::BatchNormalization(_))
    }

    /// A batch normalization and its cache.
    pub(super) fn batch_normalization<'l, 'c>(
        &'l self,
        cache: &'c mut LayerCache,
    ) -> Option<(&'l BatchNormalization, &'c mut BatchNormalizationCache)> {
        match (self, cache) {
            (Self::BatchNormalization(layer), LayerCache::BatchNormalization(cache)) => Some((layer, cache)),
            _ => None,
        }
    }

    /// The activation of a layer that can end a model.
    pub(super) fn link_mut(&mut self) -> Option<&mut super::Activation> {
        match self {
            Self::Dense(layer) => Some(&mut layer.activation),
            Self::Activation(layer) => Some(&mut layer.activation),
            Self::TimeDistributed(layer) => layer.of.link_mut(),
            _ => None,
        }
    }
}

/// Reads `{layer: NAME, …}`: a layer within another layer.
impl<'de> Deserialize<'de> for LayerSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut config = serde_json::Map::deserialize(deserializer)?;
        let name = config.remove("layer");
        let name = name
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| D::Error::missing_field("layer"))?;
        match Self::read(name, serde_json::Value::Object(config)) {
            Some(layer) => layer.map_err(D::Error::custom),
            None => Err(D::Error::unknown_variant(name, Self::NAMES)),
        }
    }
}

/// An input of a layer, as a preset names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum InputRef {
    /// The output of the layer of this number, from 0.
    Layer(usize),
    /// The channel of the data, or else the layer, of this name.
    Channel(String),
}

impl From<usize> for InputRef {
    fn from(layer: usize) -> Self {
        Self::Layer(layer)
    }
}

impl From<&str> for InputRef {
    fn from(channel: &str) -> Self {
        Self::Channel(channel.into())
    }
}

/// Not derived: serde's message for an untagged enum names neither the value found nor the one expected.
impl<'de> Deserialize<'de> for InputRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InputRefVisitor;

        impl Visitor<'_> for InputRefVisitor {
            type Value = InputRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a layer, from 0, or the name of a channel")
            }

            fn visit_u64<E: de::Error>(self, layer: u64) -> Result<InputRef, E> {
                Ok(InputRef::Layer(usize::try_from(layer).unwrap_or(usize::MAX)))
            }

            fn visit_str<E: de::Error>(self, channel: &str) -> Result<InputRef, E> {
                Ok(InputRef::from(channel))
            }
        }

        deserializer.deserialize_any(InputRefVisitor)
    }
}

/// A layer and its place in the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerNode {
    /// The layer.
    #[serde(flatten)]
    pub spec: LayerSpec,
    /// Its inputs; the layer before it (for the first: the data) when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputRef>,
    /// Whether its weights are trained; else they keep their initial values (Keras's `trainable`).
    #[serde(skip_serializing_if = "is_true")]
    pub trainable: bool,
    /// Its name, by which later layers can read it; no two layers share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The regularizer of its output; the penalty is divided by the sequences of the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_regularizer: Option<Regularizer>,
}

impl LayerNode {
    /// The layer as messages call it: its class, and its name if it has one.
    pub fn title(&self) -> String {
        let class = self.spec.layer().class();
        self.name.as_ref().map_or(class.to_owned(), |name| format!("{class} `{name}`"))
    }

    /// The regularizer of its output, its own or that of its recurrent layer.
    pub(super) fn activity(&self) -> Option<Regularizer> {
        let cell = || self.spec.cell().and_then(|cell| cell.settings().activity_regularizer);
        self.activity_regularizer.or_else(cell)
    }
}

fn is_true(value: &bool) -> bool {
    *value
}

impl<L: Into<LayerSpec>> From<L> for LayerNode {
    fn from(layer: L) -> Self {
        Self {
            spec: layer.into(),
            inputs: Vec::new(),
            trainable: true,
            name: None,
            activity_regularizer: None,
        }
    }
}
