//! The way through time and back, segment by segment.
//!
//! Going back, δ is kept of one segment of steps at a time: its weight gradients are summed while it is still in the cache. Where all
//! activated gates would take more memory than there is ([`Pass::recompute`]), they are kept of one segment as well, and made again,
//! from the states before it, when the way back reaches it (Chen et al. 2016, "Training deep nets with sublinear memory cost"): the
//! same numbers, for the time of a second way forward.

use std::ops::Range;

use ndarray::ArrayView2;

use super::{Cell, Order, Unroll};
use crate::kernel::recurrent::{Back, Projected, Step};
use crate::kernel::{Matrix, add_columns};
use crate::nn::affine::affine;
use crate::nn::layer::Pass;
use crate::nn::{Block, Observer, Rows, Signal, Unrolled, Weights};
use crate::protocol::Direction;

/// Numbers of δ in a segment: a quarter of a usual second-level cache of 1 MiB, through which the gates go as well.
const SEGMENT: usize = 1 << 16;

/// Steps in a segment, of `time`, for `batch` rows of `width` numbers a step.
pub(super) fn segment(time: usize, batch: usize, width: usize) -> usize {
    (SEGMENT / (batch * width).max(1)).max(8).min(time)
}

/// What the layers above want of the output.
pub(in crate::nn) struct Asks<'a> {
    /// ∂L/∂output: of every step, or of the last alone.
    pub d_out: &'a Block,
    /// Whether steps stand in the order of reading (as Keras gives them), or of the input.
    pub in_order_of_reading: bool,
}

/// One recurrent layer, or one direction of a `Bidirectional`, on its way through one shard.
pub(in crate::nn) struct Walk<'a> {
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

impl<'a> Walk<'a> {
    /// A way over `x`. `direction` is that of a `Bidirectional`'s half, and then overrides the cell's own `go_backwards`.
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

    /// Reads `x` into `unroll`.
    pub fn forward(&self, unroll: &mut Unroll) {
        let Order { time, .. } = self.order;
        let by_rows = matches!(self.x, Signal::Rows(_));
        // Of a cell whose one gate is the state nothing is kept that could be made again.
        let frees = !by_rows || self.cell.gates().len() > 1;
        let held = if self.pass.recompute && frees { segment(time, self.batch, self.width) } else { time };
        unroll.begin(self.cell, self.pass, (time, self.batch, self.features), (held, by_rows), self.order);
        let rows = unroll.read(self.x);
        if let Some(rows) = rows {
            unroll.projected.reshape(1, rows.rows.rows(), self.width);
            self.project(unroll.projected.data_mut(), rows.rows.data());
        }
        self.cell.pack(Matrix::new(self.weights.get(1), self.units, self.width), &mut unroll.packs);
        for first in (0..time).step_by(held.max(1)) {
            self.read(first..(first + held).min(time), unroll, rows);
        }
        if self.cell.settings().stateful {
            unroll.carry(self.order);
        }
    }

    /// `out = x·W + b`.
    fn project(&self, out: &mut [f32], x: &[f32]) {
        let (bias, _) = self.biases();
        affine(out, x, self.weights.get(0), bias, self.features, self.width);
    }

    /// The biases of input and recurrent product.
    fn biases(&self) -> (Option<&'a [f32]>, Option<&'a [f32]>) {
        if !self.cell.settings().use_bias {
            return (None, None);
        }
        let (input, own) = self.weights.get(2).split_at(self.width);
        (Some(input), self.cell.has_recurrent_bias().then_some(own))
    }

    /// Takes `steps`, counted in the order of reading, and holds their gates from the first position on.
    fn read(&self, steps: Range<usize>, unroll: &mut Unroll, rows: Option<Rows<'_>>) {
        let (cell, order) = (self.cell, self.order);
        let positions = order.positions(steps.clone());
        unroll.held_from = if unroll.segmented { positions.start } else { 0 };
        if rows.is_none() {
            let x = if unroll.x.data().is_empty() { self.x.real() } else { &unroll.x };
            let held = positions.start - unroll.held_from..positions.end - unroll.held_from;
            self.project(unroll.gates.steps_mut(held), x.steps(positions));
        }
        let (_, recurrent_bias) = self.biases();
        for step in steps {
            let t = order.position(step);
            let before = step.checked_sub(1).map(|step| order.position(step));
            unroll.meet(before);
            let Unroll { gates, h, c, kept, met, state_h, state_c, packs, projected, held_from, .. } = unroll;
            let (h_before, h_now) = split(h, state_h, before, t);
            let (c_before, c_now) =
                if cell.has_cell_state() { split(c, state_c, before, t) } else { (&[][..], &mut [][..]) };
            let mask = self.pass.mask.map_or(&[][..], |mask| mask.step(t));
            if !mask.is_empty() && !mask.contains(&true) {
                // Nobody takes the step: the states are carried on.
                h_now.copy_from_slice(h_before);
                c_now.copy_from_slice(c_before);
                gates.part_mut(t - *held_from).fill(0.0);
                kept.part_mut(t - *held_from).fill(0.0);
                continue;
            }
            cell.step(
                packs,
                Step {
                    batch: self.batch,
                    units: self.units,
                    projected: rows.map_or(Projected::InPlace, |rows| Projected::Rows {
                        table: projected.data(),
                        index: rows.step(t),
                    }),
                    recurrent_bias: recurrent_bias.unwrap_or_default(),
                    gates: gates.part_mut(t - *held_from),
                    h_before,
                    h_met: if met.data().is_empty() { h_before } else { met.data() },
                    c_before,
                    mask,
                    h: h_now,
                    c: c_now,
                    kept: kept.part_mut(t - *held_from),
                },
            );
        }
    }

    /// The way back of [`Walk::forward`]: adds ∂L/∂W, ∂L/∂U and ∂L/∂b to `grads`, writes ∂L/∂x to `d_in`.
    pub fn backward(
        &self,
        unroll: &mut Unroll,
        asks: &Asks<'_>,
        grads: &mut [f32],
        mut d_in: Option<&mut Block>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let Order { time, .. } = self.order;
        let (cell, settings) = (self.cell, self.cell.settings());
        cell.pack_back(Matrix::new(self.weights.get(1), self.units, self.width), &mut unroll.packs);
        let rows = match self.x {
            Signal::Rows(rows) if unroll.x.data().is_empty() => Some(rows),
            _ => None,
        };
        // Who watches asks for δ of all steps afterwards; it is summed in the same segments, so that watching changes no bit.
        let whole = observer.is_some() && !unroll.segmented;
        let length = segment(time, self.batch, self.width);
        // Padding that all sequences share has no δ; who watches asks for ∂L/∂h there all the same.
        let live = self.live();
        unroll.begin_back(cell, self.width, if whole { time } else { length });
        unroll.whole = whole;
        unroll.begin_input_gradient(self.x, self.width, live.len() == time, d_in.as_deref_mut());
        let (d_kernel, rest) = grads.split_at_mut(self.features * self.width);
        let (d_recurrent, d_bias) = rest.split_at_mut(self.units * self.width);
        let (d_input, d_own) = d_bias.split_at_mut(if settings.use_bias { self.width } else { 0 });
        let mut dead = [0..live.start, live.end..time];
        if observer.is_none() {
            for step in (live.end..time).rev() {
                add(unroll.carry.data_mut(), self.asked(asks, step));
            }
            dead = [0..0, 0..0];
        }
        let [before, after] = dead;
        let parts = |steps: Range<usize>, lives: bool| {
            let end = steps.end;
            steps.step_by(length.max(1)).rev().map(move |first| (first..(first + length).min(end), lives))
        };
        for (steps, lives) in parts(after, false).chain(parts(live, true)).chain(parts(before, false)) {
            if unroll.segmented {
                self.read(steps.clone(), unroll, rows);
            }
            let positions = self.order.positions(steps.clone());
            unroll.delta_from = if whole { 0 } else { positions.start };
            let watching = observer.as_mut().map(|o| &mut **o as &mut dyn Observer);
            self.go_back(steps.clone(), unroll, asks, watching);
            if lives {
                let mut room = std::mem::take(&mut unroll.rooms);
                cell.recurrent_gradient(unroll, self.order, steps.clone(), &mut room, d_recurrent);
                unroll.rooms = room;
                if settings.use_bias && cell.has_recurrent_bias() {
                    let from = unroll.delta_from;
                    let slots = positions.start - from..positions.end - from;
                    add_columns(d_own, unroll.delta_recurrent.steps(slots));
                }
                let w = self.weights.get(0);
                unroll.add_input_gradient(self.x, positions, w, d_kernel, d_input, d_in.as_deref_mut());
            }
            unroll.turn_segment(cell, self.order.position(steps.start));
        }
        unroll.end_input_gradient(self.x, self.weights.get(0), d_kernel, d_input, d_in);
    }

    /// What the layers above ask of the state after `step`.
    fn asked<'d>(&self, asks: &Asks<'d>, step: usize) -> &'d [f32] {
        match self.cell.settings().return_sequences {
            true => asks.d_out.step(if asks.in_order_of_reading { step } else { self.order.position(step) }),
            false if step + 1 == self.order.time => asks.d_out.data(),
            false => &[],
        }
    }

    /// The steps from the first that any sequence takes to the last.
    fn live(&self) -> Range<usize> {
        let all = 0..self.order.time;
        let Some(mask) = self.pass.mask else { return all };
        let taken = |step: &usize| mask.step(self.order.position(*step)).contains(&true);
        match (all.clone().find(taken), all.rev().find(taken)) {
            (Some(first), Some(last)) => first..last + 1,
            _ => 0..0,
        }
    }

    /// Takes `steps` back; what the step after them left stands in `unroll.edge`.
    fn go_back(
        &self,
        steps: Range<usize>,
        unroll: &mut Unroll,
        asks: &Asks<'_>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let (cell, order, last) = (self.cell, self.order, steps.end);
        for step in steps.rev() {
            let t = order.position(step);
            let before = step.checked_sub(1).map(|step| order.position(step));
            unroll.meet(before);
            let Unroll {
                gates,
                h,
                c,
                kept,
                met,
                dropped_h,
                state_h,
                state_c,
                delta,
                delta_recurrent,
                edge,
                dh,
                dc,
                carry,
                rooms: [room, _],
                packs,
                held_from,
                delta_from,
                ..
            } = unroll;
            let (held, slot) = (t - *held_from, t - *delta_from);
            let after = Some(step + 1).filter(|after| *after < last);
            let after = after.map(|after| order.position(after) - *delta_from);
            let h_before = before.map_or(state_h.data(), |before| h.step(before));
            let c_before = match before {
                _ if !cell.has_cell_state() => &[],
                None => state_c.data(),
                Some(before) => c.step(before),
            };
            let (after, delta, delta_recurrent) = if cell.has_recurrent_bias() {
                let (after, own) = split(delta_recurrent, edge, after, slot);
                (after, delta.step_mut(slot), own)
            } else {
                let (after, delta) = split(delta, edge, after, slot);
                (after, delta, &mut [][..])
            };
            cell.back(
                packs,
                Back {
                    batch: self.batch,
                    units: self.units,
                    after,
                    asked: self.asked(asks, step),
                    gates: gates.part(held),
                    h: h.step(t),
                    kept: kept.part(held),
                    h_before,
                    h_met: if met.data().is_empty() { h_before } else { met.data() },
                    dropped: dropped_h.data(),
                    c_before,
                    mask: self.pass.mask.map_or(&[][..], |mask| mask.step(t)),
                    delta,
                    delta_recurrent,
                    dh: dh.data_mut(),
                    carry: carry.data_mut(),
                    dc: dc.data_mut(),
                },
                room,
            );
            if let Some(observer) = observer.as_deref_mut() {
                let square = |data| ArrayView2::from_shape((self.batch, self.units), data);
                if let (Ok(h), Ok(dh)) = (square(unroll.h.step(t)), square(unroll.dh.data())) {
                    let (layer, direction) = (self.pass.layer, self.direction);
                    observer.unrolled(Unrolled { layer, direction, t, h, dh });
                }
            }
        }
    }
}

/// `sums += more`, where there is more.
fn add(sums: &mut [f32], more: &[f32]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Time step `from` of `block`, or all of `edge` where there is none, to be read while step `to` is written.
fn split<'a>(
    block: &'a mut Block,
    edge: &'a Block,
    from: Option<usize>,
    to: usize,
) -> (&'a [f32], &'a mut [f32]) {
    match from {
        Some(from) => block.pair_mut(from, to),
        None => (edge.data(), block.step_mut(to)),
    }
}
