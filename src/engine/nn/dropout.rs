use serde::{Deserialize, Serialize};

use super::Block;
use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Pass, Shape};
use crate::rng::Rng;

/// While learning, sets each number to 0 with probability `rate` and scales the others up, so that their expectation stays
/// (Srivastava et al. 2014). Otherwise nothing happens.
///
/// ```text
/// out = m ⊙ x      ∂L/∂x = m ⊙ ∂L/∂out      m = 0 with probability rate, else 1/(1 − rate)
/// ```
/// What is dropped depends on the seed, the step, the layer and the sequence's place in the batch alone.
///
/// Source: `keras/src/layers/regularization/dropout.py`. The shape stays.
///
/// ```
/// use unrolled_engine::nn::{Dropout, Layer, Shape};
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
    /// The cache of a [`Dropout`] or a [`SpatialDropout1D`](super::SpatialDropout1D).
    DropoutCache {
        /// m, `[time, batch, features]`; of a `SpatialDropout1D` `[1, batch, features]`.
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

    fn cache_numbers(&self, extent: &Extent) -> usize {
        extent.in_training(extent.positions() * extent.features)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (x, out) = (ctx.inputs[0].real(), &mut output.values);
        let (time, batch, features) = x.dim();
        out.clone_from(x);
        if !drops(ctx.pass, self.rate) {
            return;
        }
        let factors = &mut cache.factors;
        factors.reshape(time, batch, features);
        for row in 0..batch {
            let Some(mut rng) = ctx.pass.dropout_rng("dropout", row) else { return };
            for t in 0..time {
                fill(&mut factors.step_mut(t)[row * features..][..features], self.rate, &mut rng);
            }
        }
        scale(out, factors);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        drop_backward(ctx, self.rate, cache);
    }
}

/// The backward of both dropouts: ∂L/∂x = m ⊙ ∂L/∂out.
pub(super) fn drop_backward(ctx: BackwardContext<'_>, rate: f64, cache: &DropoutCache) {
    let BackwardContext { pass, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
        return;
    };
    if drops(pass, rate) {
        scale(upstream_grad, &cache.factors);
    }
    std::mem::swap(input_grad, upstream_grad);
}

/// `block ⊙ factors`, in place; factors of one time step are those of all.
pub(super) fn scale(block: &mut Block, factors: &Block) {
    let size = factors.data().len().max(1);
    for part in block.data_mut().chunks_exact_mut(size) {
        part.iter_mut().zip(factors.data()).for_each(|(x, factor)| *x *= factor);
    }
}

/// Whether anything is dropped at all.
pub(super) fn drops(pass: &Pass<'_>, rate: f64) -> bool {
    rate > 0.0 && matches!(pass.mode, super::Mode::Train { .. })
}

/// Draws factors: 0 with probability `rate`, else `1/(1 − rate)`, so that the expectation stays.
pub(super) fn fill(factors: &mut [f32], rate: f64, rng: &mut Rng) {
    let scale = (1.0 / (1.0 - rate)) as f32;
    factors.iter_mut().for_each(|factor| *factor = if rng.uniform() < rate { 0.0 } else { scale });
}

/// Checks that `rate` is a probability below 1.
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
