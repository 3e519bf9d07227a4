use std::ops::Range;

use super::Cell;
use crate::nn::Block;
use crate::nn::cache::layer_cache;

layer_cache! {
    /// δ, the derivatives of the loss by the gates before their activation: of one segment of positions at a time, or of all after a
    /// watched backward pass that recomputed no gates.
    Deltas {
        /// ∂L/∂(input projection), `[positions, batch, gates·units]`.
        input: Block,
        /// ∂L/∂(recurrent product), where it differs.
        recurrent: Block,
        /// ∂L/∂(recurrent product) of the first step of the segment after this one, `[1, batch, gates·units]`; empty at the last.
        boundary_delta: Block,
        /// Which positions are there.
        window: DeltaWindow,
    }
}

/// The positions that [`Deltas`] has.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::nn) struct DeltaWindow {
    /// The first of them.
    pub first: usize,
    /// Whether all are there.
    pub complete: bool,
}

impl DeltaWindow {
    /// It is no buffer.
    fn bytes(self) -> usize {
        0
    }

    /// Where `positions` are in the buffers.
    pub fn slots(self, positions: Range<usize>) -> Range<usize> {
        positions.start - self.first..positions.end - self.first
    }
}

impl Deltas {
    /// Shapes the buffers for `length` positions of `batch` sequences.
    pub(super) fn begin(
        &mut self,
        cell: &dyn Cell,
        (length, complete): (usize, bool),
        batch: usize,
        width: usize,
    ) {
        self.input.reshape(length, batch, width);
        self.recurrent.reshape(if cell.has_recurrent_bias() { length } else { 0 }, batch, width);
        self.boundary_delta.reshape(0, batch, width);
        self.window.complete = complete;
    }

    /// Saves what the segment before needs of this one: δ at position `first`, which is read first of it.
    pub(super) fn save_boundary(&mut self, cell: &dyn Cell, first: usize) {
        let from = if cell.has_recurrent_bias() { &self.recurrent } else { &self.input };
        let (_, batch, width) = from.dim();
        self.boundary_delta.reshape(1, batch, width);
        self.boundary_delta.data_mut().copy_from_slice(from.step(first - self.window.first));
    }

    /// ∂L/∂(input projection) at `positions`.
    pub(in crate::nn) fn input_at(&self, positions: Range<usize>) -> &[f32] {
        self.input.steps(self.window.slots(positions))
    }

    /// Position `t` of `delta`, one of its blocks.
    pub(in crate::nn) fn step<'a>(&self, delta: &'a Block, t: usize) -> &'a [f32] {
        delta.step(t - self.window.first)
    }
}
