use std::ops::RangeInclusive;

use super::clip::Limit;
use super::config::Bound;
use crate::kernel::{self, AlignedVec, SumOfSquares, ThreadPool, Update};

/// The number of work items, unless [`CHUNK`] bounds their size: divisible by usual numbers of threads, which then have equal work.
const CHUNKS: usize = 16;
/// The size of a work item, in weights: handing out the smallest takes negligible time compared with the work on it; the largest fits with
/// its slot variables in a second-level cache.
const CHUNK: RangeInclusive<usize> = 1 << 12..=1 << 15;
/// Weights whose change is measured at a time: what they were before stays in the first-level cache.
const BLOCK: usize = 1 << 11;

/// The sums of squares of some neighbouring weights before an update, and of what it adds to them.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpdateSquares {
    /// The number of weights.
    pub len: usize,
    /// Of the weights.
    pub weights: SumOfSquares,
    /// Of their changes.
    pub changes: SumOfSquares,
}

impl UpdateSquares {
    /// Of `len` weights, before the update.
    pub fn new(len: usize) -> Self {
        Self { len, ..Self::default() }
    }
}

/// The update rule of an optimizer's configuration.
pub(super) trait Rule {
    /// Returns Keras's names of its slot variables, in the order of its [`Update`].
    fn slots(&self) -> Vec<&'static str>;

    /// Returns the initial value of the slot variables.
    fn initial(&self) -> f32 {
        0.0
    }

    /// Returns its own fields, their values and valid ranges.
    fn bounds(&self) -> Vec<(&'static str, f64, Bound)>;

    /// Updates the weights: calls [`UpdatePass::apply`] with the rule of one weight.
    fn update(&self, step: StepInfo, weights: UpdatePass<'_>);
}

/// The learning rate and number of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepInfo {
    /// `lr`.
    pub learning_rate: f64,
    /// `t`: number of this update, from 1.
    pub t: u64,
}

impl StepInfo {
    /// `xᵗ`.
    pub fn power(self, x: f64) -> f64 {
        x.powi(self.t.min(i32::MAX as u64) as i32)
    }
}

/// The arguments of one update that are common to all optimizers.
pub(super) struct UpdatePass<'a> {
    pub weights: &'a mut [f32],
    pub grads: &'a [f32],
    /// The slot variables of [`Rule::slots`], one value per weight each.
    pub slots: &'a mut [AlignedVec],
    pub limit: Limit,
    /// `weight_decay` and `lr`.
    pub decay: (f32, f32),
    /// What is measured: of the first weights, then of the next ones, and so on; of those behind the last nothing.
    pub squares: &'a mut [UpdateSquares],
    pub pool: &'a mut ThreadPool,
}

impl UpdatePass<'_> {
    /// Updates every weight by `rule` with all slot variables.
    pub fn apply<const N: usize>(self, rule: impl Update<N>) {
        let Self { mut weights, mut grads, slots, limit, decay, squares, pool } = self;
        let rule = Clipped { limit, decay, rule };
        let mut slots = slots.iter_mut();
        let mut slots: [&mut [f32]; N] =
            std::array::from_fn(|_| slots.next().map(|slot| &mut **slot).unwrap_or_default());
        let size = chunk_size(weights.len());
        let mut squares = squares.iter_mut().filter(|squares| squares.len > 0);
        let chunks = std::iter::from_fn(|| {
            let squares = squares.next();
            let len = squares.as_ref().map_or(size, |squares| squares.len).min(weights.len());
            let chunk = weights.split_off_mut(..len).filter(|chunk| !chunk.is_empty())?;
            let slots = slots.each_mut().map(|slot| slot.split_off_mut(..len).unwrap_or_default());
            Some((chunk, grads.split_off(..len)?, slots, squares))
        });
        pool.for_each(chunks, |(weights, grads, slots, squares)| match squares {
            None => kernel::update(weights, grads, slots, rule),
            Some(squares) => update_measured(weights, grads, slots, rule, squares),
        });
    }
}

/// Weights of a work item of an update of `weights`: whole iterations of the kernel.
fn chunk_size(weights: usize) -> usize {
    weights.div_ceil(CHUNKS).clamp(*CHUNK.start(), *CHUNK.end()).next_multiple_of(kernel::UPDATE_BLOCK)
}

/// The update of some weights, with its squares: in the same pass over memory.
fn update_measured<const N: usize>(
    weights: &mut [f32],
    grads: &[f32],
    mut slots: [&mut [f32]; N],
    rule: impl Update<N>,
    squares: &mut UpdateSquares,
) {
    let mut before = [0.0; BLOCK];
    for (weights, grads) in weights.chunks_mut(BLOCK).zip(grads.chunks(BLOCK)) {
        let slots = slots.each_mut().map(|slot| slot.split_off_mut(..weights.len()).unwrap_or_default());
        let before = &mut before[..weights.len()];
        before.copy_from_slice(weights);
        squares.weights.add(before);
        kernel::update(weights, grads, slots, rule);
        before.iter_mut().zip(&*weights).for_each(|(w, moved)| *w = moved - *w);
        squares.changes.add(before);
    }
}

/// Clipping and weight decay, followed by an optimizer's own rule.
#[derive(Clone, Copy)]
struct Clipped<U> {
    limit: Limit,
    decay: (f32, f32),
    rule: U,
}

impl<const N: usize, U: Update<N>> Update<N> for Clipped<U> {
    #[inline(always)]
    fn step(self, w: f32, g: f32, slots: [f32; N]) -> (f32, [f32; N]) {
        let (decay, lr) = self.decay;
        self.rule.step(w - w * decay * lr, self.limit.of(g), slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_has_sixteen_equal_work_items_unless_they_would_be_too_small_or_too_large() {
        for (weights, items) in
            [(1_usize, 1), (4097, 2), (65_536, 16), (160_001, 16), (524_288, 16), (10_000_000, 306)]
        {
            assert_eq!(weights.div_ceil(chunk_size(weights)), items, "{weights}");
            assert_eq!(chunk_size(weights) % kernel::UPDATE_BLOCK, 0);
        }
    }
}
