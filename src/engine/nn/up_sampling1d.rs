use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Repeats each time step: `out[t·size + i] = x[t]` for `i < size`; `∂L/∂x[t] = Σᵢ ∂L/∂out[t·size + i]`.
///
/// A mask ends here, as in Keras.
///
/// Source: `keras/src/layers/reshaping/up_sampling1d.py`. `[batch, time, features] → [batch, size·time, features]`.
///
/// ```
/// use unrolled_engine::nn::{Layer, Shape, UpSampling1D};
/// let out = UpSampling1D { size: 3 }.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 27, features: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpSampling1D {
    /// How often each step is there.
    pub size: usize,
}

impl Default for UpSampling1D {
    fn default() -> Self {
        Self { size: 2 }
    }
}

impl Layer for UpSampling1D {
    type Cache = ();

    fn class(&self) -> &'static str {
        "UpSampling1D"
    }

    fn detail(&self) -> String {
        format!("size {}", self.size)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (time, features) = inputs[0].sequence("UpSampling1D")?;
        let size = LayerConfigError::positive("size", self.size)?;
        Ok(Shape::Sequence { time: time.saturating_mul(size), features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        output.values.reshape(time * self.size, batch, features);
        for t in 0..time * self.size {
            output.values.step_mut(t).copy_from_slice(x.step(t / self.size));
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let (time, batch, features) = inputs[0].real().dim();
        input_grad.zeroed(time, batch, features);
        for t in 0..time * self.size {
            let sums = input_grad.step_mut(t / self.size).iter_mut();
            sums.zip(upstream_grad.step(t)).for_each(|(sum, d)| *sum += d);
        }
    }
}
