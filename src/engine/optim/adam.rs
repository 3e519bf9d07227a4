use super::config::Bound;
use super::rule::{Rule, StepInfo, UpdatePass};
use crate::kernel::Update;

optimizer! {
    /// Adam: bias-corrected running means of the gradient and its square (Kingma & Ba 2014):
    ///
    /// ```text
    /// m ← m + (g − m)(1 − beta_1)       v ← v + (g² − v)(1 − beta_2)
    /// w ← w − lr·√(1 − beta_2ᵗ)/(1 − beta_1ᵗ) · m/(√v + epsilon)
    /// amsgrad     v̂ ← max(v̂, v), which replaces v in the line above (Reddi et al. 2018)
    /// ```
    /// Source: `keras/src/optimizers/adam.py`.
    Adam, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Decay rate of the first moment.
        beta_1: f64 = 0.9,
        /// Decay rate of the second moment.
        beta_2: f64 = 0.999,
        /// Added to the denominator for numerical stability.
        epsilon: f64 = 1e-7,
        /// Divide by the maximum of the second moment so far.
        amsgrad: bool = false,
    }
}

optimizer! {
    /// [`Adam`] with decoupled weight decay, 0.004 by default (Loshchilov & Hutter 2017).
    ///
    /// Source: `keras/src/optimizers/adamw.py`.
    AdamW, weight_decay: Some(0.004);
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Decay rate of the first moment.
        beta_1: f64 = 0.9,
        /// Decay rate of the second moment.
        beta_2: f64 = 0.999,
        /// Added to the denominator for numerical stability.
        epsilon: f64 = 1e-7,
        /// Divide by the maximum of the second moment so far.
        amsgrad: bool = false,
    }
}

impl Rule for Adam {
    fn slots(&self) -> Vec<&'static str> {
        let hat = self.amsgrad.then_some("velocity_hat");
        ["momentum", "velocity"].into_iter().chain(hat).collect()
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        vec![
            ("beta_1", self.beta_1, Bound::Share),
            ("beta_2", self.beta_2, Bound::Share),
            ("epsilon", self.epsilon, Bound::Divisor),
        ]
    }

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        let rate =
            step.learning_rate * (1.0 - step.power(self.beta_2)).sqrt() / (1.0 - step.power(self.beta_1));
        let means = Means::new(self.beta_1, self.beta_2);
        let step = Step { rate: rate as f32, epsilon: self.epsilon as f32, means };
        if self.amsgrad { pass.apply::<3>(step) } else { pass.apply::<2>(step) }
    }
}

#[derive(Clone, Copy)]
struct Step {
    /// `lr·√(1 − beta_2ᵗ)/(1 − beta_1ᵗ)`.
    rate: f32,
    epsilon: f32,
    means: Means,
}

impl Update<2> for Step {
    #[inline(always)]
    fn step(self, w: f32, g: f32, slots: [f32; 2]) -> (f32, [f32; 2]) {
        let [m, v] = self.means.of(g, slots);
        (w - self.rate * m / (v.sqrt() + self.epsilon), [m, v])
    }
}

/// The step with `amsgrad`.
impl Update<3> for Step {
    #[inline(always)]
    fn step(self, w: f32, g: f32, [m, v, hat]: [f32; 3]) -> (f32, [f32; 3]) {
        let [m, v] = self.means.of(g, [m, v]);
        let hat = hat.max(v);
        (w - self.rate * m / (hat.sqrt() + self.epsilon), [m, v, hat])
    }
}

/// The running means of a gradient and its square.
#[derive(Clone, Copy)]
pub(super) struct Means {
    /// `1 − beta_1`.
    one: f32,
    /// `1 − beta_2`.
    two: f32,
}

impl Means {
    pub fn new(beta_1: f64, beta_2: f64) -> Self {
        Self { one: (1.0 - beta_1) as f32, two: (1.0 - beta_2) as f32 }
    }

    /// Returns `m` and `v` updated with the gradient `g`.
    #[inline(always)]
    pub fn of(self, g: f32, [m, v]: [f32; 2]) -> [f32; 2] {
        [m + (g - m) * self.one, v + (g * g - v) * self.two]
    }
}

impl AdamW {
    /// Returns the same configuration without the decay, which is common to all optimizers.
    fn adam(&self) -> Adam {
        let Self { learning_rate, beta_1, beta_2, epsilon, amsgrad, .. } = *self;
        Adam { learning_rate, beta_1, beta_2, epsilon, amsgrad, ..Adam::default() }
    }
}

impl Rule for AdamW {
    fn slots(&self) -> Vec<&'static str> {
        self.adam().slots()
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        // Without weight decay it is Adam: Keras rejects it too.
        let decay = ("weight_decay", self.weight_decay.unwrap_or(f64::NAN), Bound::NotNegative);
        self.adam().bounds().into_iter().chain([decay]).collect()
    }

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        self.adam().update(step, pass);
    }
}
