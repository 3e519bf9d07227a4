use serde::{Deserialize, Deserializer, Serialize, de};

use super::cache::Cache;
use super::dense::DenseCache;
use super::dropout::DropoutCache;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput};
use super::layer_normalization::LayerNormalizationCache;
use super::{Activation, ActivationLayer, Dense, Dropout, GaussianNoise, LayerNormalization};

/// Makes the layers that a [`TimeDistributed`](super::TimeDistributed) can wrap from their list.
macro_rules! pointwise_layers {
    ($($name:ident($layer:ty, $cache:ty)),* $(,)?) => {
        /// A layer as a preset names it within [`TimeDistributed`](super::TimeDistributed): `{layer: Dense, units: 16, …}`. It reads one step
        /// at a time and nothing else, so that over a sequence it does what it does to each of its steps.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "layer")]
        pub enum PointwiseSpec {
            $(#[doc = concat!("See [`", stringify!($layer), "`].")] $name($layer),)*
        }

        impl PointwiseSpec {
            /// The names that a preset may use.
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The layer.
            pub(super) fn layer(&self) -> &dyn Layer {
                match self {
                    $(Self::$name(layer) => layer,)*
                }
            }

            fn read(name: &str, config: serde_json::Value) -> Option<serde_json::Result<Self>> {
                match name {
                    $(stringify!($name) => Some(<$layer>::deserialize(config).map(Self::$name)),)*
                    _ => None,
                }
            }

            /// Its forward pass over a whole sequence.
            pub(super) fn forward(&self, ctx: ForwardContext<'_>, cache: &mut PointwiseCache, output: &mut LayerOutput) {
                match self {
                    $(Self::$name(layer) => layer.forward(ctx, &mut cache.$name, output),)*
                }
            }

            /// Its backward pass.
            pub(super) fn backward(&self, ctx: BackwardContext<'_>, cache: &mut PointwiseCache) {
                match self {
                    $(Self::$name(layer) => layer.backward(ctx, &mut cache.$name),)*
                }
            }
        }

        /// The cache of a layer within another, of any kind: all but one of its parts stay empty.
        #[derive(Debug, Default)]
        #[allow(non_snake_case)] // the names are the layers'
        pub struct PointwiseCache {
            $($name: $cache,)*
        }

        impl Cache for PointwiseCache {
            fn bytes(&self) -> usize {
                0 $(+ Cache::bytes(&self.$name))*
            }
        }

        $(impl From<$layer> for PointwiseSpec {
            fn from(layer: $layer) -> Self {
                Self::$name(layer)
            }
        })*
    };
}

pointwise_layers!(
    Dense(Dense, DenseCache),
    Activation(ActivationLayer, ()),
    LayerNormalization(LayerNormalization, LayerNormalizationCache),
    Dropout(Dropout, DropoutCache),
    GaussianNoise(GaussianNoise, ()),
);

impl PointwiseSpec {
    /// The rate of a layer that only drops.
    pub(super) fn dropout_mut(&mut self) -> Option<&mut f64> {
        if let Self::Dropout(layer) = self { Some(&mut layer.rate) } else { None }
    }

    /// The activation of a layer that can end a model.
    pub(super) fn link_mut(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Dense(layer) => Some(&mut layer.activation),
            Self::Activation(layer) => Some(&mut layer.activation),
            _ => None,
        }
    }
}

/// Reads `{layer: NAME, …}`.
impl<'de> Deserialize<'de> for PointwiseSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use de::Error;
        let mut config = serde_json::Map::deserialize(deserializer)?;
        let name = config.remove("layer");
        let name = name.as_ref().and_then(serde_json::Value::as_str);
        let name = name.ok_or_else(|| D::Error::missing_field("layer"))?;
        match Self::read(name, serde_json::Value::Object(config)) {
            Some(layer) => layer.map_err(D::Error::custom),
            None => {
                let known = Self::NAMES.join(", ");
                Err(D::Error::custom(format_args!(
                    "found `{name}`; TimeDistributed wraps a layer that reads each step by itself: one of {known}"
                )))
            }
        }
    }
}
