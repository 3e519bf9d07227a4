use super::packed::{Finish, UnitVector};
use super::view::{BackwardView, ForwardView};
use super::{BackwardStep, ForwardStep, PackedMatrix, Projected};
use crate::kernel::profile::{self, Fused, Part};
use crate::kernel::simd::Simd;
use crate::kernel::work_count::{self, count, looked_up, numbers};
use crate::kernel::{Isa, dispatch};

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

    /// From the sums to what [`CellMath::forward`] reads instead of them; called for all rows of a tile before that.
    #[inline(always)]
    fn gates<V: Simd>(&self, _sums: &mut [V; SUMS], _at: &mut ForwardView<'_, '_>) {}

    /// From what [`CellMath::gates`] has left to the states.
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
    assert_eq!(packed.units(), step.units, "units of the weights");
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
    assert_eq!(packed.units(), step.units, "units of the weights");
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
        let view = ForwardView::new(&mut self.step, vector, M::GATES);
        let mut sums: [V; SUMS] = self.math.begin(&view);
        if view.has_products() {
            for (gate, sum) in sums.iter_mut().enumerate() {
                *sum = sum.add(view.product(gate));
            }
        }
        sums
    }

    #[inline(always)]
    fn prepare<V: Simd>(&mut self, vector: UnitVector, sums: &mut [V; SUMS]) {
        let mut view = ForwardView::new(&mut self.step, vector, M::GATES);
        self.math.gates(sums, &mut view);
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, vector: UnitVector, sums: [V; SUMS]) {
        let mut view = ForwardView::new(&mut self.step, vector, M::GATES);
        self.math.forward(sums, &mut view);
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
        let mut view = BackwardView::new(&mut self.step, vector, M::GATES);
        self.math.backward(product, &mut view);
        if self.step.ahead != 0 {
            self.step.prefetch(vector, M::GATES);
        }
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
