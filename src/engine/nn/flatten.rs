use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Puts all time steps of a sequence into one vector: `out[t·features + f] = x[t][f]`; the gradient is reshaped back.
///
/// Source: `keras/src/layers/reshaping/flatten.py`. `[batch, time, features] → [batch, time·features]`.
///
/// ```
/// use unrolled_engine::nn::{Flatten, Layer, Shape};
/// assert_eq!(Flatten {}.output(&[Shape::Sequence { time: 9, features: 5 }]), Ok(Shape::Vector { features: 45 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Flatten"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        Ok(match inputs[0] {
            Shape::Sequence { time, features } => Shape::Vector { features: time.saturating_mul(features) },
            _ => Shape::Vector { features: inputs[0].features("Flatten")? },
        })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        output.values.reshape(1, batch, time * features);
        for t in 0..time {
            for (row, from) in x.step(t).chunks_exact(features).enumerate() {
                let at = row * time * features + t * features;
                output.values.data_mut()[at..at + features].copy_from_slice(from);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let (time, batch, features) = inputs[0].real().dim();
        input_grad.reshape(time, batch, features);
        for t in 0..time {
            for (row, to) in input_grad.step_mut(t).chunks_exact_mut(features).enumerate() {
                let at = row * time * features + t * features;
                to.copy_from_slice(&upstream_grad.data()[at..at + features]);
            }
        }
    }
}
