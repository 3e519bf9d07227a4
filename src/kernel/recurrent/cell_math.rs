use super::packed::{Finish, UnitVector};
use super::{BackwardStep, ForwardStep, PackedMatrix, Projected};
use crate::kernel::profile::{self, Fused, Part};
use crate::kernel::simd::Simd;
use crate::kernel::work_count::{self, count, looked_up, numbers};
use crate::kernel::{Isa, LaneFunction, dispatch};

/// The arithmetic of a recurrent cell, for one vector of units of one sequence at a time; `SUMS` gates share a product with `U`.
///
/// Methods must be `#[inline(always)]`: only what is inlined is compiled for the instruction set that `V` belongs to.
pub(crate) trait CellMath<const SUMS: usize> {
    /// Gates in a row of `gates` and of `delta`.
    const GATES: usize = SUMS;

    /// The initial values of the sums, before `h_{t−1}·U` is added: the input projections.
    #[inline(always)]
    fn begin<V: Simd>(&self, at: &ForwardView<'_, '_>) -> [V; SUMS] {
        let mut sums = [V::splat(0.0); SUMS];
        for (gate, sum) in sums.iter_mut().enumerate() {
            *sum = at.input(gate);
        }
        sums
    }

    /// From the sums to the gates, and to the argument of the last activation function: what [`CellMath::forward`] reads instead of the
    /// sums. Several sequences pass through this before the first goes on: a processor computes the activation functions of all at a time,
    /// where those of one depend on one another.
    #[inline(always)]
    fn gates<V: Simd>(&self, _sums: &mut [V; SUMS], _at: &mut ForwardView<'_, '_>) {}

    /// From there to the states.
    fn forward<V: Simd>(&self, sums: [V; SUMS], at: &mut ForwardView<'_, '_>);

    /// From `product` = δ_{t+1}·Uᵀ to δ_t, and what reaches step t−1 past the product.
    fn backward<V: Simd>(&self, product: V, at: &mut BackwardView<'_, '_>);
}

/// One step forward of all sequences. `packed` holds `U`.
pub(crate) fn cell_forward<const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix,
    math: &M,
    step: ForwardStep<'_>,
) {
    let product = step.batch * packed.size();
    let (isa, bytes) = (Isa::best(), numbers(packed.size()) + step.bytes());
    if !step.products.is_empty() {
        let _part = profile::scope(Part::GatesForward);
        count(product, bytes);
        return forward_on(isa, packed, math, step);
    }
    work_count::add(product, bytes);
    let what = Fused {
        product: Part::RecurrentForward,
        rest: Part::GatesForward,
        multiply_adds: product,
        dependent: packed.depth(),
        product_bytes: numbers(packed.size() + step.batch * step.units),
        rest_bytes: step.bytes(),
    };
    let (x, stride, rows) = (step.h_dropped, step.units, step.batch);
    profile::fused(
        what,
        || forward_on(isa, packed, math, step),
        || product_on(isa, packed, x, stride, rows, Discard::<SUMS>),
    );
}

/// One step backward of all sequences. `packed` holds `Uᵀ`, for one product without gates; without `next_delta` there is none.
pub(crate) fn cell_backward<const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix,
    math: &M,
    step: BackwardStep<'_>,
) {
    let (mut product, mut bytes) = (0, step.bytes());
    if !step.next_delta.is_empty() {
        product = step.batch * packed.size();
        // Of wider rows what the weights reach.
        bytes += numbers(packed.size() + step.batch * packed.depth());
    }
    work_count::add(product, bytes);
    let isa = Isa::best();
    let (x, rows, rest_bytes) = (step.next_delta, step.batch, step.bytes());
    let what = Fused {
        product: Part::RecurrentBackward,
        rest: Part::GatesBackward,
        multiply_adds: product,
        dependent: if product > 0 { packed.depth() } else { 0 },
        product_bytes: bytes - rest_bytes,
        rest_bytes,
    };
    profile::fused(
        what,
        || backward_on(isa, packed, math, step),
        || product_on(isa, packed, x, x.len() / rows.max(1), rows, Discard::<1>),
    );
}

dispatch!(pub(crate) fn forward_on<const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix, math: &M, step: ForwardStep<'_>,
) = forward_body);
dispatch!(pub(crate) fn backward_on<const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix, math: &M, step: BackwardStep<'_>,
) = backward_body);
dispatch!(fn product_on<const SUMS: usize>(
    packed: &PackedMatrix, x: &[f32], stride: usize, rows: usize, sums: Discard<SUMS>,
) = product_body);

/// The product of a step without what is done with its sums, for measurements.
#[inline(always)]
fn product_body<V: Simd, N: Simd, const SUMS: usize>(
    packed: &PackedMatrix,
    x: &[f32],
    stride: usize,
    rows: usize,
    mut sums: Discard<SUMS>,
) {
    packed.run::<V, N, _, SUMS>(x, stride, rows, &mut sums);
}

/// Sums of a product that nothing uses.
#[derive(Clone, Copy)]
struct Discard<const SUMS: usize>;

impl<const SUMS: usize> Finish<SUMS> for Discard<SUMS> {
    #[inline(always)]
    fn can_join_rows(&self) -> bool {
        false
    }

    #[inline(always)]
    fn begin<V: Simd>(&mut self, _: UnitVector) -> [V; SUMS] {
        [V::splat(0.0); SUMS]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, _: UnitVector, sums: [V; SUMS]) {
        std::hint::black_box(&sums);
    }
}

#[inline(always)]
fn forward_body<V: Simd, N: Simd, const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix,
    math: &M,
    step: ForwardStep<'_>,
) {
    let x = if step.products.is_empty() { step.h_dropped } else { &[] };
    let (stride, rows) = (step.units, step.batch);
    packed.run::<V, N, _, SUMS>(x, stride, rows, &mut Forward { math, step });
}

#[inline(always)]
fn backward_body<V: Simd, N: Simd, const SUMS: usize, M: CellMath<SUMS>>(
    packed: &PackedMatrix,
    math: &M,
    step: BackwardStep<'_>,
) {
    let (x, rows) = (step.next_delta, step.batch);
    let stride = x.len() / rows.max(1);
    packed.run::<V, N, _, 1>(x, stride, rows, &mut Backward::<M, SUMS> { math, step });
}

struct Forward<'a, 's, M> {
    math: &'a M,
    step: ForwardStep<'s>,
}

impl<const SUMS: usize, M: CellMath<SUMS>> Finish<SUMS> for Forward<'_, '_, M> {
    #[inline(always)]
    fn can_join_rows(&self) -> bool {
        // The one gate of a row lies next to that of the next; with more, the other gates are between them.
        M::GATES == 1 && self.step.mask.is_empty()
    }

    #[inline(always)]
    fn begin<V: Simd>(&mut self, vector: UnitVector) -> [V; SUMS] {
        let view = ForwardView { step: &mut self.step, vector, gates: M::GATES };
        let mut sums: [V; SUMS] = self.math.begin(&view);
        if !view.step.products.is_empty() {
            for (gate, sum) in sums.iter_mut().enumerate() {
                *sum = sum.add(view.product(gate));
            }
        }
        sums
    }

    #[inline(always)]
    fn prepare<V: Simd>(&mut self, vector: UnitVector, sums: &mut [V; SUMS]) {
        self.math.gates(sums, &mut ForwardView { step: &mut self.step, vector, gates: M::GATES });
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, vector: UnitVector, sums: [V; SUMS]) {
        self.math.forward(sums, &mut ForwardView { step: &mut self.step, vector, gates: M::GATES });
        if self.step.ahead != 0 {
            self.step.prefetch(vector, M::GATES);
        }
    }
}

struct Backward<'a, 's, M, const SUMS: usize> {
    math: &'a M,
    step: BackwardStep<'s>,
}

impl<const SUMS: usize, M: CellMath<SUMS>> Finish<1> for Backward<'_, '_, M, SUMS> {
    #[inline(always)]
    fn can_join_rows(&self) -> bool {
        // The one gate of a row lies next to that of the next; with more, the other gates are between them.
        M::GATES == 1 && self.step.mask.is_empty()
    }

    #[inline(always)]
    fn begin<V: Simd>(&mut self, _: UnitVector) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, vector: UnitVector, [product]: [V; 1]) {
        self.math.backward(product, &mut BackwardView { step: &mut self.step, vector, gates: M::GATES });
        if self.step.ahead != 0 {
            self.step.prefetch(vector, M::GATES);
        }
    }
}

/// Defines the methods that load one vector from a buffer of the step.
macro_rules! loads {
    ($($(#[$doc:meta])* $buffer:ident),* $(,)?) => {
        $($(#[$doc])*
        #[inline(always)]
        pub fn $buffer<V: Simd>(&self) -> V {
            self.vector.load_own(self.step.$buffer)
        })*

        /// An activated gate of this step.
        #[inline(always)]
        pub fn gate<V: Simd>(&self, gate: usize) -> V {
            self.vector.load(self.step.gates, self.vector.gate(gate, self.gates))
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

impl ForwardView<'_, '_> {
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
        let (row, width) = (self.vector.row, self.gates * self.step.units);
        let column = gate * self.step.units + self.vector.unit;
        match self.step.projected {
            Projected::InPlace => self.vector.load(self.step.gates, row * width + column),
            Projected::Rows { table, index, .. } => {
                self.vector.load(table, index[row] as usize * width + column)
            }
        }
    }

    /// The recurrent bias of a gate; 0 without.
    #[inline(always)]
    pub fn recurrent_bias<V: Simd>(&self, gate: usize) -> V {
        if self.step.recurrent_bias.is_empty() {
            return V::splat(0.0);
        }
        self.vector.load(self.step.recurrent_bias, gate * self.step.units + self.vector.unit)
    }

    /// The product of a gate that was made beforehand.
    #[inline(always)]
    fn product<V: Simd>(&self, gate: usize) -> V {
        let row = gate * self.step.batch + self.vector.row;
        self.vector.load(self.step.products, row * self.step.units + self.vector.unit)
    }

    /// Saves the argument of a function, the `i`-th of `all`, where the step backward needs them.
    #[inline(always)]
    pub fn save_argument<V: Simd, F: LaneFunction>(&mut self, _: F, (i, all): (usize, usize), argument: V) {
        if F::MAY_NEED_INPUT && !self.step.arguments.is_empty() {
            self.vector.store(self.step.arguments, self.vector.gate(i, all), argument);
        }
    }

    /// Saves one activated gate.
    #[inline(always)]
    pub fn save_gate<V: Simd>(&mut self, gate: usize, value: V) {
        self.vector.store(self.step.gates, self.vector.gate(gate, self.gates), value);
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
        self.vector.store_own(self.step.saved, value);
    }

    /// Whether the sequence leaves the step out: its states stay.
    #[inline(always)]
    fn is_masked(&self) -> bool {
        !self.step.mask.is_empty() && !self.step.mask[self.vector.row]
    }

    /// Writes h_t; a masked sequence keeps h_{t−1}.
    #[inline(always)]
    pub fn set_h<V: Simd>(&mut self, h: V) {
        let h = if self.is_masked() { self.h_prev() } else { h };
        self.vector.store_own(self.step.h, h);
    }

    /// Writes c_t; a masked sequence keeps c_{t−1}.
    #[inline(always)]
    pub fn set_c<V: Simd>(&mut self, c: V) {
        let c = if self.is_masked() { self.c_prev() } else { c };
        self.vector.store_own(self.step.c, c);
    }
}

/// One vector of units of one sequence at a step backward.
#[derive(Debug)]
pub(crate) struct BackwardView<'v, 's> {
    step: &'v mut BackwardStep<'s>,
    vector: UnitVector,
    gates: usize,
}

impl BackwardView<'_, '_> {
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
            true => self.vector.load(arguments, self.vector.gate(i, all)),
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
            if step.dropout.is_empty() { product } else { product.mul(vector.load_own(step.dropout)) };
        let mut dh = vector.load_own::<V>(step.carry).add(product);
        if !step.upstream_grad.is_empty() {
            dh = dh.add(vector.load_own(step.upstream_grad));
        }
        vector.store_own(step.dh, dh);
        if step.mask.is_empty() || step.mask[vector.row] {
            return Some(dh);
        }
        vector.store_own(step.carry, dh);
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
        self.vector.store_own(self.step.dc, dc);
    }

    /// Writes δ of a gate's input projection.
    #[inline(always)]
    pub fn set_delta<V: Simd>(&mut self, gate: usize, delta: V) {
        self.vector.store(self.step.delta, self.vector.gate(gate, self.gates), delta);
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
        self.vector.store(self.step.delta_recurrent, self.vector.gate(gate, self.gates), delta);
    }

    /// Writes the part of ∂L/∂h_{t−1} that does not pass through the product δ_t·Uᵀ.
    #[inline(always)]
    pub fn set_dh_prev<V: Simd>(&mut self, dh: V) {
        self.vector.store_own(self.step.carry, dh);
    }

    /// Adds to that part `dh`, a gradient of the state after recurrent dropout.
    #[inline(always)]
    pub fn add_dh_prev<V: Simd>(&mut self, dh: V) {
        let Self { step, vector, .. } = self;
        let dh = if step.dropout.is_empty() { dh } else { dh.mul(vector.load_own(step.dropout)) };
        let sum = vector.load_own::<V>(step.carry).add(dh);
        vector.store_own(step.carry, sum);
    }
}

impl ForwardStep<'_> {
    /// Bytes that a cell touches beside the weights: all its buffers, the state only once where dropout leaves it alone.
    fn bytes(&self) -> usize {
        let Self {
            recurrent_bias,
            gates,
            h_prev,
            h_dropped,
            c_prev,
            mask,
            h,
            c,
            saved,
            arguments,
            products,
            ..
        } = self;
        let dropped = if std::ptr::eq(*h_dropped, *h_prev) { 0 } else { h_dropped.len() };
        let own =
            [recurrent_bias.len(), gates.len(), h_prev.len(), c_prev.len(), h.len(), c.len(), saved.len()];
        let more = arguments.len() + products.len();
        numbers(own.iter().sum::<usize>() + more + dropped) + size_of_val(*mask) + self.looked_up()
    }

    /// Bytes of projections that are looked up.
    fn looked_up(&self) -> usize {
        match self.projected {
            Projected::InPlace => 0,
            Projected::Rows { table, index, .. } => {
                // A cell with one gate may have no buffer for them: its state is the gate.
                let width = self.units.max(self.gates.len() / self.batch.max(1));
                looked_up(index.len(), width, table) + size_of_val(index)
            }
        }
    }
}

impl BackwardStep<'_> {
    /// Bytes that a cell touches beside the operands of the product: all its buffers.
    fn bytes(&self) -> usize {
        let Self {
            upstream_grad, gates, h, saved, arguments, h_prev, h_dropped, dropout, c_prev, mask, ..
        } = self;
        let read = [upstream_grad, gates, h, saved, arguments, h_prev, h_dropped, dropout, c_prev];
        let read = read.map(|read| read.len());
        let Self { delta, delta_recurrent, dh, carry, dc, .. } = self;
        let written = [delta, delta_recurrent, dh, carry, dc].map(|written| written.len());
        // Two sums of fixed arrays: a chained iterator is a loop with branches, at every step.
        numbers(read.iter().sum::<usize>() + written.iter().sum::<usize>()) + size_of_val(*mask)
    }
}
