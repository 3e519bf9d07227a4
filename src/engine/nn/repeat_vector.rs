use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Gives one vector at each of `n` time steps, so that a recurrent layer can unfold it: `out[t] = x`, `∂L/∂x = Σₜ ∂L/∂out[t]`.
///
/// Source: `keras/src/layers/reshaping/repeat_vector.py`. `[batch, features] → [batch, n, features]`.
///
/// ```
/// use unrolled_engine::nn::{Layer, RepeatVector, Shape};
/// let out = RepeatVector { n: 9 }.output(&[Shape::Vector { features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 9, features: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatVector {
    /// Time steps out.
    pub n: usize,
}

impl Layer for RepeatVector {
    type Cache = ();

    fn class(&self) -> &'static str {
        "RepeatVector"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let features = inputs[0].features("RepeatVector")?;
        if let Shape::Sequence { time, .. } = inputs[0] {
            return Err(LayerConfigError::new(
                format!(
                    "RepeatVector reads one vector [{features}], but a sequence [{time}, {features}] reaches it"
                ),
                "let the recurrent layer before it go without `return_sequences`, or put a pooling layer between",
            ));
        }
        Ok(Shape::Sequence { time: LayerConfigError::positive("n", self.n)?, features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (_, batch, features) = x.dim();
        output.values.reshape(self.n, batch, features);
        for t in 0..self.n {
            output.values.step_mut(t).copy_from_slice(x.data());
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let (_, batch, features) = inputs[0].real().dim();
        input_grad.zeroed(1, batch, features);
        for t in 0..self.n {
            input_grad.data_mut().iter_mut().zip(upstream_grad.step(t)).for_each(|(sum, d)| *sum += d);
        }
    }
}
