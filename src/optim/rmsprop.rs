use super::config::Bound;
use super::rule::{Now, Rule};

optimizer! {
    /// Divides by a running root mean square of the gradient (Hinton 2012), less its mean if `centered` (Graves 2013):
    ///
    /// ```text
    /// v ← rho·v + (1 − rho)·g²
    /// centered    a ← rho·a + (1 − rho)·g     d = v − a² + epsilon         else   d = v + epsilon
    /// momentum    m ← momentum·m + lr·g/√d    w ← w − m                    else   w ← w − lr·g/√d
    /// ```
    /// Source: `keras/src/optimizers/rmsprop.py`.
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
                denominator = *v - *a * *a + epsilon;
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
