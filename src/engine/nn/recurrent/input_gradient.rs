use std::ops::Range;

use super::by_gate::{add_products_by_gate, add_transposed_by_gate};
use super::cache::scale;
use super::{Deltas, RecurrentCache};
use crate::kernel::profile::{self, Part};
use crate::kernel::recurrent::matmul_packed;
use crate::kernel::{Matrix, add_column_sums, matmul, scatter_add};
use crate::nn::affine::affine_backward;
use crate::nn::cache::layer_cache;
use crate::nn::{Block, Signal, Weights};

layer_cache! {
    /// Buffers for ∂L/∂W, ∂L/∂b and ∂L/∂x from δ, segment by segment. Where the input comes in rows, δ is summed by row first: each
    /// distinct vector takes part in one product.
    InputGradient {
        /// δ summed by distinct input, `[1, rows, gates·units]`.
        delta_by_row: Block,
        /// ∂L/∂x of every position, where dropout comes between it and the rows.
        by_position: Block,
        /// Of one gate at a time.
        scratch: Block,
    }
}

/// The gradients that an [`InputGradient`] adds to.
pub(in crate::nn) struct InputGrads<'a> {
    /// ∂L/∂W.
    pub kernel: &'a mut [f32],
    /// ∂L/∂b; empty without a bias.
    pub bias: &'a mut [f32],
    /// ∂L/∂x; `None` where no layer needs it.
    pub input: Option<&'a mut Block>,
}

impl InputGradient {
    /// Prepares the buffers and ∂L/∂x, which every position overwrites if `all`.
    pub fn begin(
        &mut self,
        x: Signal<'_>,
        cache: &RecurrentCache,
        width: usize,
        all: bool,
        input_grad: Option<&mut Block>,
    ) {
        let (time, batch, features) = x.dim();
        match x {
            Signal::Rows(rows) if cache.x.data().is_empty() => {
                self.delta_by_row.zeroed(1, rows.rows.rows(), width);
            }
            Signal::Rows(rows) => {
                self.by_position.reshape(time, batch, features);
                if let Some(input_grad) = input_grad {
                    input_grad.zeroed(1, rows.rows.rows(), features);
                }
            }
            _ => match input_grad {
                Some(input_grad) if all => input_grad.reshape(time, batch, features),
                Some(input_grad) => input_grad.zeroed(time, batch, features),
                None => {}
            },
        }
    }

    /// Adds the part of the segment `positions`.
    pub fn add(
        &mut self,
        x: Signal<'_>,
        positions: Range<usize>,
        weights: Weights<'_>,
        cache: &RecurrentCache,
        deltas: &Deltas,
        grads: &mut InputGrads<'_>,
    ) {
        let RecurrentCache { input_dropout, x: dropped, .. } = cache;
        let (_, batch, features) = x.dim();
        let width = deltas.input.dim().2;
        let delta_steps = deltas.input_at(positions.clone());
        if let (Signal::Rows(rows), true) = (x, dropped.data().is_empty()) {
            return scatter_add(self.delta_by_row.data_mut(), rows.steps(positions), delta_steps, width);
        }
        if !grads.bias.is_empty() {
            add_column_sums(grads.bias, delta_steps);
        }
        let read = if dropped.data().is_empty() { x.real() } else { dropped };
        let rows = positions.len() * batch;
        let read_steps = read.steps(positions.clone());
        let read = Matrix::new(read_steps, rows, features);
        let delta = Matrix::new(delta_steps, rows, width);
        let by_gate = cache.input_masks() > 1;
        match by_gate {
            true => {
                let x = (read_steps, features);
                add_products_by_gate(grads.kernel, x, delta, input_dropout, &mut self.scratch);
            }
            false => matmul(grads.kernel, read.t(), delta, true),
        }
        let Some(input_grad) = grads.input.as_deref_mut() else { return };
        let by_row = if let Signal::Rows(rows) = x { Some(rows) } else { None };
        let part = if by_row.is_some() { &mut self.by_position } else { &mut *input_grad };
        let part = part.steps_mut(positions.clone());
        let w = Matrix::new(weights.get(0), features, width);
        if by_gate {
            part.fill(0.0);
            add_transposed_by_gate(part, delta, w, input_dropout, &mut self.scratch);
        } else {
            // Packed once for all segments of all shards.
            let packed = weights.packed(0).backward(weights.revision(), |packed| {
                let _part = profile::scope(Part::Packing);
                packed[0].pack(w.t(), 1);
            });
            matmul_packed(part, delta_steps, &packed[0]);
        }
        if !by_gate && !input_dropout.data().is_empty() {
            part.chunks_exact_mut(batch * features).for_each(|step| scale(step, input_dropout.data()));
        }
        if let Some(rows) = by_row {
            let from = self.by_position.steps(positions.clone());
            scatter_add(input_grad.data_mut(), rows.steps(positions), from, features);
        }
    }

    /// Adds what rows contribute, once δ is summed over all segments.
    pub fn end(&mut self, x: Signal<'_>, w: &[f32], cache: &RecurrentCache, grads: InputGrads<'_>) {
        let Signal::Rows(rows) = x else { return };
        if !cache.x.data().is_empty() {
            return;
        }
        let delta = &self.delta_by_row;
        if !grads.bias.is_empty() {
            add_column_sums(grads.bias, delta.data());
        }
        affine_backward(delta.data(), rows.rows, w, grads.kernel, delta.dim().2, grads.input);
    }
}
