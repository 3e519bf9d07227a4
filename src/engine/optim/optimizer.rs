use super::rule::{StepInfo, UpdatePass, UpdateSquares};
use super::{Limit, OptimizerSpec};
use crate::kernel::{AlignedVec, ThreadPool};

/// An optimizer with its state: current learning rate, step count and slot variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    spec: OptimizerSpec,
    /// The learning rate of the next step.
    pub learning_rate: f64,
    steps: u64,
    /// Moments, velocities, …: one value per weight each.
    slots: Vec<AlignedVec>,
}

impl Optimizer {
    /// Creates an optimizer for `len` weights.
    pub fn new(spec: &OptimizerSpec, len: usize) -> Self {
        let rule = spec.rule();
        let slots = rule.slots().iter().map(|_| AlignedVec::filled(len, rule.initial())).collect();
        Self { spec: spec.clone(), learning_rate: spec.learning_rate(), steps: 0, slots }
    }

    /// Returns the number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the slot variables: Keras's name and one value per weight. With `steps` and the learning rate they are the whole state.
    pub fn slots(&self) -> impl Iterator<Item = (&'static str, &[f32])> {
        self.spec.rule().slots().into_iter().zip(self.slots.iter().map(|slot| &**slot))
    }

    /// Takes over the state after `steps` steps: one vector a slot, in the order of [`slots`](Self::slots).
    pub fn restore(&mut self, steps: u64, slots: Vec<Vec<f32>>) {
        self.steps = steps;
        self.slots = slots.into_iter().map(|slot| AlignedVec::from(slot.as_slice())).collect();
    }

    /// Updates `weights` with the gradients `grads`, clipped by `limit`, in parallel on `pool`; the formulas are beside the configurations.
    /// The result does not depend on the number of threads.
    pub fn step(&mut self, weights: &mut [f32], grads: &[f32], limit: Limit, pool: &mut ThreadPool) {
        self.step_measured(weights, grads, limit, &mut [], pool);
    }

    /// As [`step`](Self::step), and adds the squares of the weights and of their changes to `squares`: to the first those of so many
    /// weights as it has, to the next those of the next ones.
    pub fn step_measured(
        &mut self,
        weights: &mut [f32],
        grads: &[f32],
        limit: Limit,
        squares: &mut [UpdateSquares],
        pool: &mut ThreadPool,
    ) {
        self.steps += 1;
        let now = StepInfo { learning_rate: self.learning_rate, t: self.steps };
        let decay = (self.spec.weight_decay().unwrap_or(0.0) as f32, self.learning_rate as f32);
        let slots = self.slots.as_mut_slice();
        self.spec.rule().update(now, UpdatePass { weights, grads, slots, limit, decay, squares, pool });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Adam, Clip, Nadam, RMSprop, SGD};

    #[test]
    fn weight_decay_shrinks_weights_before_the_update() {
        let sgd = SGD { learning_rate: 0.5, weight_decay: Some(0.1), ..SGD::default() };
        let mut optimizer = Optimizer::new(&OptimizerSpec::SGD(sgd), 2);
        let mut weights = [2.0, -4.0];
        optimizer.step(&mut weights, &[1.0, 0.0], Limit::default(), &mut ThreadPool::new(1).unwrap());
        // 2 − 2·0.1·0.5 − 0.5·1   and   −4 + 4·0.1·0.5
        assert!((weights[0] - 1.4).abs() < 1e-6 && (weights[1] + 3.8).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn every_slot_has_a_name_and_changes_with_a_step() {
        let rmsprop = RMSprop { momentum: 0.5, centered: true, ..RMSprop::default() };
        for (spec, names) in [
            (OptimizerSpec::SGD(SGD::default()), vec![]),
            (OptimizerSpec::RMSprop(rmsprop), vec!["velocity", "momentum", "average_gradient"]),
            (OptimizerSpec::Adagrad(Default::default()), vec!["accumulator"]),
            (
                OptimizerSpec::Adam(Adam { amsgrad: true, ..Adam::default() }),
                vec!["momentum", "velocity", "velocity_hat"],
            ),
            (OptimizerSpec::AdamW(Default::default()), vec!["momentum", "velocity"]),
            (OptimizerSpec::Nadam(Nadam::default()), vec!["momentum", "velocity"]),
        ] {
            let fresh = Optimizer::new(&spec, 1);
            let mut moved = fresh.clone();
            moved.step(&mut [0.5], &[0.25], Limit::default(), &mut ThreadPool::new(1).unwrap());
            let changed = fresh.slots().zip(moved.slots()).filter(|((_, a), (_, b))| a != b);
            assert_eq!(changed.map(|((name, _), _)| name).collect::<Vec<_>>(), names, "{}", spec.name());
        }
    }

    #[test]
    fn thread_count_changes_no_bit_and_clipping_equals_that_of_the_gradient() {
        const WEIGHTS: usize = 100_001;
        let some =
            |phase: usize| -> Vec<f32> { (phase..phase + WEIGHTS).map(|i| (i as f32).sin()).collect() };
        let clips = [None, Some(Clip::GlobalNorm(2.0)), Some(Clip::Value(0.5))];
        for (name, clip) in OptimizerSpec::NAMES.iter().flat_map(|name| clips.map(|clip| (name, clip))) {
            let config = serde_json::json!({"weight_decay": 0.01});
            let spec = OptimizerSpec::read(name, config).unwrap().unwrap();
            let after = |threads: usize, before: bool| {
                let (mut pool, mut weights) = (ThreadPool::new(threads).unwrap(), some(0));
                let mut optimizer = Optimizer::new(&spec, WEIGHTS);
                for step in 1..4 {
                    let mut grads = some(step);
                    let mut limit = clip.map(|clip| clip.apply(std::iter::empty(), 50.0)).unwrap_or_default();
                    if before {
                        grads.iter_mut().for_each(|g| *g = limit.of(*g));
                        limit = Limit::default();
                    }
                    optimizer.step(&mut weights, &grads, limit, &mut pool);
                }
                weights
            };
            let one = after(1, true);
            for threads in [1, 2, 3, 8] {
                assert!(after(threads, false) == one, "{name} {clip:?}: {threads} threads");
            }
        }
    }
}
