use crate::nn::{Activation, GRU, LSTM, LayerSpec, Merge, RecurrentSpec, SimpleRNN};

/// A recurrent layer as writers see it, in one direction or both: what all kinds have, and which kind it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::interop) struct RecurrentLayer {
    pub kind: RecurrentKind,
    pub units: usize,
    pub use_bias: bool,
    pub activation: Activation,
    /// That of the gates; of a SimpleRNN, which has none, linear.
    pub recurrent_activation: Activation,
    pub return_sequences: bool,
    pub go_backwards: bool,
    pub stateful: bool,
    pub zero_output_for_mask: bool,
    /// How the halves of a `Bidirectional` become one.
    pub merge: Option<Merge>,
}

/// The formulas of the cell of a [`RecurrentLayer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::interop) enum RecurrentKind {
    SimpleRnn,
    Lstm,
    Gru { reset_after: bool },
}

/// Makes a [`RecurrentLayer`] of the fields that all recurrent layers have.
macro_rules! recurrent {
    ($layer:expr, $kind:expr, $recurrent_activation:expr) => {
        Self {
            kind: $kind,
            units: $layer.units,
            use_bias: $layer.use_bias,
            activation: $layer.activation,
            recurrent_activation: $recurrent_activation,
            return_sequences: $layer.return_sequences,
            go_backwards: $layer.go_backwards,
            stateful: $layer.stateful,
            zero_output_for_mask: $layer.zero_output_for_mask,
            merge: None,
        }
    };
}

impl From<&SimpleRNN> for RecurrentLayer {
    fn from(layer: &SimpleRNN) -> Self {
        recurrent!(layer, RecurrentKind::SimpleRnn, Activation::Linear)
    }
}

impl From<&LSTM> for RecurrentLayer {
    fn from(layer: &LSTM) -> Self {
        recurrent!(layer, RecurrentKind::Lstm, layer.recurrent_activation)
    }
}

impl From<&GRU> for RecurrentLayer {
    fn from(layer: &GRU) -> Self {
        let kind = RecurrentKind::Gru { reset_after: layer.reset_after };
        recurrent!(layer, kind, layer.recurrent_activation)
    }
}

impl From<&RecurrentSpec> for RecurrentLayer {
    fn from(spec: &RecurrentSpec) -> Self {
        match spec {
            RecurrentSpec::SimpleRNN(layer) => layer.into(),
            RecurrentSpec::LSTM(layer) => layer.into(),
            RecurrentSpec::GRU(layer) => layer.into(),
        }
    }
}

impl RecurrentLayer {
    /// That of a layer; `None` if it is not recurrent.
    pub fn of(spec: &LayerSpec) -> Option<Self> {
        match spec {
            LayerSpec::SimpleRNN(layer) => Some(layer.into()),
            LayerSpec::LSTM(layer) => Some(layer.into()),
            LayerSpec::GRU(layer) => Some(layer.into()),
            LayerSpec::Bidirectional(both) => {
                Some(Self { merge: Some(both.merge_mode), ..(&*both.of).into() })
            }
            _ => None,
        }
    }
}
