//! `reset_after: false`: the reset gate acts on the state before the product with `U_h` (Cho et al. 2014, version 1).
//!
//! ```text
//! z_t, r_t as in the other version          s_t = r_t ⊙ h_{t−1}
//! ĥ_t = φ(x_t·W_h + s_t·U_h + b_h)          h_t = z_t ⊙ h_{t−1} + (1 − z_t) ⊙ ĥ_t
//!
//! backward:
//! δ_z = ∂L/∂h_t ⊙ (h_{t−1} − ĥ_t) ⊙ σ′      δ_h = ∂L/∂h_t ⊙ (1 − z_t) ⊙ φ′
//! ∂L/∂s_t = δ_h·U_hᵀ                        δ_r = ∂L/∂s_t ⊙ h_{t−1} ⊙ σ′
//! ∂L/∂h_{t−1} = upstream gradient + ∂L/∂h_t ⊙ z_t + ∂L/∂s_t ⊙ r_t + δ_z·U_zᵀ + δ_r·U_rᵀ
//! ∂L/∂U_z = Σ_t h_{t−1}ᵀ·δ_z    ∂L/∂U_r = Σ_t h_{t−1}ᵀ·δ_r    ∂L/∂U_h = Σ_t s_tᵀ·δ_h
//! ```
//! So a step has two products, each with its own arithmetic: [`GatesMath`] for z and r, [`CandidateMath`] for ĥ.

use std::ops::Range;

use super::{interpolate, interpolate_backward};
use crate::kernel::recurrent::{
    BackwardStep, BackwardView, CellMath, ForwardStep, ForwardView, Functions, PackedMatrix, Projected,
    cell_backward, cell_forward,
};
use crate::kernel::{LaneFunction, Matrix, Simd, matmul};
use crate::nn::Block;
use crate::nn::recurrent::{Order, RecurrentBuffers};

/// z, r and s = r ⊙ h_{t−1}, from h_{t−1}·U_z and h_{t−1}·U_r.
pub(in crate::nn) struct GatesMath<S, G>(pub Functions<S, G>);

impl<S: LaneFunction, G: LaneFunction> CellMath<2> for GatesMath<S, G> {
    const GATES: usize = 3;

    #[inline(always)]
    fn forward<V: Simd>(&self, [z, r]: [V; 2], at: &mut ForwardView<'_, '_>) {
        at.save_argument(self.0.gate, (0, 3), z);
        at.save_argument(self.0.gate, (1, 3), r);
        let (z, r) = (self.0.gate.of(z), self.0.gate.of(r));
        // The candidate's projection waits for the second product.
        let input: V = at.input(2);
        at.save_gates([z, r, input]);
        at.save(r.mul(at.h_dropped()));
    }

    /// `product` is ∂L/∂s_t = δ_h·U_hᵀ.
    #[inline(always)]
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>) {
        let r: V = at.gate(1);
        let delta_r = at.slope(self.0.gate, (1, 3), product.mul(at.h_dropped()), r);
        at.set_delta(1, delta_r);
        at.add_dh_prev(product.mul(r));
    }
}

/// ĥ and h, from s·U_h.
pub(in crate::nn) struct CandidateMath<S, G>(pub Functions<S, G>);

impl<S: LaneFunction, G: LaneFunction> CellMath<1> for CandidateMath<S, G> {
    const GATES: usize = 3;

    #[inline(always)]
    fn begin<V: Simd>(&self, at: &ForwardView<'_, '_>) -> [V; 1] {
        [at.input(2)]
    }

    #[inline(always)]
    fn forward<V: Simd>(&self, [sum]: [V; 1], at: &mut ForwardView<'_, '_>) {
        at.save_argument(self.0.state, (2, 3), sum);
        let candidate = self.0.state.of(sum);
        at.save_gate(2, candidate);
        let z: V = at.gate(0);
        at.set_h(interpolate(z, at.h_prev(), candidate));
    }

    /// `product` is δ_z·U_zᵀ + δ_r·U_rᵀ of step t+1.
    #[inline(always)]
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>) {
        let Some(dh) = at.total_dh(product) else { return };
        let (delta_z, delta_h) = interpolate_backward(self.0, dh, at);
        at.set_delta(0, delta_z);
        at.set_delta(2, delta_h);
    }
}

pub(in crate::nn) fn pack_forward(n: usize, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
    packed[0].pack(recurrent.columns(0..2 * n), 2);
    packed[1].pack(recurrent.columns(2 * n..3 * n), 1);
}

pub(in crate::nn) fn pack_backward(n: usize, recurrent: Matrix<'_>, packed: &mut [PackedMatrix; 2]) {
    packed[0].pack(recurrent.columns(0..2 * n).t(), 1);
    packed[1].pack(recurrent.columns(2 * n..3 * n).t(), 1);
}

pub(in crate::nn) fn step_forward<S: LaneFunction, G: LaneFunction>(
    f: Functions<S, G>,
    packed: &[PackedMatrix; 2],
    mut step: ForwardStep<'_>,
) {
    let gates = ForwardStep { mask: &[], h: &mut [], ..step.reborrow() };
    cell_forward(&packed[0], &GatesMath(f), gates);
    // The second product reads s, which the first has saved.
    let ForwardStep { gates, h, c, saved, arguments, .. } = step;
    let (projected, products) = (Projected::InPlace, &[][..]);
    let step =
        ForwardStep { projected, products, gates, h, c, arguments, h_dropped: saved, saved: &mut [], ..step };
    cell_forward(&packed[1], &CandidateMath(f), step);
}

pub(in crate::nn) fn step_backward<S: LaneFunction, G: LaneFunction>(
    f: Functions<S, G>,
    packed: &[PackedMatrix; 2],
    mut step: BackwardStep<'_>,
    scratch: &mut Block,
) {
    let candidate = BackwardStep { h: &[], saved: &[], h_dropped: &[], ..step.reborrow() };
    cell_backward(&packed[0], &CandidateMath(f), candidate);
    let n = step.units;
    scratch.reshape(1, step.batch, n);
    for (to, delta) in scratch.data_mut().chunks_exact_mut(n).zip(step.delta.chunks_exact(3 * n)) {
        to.copy_from_slice(&delta[2 * n..]);
    }
    let gates = BackwardStep {
        next_delta: scratch.data(),
        upstream_grad: &[],
        mask: &[],
        h: &[],
        saved: &[],
        h_prev: &[],
        dh: &mut [],
        ..step
    };
    cell_backward(&packed[1], &GatesMath(f), gates);
}

/// Adds the part of `steps` to ∂L/∂U: the state was a factor of z's and r's columns, s of the candidate's.
pub(in crate::nn) fn recurrent_gradient(
    n: usize,
    buffers: &RecurrentBuffers,
    order: Order,
    steps: Range<usize>,
    [scratch, sums]: &mut [Block; 2],
    sum: &mut [f32],
) {
    let positions = order.positions(steps.clone());
    sums.zeroed(1, n, 3 * n);
    buffers.add_recurrent_gradient(order, steps, &buffers.deltas.input, scratch, sums.data_mut());
    let rows = positions.len() * buffers.cache.saved.dim().1;
    let s = Matrix::new(buffers.cache.saved_at(positions.clone()), rows, n);
    let deltas = Matrix::strided(&buffers.deltas.input_at(positions)[2 * n..], rows, n, 3 * n);
    scratch.reshape(1, n, n);
    matmul(scratch.data_mut(), s.t(), deltas, false);
    let parts = sums.data().chunks_exact(3 * n).zip(scratch.data().chunks_exact(n));
    for (d, (gates, candidates)) in sum.chunks_exact_mut(3 * n).zip(parts) {
        let parts = gates[..2 * n].iter().chain(candidates);
        d.iter_mut().zip(parts).for_each(|(d, part)| *d += part);
    }
}
