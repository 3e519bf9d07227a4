use super::config::Bound;
use super::rule::{Now, Rule};

optimizer! {
    /// Divides by the root of the sum of all squared gradients so far: what moved much moves less (Duchi et al. 2011).
    ///
    /// ```text
    /// a ← a + g²       w ← w − lr·g/√(a + epsilon)       a begins with initial_accumulator_value
    /// ```
    /// Source: `keras/src/optimizers/adagrad.py`.
    Adagrad, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// What the sums begin with.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
    }
}

impl Rule for Adagrad {
    fn slots(&self) -> Vec<&'static str> {
        vec!["accumulator"]
    }

    fn initial(&self) -> f32 {
        self.initial_accumulator_value as f32
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        vec![
            ("initial_accumulator_value", self.initial_accumulator_value, Bound::NotNegative),
            ("epsilon", self.epsilon, Bound::Divisor),
        ]
    }

    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]) {
        let (lr, epsilon) = (now.learning_rate as f32, self.epsilon as f32);
        for ((w, g), a) in weights.iter_mut().zip(grads).zip(slots.iter_mut().flatten()) {
            *a += g * g;
            *w -= lr * g / (*a + epsilon).sqrt();
        }
    }
}
