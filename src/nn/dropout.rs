use serde::{Deserialize, Serialize};

use super::Block;
use super::cache::layer_cache;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerConfigError, LayerOutput, Pass, Shape};
use crate::rng::Rng;

/// While learning, sets each number to 0 with probability `rate` and scales the others up, so that their expectation stays
/// (Srivastava et al. 2014). Otherwise nothing happens.
///
/// ```text
/// out = m ⊙ x      ∂L/∂x = m ⊙ ∂L/∂out      m = 0 with probability rate, else 1/(1 − rate)
/// ```
/// What is dropped hangs on the seed, the step, the layer and the sequence's place in the batch alone.
///
/// InputSource: `keras/src/layers/regularization/dropout.py`. The shape stays.
///
/// ```
/// use unrolled::nn::{Dropout, Layer, Shape};
/// let vector = Shape::Vector { features: 8 };
/// assert_eq!(Dropout { rate: 0.5 }.output(&[vector]), Ok(vector));
/// assert!(Dropout { rate: 1.0 }.output(&[vector]).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The probability of 0, in `[0, 1)`.
    pub rate: f64,
}

layer_cache! {
    /// The cache of a [`Dropout`].
    DropoutCache {
        /// m, `[time, batch, features]`.
        factors: Block,
    }
}

impl Layer for Dropout {
    type Cache = DropoutCache;

    fn class(&self) -> &'static str {
        "Dropout"
    }

    fn detail(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("Dropout")?;
        check_rate("rate", self.rate)?;
        Ok(inputs[0])
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        let (out, factors) = (&mut output.values, &mut cache.factors);
        out.reshape(time, batch, features);
        out.data_mut().copy_from_slice(x.data());
        if !drops(ctx.pass, self.rate) {
            return;
        }
        factors.reshape(time, batch, features);
        for row in 0..batch {
            let Some(mut rng) = ctx.pass.dropout_rng("dropout", row) else { return };
            for t in 0..time {
                fill(&mut factors.step_mut(t)[row * features..][..features], self.rate, &mut rng);
            }
        }
        out.data_mut().iter_mut().zip(factors.data()).for_each(|(x, factor)| *x *= factor);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { pass, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        if drops(pass, self.rate) {
            upstream_grad
                .data_mut()
                .iter_mut()
                .zip(cache.factors.data())
                .for_each(|(d, factor)| *d *= factor);
        }
        std::mem::swap(input_grad, upstream_grad);
    }
}

/// Whether anything is dropped at all.
pub(super) fn drops(pass: &Pass<'_>, rate: f64) -> bool {
    rate > 0.0 && matches!(pass.mode, super::Mode::Train { .. })
}

/// Draws factors: 0 with probability `rate`, else what keeps the expectation.
pub(super) fn fill(factors: &mut [f32], rate: f64, rng: &mut Rng) {
    let kept = (1.0 / (1.0 - rate)) as f32;
    factors.iter_mut().for_each(|factor| *factor = if rng.uniform() < rate { 0.0 } else { kept });
}

/// Refuses what is no probability, and 1, which would leave nothing.
///
/// # Errors
/// When `rate` is outside `[0, 1)`.
pub(super) fn check_rate(field: &'static str, rate: f64) -> Result<(), LayerConfigError> {
    if (0.0..1.0).contains(&rate) {
        return Ok(());
    }
    let help = "it is the share that is dropped: at least 0 and below 1";
    Err(LayerConfigError::of(field, format!("`{field}` is {rate}"), help))
}
