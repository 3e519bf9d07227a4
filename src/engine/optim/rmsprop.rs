use super::config::Bound;
use super::rule::{Rule, StepInfo, UpdatePass};
use crate::kernel::Update;

optimizer! {
    /// RMSprop: divides by a running root mean square of the gradient (Hinton 2012), or its standard deviation if `centered`
    /// (Graves 2013):
    ///
    /// ```text
    /// v ← rho·v + (1 − rho)·g²
    /// centered    a ← rho·a + (1 − rho)·g     d = max(v − a², 0) + epsilon    else   d = v + epsilon
    /// momentum    m ← momentum·m + lr·g/√d    w ← w − m                    else   w ← w − lr·g/√d
    /// ```
    /// Source: `keras/src/optimizers/rmsprop.py`, without the `max`: there a variance rounded below −epsilon gives NaN.
    RMSprop, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Decay rate of the running means.
        rho: f64 = 0.9,
        /// Momentum: share of the previous update that is added.
        momentum: f64 = 0.0,
        /// Added to the denominator for numerical stability.
        epsilon: f64 = 1e-7,
        /// Divide by the running standard deviation of the gradient rather than its root mean square.
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

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        let step = Step {
            lr: step.learning_rate as f32,
            rho: self.rho as f32,
            momentum: self.momentum as f32,
            epsilon: self.epsilon as f32,
            centered: self.centered,
        };
        match 1 + usize::from(self.momentum != 0.0) + usize::from(self.centered) {
            1 => pass.apply::<1>(step),
            2 => pass.apply::<2>(step),
            _ => pass.apply::<3>(step),
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

/// By the slot variables present: first `v`, last `a` if `centered`, and `m` between or after them.
impl<const N: usize> Update<N> for Step {
    #[inline(always)]
    fn step(self, w: f32, g: f32, mut slots: [f32; N]) -> (f32, [f32; N]) {
        let v = self.rho * slots[0] + (1.0 - self.rho) * g * g;
        slots[0] = v;
        let mut denominator = v + self.epsilon;
        if self.centered {
            let a = self.rho * slots[N - 1] + (1.0 - self.rho) * g;
            slots[N - 1] = a;
            // Rounding can make the variance negative, beyond epsilon if the mean is large.
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
    fn a_constant_gradient_has_no_negative_variance() {
        let centered = RMSprop { centered: true, ..RMSprop::default() };
        let mut optimizer = Optimizer::new(&OptimizerSpec::RMSprop(centered), 1);
        let (mut weights, mut pool) = ([0.0], ThreadPool::new(1).unwrap());
        (0..500).for_each(|_| optimizer.step(&mut weights, &[77.7], Limit::default(), &mut pool));
        assert!(weights[0] < 0.0, "{weights:?}");
    }
}
