use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::nn::{
    Activation, Bidirectional, Conv1D, Dense, GRU, GlobalAveragePooling1D, GlobalMaxPooling1D, LSTM,
    LayerNode, Merge, SimpleRNN,
};

/// The names of the stages, and the additional key of one of them.
const KEYS: &[&str] = &["simple_rnn", "lstm", "gru", "bilstm", "conv1d", "mean_pool_dense", KERNEL];
const KERNEL: &str = "kernel";

/// A stage between the Embedding and the last Dense in a file of workloads: `{"lstm": 32}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// `{"simple_rnn": units}`
    SimpleRnn(usize),
    /// `{"lstm": units}`
    Lstm(usize),
    /// `{"gru": units}`
    Gru(usize),
    /// `{"bilstm": units}`, as many in each direction
    BiLstm(usize),
    /// `{"conv1d": filters, "kernel": width}` with relu, and the maximum over time
    Conv1d { filters: usize, kernel: usize },
    /// `{"mean_pool_dense": units}`: the mean over time, and a Dense with relu
    MeanPoolDense(usize),
}

impl Stage {
    /// The layers of the stage; a recurrent one returns all its steps with `return_sequences`.
    pub(super) fn layers(self, return_sequences: bool) -> Vec<LayerNode> {
        let lstm = |units| LSTM { units, return_sequences, ..LSTM::default() };
        match self {
            Self::SimpleRnn(units) => {
                vec![SimpleRNN { units, return_sequences, ..SimpleRNN::default() }.into()]
            }
            Self::Lstm(units) => vec![lstm(units).into()],
            Self::Gru(units) => vec![GRU { units, return_sequences, ..GRU::default() }.into()],
            Self::BiLstm(units) => {
                let of = Box::new(lstm(units).into());
                vec![Bidirectional { of, merge_mode: Merge::default() }.into()]
            }
            Self::Conv1d { filters, kernel: kernel_size } => {
                let activation = Activation::Relu;
                let conv = Conv1D { filters, kernel_size, activation, ..Conv1D::default() };
                vec![conv.into(), GlobalMaxPooling1D::default().into()]
            }
            Self::MeanPoolDense(units) => {
                let dense = Dense { units, activation: Activation::Relu, ..Dense::default() };
                vec![GlobalAveragePooling1D::default().into(), dense.into()]
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneLayer)
    }
}

struct OneLayer;

impl<'de> Visitor<'de> for OneLayer {
    type Value = Stage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer with its size, such as {\"lstm\": 32}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Stage, A::Error> {
        let (mut layer, mut kernel) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            let known = KEYS.iter().find(|known| **known == key);
            let Some(known) = known else { return Err(A::Error::unknown_field(&key, KEYS)) };
            let size = map.next_value::<usize>()?;
            let twice = if *known == KERNEL {
                kernel.replace(size).map(|_| KERNEL)
            } else {
                layer.replace((*known, size)).map(|(first, _)| first)
            };
            if let Some(first) = twice {
                let message =
                    format!("`{known}` is not allowed with `{first}`; each layer has its own braces");
                return Err(A::Error::custom(message));
            }
        }
        let Some((name, size)) = layer else {
            return Err(A::Error::custom(format!("no layer is named; one of {} must be", names())));
        };
        match (name, kernel) {
            ("conv1d", Some(kernel)) => Ok(Stage::Conv1d { filters: size, kernel }),
            ("conv1d", None) => Err(A::Error::missing_field(KERNEL)),
            (name, Some(_)) => {
                Err(A::Error::custom(format!("`{KERNEL}` is the width of a conv1d; `{name}` has none")))
            }
            ("simple_rnn", None) => Ok(Stage::SimpleRnn(size)),
            ("lstm", None) => Ok(Stage::Lstm(size)),
            ("gru", None) => Ok(Stage::Gru(size)),
            ("bilstm", None) => Ok(Stage::BiLstm(size)),
            _ => Ok(Stage::MeanPoolDense(size)),
        }
    }
}

/// The names of layers as a list in a sentence.
fn names() -> String {
    KEYS.iter().filter(|key| **key != KERNEL).copied().collect::<Vec<_>>().join(", ")
}
