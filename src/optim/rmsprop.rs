use super::config::Bound;
use super::rule::{Now, Rule};

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

    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]) {
        let (lr, rho, epsilon) = (now.learning_rate as f32, self.rho as f32, self.epsilon as f32);
        let Some((velocity, rest)) = slots.split_first_mut() else { return };
        let (momenta, averages) = match (rest, self.centered) {
            ([momentum, average], _) => (Some(momentum), Some(average)),
            ([average], true) => (None, Some(average)),
            ([momentum], false) => (Some(momentum), None),
            _ => (None, None),
        };
        let (mut momenta, mut averages) = (momenta.into_iter().flatten(), averages.into_iter().flatten());
        for ((w, g), v) in weights.iter_mut().zip(grads).zip(velocity) {
            *v = rho * *v + (1.0 - rho) * g * g;
            let mut denominator = *v + epsilon;
            if let Some(a) = averages.next() {
                *a = rho * *a + (1.0 - rho) * g;
                // No variance is below 0, but its rounding is: more so than epsilon can mend where the mean is large.
                denominator = (*v - *a * *a).max(0.0) + epsilon;
            }
            let mut move_by = lr * g / denominator.sqrt();
            if let Some(m) = momenta.next() {
                *m = self.momentum as f32 * *m + move_by;
                move_by = *m;
            }
            *w -= move_by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Optimizer, OptimizerSpec};

    #[test]
    fn a_gradient_that_never_changes_has_no_negative_variance() {
        let centered = RMSprop { centered: true, ..RMSprop::default() };
        let mut optimizer = Optimizer::new(&OptimizerSpec::RMSprop(centered), 1);
        let mut weights = [0.0];
        (0..500).for_each(|_| optimizer.step(&mut weights, &[77.7]));
        assert!(weights[0] < 0.0, "{weights:?}");
    }
}
