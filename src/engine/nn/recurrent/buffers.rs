use std::ops::Range;

use super::by_gate::{GateScratch, add_products_by_gate};
use super::cache::scale;
use super::input_gradient::InputGradient;
use super::{CarriedState, Cell, Deltas, Order, RecurrentCache};
use crate::kernel::{Matrix, matmul};
use crate::nn::Block;
use crate::nn::cache::layer_cache;

layer_cache! {
    /// All memory of a recurrent layer, or of one direction of a `Bidirectional`, for one shard.
    RecurrentBuffers {
        /// What the forward pass saved.
        cache: RecurrentCache,
        /// What the backward pass computed.
        deltas: Deltas,
        /// What the next batch begins with.
        carried: CarriedState,
        /// Sums for the gradients of input and input weights.
        input_gradient: InputGradient,
        /// Of one step or segment.
        scratch: Scratch,
    }
}

layer_cache! {
    /// Scratch buffers of one step or segment.
    Scratch {
        /// h_{t−1} after recurrent dropout; empty without.
        h_dropped: Block,
        /// ∂L/∂h of the present step, `[1, batch, units]`.
        dh: Block,
        /// The part of ∂L/∂h_{t−1} that does not pass through the product with `U`.
        carry: Block,
        /// ∂L/∂c.
        dc: Block,
        /// ∂L/∂c_t of the present step, of a cell with a cell state that is observed.
        total_dc: Block,
        /// Of the cell's own.
        cell: Block,
        /// Of one segment's ∂L/∂U.
        states: Block,
        /// Of one gate at a time, where each has a dropout mask of its own.
        by_gate: GateScratch,
    }
}

impl RecurrentBuffers {
    /// The carried state, if there is one, is again that with which the last forward pass has begun.
    pub(in crate::nn) fn rewind(&mut self) {
        if !self.carried.is_empty() {
            self.carried.h.clone_from(&self.cache.initial_h);
            self.carried.c.clone_from(&self.cache.initial_c);
        }
    }

    /// Adds `Σ h_{t−1}ᵀ·δ_t` over `steps`, counted in the order of reading, to `sum` `[units, columns]`: their part of the gradient of
    /// recurrent weights whose products have the derivatives `delta`, a block of [`Deltas`]. `scratch` is overwritten.
    pub(in crate::nn) fn add_recurrent_gradient(
        &self,
        order: Order,
        mut steps: Range<usize>,
        delta: &Block,
        scratch: &mut Block,
        sum: &mut [f32],
    ) {
        let RecurrentCache { h, initial_h, recurrent_dropout, .. } = &self.cache;
        let (_, batch, units) = h.dim();
        let masks = self.cache.recurrent_masks();
        let mut add = |states: &[f32], positions: Range<usize>| {
            let slots = self.deltas.window.slots(positions);
            let rows = slots.len() * batch;
            let delta = Matrix::new(delta.steps(slots), rows, delta.dim().2);
            if masks > 1 {
                return add_products_by_gate(sum, (states, units), delta, recurrent_dropout, scratch);
            }
            let mut states = states;
            if !recurrent_dropout.data().is_empty() {
                scratch.reshape(1, rows, units);
                scratch.data_mut().copy_from_slice(states);
                let parts = scratch.data_mut().chunks_exact_mut(batch * units);
                parts.for_each(|states| scale(states, recurrent_dropout.data()));
                states = scratch.data();
            }
            matmul(sum, Matrix::new(states, rows, units).t(), delta, true);
        };
        if steps.start == 0 && !steps.is_empty() {
            steps.start = 1;
            if initial_h.data().iter().any(|h| *h != 0.0) {
                add(initial_h.data(), order.positions(0..1));
            }
        }
        if !steps.is_empty() {
            let before = order.positions(steps.start - 1..steps.end - 1);
            add(h.steps(before), order.positions(steps));
        }
    }
}

impl Scratch {
    /// Shapes the buffers of a backward pass: nothing has come back yet.
    pub(super) fn begin(&mut self, cell: &dyn Cell, batch: usize) {
        let units = cell.settings().units;
        self.dh.reshape(1, batch, units);
        self.carry.zeroed(1, batch, units);
        self.dc.zeroed(usize::from(cell.has_cell_state()), batch, units);
    }
}
