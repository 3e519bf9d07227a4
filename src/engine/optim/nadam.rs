use super::adam::Means;
use super::config::Bound;
use super::rule::{Rule, StepInfo, UpdatePass};
use crate::kernel::Update;

optimizer! {
    /// Nadam: Adam with Nesterov momentum and a momentum schedule (Dozat 2016):
    ///
    /// ```text
    /// μ_t = beta_1·(1 − ½·0.96ᵗ)        u_t = μ_1·μ_2·…·μ_t
    /// m ← m + (g − m)(1 − beta_1)       v ← v + (g² − v)(1 − beta_2)
    /// m̂ = μ_{t+1}·m/(1 − u_{t+1}) + (1 − μ_t)·g/(1 − u_t)       v̂ = v/(1 − beta_2ᵗ)
    /// w ← w − lr·m̂/(√v̂ + epsilon)
    /// ```
    /// Source: `keras/src/optimizers/nadam.py`, where `u_t` is a variable of the optimizer; here it is computed from `t`.
    Nadam, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Decay rate of the first moment, in the limit.
        beta_1: f64 = 0.9,
        /// Decay rate of the second moment.
        beta_2: f64 = 0.999,
        /// Added to the denominator for numerical stability.
        epsilon: f64 = 1e-7,
    }
}

impl Nadam {
    /// `μ_t`.
    fn momentum(&self, t: u64) -> f64 {
        self.beta_1 * (1.0 - 0.5 * 0.96f64.powi(t.min(i32::MAX as u64) as i32))
    }

    /// `u_t`.
    fn product(&self, step: StepInfo) -> f64 {
        // 0.96ᵗ is below the precision of an f64 from t = 1000 on: each further factor is beta_1.
        const WARM: u64 = 1000;
        let warm: f64 = (1..=step.t.min(WARM)).map(|t| self.momentum(t)).product();
        warm * StepInfo { t: step.t.saturating_sub(WARM), ..step }.power(self.beta_1)
    }
}

impl Rule for Nadam {
    fn slots(&self) -> Vec<&'static str> {
        vec!["momentum", "velocity"]
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        vec![
            ("beta_1", self.beta_1, Bound::Share),
            ("beta_2", self.beta_2, Bound::Share),
            ("epsilon", self.epsilon, Bound::Divisor),
        ]
    }

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        let (next, product) = (self.momentum(step.t + 1), self.product(step));
        pass.apply(Step {
            ahead: (next / (1.0 - product * next)) as f32,
            present: ((1.0 - self.momentum(step.t)) / (1.0 - product)) as f32,
            unbias: (1.0 / (1.0 - step.power(self.beta_2))) as f32,
            lr: step.learning_rate as f32,
            epsilon: self.epsilon as f32,
            means: Means::new(self.beta_1, self.beta_2),
        });
    }
}

#[derive(Clone, Copy)]
struct Step {
    /// `μ_{t+1}/(1 − u_{t+1})`.
    ahead: f32,
    /// `(1 − μ_t)/(1 − u_t)`.
    present: f32,
    /// `1/(1 − beta_2ᵗ)`.
    unbias: f32,
    lr: f32,
    epsilon: f32,
    means: Means,
}

impl Update<2> for Step {
    #[inline(always)]
    fn step(self, w: f32, g: f32, slots: [f32; 2]) -> (f32, [f32; 2]) {
        let [m, v] = self.means.of(g, slots);
        let step = self.lr * (self.ahead * m + self.present * g);
        (w - step / ((v * self.unbias).sqrt() + self.epsilon), [m, v])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_equals_that_of_all_momenta_beyond_the_precision_of_the_decay() {
        let nadam = Nadam { beta_1: 0.999, ..Nadam::default() };
        for t in [1, 2, 999, 1000, 1001, 3000] {
            let all: f64 = (1..=t).map(|t| 0.999 * (1.0 - 0.5 * 0.96f64.powf(t as f64))).product();
            let product = nadam.product(StepInfo { learning_rate: 0.1, t });
            assert!((product / all - 1.0).abs() < 1e-11, "{t}: {product} for {all}");
        }
    }
}
