use serde::{Deserialize, Serialize};

use super::recurrent::Cell;
use super::{
    Activation, AdditiveAttention, Attention, AveragePooling1D, Bidirectional, Concatenate, Conv1D, Dense,
    Dropout, Embedding, Flatten, GRU, GlobalAveragePooling1D, GlobalMaxPooling1D, LSTM, Layer,
    LayerNormalization, Masking, MaxPooling1D, MultiHeadAttention, RepeatVector, SimpleRNN, SpatialDropout1D,
};

/// Makes [`LayerSpec`] from the list of layers: the one place that a new layer is added to.
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
            /// The deserialiser's own, of a bad configuration.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, config: D) -> Option<Result<Self, D::Error>> {
                match name {
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
    Dense,
    Conv1D,
    MaxPooling1D,
    AveragePooling1D,
    GlobalMaxPooling1D,
    GlobalAveragePooling1D,
    Flatten,
    RepeatVector,
    Concatenate,
    LayerNormalization,
    Dropout,
    SpatialDropout1D,
    Attention,
    AdditiveAttention,
    MultiHeadAttention,
);

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

    /// Whether the layer carries its state from batch to batch.
    pub(super) fn is_stateful(&self) -> bool {
        match self {
            Self::Bidirectional(both) => both.of.is_stateful(),
            other => other.cell().is_some_and(|cell| cell.settings().stateful),
        }
    }

    /// The activation of a layer that can end a model.
    pub(super) fn link_mut(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Dense(dense) => Some(&mut dense.activation),
            _ => None,
        }
    }
}

/// Reads `{layer: NAME, …}`: what stands within another layer.
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

/// A layer and where it stands in the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Placed {
    /// The layer.
    #[serde(flatten)]
    pub spec: LayerSpec,
    /// The numbers of the layers that it reads; the one before it (the first: the data) when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<usize>,
    /// Whether its weights learn; else they stay as they begin (Keras's `trainable`).
    #[serde(skip_serializing_if = "is_true")]
    pub trainable: bool,
}

fn is_true(value: &bool) -> bool {
    *value
}

impl<L: Into<LayerSpec>> From<L> for Placed {
    fn from(layer: L) -> Self {
        Self { spec: layer.into(), inputs: Vec::new(), trainable: true }
    }
}
