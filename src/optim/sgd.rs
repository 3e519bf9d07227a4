use super::config::Bound;
use super::rule::{Now, Rule};

optimizer! {
    /// Stochastic gradient descent, with g the gradient and w a weight:
    ///
    /// ```text
    /// plain       w ← w − lr·g
    /// momentum    v ← momentum·v − lr·g       w ← w + v
    /// Nesterov    v ← momentum·v − lr·g       w ← w + momentum·v − lr·g
    /// ```
    /// Source: `keras/src/optimizers/sgd.py`.
    SGD, weight_decay: None;
    {
        /// `lr`.
        learning_rate: f64 = 0.01,
        /// Share of the last update that goes on.
        momentum: f64 = 0.0,
        /// Look ahead along the momentum (Nesterov 1983).
        nesterov: bool = false,
    }
}

impl Rule for SGD {
    fn slots(&self) -> Vec<&'static str> {
        if self.momentum == 0.0 { vec![] } else { vec!["momentum"] }
    }

    fn bounds(&self) -> Vec<(&'static str, f64, Bound)> {
        vec![("momentum", self.momentum, Bound::UnitInterval)]
    }

    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]) {
        let (lr, momentum) = (now.learning_rate as f32, self.momentum as f32);
        let pairs = weights.iter_mut().zip(grads);
        match slots {
            [velocity, ..] => {
                for ((w, g), v) in pairs.zip(velocity) {
                    *v = momentum * *v - lr * g;
                    *w += if self.nesterov { momentum * *v - lr * g } else { *v };
                }
            }
            [] => pairs.for_each(|(w, g)| *w -= lr * g),
        }
    }
}
