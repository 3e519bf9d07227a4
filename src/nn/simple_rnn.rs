use super::recurrent::{Cell, Packs, Settings, functions, recurrent_layer};
use super::{Activation, Block, Misfit};
use crate::kernel::Matrix;
use crate::kernel::recurrent::{Back, Step, simple_rnn_back, simple_rnn_step};

recurrent_layer! {
    /// The simplest recurrent layer: the hidden state is a function of the input and of the state before (Elman 1990).
    ///
    /// ```text
    /// h_t = f(x_t·W + h_{t−1}·U + b)    h_{−1} = 0
    ///     W: kernel [features, units]   U: recurrent_kernel [units, units]   b: bias [units]
    /// back-propagation through time (Werbos 1990), from the last step to the first:
    /// δ_t = ∂L/∂h_t ⊙ f′       ∂L/∂h_{t−1} = ∂L/∂out_{t−1} + δ_t·Uᵀ       ∂L/∂U = Σ h_{t−1}ᵀ·δ_t
    /// ```
    /// The factor `diag(f′)·Uᵀ` at every step is why the gradient vanishes or explodes (Bengio et al. 1994). What is the same for
    /// every recurrent layer (masks, order of reading, dropout, `W` and `b`) stands in `nn/recurrent.rs`.
    ///
    /// Source: `keras/src/layers/rnn/simple_rnn.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled::nn::{Layer, Shape, SimpleRNN};
    /// let layer = SimpleRNN { units: 8, return_sequences: true, ..SimpleRNN::default() };
    /// let out = layer.output(&[Shape::Sequence { time: 200, features: 50 }]);
    /// assert_eq!(out, Ok(Shape::Sequence { time: 200, features: 8 }));
    /// ```
    SimpleRNN {
        /// `f`: tanh, relu or linear.
        activation: Activation = "crate::nn::recurrent::default::tanh" default::tanh(),
    }
}

impl Cell for SimpleRNN {
    fn class(&self) -> &'static str {
        "SimpleRNN"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["h"]
    }

    fn activations(&self) -> Vec<Activation> {
        vec![self.activation]
    }

    fn proposal(&self) -> usize {
        0
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn check(&self) -> Result<(), Misfit> {
        self.activation.for_a_state("activation")
    }

    fn keeps(&self) -> bool {
        false
    }

    fn pack(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        packs.ahead[0].pack(recurrent, 1);
    }

    fn pack_back(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        packs.back[0].pack(recurrent.t(), 1);
    }

    fn step(&self, packs: &Packs, step: Step<'_>) {
        simple_rnn_step(&packs.ahead[0], functions(self.activation, self.activation), step);
    }

    fn back(&self, packs: &Packs, back: Back<'_>, _room: &mut Block) {
        simple_rnn_back(&packs.back[0], functions(self.activation, self.activation), back);
    }
}
