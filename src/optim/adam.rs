use super::config::Bound;
use super::rule::{Now, Rule};

optimizer! {
    /// Running means of gradient and square, without their bias towards the start (Kingma & Ba 2014):
    ///
    /// ```text
    /// m ← m + (g − m)(1 − beta_1)       v ← v + (g² − v)(1 − beta_2)
    /// w ← w − lr·√(1 − beta_2ᵗ)/(1 − beta_1ᵗ) · m/(√v + epsilon)
    /// amsgrad     v̂ ← max(v̂, v), and v̂ stands for v in the line above (Reddi et al. 2018)
    /// ```
    /// Source: `keras/src/optimizers/adam.py`.
    Adam, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Share of the mean that stays at a step.
        beta_1: f64 = 0.9,
        /// Share of the mean square that stays at a step.
        beta_2: f64 = 0.999,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
        /// Divide by the largest mean square so far.
        amsgrad: bool = false,
    }
}

optimizer! {
    /// [`Adam`] with a weight decay of 0.004 by default, apart from the gradient (Loshchilov & Hutter 2017).
    ///
    /// Source: `keras/src/optimizers/adamw.py`.
    AdamW, weight_decay: Some(0.004);
    {
        /// `lr`.
        learning_rate: f64 = 0.001,
        /// Share of the mean that stays at a step.
        beta_1: f64 = 0.9,
        /// Share of the mean square that stays at a step.
        beta_2: f64 = 0.999,
        /// Keeps the root away from 0.
        epsilon: f64 = 1e-7,
        /// Divide by the largest mean square so far.
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

    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]) {
        let rate = now.learning_rate * (1.0 - now.power(self.beta_2)).sqrt() / (1.0 - now.power(self.beta_1));
        let (rate, epsilon) = (rate as f32, self.epsilon as f32);
        let (one, two) = ((1.0 - self.beta_1) as f32, (1.0 - self.beta_2) as f32);
        let [momentum, velocity, hats @ ..] = slots else { return };
        let moments = weights.iter_mut().zip(grads).zip(momentum).zip(velocity);
        match hats {
            [] => {
                for (((w, g), m), v) in moments {
                    *m += (g - *m) * one;
                    *v += (g * g - *v) * two;
                    *w -= rate * *m / (v.sqrt() + epsilon);
                }
            }
            [hat, ..] => {
                for ((((w, g), m), v), hat) in moments.zip(hat) {
                    *m += (g - *m) * one;
                    *v += (g * g - *v) * two;
                    *hat = hat.max(*v);
                    *w -= rate * *m / (hat.sqrt() + epsilon);
                }
            }
        }
    }
}

impl AdamW {
    /// The same without the decay, which every optimizer can have.
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
        // Without a number there is no decay, and that is Adam: Keras refuses it too.
        let decay = ("weight_decay", self.weight_decay.unwrap_or(f64::NAN), Bound::NotNegative);
        self.adam().bounds().into_iter().chain([decay]).collect()
    }

    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]) {
        self.adam().update(now, weights, grads, slots);
    }
}
