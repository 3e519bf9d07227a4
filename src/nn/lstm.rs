use std::ops::Range;

use super::recurrent::{Cell, Packs, Settings, functions, recurrent_layer};
use super::{Activation, Block, Misfit};
use crate::kernel::Matrix;
use crate::kernel::recurrent::{Back, Step, lstm_back, lstm_step};

recurrent_layer! {
    /// Long short-term memory: a cell state that gates write to, forget and read (Hochreiter & Schmidhuber 1997; forget gate: Gers et
    /// al. 2000).
    ///
    /// ```text
    /// i_t = σ(x_t·W_i + h_{t−1}·U_i + b_i)    f_t = σ(… f)    g_t = φ(… c)    o_t = σ(… o)
    /// c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t         h_t = o_t ⊙ φ(c_t)
    ///     W: kernel [features, 4·units], U: recurrent_kernel [units, 4·units], b: bias [4·units]; columns i, f, c, o
    /// back: ∂L/∂c_t += ∂L/∂h_t ⊙ o_t ⊙ φ′(c_t)
    ///       δ_i = ∂L/∂c ⊙ g ⊙ σ′    δ_f = ∂L/∂c ⊙ c_{t−1} ⊙ σ′    δ_g = ∂L/∂c ⊙ i ⊙ φ′    δ_o = ∂L/∂h ⊙ φ(c) ⊙ σ′
    ///       ∂L/∂c_{t−1} = ∂L/∂c_t ⊙ f_t       ∂L/∂h_{t−1} = δ·Uᵀ
    /// ```
    /// Along the cell state the gradient is multiplied by `f` alone: near 1 it reaches far back. `unit_forget_bias` begins `b_f` at 1
    /// for that (Jozefowicz et al. 2015). σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/lstm.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled::nn::{LSTM, Layer, Shape};
    /// let layer = LSTM { units: 32, ..LSTM::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 4 * 32 * (50 + 32 + 1));
    /// ```
    LSTM {
        /// `φ`.
        activation: Activation = "crate::nn::recurrent::default::tanh" default::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::recurrent::default::sigmoid" default::sigmoid(),
        /// Whether `b_f` begins at 1.
        unit_forget_bias: bool = "crate::nn::recurrent::default::yes" true,
    }
}

impl Cell for LSTM {
    fn class(&self) -> &'static str {
        "LSTM"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["i", "f", "g", "o"]
    }

    fn activations(&self) -> Vec<Activation> {
        let gate = self.recurrent_activation;
        vec![gate, gate, self.activation, gate]
    }

    fn proposal(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn has_cell_state(&self) -> bool {
        true
    }

    fn bias_ones(&self) -> Range<usize> {
        if self.unit_forget_bias { self.units..2 * self.units } else { 0..0 }
    }

    fn check(&self) -> Result<(), Misfit> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn pack(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        packs.ahead[0].pack(recurrent, 4);
    }

    fn pack_back(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        packs.back[0].pack(recurrent.t(), 1);
    }

    fn step(&self, packs: &Packs, step: Step<'_>) {
        lstm_step(&packs.ahead[0], functions(self.activation, self.recurrent_activation), step);
    }

    fn back(&self, packs: &Packs, back: Back<'_>, _room: &mut Block) {
        lstm_back(&packs.back[0], functions(self.activation, self.recurrent_activation), back);
    }
}
