use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};

/// While learning, adds a normal random number to each number: `out = x + stddev·ε`, `∂L/∂x = ∂L/∂out`. Otherwise nothing happens.
///
/// What is added depends on the seed, the step, the layer and the sequence's place in the batch alone.
///
/// Source: `keras/src/layers/regularization/gaussian_noise.py`. The shape and the mask stay.
///
/// ```
/// use unrolled_engine::nn::{GaussianNoise, Layer, Shape};
/// let vector = Shape::Vector { features: 8 };
/// assert_eq!(GaussianNoise { stddev: 0.1 }.output(&[vector]), Ok(vector));
/// assert!(GaussianNoise { stddev: -1.0 }.output(&[vector]).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// The standard deviation, from 0 to 1.
    pub stddev: f64,
}

impl Layer for GaussianNoise {
    type Cache = ();

    fn class(&self) -> &'static str {
        "GaussianNoise"
    }

    fn detail(&self) -> String {
        format!("stddev {}", self.stddev)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("GaussianNoise")?;
        if (0.0..=1.0).contains(&self.stddev) {
            return Ok(inputs[0]);
        }
        let found = format!("`stddev` is {}", self.stddev);
        Err(LayerConfigError::of("stddev", found, "it must be from 0 to 1, as in Keras"))
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let out = &mut output.values;
        out.clone_from(ctx.inputs[0].real());
        let (time, batch, features) = out.dim();
        if self.stddev == 0.0 {
            return;
        }
        for row in 0..batch {
            let Some(mut rng) = ctx.pass.dropout_rng("gaussian noise", row) else { return };
            for t in 0..time {
                let numbers = out.step_mut(t)[row * features..][..features].iter_mut();
                numbers.for_each(|x| *x += (self.stddev * rng.normal()) as f32);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        if let BackwardContext { upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx {
            std::mem::swap(input_grad, upstream_grad);
        }
    }
}
