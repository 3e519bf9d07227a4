use serde::{Deserialize, Serialize};

use super::Block;
use super::cache::layer_cache;
use super::dropout::{check_rate, drops, fill};
use super::layer::{BackwardContext, ForwardContext, Layer, LayerConfigError, LayerOutput, Shape};

/// While learning, drops whole features of a sequence, at all time steps alike (Tompson et al. 2014): neighbouring steps tell
/// much the same, so that [`Dropout`](super::Dropout) of single numbers would hide little.
///
/// ```text
/// out[t] = m ⊙ x[t]      ∂L/∂x[t] = m ⊙ ∂L/∂out[t]      m: [features], 0 with probability rate, else 1/(1 − rate)
/// ```
/// InputSource: `keras/src/layers/regularization/spatial_dropout.py`. `[batch, time, features]`, which stays.
///
/// ```
/// use unrolled::nn::{Layer, Shape, SpatialDropout1D};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// assert_eq!(SpatialDropout1D { rate: 0.2 }.output(&[sequence]), Ok(sequence));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout1D {
    /// The probability of 0, in `[0, 1)`.
    pub rate: f64,
}

/// Scales every time step by `factors`.
fn scale(block: &mut Block, factors: &Block) {
    let (time, ..) = block.dim();
    for t in 0..time {
        block.step_mut(t).iter_mut().zip(factors.data()).for_each(|(x, factor)| *x *= factor);
    }
}

layer_cache! {
    /// The cache of a [`SpatialDropout1D`].
    SpatialDropout1DCache {
        /// m of every sequence, `[1, batch, features]`.
        factors: Block,
    }
}

impl Layer for SpatialDropout1D {
    type Cache = SpatialDropout1DCache;

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

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        let (out, factors) = (&mut output.values, &mut cache.factors);
        out.reshape(time, batch, features);
        out.data_mut().copy_from_slice(x.data());
        if !drops(ctx.pass, self.rate) {
            return;
        }
        factors.reshape(1, batch, features);
        for (row, factors) in factors.data_mut().chunks_exact_mut(features).enumerate() {
            let Some(mut rng) = ctx.pass.dropout_rng("spatial dropout", row) else { return };
            fill(factors, self.rate, &mut rng);
        }
        scale(out, factors);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { pass, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        if drops(pass, self.rate) {
            scale(upstream_grad, &cache.factors);
        }
        std::mem::swap(input_grad, upstream_grad);
    }
}
