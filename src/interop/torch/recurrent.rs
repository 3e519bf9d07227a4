use crate::nn::{Activation, GRU, LSTM, LayerSpec, Merge, RecurrentSpec, SimpleRNN};

/// A recurrent layer, in one direction or both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RecurrentLayer {
    pub kind: RecurrentKind,
    pub units: usize,
    pub use_bias: bool,
    pub activation: Activation,
    pub recurrent_activation: Activation,
    pub return_sequences: bool,
    pub go_backwards: bool,
    pub stateful: bool,
    pub zero_output_for_mask: bool,
    /// How the halves of a `Bidirectional` become one.
    pub merge: Option<Merge>,
}

/// The cell of a [`RecurrentLayer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecurrentKind {
    Rnn,
    Lstm,
    Gru,
    /// `reset_after: false`.
    GruResetBefore,
}

impl RecurrentKind {
    /// For each gate of PyTorch's order the place of ours: GRU has r, z, n there and z, r, h here.
    pub fn gate_order(self) -> &'static [usize] {
        match self {
            Self::Rnn => &[0],
            Self::Lstm => &[0, 1, 2, 3],
            Self::Gru | Self::GruResetBefore => &[1, 0, 2],
        }
    }
}

/// Makes a [`RecurrentLayer`] of the fields that all recurrent layers have.
macro_rules! recurrent {
    ($layer:expr, $kind:expr, $recurrent_activation:expr) => {
        RecurrentLayer {
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
        recurrent!(layer, RecurrentKind::Rnn, Activation::Linear)
    }
}

impl From<&LSTM> for RecurrentLayer {
    fn from(layer: &LSTM) -> Self {
        recurrent!(layer, RecurrentKind::Lstm, layer.recurrent_activation)
    }
}

impl From<&GRU> for RecurrentLayer {
    fn from(layer: &GRU) -> Self {
        let kind = if layer.reset_after { RecurrentKind::Gru } else { RecurrentKind::GruResetBefore };
        recurrent!(layer, kind, layer.recurrent_activation)
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
                let half = match &*both.of {
                    RecurrentSpec::SimpleRNN(layer) => layer.into(),
                    RecurrentSpec::LSTM(layer) => layer.into(),
                    RecurrentSpec::GRU(layer) => layer.into(),
                };
                Some(Self { merge: Some(both.merge_mode), ..half })
            }
            _ => None,
        }
    }

    /// PyTorch's own module, if it has one that computes the same.
    pub fn builtin(&self) -> Option<&'static str> {
        let is_usual =
            self.activation == Activation::Tanh && self.recurrent_activation == Activation::Sigmoid;
        match self.kind {
            RecurrentKind::Rnn if matches!(self.activation, Activation::Tanh | Activation::Relu) => {
                Some("nn.RNN")
            }
            RecurrentKind::Lstm if is_usual => Some("nn.LSTM"),
            RecurrentKind::Gru if is_usual => Some("nn.GRU"),
            _ => None,
        }
    }
}
