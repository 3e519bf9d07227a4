use std::ops::Range;

use super::{Cell, Order, Packs};
use crate::kernel::{Matrix, add_columns, add_rows, matmul};
use crate::nn::affine::affine_backward;
use crate::nn::layer::Pass;
use crate::nn::{Block, Mode, Rows, Signal};

/// What a recurrent layer remembers of one shard: every step of its way through time.
#[derive(Debug, Default)]
pub struct Unroll {
    /// Activated gates after reading each input position, `[time, batch, gates·units]`; of a cell whose one gate is the state, what
    /// was projected, if anything.
    pub gates: Block,
    /// The hidden state after reading each input position, `[time, batch, units]`.
    pub h: Block,
    /// The position of the first of `gates` and `kept`: 0 unless they are kept of one segment at a time.
    pub(super) held_from: usize,
    /// Whether they are kept so.
    pub(super) segmented: bool,
    /// Whether the last way back left δ of every step.
    pub(super) whole: bool,
    /// The position of the first of `delta` and `delta_recurrent`.
    pub(super) delta_from: usize,
    /// What the first step of the segment after left, in the order of reading.
    pub(super) edge: Block,
    /// The cell state after reading each input position, where there is one.
    pub c: Block,
    /// What the cell keeps besides.
    pub kept: Block,
    /// ∂L/∂(input projection) at each input position, after a watched `backward` that made nothing again; else of one segment.
    pub delta: Block,
    /// ∂L/∂(recurrent product), where it differs.
    pub delta_recurrent: Block,
    /// Where the states begin, `[1, batch, units]`.
    pub(super) state_h: Block,
    pub(super) state_c: Block,
    /// Where the next batch begins, when the state is carried.
    next_h: Block,
    next_c: Block,
    carried: bool,
    /// The input after dropout; empty without.
    pub(super) x: Block,
    dropped_x: Block,
    /// The factors of recurrent dropout, `[1, batch, units]`; empty without.
    pub(super) dropped_h: Block,
    /// The state that meets `U` at the step at hand; empty without recurrent dropout.
    pub(super) met: Block,
    /// The projections of distinct inputs, and the sums of their δ.
    pub(super) projected: Block,
    by_row: Block,
    /// ∂L/∂input of every position, where there is more to do with it.
    spread: Block,
    pub(super) dh: Block,
    pub(super) dc: Block,
    pub(super) carry: Block,
    pub(super) rooms: [Block; 2],
    pub(super) packs: Packs,
}

impl Unroll {
    /// Makes room, for the gates of `held` steps of an input that comes in `rows` or not, sets the first states and draws what is dropped.
    pub(super) fn begin(
        &mut self,
        cell: &dyn Cell,
        pass: &Pass<'_>,
        (time, batch, features): (usize, usize, usize),
        (held, rows): (usize, bool),
        order: Order,
    ) {
        let settings = cell.settings();
        let units = settings.units;
        self.h.reshape(time, batch, units);
        self.c.reshape(if cell.has_cell_state() { time } else { 0 }, batch, units);
        self.kept.reshape(if cell.keeps() { held } else { 0 }, batch, units);
        (self.segmented, self.whole) = (held < time, false);
        // A carried state belongs to the same rows of the next batch.
        let same = self.next_h.dim() == (1, batch, units);
        if settings.stateful && self.carried && same {
            self.state_h.clone_from(&self.next_h);
            self.state_c.clone_from(&self.next_c);
        } else {
            self.state_h.zeroed(1, batch, units);
            self.state_c.zeroed(1, batch, units);
        }
        let [x, h] = match order.backwards {
            true => ["dropout backwards", "recurrent backwards"],
            false => ["dropout forwards", "recurrent forwards"],
        };
        draw(&mut self.dropped_x, settings.dropout, pass, x, batch, features);
        draw(&mut self.dropped_h, settings.recurrent_dropout, pass, h, batch, units);
        self.x.reshape(0, 0, 0);
        self.met.reshape(0, 0, 0);
        // Of a cell whose one gate is the state, projections of distinct inputs are read where they are.
        let apart = rows && self.dropped_x.data().is_empty() && cell.gates().len() == 1;
        self.gates.reshape(if apart { 0 } else { held }, batch, units * cell.gates().len());
    }

    /// Readies the input: rows to be projected once each, or every position's vector, which is then in `self.x` if something was
    /// dropped of it.
    pub(super) fn read<'a>(&mut self, x: Signal<'a>) -> Option<Rows<'a>> {
        let dropped = !self.dropped_x.data().is_empty();
        match x {
            Signal::Rows(rows) if !dropped => return Some(rows),
            Signal::Rows(rows) => rows.spread(&mut self.x),
            _ if dropped => self.x.clone_from(x.real()),
            _ => {}
        }
        for t in 0..self.x.dim().0 {
            scale(self.x.step_mut(t), self.dropped_x.data());
        }
        None
    }

    /// Readies what [`Unroll::add_input_gradient`] writes to, at all positions if `whole`.
    pub(super) fn begin_input_gradient(
        &mut self,
        x: Signal<'_>,
        width: usize,
        whole: bool,
        d_in: Option<&mut Block>,
    ) {
        let (time, batch, features) = x.dim();
        match x {
            Signal::Rows(rows) if self.x.data().is_empty() => {
                self.by_row.zeroed(1, rows.rows.rows(), width);
            }
            Signal::Rows(rows) => {
                self.spread.reshape(time, batch, features);
                if let Some(d_in) = d_in {
                    d_in.zeroed(1, rows.rows.rows(), features);
                }
            }
            _ => match d_in {
                Some(d_in) if whole => d_in.reshape(time, batch, features),
                Some(d_in) => d_in.zeroed(time, batch, features),
                None => {}
            },
        }
    }

    /// Adds what the segment `positions` contributes to ∂L/∂W and, where there is room for it, ∂L/∂b, and writes its ∂L/∂x; where `x`
    /// came in rows, δ is summed by row first, for [`Unroll::end_input_gradient`].
    pub(super) fn add_input_gradient(
        &mut self,
        x: Signal<'_>,
        positions: Range<usize>,
        w: &[f32],
        d_kernel: &mut [f32],
        d_bias: &mut [f32],
        d_in: Option<&mut Block>,
    ) {
        let Self { delta, delta_from, by_row, spread, dropped_x, x: dropped, .. } = self;
        let (_, batch, features) = x.dim();
        let width = delta.dim().2;
        let delta = delta.steps(positions.start - *delta_from..positions.end - *delta_from);
        if let (Signal::Rows(rows), true) = (x, dropped.data().is_empty()) {
            return add_rows(by_row.data_mut(), rows.steps(positions), delta, width);
        }
        if !d_bias.is_empty() {
            add_columns(d_bias, delta);
        }
        let read = if dropped.data().is_empty() { x.real() } else { &*dropped };
        let rows = positions.len() * batch;
        let read = Matrix::new(read.steps(positions.clone()), rows, features);
        let delta = Matrix::new(delta, rows, width);
        matmul(d_kernel, read.t(), delta, true);
        let Some(d_in) = d_in else { return };
        let by_row = if let Signal::Rows(rows) = x { Some(rows) } else { None };
        let part = if by_row.is_some() { &mut *spread } else { &mut *d_in };
        let part = part.steps_mut(positions.clone());
        matmul(part, delta, Matrix::new(w, features, width).t(), false);
        if !dropped_x.data().is_empty() {
            part.chunks_exact_mut(batch * features).for_each(|step| scale(step, dropped_x.data()));
        }
        if let Some(rows) = by_row {
            add_rows(d_in.data_mut(), rows.steps(positions.clone()), spread.steps(positions), features);
        }
    }

    /// The gradients of rows, once δ is summed.
    pub(super) fn end_input_gradient(
        &mut self,
        x: Signal<'_>,
        w: &[f32],
        d_kernel: &mut [f32],
        d_bias: &mut [f32],
        d_in: Option<&mut Block>,
    ) {
        let Signal::Rows(rows) = x else { return };
        if !self.x.data().is_empty() {
            return;
        }
        if !d_bias.is_empty() {
            add_columns(d_bias, self.by_row.data());
        }
        affine_backward(self.by_row.data(), rows.rows, w, d_kernel, self.by_row.dim().2, d_in);
    }

    /// Readies the state at position `before` (the first state: `None`) to meet `U`.
    pub(super) fn meet(&mut self, before: Option<usize>) {
        if !self.dropped_h.data().is_empty() {
            let (_, batch, units) = self.h.dim();
            self.met.reshape(1, batch, units);
            let state = before.map_or(self.state_h.data(), |t| self.h.step(t));
            multiply(self.met.data_mut(), state, self.dropped_h.data());
        }
    }

    /// The hidden state that reading ends with.
    pub(super) fn last(&self, order: Order) -> &[f32] {
        self.h.step(order.position(order.time - 1))
    }

    /// Keeps the last states for the next batch.
    pub(super) fn carry(&mut self, order: Order) {
        let (_, batch, units) = self.h.dim();
        let last = order.position(order.time - 1);
        for (next, states) in [(&mut self.next_h, &self.h), (&mut self.next_c, &self.c)] {
            next.zeroed(1, batch, units);
            let states = states.part(last);
            next.data_mut()[..states.len()].copy_from_slice(states);
        }
        self.carried = true;
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        // All fields are named, so that none that comes later is forgotten here.
        let Self {
            gates,
            h,
            c,
            kept,
            delta,
            delta_recurrent,
            state_h,
            state_c,
            next_h,
            next_c,
            carried: _,
            held_from: _,
            segmented: _,
            whole: _,
            delta_from: _,
            edge,
            x,
            dropped_x,
            dropped_h,
            met,
            dh,
            dc,
            projected,
            by_row,
            spread,
            carry,
            packs,
            rooms,
        } = self;
        let sequences = [gates, h, c, kept, delta, delta_recurrent, x, projected, by_row, spread];
        let steps = [state_h, state_c, next_h, next_c, dropped_x, dropped_h, met, dh, dc, carry, edge];
        sequences.into_iter().chain(steps).chain(rooms).map(Block::bytes).sum::<usize>() + packs.bytes()
    }

    /// What the cell kept at `positions`.
    pub(in crate::nn) fn kept_at(&self, positions: Range<usize>) -> &[f32] {
        self.kept.steps(positions.start - self.held_from..positions.end - self.held_from)
    }

    /// ∂L/∂(input projection) at `positions`.
    pub(in crate::nn) fn delta_at(&self, positions: Range<usize>) -> &[f32] {
        self.delta.steps(positions.start - self.delta_from..positions.end - self.delta_from)
    }

    /// Whether gates and δ of every step are there: after a watched pass that made nothing again.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the gates of every step are there.
    fn holds_gates(&self) -> bool {
        !self.segmented
    }

    /// Begins anew with the next batch.
    pub fn forget(&mut self) {
        self.carried = false;
    }

    /// Makes room for the way back, `length` steps at a time.
    pub(super) fn begin_back(&mut self, cell: &dyn Cell, width: usize, length: usize) {
        let (_, batch, units) = self.h.dim();
        self.delta.reshape(length, batch, width);
        self.delta_recurrent.reshape(if cell.has_recurrent_bias() { length } else { 0 }, batch, width);
        self.edge.reshape(0, batch, width);
        self.dh.reshape(1, batch, units);
        self.carry.zeroed(1, batch, units);
        self.dc.zeroed(usize::from(cell.has_cell_state()), batch, units);
    }

    /// Puts aside what the segment before needs of this one: δ at position `first`, which is read first of it.
    pub(super) fn turn_segment(&mut self, cell: &dyn Cell, first: usize) {
        let from = if cell.has_recurrent_bias() { &self.delta_recurrent } else { &self.delta };
        let (_, batch, width) = from.dim();
        self.edge.reshape(1, batch, width);
        self.edge.data_mut().copy_from_slice(from.step(first - self.delta_from));
    }

    /// Copies to `to` `[batch, units]` what meets `U` at `step`, counted in the order of reading.
    pub(in crate::nn) fn copy_met(&self, order: Order, step: usize, to: &mut [f32]) {
        let before = step.checked_sub(1).map(|step| order.position(step));
        to.copy_from_slice(before.map_or(self.state_h.data(), |before| self.h.step(before)));
        scale(to, self.dropped_h.data());
    }

    /// Position `t` of `delta`, one of its own.
    pub(in crate::nn) fn delta_of<'a>(&self, delta: &'a Block, t: usize) -> &'a [f32] {
        delta.step(t - self.delta_from)
    }

    /// Adds `Σ met_{t−1}ᵀ·δ_t` over `steps`, counted in the order of reading, to `sum` `[units, columns]`: their part of the gradient
    /// of recurrent weights whose products have the derivatives `delta`. `room` is overwritten.
    pub(in crate::nn) fn add_recurrent_gradient(
        &self,
        order: Order,
        mut steps: Range<usize>,
        delta: &Block,
        room: &mut Block,
        sum: &mut [f32],
    ) {
        let (_, batch, units) = self.h.dim();
        let mut add = |states: &[f32], positions: Range<usize>| {
            let slots = positions.start - self.delta_from..positions.end - self.delta_from;
            let rows = slots.len() * batch;
            let delta = Matrix::new(delta.steps(slots), rows, delta.dim().2);
            let mut states = states;
            if !self.dropped_h.data().is_empty() {
                room.reshape(1, rows, units);
                room.data_mut().copy_from_slice(states);
                let parts = room.data_mut().chunks_exact_mut(batch * units);
                parts.for_each(|states| scale(states, self.dropped_h.data()));
                states = room.data();
            }
            matmul(sum, Matrix::new(states, rows, units).t(), delta, true);
        };
        if steps.start == 0 && !steps.is_empty() {
            steps.start = 1;
            if self.state_h.data().iter().any(|h| *h != 0.0) {
                add(self.state_h.data(), order.positions(0..1));
            }
        }
        if !steps.is_empty() {
            let before = order.positions(steps.start - 1..steps.end - 1);
            add(self.h.steps(before), order.positions(steps));
        }
    }
}

fn multiply(out: &mut [f32], a: &[f32], b: &[f32]) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a * b);
}

fn scale(values: &mut [f32], factors: &[f32]) {
    values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
}

/// Draws the factors of inverted dropout: 0 with probability `rate`, else `1/(1 − rate)`; none when nothing is to be dropped.
fn draw(factors: &mut Block, rate: f64, pass: &Pass<'_>, purpose: &str, batch: usize, features: usize) {
    if rate == 0.0 || pass.mode == Mode::Evaluate {
        factors.reshape(0, 0, 0);
        return;
    }
    factors.reshape(1, batch, features);
    let keep = (1.0 / (1.0 - rate)) as f32;
    for (row, factors) in factors.data_mut().chunks_exact_mut(features).enumerate() {
        if let Some(mut rng) = pass.chance(purpose, row) {
            factors.iter_mut().for_each(|f| *f = if rng.uniform() < rate { 0.0 } else { keep });
        }
    }
}

/// A quantity of a recurrent layer at every step: some columns of a block.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// `h`, `c`, or a gate's name.
    pub name: &'static str,
    block: &'a Block,
    first: usize,
    units: usize,
}

impl<'a> Held<'a> {
    /// All of `unroll` that the cell `cell` fills: `h` first, then the cell state, then the gates.
    pub fn all(cell: &dyn super::Cell, unroll: &'a Unroll) -> Vec<Self> {
        let units = cell.settings().units;
        let mut all = vec![Self { name: "h", block: &unroll.h, first: 0, units }];
        if cell.has_cell_state() {
            all.push(Self { name: "c", block: &unroll.c, first: 0, units });
        }
        if let ([_, _, ..], true) = (cell.gates(), unroll.holds_gates()) {
            let gate = |(i, name): (usize, &&'static str)| Self {
                name,
                block: &unroll.gates,
                first: i * units,
                units,
            };
            all.extend(cell.gates().iter().enumerate().map(gate));
        }
        all
    }

    /// Numbers a row.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Time steps and sequences.
    pub fn dim(&self) -> (usize, usize) {
        let (time, batch, _) = self.block.dim();
        (time, batch)
    }

    /// The numbers of every sequence after reading each of `positions`, `[positions·batch, units]`.
    pub fn rows(&self, positions: Range<usize>) -> Matrix<'a> {
        let (_, batch, width) = self.block.dim();
        let rows = positions.len() * batch;
        let numbers = self.block.steps(positions);
        Matrix::strided(&numbers[self.first.min(numbers.len())..], rows, self.units, width)
    }

    /// The numbers of sequence `row` after reading position `t`.
    pub fn row(&self, t: usize, row: usize) -> &'a [f32] {
        let (_, _, width) = self.block.dim();
        &self.block.step(t)[row * width + self.first..][..self.units]
    }
}
