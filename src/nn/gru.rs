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

    fn recurrent_gradient(&self, unroll: &Unroll, order: Order, d_recurrent: &mut [f32]) {
        if self.reset_after {
            return unroll.add_recurrent_gradient(order, &unroll.delta_recurrent, d_recurrent);
        }
        let (n, rows) = (self.units, unroll.kept.rows());
        let mut gates = vec![0.0; n * 3 * n];
        unroll.add_recurrent_gradient(order, &unroll.delta, &mut gates);
        let deltas = Matrix::strided(&unroll.delta.data()[2 * n..], rows, n, 3 * n);
        self.add_split(&gates, Matrix::new(unroll.kept.data(), rows, n), deltas, d_recurrent);
    }

    fn step_gradient(&self, unroll: &Unroll, order: Order, step: usize, d_recurrent: &mut [f32]) {
        if self.reset_after {
            return unroll.add_step_gradient(order, step, &unroll.delta_recurrent, d_recurrent);
        }
        let (n, t) = (self.units, order.position(step));
        let (_, batch, _) = unroll.kept.dim();
        let mut gates = vec![0.0; n * 3 * n];
        unroll.add_step_gradient(order, step, &unroll.delta, &mut gates);
        let deltas = Matrix::strided(&unroll.delta.step(t)[2 * n..], batch, n, 3 * n);
        self.add_split(&gates, Matrix::new(unroll.kept.step(t), batch, n), deltas, d_recurrent);
    }
}

impl GRU {
    /// Adds to `sum` a gradient of `U` without `reset_after`: z and r met the state, so their columns are those of `gates`, and the
    /// candidate met `reset` = r ⊙ state, so its columns are `resetᵀ·deltas`.
    fn add_split(&self, gates: &[f32], reset: Matrix<'_>, deltas: Matrix<'_>, sum: &mut [f32]) {
        let n = self.units;
        let mut candidates = vec![0.0; n * n];
        matmul(&mut candidates, reset.t(), deltas, false);
        let rows = sum.chunks_exact_mut(3 * n).zip(gates.chunks_exact(3 * n));
        for ((sum, gates), candidates) in rows.zip(candidates.chunks_exact(n)) {
            let parts = gates[..2 * n].iter().chain(candidates);
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
    }
}
