use std::ops::Range;

use super::recurrent::{Cell, Order, Packs, Settings, Unroll, functions, recurrent_layer};
use super::{Activation, Block, Misfit};
use crate::kernel::recurrent::{
    Back, Projected, Step, gru_back, gru_back_reset, gru_back_state, gru_candidate, gru_gates, gru_step,
};
use crate::kernel::{Matrix, matmul};

recurrent_layer! {
    /// Gated recurrent unit: one gate says how much of the state stays, one how much of it the candidate sees (Cho et al. 2014).
    ///
    /// ```text
    /// z_t = σ(x_t·W_z + h_{t−1}·U_z + b_z)      r_t = σ(… r)
    /// reset_after (the default; as in cuDNN):   ĥ_t = φ(x_t·W_h + b_h + r_t ⊙ (h_{t−1}·U_h + b′_h))
    /// else (the paper's first version):         ĥ_t = φ(x_t·W_h + b_h + (r_t ⊙ h_{t−1})·U_h)
    /// h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ ĥ_t
    ///     W: kernel [features, 3·units], U: recurrent_kernel [units, 3·units]; columns z, r, h
    ///     b: bias [2, 3·units] (of input and state) with reset_after, else [3·units]
    /// back: δ_ĥ = ∂L/∂h ⊙ (1 − z) ⊙ φ′     δ_z = ∂L/∂h ⊙ (h_{t−1} − ĥ) ⊙ σ′
    ///       reset_after: δ_r = δ_ĥ ⊙ (h_{t−1}·U_h + b′_h) ⊙ σ′,   the product's δ′_h = δ_ĥ ⊙ r
    ///       else:        δ_r = (δ_ĥ·U_hᵀ) ⊙ h_{t−1} ⊙ σ′
    ///       ∂L/∂h_{t−1} = ∂L/∂h ⊙ z + what comes back through the products
    /// ```
    /// Where `z` is near 1 the state and its gradient pass unchanged. σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/gru.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled::nn::{GRU, Layer, Shape};
    /// let layer = GRU { units: 32, ..GRU::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 3 * 32 * (50 + 32 + 2));
    /// ```
    GRU {
        /// `φ`.
        activation: Activation = "crate::nn::recurrent::default::tanh" default::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::recurrent::default::sigmoid" default::sigmoid(),
        /// Whether the reset gate acts on the product, or on the state before it.
        reset_after: bool = "crate::nn::recurrent::default::yes" true,
    }
}

impl Cell for GRU {
    fn class(&self) -> &'static str {
        "GRU"
    }

    fn settings(&self) -> Settings {
        self.common()
    }

    fn gates(&self) -> &'static [&'static str] {
        &["z", "r", "candidate"]
    }

    fn activations(&self) -> Vec<Activation> {
        vec![self.recurrent_activation, self.recurrent_activation, self.activation]
    }

    fn proposal(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        let before = if self.reset_after { "" } else { ", reset before" };
        format!("{}{before}", self.activation.name())
    }

    fn has_recurrent_bias(&self) -> bool {
        self.reset_after
    }

    fn check(&self) -> Result<(), Misfit> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn pack(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        let n = self.units;
        if self.reset_after {
            packs.ahead[0].pack(recurrent, 3);
        } else {
            packs.ahead[0].pack(recurrent.columns(0..2 * n), 2);
            packs.ahead[1].pack(recurrent.columns(2 * n..3 * n), 1);
        }
    }

    fn pack_back(&self, recurrent: Matrix<'_>, packs: &mut Packs) {
        let n = self.units;
        if self.reset_after {
            packs.back[0].pack(recurrent.t(), 1);
        } else {
            packs.back[0].pack(recurrent.columns(0..2 * n).t(), 1);
            packs.back[1].pack(recurrent.columns(2 * n..3 * n).t(), 1);
        }
    }

    fn step(&self, packs: &Packs, mut step: Step<'_>) {
        let f = functions(self.activation, self.recurrent_activation);
        if self.reset_after {
            return gru_step(&packs.ahead[0], f, step);
        }
        gru_gates(&packs.ahead[0], f, step.again());
        let Step { batch, units, recurrent_bias, gates, h_before, c_before, mask, h, c, kept, .. } = step;
        gru_candidate(
            &packs.ahead[1],
            f,
            Step {
                batch,
                units,
                projected: Projected::InPlace,
                recurrent_bias,
                gates,
                h_before,
                h_met: kept,
                c_before,
                mask,
                h,
                c,
                kept: &mut [],
            },
        );
    }

    fn back(&self, packs: &Packs, mut back: Back<'_>, room: &mut Block) {
        let f = functions(self.activation, self.recurrent_activation);
        if self.reset_after {
            return gru_back(&packs.back[0], f, back);
        }
        gru_back_state(&packs.back[0], f, back.again());
        let n = self.units;
        room.reshape(1, back.batch, n);
        for (to, delta) in room.data_mut().chunks_exact_mut(n).zip(back.delta.chunks_exact(3 * n)) {
            to.copy_from_slice(&delta[2 * n..]);
        }
        gru_back_reset(&packs.back[1], f, Back { after: room.data(), ..back });
    }

    fn product_delta<'a>(&self, unroll: &'a Unroll) -> Option<&'a Block> {
        self.reset_after.then_some(&unroll.delta_recurrent)
    }

    fn recurrent_gradient(
        &self,
        unroll: &Unroll,
        order: Order,
        steps: Range<usize>,
        room: &mut [Block; 2],
        d_recurrent: &mut [f32],
    ) {
        if let Some(delta) = self.product_delta(unroll) {
            return unroll.add_recurrent_gradient(order, steps, delta, &mut room[0], d_recurrent);
        }
        let (n, positions) = (self.units, order.positions(steps.clone()));
        // z and r met the state; the candidate met r ⊙ state, which was kept: its columns are another product's.
        let [room, sums] = room;
        sums.zeroed(1, n, 3 * n);
        unroll.add_recurrent_gradient(order, steps, &unroll.delta, room, sums.data_mut());
        let rows = positions.len() * unroll.kept.dim().1;
        let reset = Matrix::new(unroll.kept_at(positions.clone()), rows, n);
        let deltas = Matrix::strided(&unroll.delta_at(positions)[2 * n..], rows, n, 3 * n);
        room.reshape(1, n, n);
        matmul(room.data_mut(), reset.t(), deltas, false);
        let parts = sums.data().chunks_exact(3 * n).zip(room.data().chunks_exact(n));
        for (d, (gates, candidates)) in d_recurrent.chunks_exact_mut(3 * n).zip(parts) {
            let parts = gates[..2 * n].iter().chain(candidates);
            d.iter_mut().zip(parts).for_each(|(d, part)| *d += part);
        }
    }
}
