use serde::{Deserialize, Deserializer, Serialize, de};

use super::recurrent::Cell;
use super::{GRU, LSTM, SimpleRNN};

/// A recurrent layer as a preset names it within [`Bidirectional`](super::Bidirectional): `{layer: LSTM, units: 16, …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "layer")]
#[allow(clippy::upper_case_acronyms)] // the names are Keras's
pub enum RecurrentSpec {
    /// See [`SimpleRNN`].
    SimpleRNN(SimpleRNN),
    /// See [`LSTM`].
    LSTM(LSTM),
    /// See [`GRU`].
    GRU(GRU),
}

impl RecurrentSpec {
    /// The names that a preset may use.
    const NAMES: &'static [&'static str] = &["SimpleRNN", "LSTM", "GRU"];

    /// The cell of the layer.
    pub(super) fn cell(&self) -> &dyn Cell {
        match self {
            Self::SimpleRNN(cell) => cell,
            Self::LSTM(cell) => cell,
            Self::GRU(cell) => cell,
        }
    }
}

/// Reads `{layer: NAME, …}`.
impl<'de> Deserialize<'de> for RecurrentSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use de::Error;
        let mut config = serde_json::Map::deserialize(deserializer)?;
        let name = config.remove("layer");
        let name = name.as_ref().and_then(serde_json::Value::as_str);
        let name = name.ok_or_else(|| D::Error::missing_field("layer"))?;
        let config = serde_json::Value::Object(config);
        let layer = match name {
            "SimpleRNN" => SimpleRNN::deserialize(config).map(Self::SimpleRNN),
            "LSTM" => LSTM::deserialize(config).map(Self::LSTM),
            "GRU" => GRU::deserialize(config).map(Self::GRU),
            _ => {
                let known = Self::NAMES.join(", ");
                return Err(D::Error::custom(format_args!(
                    "found `{name}`; Bidirectional wraps one of {known}"
                )));
            }
        };
        layer.map_err(D::Error::custom)
    }
}

impl From<SimpleRNN> for RecurrentSpec {
    fn from(layer: SimpleRNN) -> Self {
        Self::SimpleRNN(layer)
    }
}

impl From<LSTM> for RecurrentSpec {
    fn from(layer: LSTM) -> Self {
        Self::LSTM(layer)
    }
}

impl From<GRU> for RecurrentSpec {
    fn from(layer: GRU) -> Self {
        Self::GRU(layer)
    }
}
