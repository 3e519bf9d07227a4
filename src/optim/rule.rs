use super::clip::Limit;
use super::config::Bound;
use crate::kernel::{self, ThreadPool, Update};

/// Weights that a thread moves at a time: with all that is remembered of them they stay in a core's cache.
const CHUNK: usize = 1 << 15;

/// How one optimizer moves weights: the arithmetic of its configuration.
pub(super) trait Rule {
    /// What it remembers of every weight, by Keras's names, in the order in which its [`Update`] gets them.
    fn slots(&self) -> Vec<&'static str>;

    /// What every slot holds before the first step.
    fn initial(&self) -> f32 {
        0.0
    }

    /// What its own numbers must be.
    fn bounds(&self) -> Vec<(&'static str, f64, Bound)>;

    /// Moves weights: hands [`Weights::follow`] what it does with one.
    fn update(&self, now: Now, weights: Weights<'_>);
}

/// The step at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// `lr`.
    pub learning_rate: f64,
    /// `t`: updates made, this one counted, from 1.
    pub t: u64,
}

impl Now {
    /// `xᵗ`.
    pub fn power(self, x: f64) -> f64 {
        x.powi(self.t.min(i32::MAX as u64) as i32)
    }
}

/// All weights on their way through one step, and what holds whatever the optimizer.
pub(super) struct Weights<'a> {
    pub weights: &'a mut [f32],
    pub grads: &'a [f32],
    /// As many as [`Rule::slots`], a number a weight each.
    pub slots: &'a mut [Vec<f32>],
    pub limit: Limit,
    /// `weight_decay` and `lr`.
    pub decay: (f32, f32),
    pub team: &'a mut ThreadPool,
}

impl Weights<'_> {
    /// Moves every weight by `rule`, which knows all slots.
    pub fn follow<const N: usize>(self, rule: impl Update<N>) {
        let Self { mut weights, mut grads, slots, limit, decay, team } = self;
        let rule = Whole { limit, decay, rule };
        let mut slots = slots.iter_mut();
        let mut slots: [&mut [f32]; N] =
            std::array::from_fn(|_| slots.next().map(Vec::as_mut_slice).unwrap_or_default());
        let chunks = std::iter::from_fn(|| {
            let len = CHUNK.min(weights.len());
            let chunk = weights.split_off_mut(..len).filter(|chunk| !chunk.is_empty())?;
            let slots = slots.each_mut().map(|slot| slot.split_off_mut(..len).unwrap_or_default());
            Some((chunk, grads.split_off(..len)?, slots))
        });
        team.for_each(chunks, |(weights, grads, slots)| kernel::update(weights, grads, slots, rule));
    }
}

/// Clipping, weight decay and an optimizer's own rule.
#[derive(Clone, Copy)]
struct Whole<U> {
    limit: Limit,
    decay: (f32, f32),
    rule: U,
}

impl<const N: usize, U: Update<N>> Update<N> for Whole<U> {
    #[inline(always)]
    fn step(self, w: f32, g: f32, slots: [f32; N]) -> (f32, [f32; N]) {
        let (decay, lr) = self.decay;
        self.rule.step(w - w * decay * lr, self.limit.of(g), slots)
    }
}
