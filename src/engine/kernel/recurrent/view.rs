//! What a cell sees of a step: one vector of units of one sequence.

use super::packed::UnitVector;
use super::{BackwardStep, ForwardStep, Projected};
use crate::kernel::LaneFunction;
use crate::kernel::simd::Simd;

/// Defines the methods that load one vector from a buffer of the step.
macro_rules! loads {
    ($($(#[$doc:meta])* $buffer:ident),* $(,)?) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $buffer<V: Simd>(&self) -> V {
            self.vector.load(self.step.$buffer, (0, 1))
        })*

        /// An activated gate of this step.
        #[inline(always)]
        pub fn gate<V: Simd>(&self, gate: usize) -> V {
            self.vector.load(self.step.gates, (gate, self.gates))
        }
    };
}

/// One vector of units of one sequence at a step forward.
#[derive(Debug)]
pub(crate) struct ForwardView<'v, 's> {
    step: &'v mut ForwardStep<'s>,
    vector: UnitVector,
    gates: usize,
}

impl<'v, 's> ForwardView<'v, 's> {
    /// The view of `vector`, of a cell with `gates` gates.
    #[inline(always)]
    pub(super) fn new(step: &'v mut ForwardStep<'s>, vector: UnitVector, gates: usize) -> Self {
        Self { step, vector, gates }
    }

    loads! {
        /// h_{t−1}.
        h_prev,
        /// h_{t−1} after recurrent dropout.
        h_dropped,
        /// c_{t−1}.
        c_prev,
    }

    /// The input projection `x_t·W + b` of a gate.
    #[inline(always)]
    pub fn input<V: Simd>(&self, gate: usize) -> V {
        match self.step.projected {
            Projected::InPlace => self.vector.load(self.step.gates, (gate, self.gates)),
            Projected::Rows { table, index, .. } => {
                let width = self.gates * self.step.units;
                let row = &table[index[self.vector.row()] as usize * width..][..width];
                self.vector.in_one_row().load(row, (gate, self.gates))
            }
        }
    }

    /// The recurrent bias of a gate; 0 without.
    #[inline(always)]
    pub fn recurrent_bias<V: Simd>(&self, gate: usize) -> V {
        if self.step.recurrent_bias.is_empty() {
            return V::splat(0.0);
        }
        self.vector.in_one_row().load(self.step.recurrent_bias, (gate, self.gates))
    }

    /// Whether the products with `U` were made beforehand.
    #[inline(always)]
    pub(super) fn has_products(&self) -> bool {
        !self.step.products.is_empty()
    }

    /// The product of a gate that was made beforehand.
    #[inline(always)]
    pub(super) fn product<V: Simd>(&self, gate: usize) -> V {
        let size = self.vector.size();
        self.vector.load(&self.step.products[gate * size..][..size], (0, 1))
    }

    /// Saves the argument of a function, the `i`-th of `all`, where the step backward needs them.
    #[inline(always)]
    pub fn save_argument<V: Simd, F: LaneFunction>(&mut self, _: F, (i, all): (usize, usize), argument: V) {
        if F::MAY_NEED_INPUT && !self.step.arguments.is_empty() {
            self.vector.store(self.step.arguments, (i, all), argument);
        }
    }

    /// Saves one activated gate.
    #[inline(always)]
    pub fn save_gate<V: Simd>(&mut self, gate: usize, value: V) {
        self.vector.store(self.step.gates, (gate, self.gates), value);
    }

    /// Saves all activated gates.
    #[inline(always)]
    pub fn save_gates<V: Simd, const N: usize>(&mut self, gates: [V; N]) {
        for (gate, value) in gates.into_iter().enumerate() {
            self.save_gate(gate, value);
        }
    }

    /// Saves what else the step backward needs.
    #[inline(always)]
    pub fn save<V: Simd>(&mut self, value: V) {
        self.vector.store(self.step.saved, (0, 1), value);
    }

    /// Whether the sequence leaves the step out: its states stay.
    #[inline(always)]
    fn is_masked(&self) -> bool {
        !self.step.mask.is_empty() && !self.step.mask[self.vector.row()]
    }

    /// Writes h_t; a masked sequence keeps h_{t−1}.
    #[inline(always)]
    pub fn set_h<V: Simd>(&mut self, h: V) {
        let h = if self.is_masked() { self.h_prev() } else { h };
        self.vector.store(self.step.h, (0, 1), h);
    }

    /// Writes c_t; a masked sequence keeps c_{t−1}.
    #[inline(always)]
    pub fn set_c<V: Simd>(&mut self, c: V) {
        let c = if self.is_masked() { self.c_prev() } else { c };
        self.vector.store(self.step.c, (0, 1), c);
    }
}

/// One vector of units of one sequence at a step backward.
#[derive(Debug)]
pub(crate) struct BackwardView<'v, 's> {
    step: &'v mut BackwardStep<'s>,
    vector: UnitVector,
    gates: usize,
}

impl<'v, 's> BackwardView<'v, 's> {
    /// The view of `vector`, of a cell with `gates` gates.
    #[inline(always)]
    pub(super) fn new(step: &'v mut BackwardStep<'s>, vector: UnitVector, gates: usize) -> Self {
        Self { step, vector, gates }
    }

    loads! {
        /// What else the step forward saved.
        saved,
        /// h_t.
        h,
        /// h_{t−1}.
        h_prev,
        /// h_{t−1} after recurrent dropout.
        h_dropped,
        /// c_{t−1}.
        c_prev,
        /// The part of ∂L/∂c_t that comes from step t+1.
        dc,
    }

    /// `d · f′` from the value `a` of `f`, or from its argument, the `i`-th of `all`, where that is needed.
    #[inline(always)]
    pub fn slope<V: Simd, F: LaneFunction>(&self, f: F, (i, all): (usize, usize), d: V, a: V) -> V {
        let arguments = self.step.arguments;
        let from = match F::MAY_NEED_INPUT && !arguments.is_empty() && f.needs_input() {
            true => self.vector.load(arguments, (i, all)),
            false => a,
        };
        f.slope(d, from)
    }

    /// The total ∂L/∂h_t = upstream gradient + `product` (⊙ recurrent dropout) + what passed by the product, and saves it. `None` where
    /// the sequence left the step out: its ∂L/∂h passes on to step t−1 unchanged, and its δ is 0.
    #[inline(always)]
    pub fn total_dh<V: Simd>(&mut self, product: V) -> Option<V> {
        let Self { step, vector, .. } = self;
        let product =
            if step.dropout.is_empty() { product } else { product.mul(vector.load(step.dropout, (0, 1))) };
        let mut dh = vector.load::<V>(step.carry, (0, 1)).add(product);
        if !step.upstream_grad.is_empty() {
            dh = dh.add(vector.load(step.upstream_grad, (0, 1)));
        }
        vector.store(step.dh, (0, 1), dh);
        if step.mask.is_empty() || step.mask[vector.row()] {
            return Some(dh);
        }
        vector.store(step.carry, (0, 1), dh);
        for gate in 0..self.gates {
            self.set_delta(gate, V::splat(0.0));
            if !self.step.delta_recurrent.is_empty() {
                self.set_delta_recurrent(gate, V::splat(0.0));
            }
        }
        None
    }

    /// Writes ∂L/∂c_{t−1}.
    #[inline(always)]
    pub fn set_dc_prev<V: Simd>(&mut self, dc: V) {
        self.vector.store(self.step.dc, (0, 1), dc);
    }

    /// Writes δ of a gate's input projection.
    #[inline(always)]
    pub fn set_delta<V: Simd>(&mut self, gate: usize, delta: V) {
        self.vector.store(self.step.delta, (gate, self.gates), delta);
    }

    /// Writes δ of all gates.
    #[inline(always)]
    pub fn set_deltas<V: Simd, const N: usize>(&mut self, deltas: [V; N]) {
        for (gate, delta) in deltas.into_iter().enumerate() {
            self.set_delta(gate, delta);
        }
    }

    /// Writes δ of a gate's recurrent product, where it is not that of the input projection.
    #[inline(always)]
    pub fn set_delta_recurrent<V: Simd>(&mut self, gate: usize, delta: V) {
        self.vector.store(self.step.delta_recurrent, (gate, self.gates), delta);
    }

    /// Writes the part of ∂L/∂h_{t−1} that does not pass through the product δ_t·Uᵀ.
    #[inline(always)]
    pub fn set_dh_prev<V: Simd>(&mut self, dh: V) {
        self.vector.store(self.step.carry, (0, 1), dh);
    }

    /// Adds to that part `dh`, a gradient of the state after recurrent dropout.
    #[inline(always)]
    pub fn add_dh_prev<V: Simd>(&mut self, dh: V) {
        let Self { step, vector, .. } = self;
        let dh = if step.dropout.is_empty() { dh } else { dh.mul(vector.load(step.dropout, (0, 1))) };
        let sum = vector.load::<V>(step.carry, (0, 1)).add(dh);
        vector.store(step.carry, (0, 1), sum);
    }
}
