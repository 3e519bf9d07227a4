use serde::{Deserialize, Serialize};

use super::dropout::{DropoutCache, check_rate, drop_backward, drops, fill, scale};
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};

/// While learning, drops whole features of a sequence, at all time steps alike (Tompson et al. 2014): neighbouring steps are
/// much alike, so that [`Dropout`](super::Dropout) of single numbers would hide little.
///
/// ```text
/// out[t] = m ⊙ x[t]      ∂L/∂x[t] = m ⊙ ∂L/∂out[t]      m: [features], 0 with probability rate, else 1/(1 − rate)
/// ```
/// Source: `keras/src/layers/regularization/spatial_dropout.py`. `[batch, time, features]`, which stays.
///
/// ```
/// use unrolled_engine::nn::{Layer, Shape, SpatialDropout1D};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// assert_eq!(SpatialDropout1D { rate: 0.2 }.output(&[sequence]), Ok(sequence));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout1D {
    /// The probability of 0, in `[0, 1)`.
    pub rate: f64,
}

impl Layer for SpatialDropout1D {
    type Cache = DropoutCache;

    fn class(&self) -> &'static str {
        "SpatialDropout1D"
    }

    fn detail(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].sequence("SpatialDropout1D")?;
        check_rate("rate", self.rate)?;
        Ok(inputs[0])
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        extent.in_training(extent.rows * extent.features)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (x, out) = (ctx.inputs[0].real(), &mut output.values);
        let (_, batch, features) = x.dim();
        out.clone_from(x);
        if !drops(ctx.pass, self.rate) {
            return;
        }
        cache.factors.reshape(1, batch, features);
        for (row, factors) in cache.factors.data_mut().chunks_exact_mut(features).enumerate() {
            let Some(mut rng) = ctx.pass.dropout_rng("spatial dropout", row) else { return };
            fill(factors, self.rate, &mut rng);
        }
        scale(out, &cache.factors);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        drop_backward(ctx, self.rate, cache);
    }
}
