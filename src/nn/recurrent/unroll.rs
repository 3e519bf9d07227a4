use super::{Order, Settings};
use crate::kernel::{Matrix, matmul};
use crate::nn::layer::Pass;
use crate::nn::{Block, Mode};

/// What a recurrent layer remembers of one shard: every step of its way through time.
#[derive(Debug, Default)]
pub struct Unroll {
    /// Activated gates after reading each input position, `[time, batch, gates·units]`.
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
    pub(super) dh: Block,
    pub(super) dc: Block,
    aside_h: Block,
    aside_c: Block,
    pub(super) room: Block,
}

impl Unroll {
    /// Makes room, sets the first states and draws what is dropped.
    pub(super) fn begin(
        &mut self,
        settings: Settings,
        pass: &Pass<'_>,
        (time, batch, features): (usize, usize, usize),
        width: usize,
        backwards: bool,
    ) {
        let units = settings.units;
        for block in [&mut self.h, &mut self.c, &mut self.kept] {
            block.reshape(time, batch, units);
        }
        self.room.reshape(1, batch, width);
        // A carried state belongs to the same rows of the next batch.
        let same = self.next_h.dim() == (1, batch, units);
        if settings.stateful && self.carried && same {
            self.state_h.clone_from(&self.next_h);
            self.state_c.clone_from(&self.next_c);
        } else {
            self.state_h.zeroed(1, batch, units);
            self.state_c.zeroed(1, batch, units);
        }
        let side = if backwards { "backwards" } else { "forwards" };
        draw(&mut self.dropped_x, settings.dropout, pass, &format!("dropout {side}"), batch, features);
        draw(
            &mut self.dropped_h,
            settings.recurrent_dropout,
            pass,
            &format!("recurrent {side}"),
            batch,
            units,
        );
        self.x.reshape(0, 0, 0);
        self.met.reshape(0, 0, 0);
    }

    /// The input as the layer reads it: `x` itself without dropout, else `None`, and it is in `self.x`.
    pub(super) fn drop_input<'a>(&mut self, x: &'a Block) -> Option<&'a Block> {
        if self.dropped_x.data().is_empty() {
            return Some(x);
        }
        let (time, batch, features) = x.dim();
        self.x.reshape(time, batch, features);
        for t in 0..time {
            multiply(self.x.step_mut(t), x.step(t), self.dropped_x.data());
        }
        None
    }

    /// Sends ∂L/∂x back through what dropped it.
    pub(super) fn drop_input_gradient(&self, d_in: &mut Block) {
        if !self.dropped_x.data().is_empty() {
            for t in 0..d_in.dim().0 {
                d_in.step_mut(t).iter_mut().zip(self.dropped_x.data()).for_each(|(d, m)| *d *= m);
            }
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
            next.reshape(1, batch, units);
            next.data_mut().copy_from_slice(states.step(last));
        }
        self.carried = true;
    }

    /// Begins anew with the next batch.
    pub fn forget(&mut self) {
        self.carried = false;
    }

    pub(super) fn begin_back(&mut self, width: usize, has_cell_state: bool, has_own_delta: bool) {
        let (time, batch, units) = self.h.dim();
        self.delta.reshape(time, batch, width);
        if has_own_delta {
            self.delta_recurrent.reshape(time, batch, width);
        }
        self.dh.zeroed(1, batch, units);
        self.dc.zeroed(usize::from(has_cell_state), batch, units);
    }

    /// Adds what the output asks of the step at hand; `masked` rows gave 0, whatever their state, and are asked nothing.
    pub(super) fn ask(&mut self, d_out: &[f32], masked: Option<&[bool]>) {
        let units = self.h.dim().2;
        for (row, (dh, d)) in
            self.dh.data_mut().chunks_exact_mut(units).zip(d_out.chunks_exact(units)).enumerate()
        {
            if masked.is_none_or(|mask| mask[row]) {
                dh.iter_mut().zip(d).for_each(|(dh, d)| *dh += d);
            }
        }
    }

    /// Puts the derivatives of masked rows aside, and zeros in their place: the cell then gives them no δ.
    pub(super) fn set_aside(&mut self, mask: &[bool], units: usize) {
        for (d, aside) in [(&mut self.dh, &mut self.aside_h), (&mut self.dc, &mut self.aside_c)] {
            let (steps, batch, _) = d.dim();
            aside.zeroed(steps, batch, units);
            let rows = d.data_mut().chunks_exact_mut(units).zip(aside.data_mut().chunks_exact_mut(units));
            for ((d, aside), _) in rows.zip(mask).filter(|(_, read)| !**read) {
                d.swap_with_slice(aside);
            }
        }
    }

    /// Gives masked rows their derivatives back, one step on.
    pub(super) fn take_back(&mut self) {
        for (d, aside) in [(&mut self.dh, &self.aside_h), (&mut self.dc, &self.aside_c)] {
            d.data_mut().iter_mut().zip(aside.data()).for_each(|(d, a)| *d += a);
        }
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
