//! Prefetching of the step that is computed next. Its buffers are far apart in pieces of one vector a gate, a pattern that processors do
//! not foresee: without, a network whose activations exceed the second-level cache waits for memory at each of them.

use super::packed::UnitVector;
use super::step::{BackwardStep, ForwardStep, Projected};
use crate::kernel::simd;

/// Prefetches the vector of units of every gate, or the one of a block of `units` numbers a row, in the step `ahead` of this one.
#[inline(always)]
fn prefetch(block: &[f32], ahead: isize, vector: UnitVector, gates: usize) {
    if block.is_empty() {
        return;
    }
    for gate in 0..gates {
        let at = ahead * block.len() as isize + vector.place((gate, gates)) as isize;
        simd::prefetch(block.as_ptr().wrapping_offset(at));
    }
}

impl ForwardStep<'_> {
    /// Prefetches what the next step reads and writes in the place of `vector`.
    #[inline(always)]
    pub(super) fn prefetch(&self, vector: UnitVector, gates: usize) {
        prefetch(self.gates, self.ahead, vector, gates);
        for block in [&*self.h, &*self.c, &*self.saved] {
            prefetch(block, self.ahead, vector, 1);
        }
        if let Projected::Rows { table, next, .. } = self.projected
            && let Some(row) = next.get(vector.row())
        {
            let (row, width) = (*row as usize, gates * self.units);
            for gate in 0..gates {
                let at = row * width + gate * self.units + vector.unit();
                simd::prefetch(table.as_ptr().wrapping_add(at));
            }
        }
    }
}

impl BackwardStep<'_> {
    /// Prefetches what the next step reads in the place of `vector`.
    #[inline(always)]
    pub(super) fn prefetch(&self, vector: UnitVector, gates: usize) {
        prefetch(self.gates, self.ahead, vector, gates);
        for block in [self.h, self.h_prev, self.c_prev, self.saved, self.upstream_grad] {
            prefetch(block, self.ahead, vector, 1);
        }
    }
}
