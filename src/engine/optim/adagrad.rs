use super::config::Bound;
use super::rule::{Rule, StepInfo, UpdatePass};
use crate::kernel::Update;

optimizer! {
    /// Adagrad: divides by the root of the sum of all squared gradients so far (Duchi et al. 2011).
    ///
    /// ```text
    /// a ← a + g²       w ← w − lr·g/√(a + epsilon)       a is initially initial_accumulator_value
    /// ```
    /// Source: `keras/src/optimizers/adagrad.py`.
    Adagrad, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Initial value of the sums.
        initial_accumulator_value: f64 = 0.1,
        /// Added to the denominator for numerical stability.
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

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        pass.apply(Sum { lr: step.learning_rate as f32, epsilon: self.epsilon as f32 });
    }
}

#[derive(Clone, Copy)]
struct Sum {
    lr: f32,
    epsilon: f32,
}

impl Update<1> for Sum {
    #[inline(always)]
    fn step(self, w: f32, g: f32, [a]: [f32; 1]) -> (f32, [f32; 1]) {
        let a = a + g * g;
        (w - self.lr * g / (a + self.epsilon).sqrt(), [a])
    }
}
