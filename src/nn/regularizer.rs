use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;

/// A weight regularizer: Keras's `L1`, `L2` and `L1L2`. Its penalty is added to the loss.
///
/// ```text
/// R(w) = l1·Σ|w| + l2·Σw²        ∂R/∂w = l1·sign(w) + 2·l2·w
/// ```
/// Source: `keras/src/regularizers/regularizers.py`. In a preset `{l2: 0.01}`, `{l1: 0.001, l2: 0.01}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regularizer {
    /// Of the magnitudes.
    pub l1: f64,
    /// Of the squares.
    pub l2: f64,
}

impl Regularizer {
    /// Checks the regularizer in the field `field` of a layer's configuration.
    ///
    /// # Errors
    /// When a factor is negative or not finite.
    pub fn check(regularizer: Option<Self>, field: &str) -> Result<(), LayerConfigError> {
        let Some(Self { l1, l2 }) = regularizer else { return Ok(()) };
        if [l1, l2].iter().all(|factor| factor.is_finite() && *factor >= 0.0) {
            return Ok(());
        }
        let found = format!("`{field}` has l1 {l1} and l2 {l2}");
        Err(LayerConfigError::of(field, found, "both must be 0 or more"))
    }

    /// `R(w)`.
    pub fn loss(self, weights: &[f32]) -> f64 {
        let sum = |f: fn(f64) -> f64| weights.iter().map(|w| f(f64::from(*w))).sum::<f64>();
        self.l1 * sum(f64::abs) + self.l2 * sum(|w| w * w)
    }

    /// Adds `∂R/∂w` to `grads`.
    pub fn add_gradient(self, weights: &[f32], grads: &mut [f32]) {
        let (l1, l2) = (self.l1 as f32, 2.0 * self.l2 as f32);
        for (g, w) in grads.iter_mut().zip(weights) {
            let sign = if *w == 0.0 { 0.0 } else { w.signum() };
            *g += l1 * sign + l2 * w;
        }
    }
}
