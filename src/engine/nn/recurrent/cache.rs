use std::ops::Range;

use super::{CarriedState, Cell, Order};
use crate::nn::cache::layer_cache;
use crate::nn::layer::Pass;
use crate::nn::{Block, IndexedRows, Mode, Signal};

layer_cache! {
    /// What the forward pass over one shard saves for the backward pass and for instruments.
    RecurrentCache {
        /// Activated gates after reading each input position, `[time, batch, gates·units]`, or of one segment of positions; of a cell whose
        /// one gate is the state its input projections, if anything.
        gates: Block,
        /// What else the cell saves, of the same positions, `[time, batch, units]`.
        saved: Block,
        /// The arguments of activation functions, of the same positions, `[time, batch, arguments·units]`, where the cell saves any.
        arguments: Block,
        /// Which positions `gates`, `saved` and `arguments` have.
        window: GateWindow,
        /// The hidden state after reading each input position, `[time, batch, units]`.
        h: Block,
        /// The cell state after reading each input position, where there is one.
        c: Block,
        /// The hidden state before the first step, `[1, batch, units]`.
        initial_h: Block,
        /// The cell state before the first step.
        initial_c: Block,
        /// The input after dropout; empty without. Where each gate has a mask of its own, the input before it, if it came in rows.
        x: Block,
        /// The factors of input dropout, `[masks, batch, features]`, one mask or one for each gate; empty without.
        input_dropout: Block,
        /// The factors of recurrent dropout, `[masks, batch, units]`, likewise; empty without.
        recurrent_dropout: Block,
        /// The input projections of distinct inputs.
        projected: Block,
    }
}

/// The positions whose gates a [`RecurrentCache`] has.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::nn) struct GateWindow {
    /// The first of them; 0 where all are there.
    pub first: usize,
    /// Whether there is one segment at a time only, recomputed in the backward pass.
    pub segmented: bool,
}

impl GateWindow {
    /// It is no buffer.
    fn bytes(self) -> usize {
        0
    }
}

impl RecurrentCache {
    /// Shapes the buffers, with gates of `positions` positions, sets the initial states and draws what is dropped. `by_rows`: the input
    /// comes as [`Signal::Rows`].
    pub(super) fn begin(
        &mut self,
        cell: &dyn Cell,
        pass: &Pass<'_>,
        (batch, features): (usize, usize),
        (positions, by_rows): (usize, bool),
        order: Order,
        carried: &CarriedState,
    ) {
        let settings = cell.settings();
        let (time, units) = (order.time, settings.units);
        self.h.reshape(time, batch, units);
        self.c.reshape(if cell.has_cell_state() { time } else { 0 }, batch, units);
        self.saved.reshape(if cell.saves() { positions } else { 0 }, batch, units);
        self.arguments.reshape(
            if cell.arguments() > 0 { positions } else { 0 },
            batch,
            units * cell.arguments(),
        );
        self.window.segmented = positions < time;
        // A carried state belongs to the same rows of the next batch.
        if settings.stateful && carried.h.dim() == (1, batch, units) {
            self.initial_h.clone_from(&carried.h);
            self.initial_c.clone_from(&carried.c);
        } else {
            self.initial_h.zeroed(1, batch, units);
            self.initial_c.zeroed(1, batch, units);
        }
        let [x, h] = match order.backwards {
            true => ["dropout backwards", "recurrent backwards"],
            false => ["dropout forwards", "recurrent forwards"],
        };
        // As Keras: with recurrent dropout a mask for each gate.
        let masks = if settings.recurrent_dropout > 0.0 { cell.gates().len() } else { 1 };
        draw(&mut self.input_dropout, settings.dropout, pass, x, (masks, batch, features));
        draw(&mut self.recurrent_dropout, settings.recurrent_dropout, pass, h, (masks, batch, units));
        self.x.reshape(0, 0, 0);
        // Of a cell whose one gate is the state, projections of distinct inputs are read where they are.
        let apart = by_rows && self.input_dropout.data().is_empty() && cell.gates().len() == 1;
        self.gates.reshape(if apart { 0 } else { positions }, batch, units * cell.gates().len());
    }

    /// Prepares the input: returns rows to be projected once each, or else leaves every position's vector to be read, in `self.x` if
    /// some of it was dropped.
    pub(super) fn prepare_input<'a>(&mut self, x: Signal<'a>) -> Option<IndexedRows<'a>> {
        let dropped = !self.input_dropout.data().is_empty();
        match x {
            Signal::Rows(rows) if !dropped => return Some(rows),
            Signal::Rows(rows) => rows.spread(&mut self.x),
            _ if dropped && self.input_masks() == 1 => self.x.clone_from(x.real()),
            _ => {}
        }
        if self.input_masks() > 1 {
            return None;
        }
        for t in 0..self.x.dim().0 {
            scale(self.x.step_mut(t), self.input_dropout.data());
        }
        None
    }

    /// h after reading the position `before`; the initial one where there is none.
    pub(super) fn h_prev(&self, before: Option<usize>) -> &[f32] {
        before.map_or(self.initial_h.data(), |before| self.h.step(before))
    }

    /// Masks of input dropout; 0 without.
    pub(super) fn input_masks(&self) -> usize {
        self.input_dropout.dim().0
    }

    /// Masks of recurrent dropout; 0 without.
    pub(in crate::nn) fn recurrent_masks(&self) -> usize {
        self.recurrent_dropout.dim().0
    }

    /// The only mask of recurrent dropout, or that of gate `gate`; empty without.
    pub(super) fn recurrent_mask(&self, gate: usize) -> &[f32] {
        self.recurrent_dropout.part(gate.min(self.recurrent_masks().saturating_sub(1)))
    }

    /// Writes the hidden state at `before` after recurrent dropout, by the mask of gate `gate`, to `h_dropped`, where there is any.
    pub(super) fn drop_state(&self, before: Option<usize>, gate: usize, h_dropped: &mut Block) {
        if self.recurrent_dropout.data().is_empty() {
            return h_dropped.reshape(0, 0, 0);
        }
        let (_, batch, units) = self.h.dim();
        h_dropped.reshape(1, batch, units);
        let factors = self.h_prev(before).iter().zip(self.recurrent_mask(gate));
        h_dropped.data_mut().iter_mut().zip(factors).for_each(|(out, (h, factor))| *out = h * factor);
    }

    /// Copies to `to` `[batch, units]` the state that is multiplied by `U` at `step`, counted in the order of reading; of one mask.
    pub(in crate::nn) fn copy_h_dropped(&self, order: Order, step: usize, to: &mut [f32]) {
        let before = step.checked_sub(1).map(|step| order.position(step));
        to.copy_from_slice(self.h_prev(before));
        scale(to, self.recurrent_dropout.data());
    }

    /// Copies the states after the last step to `carried`.
    pub(super) fn store_last(&self, order: Order, carried: &mut CarriedState) {
        let (_, batch, units) = self.h.dim();
        let last = order.position(order.time - 1);
        for (state, states) in [(&mut carried.h, &self.h), (&mut carried.c, &self.c)] {
            state.zeroed(1, batch, units);
            let states = states.part(last);
            state.data_mut()[..states.len()].copy_from_slice(states);
        }
    }

    /// The hidden state after the last step.
    pub(super) fn last_h(&self, order: Order) -> &[f32] {
        self.h.step(order.position(order.time - 1))
    }

    /// What else the cell saved at `positions`.
    pub(in crate::nn) fn saved_at(&self, positions: Range<usize>) -> &[f32] {
        let first = self.window.first;
        self.saved.steps(positions.start - first..positions.end - first)
    }
}

/// `values ⊙ factors`, in place; without factors nothing changes.
pub(super) fn scale(values: &mut [f32], factors: &[f32]) {
    values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
}

/// Draws the factors of inverted dropout: 0 with probability `rate`, else `1/(1 − rate)`; none when nothing is to be dropped.
fn draw(factors: &mut Block, rate: f64, pass: &Pass<'_>, purpose: &str, sizes: (usize, usize, usize)) {
    let (masks, batch, features) = sizes;
    if rate == 0.0 || pass.mode == Mode::Evaluate {
        factors.reshape(0, 0, 0);
        return;
    }
    factors.reshape(masks, batch, features);
    for row in 0..batch {
        let Some(mut rng) = pass.dropout_rng(purpose, row) else { return };
        for mask in 0..masks {
            let factors = &mut factors.step_mut(mask)[row * features..][..features];
            crate::nn::dropout::fill(factors, rate, &mut rng);
        }
    }
}
