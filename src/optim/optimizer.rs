use super::OptimizerSpec;

/// An optimizer at work: its configuration, its present learning rate, and what it remembers of every weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    spec: OptimizerSpec,
    /// Used by the next step.
    pub learning_rate: f64,
    steps: u64,
    /// One number a weight each: moments, velocities.
    slots: Vec<Vec<f32>>,
}

impl Optimizer {
    /// An optimizer for `len` weights that has made no step.
    pub fn new(spec: &OptimizerSpec, len: usize) -> Self {
        let slots = Self::slot_names(spec).iter().map(|_| vec![0.0; len]).collect();
        Self { spec: spec.clone(), learning_rate: spec.learning_rate(), steps: 0, slots }
    }

    fn slot_names(spec: &OptimizerSpec) -> &'static [&'static str] {
        match spec {
            OptimizerSpec::SGD(o) if o.momentum == 0.0 => &[],
            OptimizerSpec::SGD(_) => &["momentum"],
            OptimizerSpec::RMSprop(_) => &["velocity"],
            OptimizerSpec::Adam(_) => &["momentum", "velocity"],
        }
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What it remembers: Keras's name and one number a weight. With `steps` and the rate this is all its state.
    pub fn slots(&self) -> impl Iterator<Item = (&'static str, &[f32])> {
        Self::slot_names(&self.spec).iter().copied().zip(self.slots.iter().map(Vec::as_slice))
    }

    /// Moves `weights` against `grads`; the formulas stand with the configurations.
    pub fn step(&mut self, weights: &mut [f32], grads: &[f32]) {
        self.steps += 1;
        let lr = self.learning_rate as f32;
        let pairs = weights.iter_mut().zip(grads);
        match (&self.spec, self.slots.as_mut_slice()) {
            (OptimizerSpec::SGD(o), [velocity]) => {
                let momentum = o.momentum as f32;
                for ((w, g), v) in pairs.zip(velocity) {
                    *v = momentum * *v - lr * g;
                    *w += if o.nesterov { momentum * *v - lr * g } else { *v };
                }
            }
            (OptimizerSpec::RMSprop(o), [velocity]) => {
                let (rho, epsilon) = (o.rho as f32, o.epsilon as f32);
                for ((w, g), v) in pairs.zip(velocity) {
                    *v = rho * *v + (1.0 - rho) * g * g;
                    *w -= lr * g / (*v + epsilon).sqrt();
                }
            }
            (OptimizerSpec::Adam(o), [momentum, velocity]) => {
                let t = self.steps.min(i32::MAX as u64) as i32;
                let rate = self.learning_rate * (1.0 - o.beta_2.powi(t)).sqrt() / (1.0 - o.beta_1.powi(t));
                let (rate, epsilon) = (rate as f32, o.epsilon as f32);
                let (one, two) = ((1.0 - o.beta_1) as f32, (1.0 - o.beta_2) as f32);
                for (((w, g), m), v) in pairs.zip(momentum).zip(velocity) {
                    *m += (g - *m) * one;
                    *v += (g * g - *v) * two;
                    *w -= rate * *m / (v.sqrt() + epsilon);
                }
            }
            _ => pairs.for_each(|(w, g)| *w -= lr * g),
        }
    }
}
