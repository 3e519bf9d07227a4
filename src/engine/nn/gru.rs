use std::ops::Range;

pub(super) mod reset_before;

use super::recurrent::{Cell, Order, RecurrentBuffers, Settings, functions, recurrent_layer};
use super::{Activation, Block, LayerConfigError};
use crate::kernel::recurrent::{
    BackwardStep, BackwardView, CellFunctions, CellMath, ForwardStep, ForwardView, Functions, PackedMatrix,
    cell_backward, cell_forward,
};
use crate::kernel::{LaneFunction, Matrix, Simd};

recurrent_layer! {
    /// Gated recurrent unit: one gate decides how much of the state stays, one how much of it the candidate sees (Cho et al. 2014).
    ///
    /// ```text
    /// z_t = σ(x_t·W_z + h_{t−1}·U_z + b_z)    update gate      r_t = σ(x_t·W_r + h_{t−1}·U_r + b_r)    reset gate
    /// p_t = h_{t−1}·U_h + b′_h                                 ĥ_t = φ(x_t·W_h + b_h + r_t ⊙ p_t)       candidate
    /// h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ ĥ_t
    ///
    /// backward, with ∂L/∂h_t = upstream gradient + the terms of the line ∂L/∂h_{t−1} at step t+1:
    /// δ_z = ∂L/∂h_t ⊙ (h_{t−1} − ĥ_t) ⊙ σ′     δ_h = ∂L/∂h_t ⊙ (1 − z_t) ⊙ φ′
    /// δ_r = δ_h ⊙ p_t ⊙ σ′                     δ′_h = ∂L/∂p_t = δ_h ⊙ r_t
    /// ∂L/∂h_{t−1} = upstream gradient + ∂L/∂h_t ⊙ z_t + δ_z·U_zᵀ + δ_r·U_rᵀ + δ′_h·U_hᵀ
    /// ∂L/∂U = Σ_t h_{t−1}ᵀ·(δ_z, δ_r, δ′_h)    ∂L/∂W = Σ_t x_tᵀ·(δ_z, δ_r, δ_h)    ∂L/∂x_t = (δ_z, δ_r, δ_h)·Wᵀ
    /// ```
    /// That is `reset_after: true`, the default, as in cuDNN. With `false`, the paper's first version, the reset gate acts before the
    /// product: its formulas are in `nn/gru/reset_before.rs`.
    ///
    /// Keras's names: W is `kernel` `[features, 3·units]`, U `recurrent_kernel` `[units, 3·units]`, both with three blocks of `units`
    /// columns in Keras's order z, r, h. `bias` is `[2, 3·units]`, of input (b) and state (b′), with `reset_after`, else `[3·units]`.
    ///
    /// Where `z` is near 1 the state and its gradient pass unchanged. σ is `recurrent_activation`, φ `activation`.
    ///
    /// Source: `keras/src/layers/rnn/gru.py`. `[batch, time, features] → [batch, units]`, or `[batch, time, units]`.
    ///
    /// ```
    /// use unrolled_engine::nn::{GRU, Layer, Shape};
    /// let layer = GRU { units: 32, ..GRU::default() };
    /// let input = [Shape::Sequence { time: 200, features: 50 }];
    /// assert_eq!(layer.output(&input), Ok(Shape::Vector { features: 32 }));
    /// let params: usize = layer.params(&input).iter().map(|p| p.shape.iter().product::<usize>()).sum();
    /// assert_eq!(params, 3 * 32 * (50 + 32 + 2));
    /// ```
    GRU {
        /// `φ`.
        activation: Activation = "crate::nn::defaults::tanh" crate::nn::defaults::tanh(),
        /// `σ`.
        recurrent_activation: Activation = "crate::nn::defaults::sigmoid" crate::nn::defaults::sigmoid(),
        /// Whether the reset gate acts on the product, or on the state before it.
        reset_after: bool = "crate::nn::defaults::yes" true,
    }
}

/// The formulas above, for one vector of units.
pub(super) struct GruMath<S, G>(pub Functions<S, G>);

impl<S: LaneFunction, G: LaneFunction> CellMath<3> for GruMath<S, G> {
    /// The sums are z_t and r_t before σ, and p_t: r_t multiplies it before the candidate's input projection is added.
    #[inline(always)]
    fn begin<V: Simd>(&self, at: &ForwardView<'_, '_>) -> [V; 3] {
        let (z, r): (V, V) = (at.input(0), at.input(1));
        [z.add(at.recurrent_bias(0)), r.add(at.recurrent_bias(1)), at.recurrent_bias(2)]
    }

    #[inline(always)]
    fn gates<V: Simd>(&self, sums: &mut [V; 3], at: &mut ForwardView<'_, '_>) {
        let Functions { state: phi, gate: sigma } = self.0;
        let [z, r, p] = *sums;
        at.save_argument(sigma, (0, 3), z);
        at.save_argument(sigma, (1, 3), r);
        let (z, r) = (sigma.of(z), sigma.of(r));
        at.save(p);
        // The argument of φ: r ⊙ p + x_t·W_h + b_h
        let sum = r.mul_add(p, at.input(2));
        at.save_argument(phi, (2, 3), sum);
        *sums = [z, r, sum];
    }

    #[inline(always)]
    fn forward<V: Simd>(&self, [z, r, sum]: [V; 3], at: &mut ForwardView<'_, '_>) {
        let candidate = self.0.state.of(sum);
        at.save_gates([z, r, candidate]);
        at.set_h(interpolate(z, at.h_prev(), candidate));
    }

    #[inline(always)]
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>) {
        let Some(dh) = at.total_dh(product) else { return };
        let (r, p): (V, V) = (at.gate(1), at.saved());
        let (delta_z, delta_h) = interpolate_backward(self.0, dh, at);
        let delta_r = at.slope(self.0.gate, (1, 3), delta_h.mul(p), r);
        at.set_deltas([delta_z, delta_r, delta_h]);
        // δ of the products: only that of the candidate differs, δ′_h = δ_h ⊙ r
        for (gate, delta) in [delta_z, delta_r, delta_h.mul(r)].into_iter().enumerate() {
            at.set_delta_recurrent(gate, delta);
        }
    }
}

/// h_t = z ⊙ h_{t−1} + (1 − z) ⊙ ĥ.
#[inline(always)]
fn interpolate<V: Simd>(z: V, h_prev: V, candidate: V) -> V {
    z.mul_add(h_prev, V::splat(1.0).sub(z).mul(candidate))
}

/// δ_z and δ_h; writes what reaches ∂L/∂h_{t−1} past the products, ∂L/∂h_t ⊙ z.
#[inline(always)]
fn interpolate_backward<V: Simd, S: LaneFunction, G: LaneFunction>(
    f: Functions<S, G>,
    dh: V,
    at: &mut BackwardView<'_, '_>,
) -> (V, V) {
    let (z, candidate): (V, V) = (at.gate(0), at.gate(2));
    let delta_z = at.slope(f.gate, (0, 3), dh.mul(at.h_prev::<V>().sub(candidate)), z);
    let delta_h = at.slope(f.state, (2, 3), dh.mul(V::splat(1.0).sub(z)), candidate);
    at.set_dh_prev(dh.mul(z));
    (delta_z, delta_h)
}

fn forward<S: LaneFunction, G: LaneFunction>(
    f: Functions<S, G>,
    reset_after: bool,
    packed: &[PackedMatrix; 2],
    step: ForwardStep<'_>,
) {
    match reset_after {
        true => cell_forward(&packed[0], &GruMath(f), step),
        false => reset_before::step_forward(f, packed, step),
    }
}

fn backward<S: LaneFunction, G: LaneFunction>(
    f: Functions<S, G>,
    reset_after: bool,
    packed: &[PackedMatrix; 2],
    (step, scratch): (BackwardStep<'_>, &mut Block),
) {
    if !reset_after {
        return reset_before::step_backward(f, packed, step, scratch);
    }
    cell_backward(&packed[0], &GruMath(f), BackwardStep { h: &[], h_dropped: &[], ..step });
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

    fn candidate_gate(&self) -> usize {
        2
    }

    fn detail(&self) -> String {
        let before = if self.reset_after { "" } else { ", reset before" };
        format!("{}{before}", self.activation.name())
    }

    fn arguments(&self) -> usize {
        if self.activation.needs_input() || self.recurrent_activation.needs_input() { 3 } else { 0 }
    }

    fn state_gates(&self) -> usize {
        if self.reset_after { 3 } else { 2 }
    }

    fn has_recurrent_bias(&self) -> bool {
        self.reset_after
    }

    fn check(&self) -> Result<(), LayerConfigError> {
        self.activation.for_a_state("activation")?;
        self.recurrent_activation.for_a_state("recurrent_activation")
    }

    fn pack_forward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        match self.reset_after {
            true => packed[0].pack(recurrent, 3),
            false => reset_before::pack_forward(self.units, recurrent, packed),
        }
    }

    fn pack_backward(&self, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
        match self.reset_after {
            true => packed[0].pack(recurrent.t(), 1),
            false => reset_before::pack_backward(self.units, recurrent, packed),
        }
    }

    fn step_forward(&self, packed: &[PackedMatrix; 2], step: ForwardStep<'_>) {
        match functions(self.activation, self.recurrent_activation) {
            CellFunctions::Default(f) => forward(f, self.reset_after, packed, step),
            CellFunctions::Any(f) => forward(f, self.reset_after, packed, step),
        }
    }

    fn step_backward(&self, packed: &[PackedMatrix; 2], step: BackwardStep<'_>, scratch: &mut Block) {
        match functions(self.activation, self.recurrent_activation) {
            CellFunctions::Default(f) => backward(f, self.reset_after, packed, (step, scratch)),
            CellFunctions::Any(f) => backward(f, self.reset_after, packed, (step, scratch)),
        }
    }

    fn product_delta<'a>(&self, buffers: &'a RecurrentBuffers) -> Option<&'a Block> {
        self.reset_after.then_some(&buffers.deltas.recurrent)
    }

    fn recurrent_gradient(
        &self,
        buffers: &RecurrentBuffers,
        order: Order,
        steps: Range<usize>,
        scratch: &mut [Block; 2],
        sum: &mut [f32],
    ) {
        match self.product_delta(buffers) {
            Some(delta) => buffers.add_recurrent_gradient(order, steps, delta, &mut scratch[0], sum),
            None => reset_before::recurrent_gradient(self.units, buffers, order, steps, scratch, sum),
        }
    }
}
