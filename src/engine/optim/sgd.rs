use super::config::Bound;
use super::rule::{Rule, StepInfo, UpdatePass};
use crate::kernel::Update;

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
        /// Momentum: share of the previous update that is added.
        momentum: f64 = 0.0,
        /// Use Nesterov momentum (Nesterov 1983).
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

    fn update(&self, step: StepInfo, pass: UpdatePass<'_>) {
        let (lr, momentum) = (step.learning_rate as f32, self.momentum as f32);
        if self.momentum == 0.0 {
            pass.apply(Plain { lr });
        } else {
            pass.apply(Momentum { lr, momentum, nesterov: self.nesterov });
        }
    }
}

#[derive(Clone, Copy)]
struct Plain {
    lr: f32,
}

impl Update<0> for Plain {
    #[inline(always)]
    fn step(self, w: f32, g: f32, slots: [f32; 0]) -> (f32, [f32; 0]) {
        (w - self.lr * g, slots)
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    lr: f32,
    momentum: f32,
    nesterov: bool,
}

impl Update<1> for Momentum {
    #[inline(always)]
    fn step(self, w: f32, g: f32, [v]: [f32; 1]) -> (f32, [f32; 1]) {
        let v = self.momentum * v - self.lr * g;
        (w + if self.nesterov { self.momentum * v - self.lr * g } else { v }, [v])
    }
}
