use super::clip::Limit;
use super::config::Bound;
use crate::kernel::{self, ThreadPool, Update};

/// Weights per work item: with their slot variables they fit in a core's cache.
const CHUNK: usize = 1 << 15;

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
    pub slots: &'a mut [Vec<f32>],
    pub limit: Limit,
    /// `weight_decay` and `lr`.
    pub decay: (f32, f32),
    pub pool: &'a mut ThreadPool,
}

impl UpdatePass<'_> {
    /// Updates every weight by `rule` with all slot variables.
    pub fn apply<const N: usize>(self, rule: impl Update<N>) {
        let Self { mut weights, mut grads, slots, limit, decay, pool } = self;
        let rule = Clipped { limit, decay, rule };
        let mut slots = slots.iter_mut();
        let mut slots: [&mut [f32]; N] =
            std::array::from_fn(|_| slots.next().map(Vec::as_mut_slice).unwrap_or_default());
        let chunks = std::iter::from_fn(|| {
            let len = CHUNK.min(weights.len());
            let chunk = weights.split_off_mut(..len).filter(|chunk| !chunk.is_empty())?;
            let slots = slots.each_mut().map(|slot| slot.split_off_mut(..len).unwrap_or_default());
            Some((chunk, grads.split_off(..len)?, slots))
        });
        pool.for_each(chunks, |(weights, grads, slots)| kernel::update(weights, grads, slots, rule));
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
