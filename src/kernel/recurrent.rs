//! One time step of a recurrent layer, forward and back, for all sequences of a shard: the product with the recurrent weights, and
//! the cell's arithmetic while its sums are in registers.
//!
//! ```text
//! forward   for a few rows and one vector of units:   sums of all gates ← input + h_{t−1}·U     then gates, c, h
//! back      likewise:   ∂L/∂h_t ← what is asked of it + δ_{t+1}·Uᵀ     then δ_t
//! ```
//! [`Packed`] holds the weights in the order in which that reads them: unit by unit, all gates of a unit's vector side by side. The
//! maths of each cell stands with it in `nn`.

mod cells;
mod packed;

pub use cells::{
    gru_back, gru_back_reset, gru_back_state, gru_candidate, gru_gates, gru_step, lstm_back, lstm_step,
    simple_rnn_back, simple_rnn_step,
};
pub use packed::Packed;

use super::Function;
use super::simd::Simd;

/// The functions of a cell.
#[derive(Debug, Clone, Copy)]
pub struct Functions {
    /// `φ`: of the proposed state.
    pub state: Function,
    /// `σ`: of the gates.
    pub gate: Function,
}

/// Where the input projections of a step lie.
#[derive(Debug, Clone, Copy)]
pub enum Projected<'a> {
    /// In `Step::gates`, to be replaced.
    InPlace,
    /// Sequence `b`'s is row `index[b]` of `table`, `[rows, gates·units]`.
    Rows {
        /// The projections of distinct inputs.
        table: &'a [f32],
        /// A row for every sequence.
        index: &'a [u32],
    },
}

/// What a cell works on going forward. Rows are sequences.
#[derive(Debug)]
pub struct Step<'a> {
    /// Sequences.
    pub batch: usize,
    /// Size of the state.
    pub units: usize,
    /// Input projections.
    pub projected: Projected<'a>,
    /// The recurrent bias `[gates·units]`; empty without.
    pub recurrent_bias: &'a [f32],
    /// Out: activated gates `[batch, gates·units]`; of a cell with one gate, whose value is the state, in only.
    pub gates: &'a mut [f32],
    /// The hidden state before, `[batch, units]`.
    pub h_before: &'a [f32],
    /// The same after recurrent dropout: what meets `U`.
    pub h_met: &'a [f32],
    /// The cell state before.
    pub c_before: &'a [f32],
    /// Which sequences take the step; the others' states stay. Empty: all.
    pub mask: &'a [bool],
    /// Out: the hidden state.
    pub h: &'a mut [f32],
    /// Out: the cell state, where there is one.
    pub c: &'a mut [f32],
    /// Out: what the cell wants to remember besides, `[batch, units]`.
    pub kept: &'a mut [f32],
}

/// What a cell works on going back.
#[derive(Debug)]
pub struct Back<'a> {
    /// Sequences.
    pub batch: usize,
    /// Size of the state.
    pub units: usize,
    /// ∂L/∂(recurrent product) of the step read after this one, `[batch, gates·units]`; empty at the last.
    pub after: &'a [f32],
    /// What the layers above ask of the state, `[batch, units]`; empty when nothing.
    pub asked: &'a [f32],
    /// Activated gates.
    pub gates: &'a [f32],
    /// The hidden state.
    pub h: &'a [f32],
    /// What the cell remembered.
    pub kept: &'a [f32],
    /// The hidden state before.
    pub h_before: &'a [f32],
    /// The same after recurrent dropout.
    pub h_met: &'a [f32],
    /// The factors of recurrent dropout `[batch, units]`; empty without.
    pub dropped: &'a [f32],
    /// The cell state before.
    pub c_before: &'a [f32],
    /// Which sequences took the step. Empty: all.
    pub mask: &'a [bool],
    /// Out: ∂L/∂(input projection), `[batch, gates·units]`.
    pub delta: &'a mut [f32],
    /// Out, where it differs from `delta`: ∂L/∂(recurrent product).
    pub delta_recurrent: &'a mut [f32],
    /// Out: ∂L/∂h of this step.
    pub dh: &'a mut [f32],
    /// What reaches ∂L/∂h past the product: of this step, then of the one before.
    pub carry: &'a mut [f32],
    /// ∂L/∂c likewise.
    pub dc: &'a mut [f32],
}

/// The place of one vector of units in a row.
#[derive(Debug, Clone, Copy)]
struct Place {
    row: usize,
    unit: usize,
    /// Units from there on, at most a vector's.
    lanes: usize,
    units: usize,
}

impl Place {
    /// Its beginning in a block of `width` numbers a row.
    #[inline(always)]
    fn at(self, width: usize) -> usize {
        self.row * width + self.unit
    }

    #[inline(always)]
    fn load<V: Simd>(self, from: &[f32], at: usize) -> V {
        let from = &from[at..at + self.lanes];
        if self.lanes == V::LANES { V::load(from) } else { V::load_part(from) }
    }

    #[inline(always)]
    fn store<V: Simd>(self, to: &mut [f32], at: usize, value: V) {
        let to = &mut to[at..at + self.lanes];
        if self.lanes == V::LANES { value.store(to) } else { value.store_part(to) }
    }

    /// From a block of `units` numbers a row.
    #[inline(always)]
    fn own<V: Simd>(self, from: &[f32]) -> V {
        self.load(from, self.at(self.units))
    }

    #[inline(always)]
    fn set<V: Simd>(self, to: &mut [f32], value: V) {
        self.store(to, self.at(self.units), value);
    }
}

impl Step<'_> {
    /// The same once more, for another product.
    pub fn again(&mut self) -> Step<'_> {
        let Self { gates, h, c, kept, .. } = self;
        Step { gates, h, c, kept, ..*self }
    }

    /// The input projection of gate `gate`, of `gates` gates.
    #[inline(always)]
    fn input<V: Simd>(&self, place: Place, gate: usize, gates: usize) -> V {
        let width = gates * self.units;
        let column = gate * self.units + place.unit;
        match self.projected {
            Projected::InPlace => place.load(self.gates, place.row * width + column),
            Projected::Rows { table, index } => place.load(table, index[place.row] as usize * width + column),
        }
    }

    /// The recurrent bias of gate `gate`.
    #[inline(always)]
    fn bias<V: Simd>(&self, place: Place, gate: usize) -> V {
        if self.recurrent_bias.is_empty() {
            return V::splat(0.0);
        }
        place.load(self.recurrent_bias, gate * self.units + place.unit)
    }

    #[inline(always)]
    fn masked(&self, place: Place) -> bool {
        !self.mask.is_empty() && !self.mask[place.row]
    }

    #[inline(always)]
    fn set_gate<V: Simd>(&mut self, place: Place, gate: usize, gates: usize, value: V) {
        let at = place.row * gates * self.units + gate * self.units + place.unit;
        place.store(self.gates, at, value);
    }
}

impl Back<'_> {
    /// The same once more, for another product.
    pub fn again(&mut self) -> Back<'_> {
        let Self { delta, delta_recurrent, dh, carry, dc, .. } = self;
        Back { delta, delta_recurrent, dh, carry, dc, ..*self }
    }

    /// ∂L/∂h of this step, from the product of δ of the step after with `Uᵀ`. It is kept; `None` where the row took no step, and then
    /// what came goes on unchanged.
    #[inline(always)]
    fn arrive<V: Simd>(&mut self, place: Place, product: V, gates: usize) -> Option<V> {
        let product = if self.dropped.is_empty() { product } else { product.mul(place.own(self.dropped)) };
        let mut dh = place.own::<V>(self.carry).add(product);
        if !self.asked.is_empty() {
            dh = dh.add(place.own(self.asked));
        }
        place.set(self.dh, dh);
        if self.mask.is_empty() || self.mask[place.row] {
            return Some(dh);
        }
        place.set(self.carry, dh);
        for gate in 0..gates {
            self.set_delta(place, gate, gates, V::splat(0.0));
            if !self.delta_recurrent.is_empty() {
                self.set_recurrent(place, gate, gates, V::splat(0.0));
            }
        }
        None
    }

    #[inline(always)]
    fn gate<V: Simd>(&self, place: Place, gate: usize, gates: usize) -> V {
        place.load(self.gates, place.row * gates * self.units + gate * self.units + place.unit)
    }

    #[inline(always)]
    fn set_delta<V: Simd>(&mut self, place: Place, gate: usize, gates: usize, value: V) {
        let at = place.row * gates * self.units + gate * self.units + place.unit;
        place.store(self.delta, at, value);
    }

    #[inline(always)]
    fn set_recurrent<V: Simd>(&mut self, place: Place, gate: usize, gates: usize, value: V) {
        let at = place.row * gates * self.units + gate * self.units + place.unit;
        place.store(self.delta_recurrent, at, value);
    }
}
