//! What PyTorch has for a recurrent layer.

use crate::interop::recurrent_layer::{RecurrentKind, RecurrentLayer};
use crate::nn::Activation;

impl RecurrentKind {
    /// For each gate of PyTorch's order the place of ours: GRU has r, z, n there and z, r, h here.
    pub fn gate_order(self) -> &'static [usize] {
        match self {
            Self::SimpleRnn => &[0],
            Self::Lstm => &[0, 1, 2, 3],
            Self::Gru { .. } => &[1, 0, 2],
        }
    }
}

impl RecurrentLayer {
    /// PyTorch's own module, if it has one that computes the same.
    pub fn builtin(&self) -> Option<&'static str> {
        let is_usual =
            self.activation == Activation::Tanh && self.recurrent_activation == Activation::Sigmoid;
        match self.kind {
            RecurrentKind::SimpleRnn if matches!(self.activation, Activation::Tanh | Activation::Relu) => {
                Some("nn.RNN")
            }
            RecurrentKind::Lstm if is_usual => Some("nn.LSTM"),
            RecurrentKind::Gru { reset_after: true } if is_usual => Some("nn.GRU"),
            _ => None,
        }
    }
}
