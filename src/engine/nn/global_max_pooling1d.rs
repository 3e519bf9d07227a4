use serde::{Deserialize, Serialize};

use super::Block;
use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// The greatest value of every feature over time.
///
/// ```text
/// out = maxₜ x[t]       ∂L/∂x[t] = [x[t] = out]·∂L/∂out / n        n: how many steps hold the greatest value
/// ```
/// Steps that tie share the gradient evenly, as TensorFlow's `reduce_max` has it; after a relu whole features tie at 0. A mask is
/// ignored, as in Keras: padding takes part as ordinary numbers.
///
/// Source: `keras/src/layers/pooling/global_max_pooling1d.py`. `[batch, time, features] → [batch, features]`.
///
/// ```
/// use unrolled_engine::nn::{GlobalMaxPooling1D, Layer, Shape};
/// let out = GlobalMaxPooling1D {}.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Vector { features: 5 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPooling1D {}

layer_cache! {
    /// The cache of a [`GlobalMaxPooling1D`].
    GlobalMaxPooling1DCache {
        /// n: how many steps of every feature and sequence hold the greatest value.
        ties: Block,
    }
}

impl Layer for GlobalMaxPooling1D {
    type Cache = GlobalMaxPooling1DCache;

    fn class(&self) -> &'static str {
        "GlobalMaxPooling1D"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (_, features) = inputs[0].sequence("GlobalMaxPooling1D")?;
        Ok(Shape::Vector { features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        output.values.reshape(1, batch, features);
        output.values.data_mut().copy_from_slice(x.step(0));
        for t in 1..time {
            for (max, x) in output.values.data_mut().iter_mut().zip(x.step(t)) {
                *max = greater(*max, *x);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { output, inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx
        else {
            return;
        };
        let x = inputs[0].real();
        let (time, batch, features) = x.dim();
        let (out, ties) = (&output.values, &mut cache.ties);
        ties.zeroed(1, batch, features);
        for t in 0..time {
            for ((n, x), max) in ties.data_mut().iter_mut().zip(x.step(t)).zip(out.data()) {
                *n += f32::from(u8::from(x == max));
            }
        }
        upstream_grad.data_mut().iter_mut().zip(ties.data()).for_each(|(d, n)| *d /= n);
        input_grad.reshape(time, batch, features);
        for t in 0..time {
            let pairs = x.step(t).iter().zip(out.data());
            for ((input_grad, (x, max)), d) in
                input_grad.step_mut(t).iter_mut().zip(pairs).zip(upstream_grad.data())
            {
                *input_grad = if x == max { *d } else { 0.0 };
            }
        }
    }
}

/// The greater of two numbers; NaN if one is, so that it is not lost here.
pub(super) fn greater(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}
