use super::{Cell, Order, Packs};
use crate::kernel::{Matrix, add_columns, matmul};
use crate::nn::dense::affine_backward;
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
    /// The cell state likewise, where there is one.
    pub c: Block,
    /// What the cell keeps besides.
    pub kept: Block,
    /// ∂L/∂(input projection) at each input position, after `backward`.
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
    pub(super) room: Block,
    pub(super) packs: Packs,
}

impl Unroll {
    /// Makes room, sets the first states and draws what is dropped.
    pub(super) fn begin(
        &mut self,
        cell: &dyn Cell,
        pass: &Pass<'_>,
        (time, batch, features): (usize, usize, usize),
        order: Order,
    ) {
        let settings = cell.settings();
        let units = settings.units;
        self.h.reshape(time, batch, units);
        self.c.reshape(if cell.has_cell_state() { time } else { 0 }, batch, units);
        self.kept.reshape(if cell.keeps() { time } else { 0 }, batch, units);
        self.gates.reshape(time, batch, units * cell.gates().len());
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
    }

    /// Readies the input: rows to be projected once each, or every position's vector, which is then in `self.x` if something was
    /// dropped of it.
    pub(super) fn read<'a>(&mut self, x: Signal<'a>) -> Option<Rows<'a>> {
        let dropped = !self.dropped_x.data().is_empty();
        match x {
            Signal::Rows(rows) if !dropped => {
                return Some(rows);
            }
            Signal::Rows(rows) => rows.spread(&mut self.x),
            _ if dropped => self.x.clone_from(x.real()),
            _ => {}
        }
        for t in 0..self.x.dim().0 {
            scale(self.x.step_mut(t), self.dropped_x.data());
        }
        None
    }

    /// Adds ∂L/∂W and, where there is room for it, ∂L/∂b; writes ∂L/∂x, of each row where `x` came in rows.
    pub(super) fn input_gradient(
        &mut self,
        x: Signal<'_>,
        w: &[f32],
        width: usize,
        d_kernel: &mut [f32],
        d_bias: &mut [f32],
        d_in: Option<&mut Block>,
    ) {
        let dropped = !self.x.data().is_empty();
        let Self { delta, by_row, spread, dropped_x, .. } = self;
        let (delta, read) = match x {
            Signal::Rows(rows) if !dropped => {
                rows.gather(delta, by_row);
                (&*by_row, rows.rows)
            }
            _ if dropped => (&*delta, &self.x),
            _ => (&*delta, x.real()),
        };
        if !d_bias.is_empty() {
            add_columns(d_bias, delta.data());
        }
        let Some(d_in) = d_in else {
            return affine_backward(delta.data(), read, w, d_kernel, width, None);
        };
        if !dropped {
            return affine_backward(delta.data(), read, w, d_kernel, width, Some(d_in));
        }
        affine_backward(delta.data(), read, w, d_kernel, width, Some(spread));
        for t in 0..spread.dim().0 {
            scale(spread.step_mut(t), dropped_x.data());
        }
        match x {
            Signal::Rows(rows) => rows.gather(spread, d_in),
            _ => std::mem::swap(spread, d_in),
        }
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
            room,
        } = self;
        let sequences = [gates, h, c, kept, delta, delta_recurrent, x, projected, by_row, spread];
        let steps = [state_h, state_c, next_h, next_c, dropped_x, dropped_h, met, dh, dc, carry, room];
        sequences.into_iter().chain(steps).map(Block::bytes).sum::<usize>() + packs.bytes()
    }

    /// Begins anew with the next batch.
    pub fn forget(&mut self) {
        self.carried = false;
    }

    /// Makes room for the way back.
    pub(super) fn begin_back(&mut self, cell: &dyn Cell, width: usize) {
        let (time, batch, units) = self.h.dim();
        self.delta.reshape(time, batch, width);
        self.delta_recurrent.reshape(if cell.has_recurrent_bias() { time } else { 0 }, batch, width);
        self.dh.reshape(1, batch, units);
        self.carry.zeroed(1, batch, units);
        self.dc.zeroed(usize::from(cell.has_cell_state()), batch, units);
    }

    /// Adds `Σ met_{t−1}ᵀ·δ_t` to `sum` `[units, columns]`: the gradient of recurrent weights whose product at position `t` has the
    /// derivative `delta`.
    pub(in crate::nn) fn add_recurrent_gradient(&self, order: Order, delta: &Block, sum: &mut [f32]) {
        let (time, batch, units) = self.h.dim();
        let (_, _, width) = delta.dim();
        if self.dropped_h.data().is_empty() {
            // States and δ shifted by one position: all steps as one product.
            let (before, after) =
                if order.backwards { (1..time, 0..time - 1) } else { (0..time - 1, 1..time) };
            let rows = (time - 1) * batch;
            let states = Matrix::new(self.h.steps(before), rows, units);
            matmul(sum, states.t(), Matrix::new(delta.steps(after), rows, width), true);
        } else {
            (1..time).for_each(|step| self.add_step_gradient(order, step, delta, sum));
        }
        if self.state_h.data().iter().any(|h| *h != 0.0) {
            self.add_step_gradient(order, 0, delta, sum);
        }
    }

    /// Adds the part of [`Unroll::add_recurrent_gradient`] that one step has, counted in the order of reading.
    pub(in crate::nn) fn add_step_gradient(&self, order: Order, step: usize, delta: &Block, sum: &mut [f32]) {
        let (_, batch, units) = self.h.dim();
        let (_, _, width) = delta.dim();
        let before = step.checked_sub(1);
        let state = before.map_or(self.state_h.data(), |before| self.h.step(order.position(before)));
        let delta = Matrix::new(delta.step(order.position(step)), batch, width);
        if self.dropped_h.data().is_empty() {
            return matmul(sum, Matrix::new(state, batch, units).t(), delta, true);
        }
        let mut met = vec![0.0; batch * units];
        multiply(&mut met, state, self.dropped_h.data());
        matmul(sum, Matrix::new(&met, batch, units).t(), delta, true);
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
        if let [_, _, ..] = cell.gates() {
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

    /// The numbers of sequence `row` after reading position `t`.
    pub fn row(&self, t: usize, row: usize) -> &'a [f32] {
        let (_, _, width) = self.block.dim();
        &self.block.step(t)[row * width + self.first..][..self.units]
    }
}
