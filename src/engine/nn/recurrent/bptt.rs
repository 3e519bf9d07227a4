//! The loop over time steps, forward and backward (back-propagation through time), segment by segment.
//!
//! Backward, δ is computed for one segment of steps at a time: its weight gradients are summed while it is still in the processor's
//! cache. Where all activated gates would take more memory than there is ([`Pass::recompute`]), they are saved for one segment as well,
//! and recomputed, from the states before it, when the backward loop reaches it (Chen et al. 2016, "Training deep nets with sublinear
//! memory cost"): the same numbers, for the time of a second forward pass.

use std::ops::Range;

use ndarray::ArrayView2;

use super::by_gate;
use super::input_gradient::InputGrads;
use super::{Cell, GateWindow, Order, RecurrentBuffers, RecurrentCache, SavedStep, Scratch};
use crate::kernel::profile::{self, Part};
use crate::kernel::recurrent::{BackwardStep, ForwardStep, PackedMatrix, Projected};
use crate::kernel::{Matrix, add_column_sums};
use crate::nn::affine::affine;
use crate::nn::layer::Pass;
use crate::nn::packed_weights::CurrentPacking;
use crate::nn::{Block, IndexedRows, Observer, Signal, Unrolled, Weights};
use crate::protocol::Direction;

/// Numbers of δ in a segment: a quarter of a usual second-level cache of 1 MiB, through which the gates go as well.
const SEGMENT: usize = 1 << 16;

/// Numbers of the activations of all steps up to which none is prefetched: they stay in the second-level cache.
const NEAR: usize = 1 << 17;

/// Steps in a segment, of `time`, for `batch` rows of `width` numbers a step.
pub(super) fn segment(time: usize, batch: usize, width: usize) -> usize {
    (SEGMENT / (batch * width).max(1)).max(8).min(time)
}

/// ∂L/∂output of a recurrent layer.
#[derive(Clone, Copy)]
pub(in crate::nn) struct UpstreamGrad<'a> {
    /// Of every step, or of the last alone.
    pub values: &'a Block,
    /// Whether steps are in the order of reading (as Keras returns them), or of the input.
    pub in_reading_order: bool,
}

/// The loop of one recurrent layer, or one direction of a `Bidirectional`, over one shard.
pub(in crate::nn) struct Bptt<'a> {
    cell: &'a dyn Cell,
    pass: &'a Pass<'a>,
    weights: Weights<'a>,
    /// `[time, batch, features]`.
    x: Signal<'a>,
    direction: Option<Direction>,
    order: Order,
    batch: usize,
    features: usize,
    units: usize,
    /// `gates·units`.
    width: usize,
}

impl<'a> Bptt<'a> {
    /// The loop over `x`. `direction` is that of a `Bidirectional`'s half, and then overrides the cell's own `go_backwards`.
    pub fn new(
        cell: &'a dyn Cell,
        pass: &'a Pass<'a>,
        weights: Weights<'a>,
        x: Signal<'a>,
        direction: Option<Direction>,
    ) -> Self {
        let (time, batch, features) = x.dim();
        let order = Order::of(cell, direction, time);
        let units = cell.settings().units;
        let width = units * cell.gates().len();
        Self { cell, pass, weights, x, direction, order, batch, features, units, width }
    }

    /// The order of reading.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Reads `x`: fills `buffers.cache`.
    pub fn forward(&self, buffers: &mut RecurrentBuffers) {
        let Order { time, .. } = self.order;
        let RecurrentBuffers { cache, carried, .. } = buffers;
        let by_rows = matches!(self.x, Signal::Rows(_));
        // A cell whose one gate is the state saves nothing that could be recomputed.
        let recomputes = !by_rows || self.cell.gates().len() > 1;
        let length =
            if self.pass.recompute && recomputes { segment(time, self.batch, self.width) } else { time };
        let sizes = (self.batch, self.features);
        cache.begin(self.cell, self.pass, sizes, (length, by_rows), self.order, carried);
        let rows = cache.prepare_input(self.x);
        if let Some(rows) = rows {
            cache.projected.reshape(1, rows.rows.rows(), self.width);
            self.project(cache.projected.data_mut(), rows.rows.data());
        }
        let packed = self.packed_forward();
        for first in (0..time).step_by(length.max(1)) {
            self.forward_segment(first..(first + length).min(time), &packed, buffers, rows);
        }
        if self.cell.settings().stateful {
            buffers.cache.store_last(self.order, &mut buffers.carried);
        }
    }

    /// The distance of a step, in the order of reading, to the next in memory; 0 where the activations of all steps are near the
    /// processor.
    fn ahead(&self) -> isize {
        let numbers = self.order.time * self.batch * (self.width + self.units);
        match numbers > NEAR {
            true if self.order.backwards => -1,
            true => 1,
            false => 0,
        }
    }

    /// `U`, `[units, gates·units]`.
    fn recurrent_kernel(&self) -> Matrix<'a> {
        Matrix::new(self.weights.get(1), self.units, self.width)
    }

    /// `U` in the layout that steps forward read.
    fn packed_forward(&self) -> CurrentPacking<'a> {
        let pack = |packed: &mut _| {
            let _part = profile::scope(Part::Packing);
            self.cell.pack_forward(self.recurrent_kernel(), packed);
        };
        self.weights.packed(1).forward(self.weights.revision(), pack)
    }

    /// `U` in the layout that steps backward read.
    fn packed_backward(&self) -> CurrentPacking<'a> {
        let pack = |packed: &mut _| {
            let _part = profile::scope(Part::Packing);
            self.cell.pack_backward(self.recurrent_kernel(), packed);
        };
        self.weights.packed(1).backward(self.weights.revision(), pack)
    }

    /// `out = x·W + b`.
    fn project(&self, out: &mut [f32], x: &[f32]) {
        let _part = profile::scope(Part::InputProjection);
        let (bias, _) = self.biases();
        affine(out, x, self.weights.get(0), bias, self.features, self.width);
    }

    /// The biases of input and recurrent product.
    fn biases(&self) -> (Option<&'a [f32]>, Option<&'a [f32]>) {
        if !self.cell.settings().use_bias {
            return (None, None);
        }
        let (input, recurrent) = self.weights.get(2).split_at(self.width);
        (Some(input), self.cell.has_recurrent_bias().then_some(recurrent))
    }

    /// Takes `steps`, counted in the order of reading; where gates are saved by segment, those of these steps.
    fn forward_segment(
        &self,
        steps: Range<usize>,
        packed: &[PackedMatrix; 2],
        buffers: &mut RecurrentBuffers,
        rows: Option<IndexedRows<'_>>,
    ) {
        let (cell, order) = (self.cell, self.order);
        let positions = order.positions(steps.clone());
        let RecurrentBuffers { cache, scratch: Scratch { h_dropped, by_gate, .. }, .. } = buffers;
        cache.window.first = if cache.window.segmented { positions.start } else { 0 };
        if rows.is_none() {
            let x = if cache.x.data().is_empty() { self.x.real() } else { &cache.x };
            let slots = positions.start - cache.window.first..positions.end - cache.window.first;
            let gates = cache.gates.steps_mut(slots);
            if cache.input_dropout.dim().0 > 1 {
                let w = Matrix::new(self.weights.get(0), self.features, self.width);
                by_gate::project(
                    gates,
                    x.steps(positions),
                    w,
                    self.biases().0,
                    &cache.input_dropout,
                    by_gate,
                );
            } else {
                self.project(gates, x.steps(positions));
            }
        }
        let (_, recurrent_bias) = self.biases();
        let ahead = self.ahead();
        for step in steps {
            let t = order.position(step);
            let before = step.checked_sub(1).map(|step| order.position(step));
            cache.drop_state(before, cell.candidate_gate(), h_dropped);
            let masks_of_gates = cache.recurrent_masks() > 1;
            if masks_of_gates {
                let (u, masks) = (self.recurrent_kernel(), &cache.recurrent_dropout);
                by_gate::multiply_state(cache.h_prev(before), u, masks, cell.state_gates(), by_gate);
            }
            let RecurrentCache {
                gates, h, c, saved, arguments, initial_h, initial_c, projected, window, ..
            } = &mut *cache;
            let (h_prev, h_now) = split(h, initial_h, before, t);
            let (c_prev, c_now) =
                if cell.has_cell_state() { split(c, initial_c, before, t) } else { (&[][..], &mut [][..]) };
            let mask = self.pass.mask.map_or(&[][..], |mask| mask.step(t));
            if !mask.is_empty() && !mask.contains(&true) {
                // Padding in all sequences: the states stay.
                h_now.copy_from_slice(h_prev);
                c_now.copy_from_slice(c_prev);
                gates.part_mut(t - window.first).fill(0.0);
                saved.part_mut(t - window.first).fill(0.0);
                arguments.part_mut(t - window.first).fill(0.0);
                continue;
            }
            cell.step_forward(
                packed,
                ForwardStep {
                    batch: self.batch,
                    units: self.units,
                    ahead,
                    projected: rows.map_or(Projected::InPlace, |rows| Projected::Rows {
                        table: projected.data(),
                        index: rows.step(t),
                        next: if ahead == 0 || step + 1 == order.time {
                            &[]
                        } else {
                            rows.step(order.position(step + 1))
                        },
                    }),
                    recurrent_bias: recurrent_bias.unwrap_or_default(),
                    gates: gates.part_mut(t - window.first),
                    h_prev,
                    h_dropped: if h_dropped.data().is_empty() { h_prev } else { h_dropped.data() },
                    c_prev,
                    mask,
                    h: h_now,
                    c: c_now,
                    saved: saved.part_mut(t - window.first),
                    arguments: arguments.part_mut(t - window.first),
                    products: if masks_of_gates { by_gate.products.data() } else { &[] },
                },
            );
        }
    }

    /// The backward of [`Bptt::forward`]: adds ∂L/∂W, ∂L/∂U and ∂L/∂b to `param_grads`, writes ∂L/∂x to `input_grad`.
    pub fn backward(
        &self,
        buffers: &mut RecurrentBuffers,
        upstream: UpstreamGrad<'_>,
        param_grads: &mut [f32],
        mut input_grad: Option<&mut Block>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let Order { time, .. } = self.order;
        let (cell, settings) = (self.cell, self.cell.settings());
        let RecurrentBuffers { cache, deltas, input_gradient, scratch, .. } = &mut *buffers;
        let packed = self.packed_backward();
        let rows = match self.x {
            Signal::Rows(rows) if cache.x.data().is_empty() => Some(rows),
            _ => None,
        };
        let GateWindow { segmented, .. } = cache.window;
        let packed_forward = segmented.then(|| self.packed_forward());
        // Instruments read δ of all steps afterwards; it is summed in the same segments, so that watching changes no bit.
        let complete = observer.is_some() && !segmented;
        let length = segment(time, self.batch, self.width);
        // Padding that all sequences share has no δ; an observer gets ∂L/∂h there all the same.
        let live = self.live_steps();
        deltas.begin(cell, (if complete { time } else { length }, complete), self.batch, self.width);
        scratch.begin(cell, self.batch);
        input_gradient.begin(self.x, cache, self.width, live.len() == time, input_grad.as_deref_mut());
        let (d_kernel, rest) = param_grads.split_at_mut(self.features * self.width);
        let (d_recurrent, d_bias) = rest.split_at_mut(self.units * self.width);
        let (d_bias, d_recurrent_bias) = d_bias.split_at_mut(if settings.use_bias { self.width } else { 0 });
        let mut grads = InputGrads { kernel: d_kernel, bias: d_bias, input: input_grad };
        let mut dead = [0..live.start, live.end..time];
        if observer.is_none() {
            for step in (live.end..time).rev() {
                add(scratch.carry.data_mut(), self.upstream_at(upstream, step));
            }
            dead = [0..0, 0..0];
        }
        let [before, after] = dead;
        let parts = |steps: Range<usize>, live: bool| {
            let end = steps.end;
            steps.step_by(length.max(1)).rev().map(move |first| (first..(first + length).min(end), live))
        };
        for (steps, live) in parts(after, false).chain(parts(live, true)).chain(parts(before, false)) {
            if let Some(packed) = &packed_forward {
                self.forward_segment(steps.clone(), packed, buffers, rows);
            }
            let positions = self.order.positions(steps.clone());
            buffers.deltas.window.first = if complete { 0 } else { positions.start };
            let watching = observer.as_mut().map(|o| &mut **o as &mut dyn Observer);
            self.backward_segment(steps.clone(), &packed, buffers, upstream, watching);
            if live {
                let _part = profile::scope(Part::RecurrentWeights);
                self.add_recurrent_gradient(steps.clone(), buffers, d_recurrent, d_recurrent_bias);
                let _part = profile::scope(Part::InputGradient);
                let RecurrentBuffers { cache, deltas, input_gradient, .. } = &mut *buffers;
                input_gradient.add(self.x, positions, self.weights, cache, deltas, &mut grads);
            }
            buffers.deltas.save_boundary(cell, self.order.position(steps.start));
        }
        let _part = profile::scope(Part::InputGradient);
        buffers.input_gradient.end(self.x, self.weights.get(0), &buffers.cache, grads);
    }

    /// Adds the part of `steps` to ∂L/∂U, and to the gradient of the recurrent bias where there is one.
    fn add_recurrent_gradient(
        &self,
        steps: Range<usize>,
        buffers: &mut RecurrentBuffers,
        d_recurrent: &mut [f32],
        d_recurrent_bias: &mut [f32],
    ) {
        let Scratch { cell, states, .. } = &mut buffers.scratch;
        let mut scratch = [std::mem::take(cell), std::mem::take(states)];
        self.cell.recurrent_gradient(buffers, self.order, steps.clone(), &mut scratch, d_recurrent);
        [buffers.scratch.cell, buffers.scratch.states] = scratch;
        if self.cell.settings().use_bias && self.cell.has_recurrent_bias() {
            let slots = buffers.deltas.window.slots(self.order.positions(steps));
            add_column_sums(d_recurrent_bias, buffers.deltas.recurrent.steps(slots));
        }
    }

    /// The upstream gradient of the state after `step`; empty where nothing reads it.
    fn upstream_at<'d>(&self, upstream: UpstreamGrad<'d>, step: usize) -> &'d [f32] {
        let UpstreamGrad { values, in_reading_order } = upstream;
        match self.cell.settings().return_sequences {
            true => values.step(if in_reading_order { step } else { self.order.position(step) }),
            false if step + 1 == self.order.time => values.data(),
            false => &[],
        }
    }

    /// The steps from the first that any sequence takes to the last.
    fn live_steps(&self) -> Range<usize> {
        let all = 0..self.order.time;
        let Some(mask) = self.pass.mask else { return all };
        let taken = |step: &usize| mask.step(self.order.position(*step)).contains(&true);
        match (all.clone().find(taken), all.rev().find(taken)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }

    /// Takes `steps` backward; δ of the step after them is in `boundary_delta`.
    fn backward_segment(
        &self,
        steps: Range<usize>,
        packed: &[PackedMatrix; 2],
        buffers: &mut RecurrentBuffers,
        upstream: UpstreamGrad<'_>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let (cell, order, last) = (self.cell, self.order, steps.end);
        let RecurrentBuffers { cache, deltas, scratch, .. } = buffers;
        let Scratch { h_dropped, dh, carry, dc, total_dc, cell: cell_scratch, by_gate, .. } = scratch;
        let observes_c = observer.is_some() && cell.has_cell_state();
        for step in steps.rev() {
            let t = order.position(step);
            let before = step.checked_sub(1).map(|step| order.position(step));
            cache.drop_state(before, cell.candidate_gate(), h_dropped);
            let (saved_slot, slot) = (t - cache.window.first, t - deltas.window.first);
            let after = Some(step + 1).filter(|after| *after < last);
            let after = after.map(|after| order.position(after) - deltas.window.first);
            let h_prev = cache.h_prev(before);
            let c_prev = match before {
                _ if !cell.has_cell_state() => &[],
                None => cache.initial_c.data(),
                Some(before) => cache.c.step(before),
            };
            let boundary = &deltas.boundary_delta;
            let (next_delta, delta, delta_recurrent) = if cell.has_recurrent_bias() {
                let (next, recurrent) = split(&mut deltas.recurrent, boundary, after, slot);
                (next, deltas.input.step_mut(slot), recurrent)
            } else {
                let (next, delta) = split(&mut deltas.input, boundary, after, slot);
                (next, delta, &mut [][..])
            };
            let mut next_delta = next_delta;
            if cache.recurrent_masks() > 1 && !next_delta.is_empty() {
                let delta = Matrix::new(next_delta, self.batch, self.width);
                let gates = (&cache.recurrent_dropout, cell.state_gates(), self.units);
                let (u, sizes) = (self.recurrent_kernel(), (self.batch, self.units));
                by_gate::add_transposed(carry.data_mut(), delta, u, gates, sizes, &mut by_gate.dropped);
                next_delta = &[];
            }
            if observes_c {
                total_dc.clone_from(dc);
            }
            let mask = self.pass.mask.map_or(&[][..], |mask| mask.step(t));
            cell.step_backward(
                packed,
                BackwardStep {
                    batch: self.batch,
                    units: self.units,
                    ahead: -self.ahead(),
                    next_delta,
                    upstream_grad: self.upstream_at(upstream, step),
                    gates: cache.gates.part(saved_slot),
                    h: cache.h.step(t),
                    saved: cache.saved.part(saved_slot),
                    arguments: cache.arguments.part(saved_slot),
                    h_prev,
                    h_dropped: if h_dropped.data().is_empty() { h_prev } else { h_dropped.data() },
                    dropout: cache.recurrent_mask(cell.candidate_gate()),
                    c_prev,
                    mask,
                    delta,
                    delta_recurrent,
                    dh: dh.data_mut(),
                    carry: carry.data_mut(),
                    dc: dc.data_mut(),
                },
                cell_scratch,
            );
            if let Some(observer) = observer.as_deref_mut() {
                if observes_c {
                    let saved = SavedStep {
                        gates: cache.gates.part(saved_slot),
                        saved: cache.saved.part(saved_slot),
                        arguments: cache.arguments.part(saved_slot),
                        mask,
                    };
                    cell.add_cell_state_gradient(saved, dh.data(), total_dc.data_mut());
                }
                let square = |data| ArrayView2::from_shape((self.batch, self.units), data);
                if let (Ok(h), Ok(dh)) = (square(cache.h.step(t)), square(dh.data())) {
                    let (layer, direction) = (self.pass.layer, self.direction);
                    let dc = square(total_dc.data()).ok().filter(|_| observes_c);
                    observer.unrolled(Unrolled { layer, direction, t, h, dh, dc });
                }
            }
        }
    }
}

/// `sums += more`, where there is more.
fn add(sums: &mut [f32], more: &[f32]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Time step `from` of `block`, or all of `boundary` where there is none, to be read while step `to` is written.
fn split<'a>(
    block: &'a mut Block,
    boundary: &'a Block,
    from: Option<usize>,
    to: usize,
) -> (&'a [f32], &'a mut [f32]) {
    match from {
        Some(from) => block.pair_mut(from, to),
        None => (boundary.data(), block.step_mut(to)),
    }
}
