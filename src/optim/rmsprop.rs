use super::config::Bound;
use super::rule::{Now, Rule, Weights};
use crate::kernel::Update;

optimizer! {
    /// Divides by a running root mean square of the gradient (Hinton 2012), less its mean if `centered` (Graves 2013):
    ///
    /// ```text
    /// v ← rho·v + (1 − rho)·g²
    /// centered    a ← rho·a + (1 − rho)·g     d = max(v − a², 0) + epsilon    else   d = v + epsilon
    /// momentum    m ← momentum·m + lr·g/√d    w ← w − m                    else   w ← w − lr·g/√d
    /// ```
    /// Source: `keras/src/optimizers/rmsprop.py`, which has no `max`: a rounded variance below −epsilon is not a number there.
    RMSprop, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Share of the mean that stays at a step.
        rho: f64 = 0.9,
        /// Share of the last update that goes on.
        momentum: f64 = 0.0,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
        /// Divide by the running standard deviation of the gradient, not by its root mean square.
        centered: bool = false,
    }
}

impl Rule for RMSprop {
    fn slots(&self) -> Vec<&'static str> {
        let momentum = (self.momentum != 0.0).then_some("momentum");
        let average = self.centered.then_some("average_gradient");
        ["velocity"].into_iter().chain(momentum).chain(average).collect()
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        vec![
            ("rho", self.rho, Bound::Share),
            ("momentum", self.momentum, Bound::UnitInterval),
            ("epsilon", self.epsilon, Bound::Divisor),
        ]
    }

    fn update(&self, now: Now, weights: Weights<'_>) {
        let step = Step {
            lr: now.learning_rate as f32,
            rho: self.rho as f32,
            momentum: self.momentum as f32,
            epsilon: self.epsilon as f32,
            centered: self.centered,
        };
        match 1 + usize::from(self.momentum != 0.0) + usize::from(self.centered) {
            1 => weights.follow::<1>(step),
            2 => weights.follow::<2>(step),
            _ => weights.follow::<3>(step),
        }
    }
}

#[derive(Clone, Copy)]
struct Step {
    lr: f32,
    rho: f32,
    momentum: f32,
    epsilon: f32,
    centered: bool,
}

/// With the slots that there are: first `v`, last `a` if `centered`, and `m` between or after them.
impl<const N: usize> Update<N> for Step {
    #[inline(always)]
    fn step(self, w: f32, g: f32, mut slots: [f32; N]) -> (f32, [f32; N]) {
        let v = self.rho * slots[0] + (1.0 - self.rho) * g * g;
        slots[0] = v;
        let mut denominator = v + self.epsilon;
        if self.centered {
            let a = self.rho * slots[N - 1] + (1.0 - self.rho) * g;
            slots[N - 1] = a;
            // No variance is below 0, but its rounding is: more so than epsilon can mend where the mean is large.
            denominator = (v - a * a).max(0.0) + self.epsilon;
        }
        let mut move_by = self.lr * g / denominator.sqrt();
        if N > 1 + usize::from(self.centered) {
            move_by += self.momentum * slots[1];
            slots[1] = move_by;
        }
        (w - move_by, slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ThreadPool;
    use crate::optim::{Limit, Optimizer, OptimizerSpec};

    #[test]
    fn a_gradient_that_never_changes_has_no_negative_variance() {
        let centered = RMSprop { centered: true, ..RMSprop::default() };
        let mut optimizer = Optimizer::new(&OptimizerSpec::RMSprop(centered), 1);
        let (mut weights, mut team) = ([0.0], ThreadPool::new(1).unwrap());
        (0..500).for_each(|_| optimizer.step(&mut weights, &[77.7], Limit::default(), &mut team));
        assert!(weights[0] < 0.0, "{weights:?}");
    }
}
