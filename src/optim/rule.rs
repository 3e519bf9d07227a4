use super::config::Bound;

/// How one optimizer moves weights: the arithmetic of its configuration.
pub(super) trait Rule {
    /// What it remembers of every weight, by Keras's names, in the order in which [`Rule::update`] gets them.
    fn slots(&self) -> Vec<&'static str>;

    /// What every slot holds before the first step.
    fn initial(&self) -> f32 {
        0.0
    }

    /// What its own numbers must be.
    fn bounds(&self) -> Vec<(&'static str, f64, Bound)>;

    /// Moves `weights` against `grads`. All slices, also those in `slots`, are of one length.
    fn update(&self, now: Now, weights: &mut [f32], grads: &[f32], slots: &mut [Vec<f32>]);
}

/// The step at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// `lr`.
    pub learning_rate: f64,
    /// `t`: updates made, this one counted, from 1.
    pub t: u64,
}

impl Now {
    /// `xᵗ`.
    pub fn power(self, x: f64) -> f64 {
        x.powi(self.t.min(i32::MAX as u64) as i32)
    }
}
