use serde::{Deserialize, Serialize};

use super::Block;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Gives the numbers of a sequence, step after step, another shape; the gradient gets the old one back.
///
/// A mask ends here, as in Keras.
///
/// Source: `keras/src/layers/reshaping/reshape.py`. `[batch, …] → [batch, *target_shape]`, where one size may be -1: what is left.
///
/// ```
/// use unrolled_engine::nn::{Layer, Reshape, Shape};
/// let out = Reshape { target_shape: vec![-1, 15] }.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 3, features: 15 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// `[features]`, or `[time, features]`.
    pub target_shape: Vec<i64>,
}

/// Copies numbers in the order of sequence, time step, feature; `to` has its shape.
fn copy_by_sequence(from: &Block, to: &mut Block) {
    let ((_, batch, features), (_, _, width)) = (from.dim(), to.dim());
    let size = from.data().len() / batch.max(1);
    for row in 0..batch {
        for i in 0..size {
            let number = from.data()[(i / features * batch + row) * features + i % features];
            to.data_mut()[(i / width * batch + row) * width + i % width] = number;
        }
    }
}

impl Reshape {
    /// Time steps (1 for a vector) and features of the output for `size` numbers.
    fn sizes(&self, size: usize) -> Option<(usize, usize)> {
        let (steps, width) = match self.target_shape[..] {
            [width] => (1, width),
            [steps, width] => (steps, width),
            _ => return None,
        };
        let known = |n: i64| if n == -1 { Some(1) } else { usize::try_from(n).ok().filter(|n| *n > 0) };
        let product = known(steps)?.checked_mul(known(width)?)?;
        let left = size / product;
        let is_open = (steps == -1) != (width == -1);
        let filled = |n: i64| usize::try_from(n).unwrap_or(left);
        let fits = left * product == size && if is_open { left > 0 } else { left == 1 && steps != -1 };
        fits.then(|| (filled(steps), filled(width)))
    }
}

impl Layer for Reshape {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Reshape"
    }

    fn detail(&self) -> String {
        format!("target_shape {:?}", self.target_shape)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let features = inputs[0].features("Reshape")?;
        let size = match inputs[0] {
            Shape::Sequence { time, .. } => time.saturating_mul(features),
            _ => features,
        };
        match self.sizes(size) {
            Some((_, features)) if self.target_shape.len() == 1 => Ok(Shape::Vector { features }),
            Some((time, features)) => Ok(Shape::Sequence { time, features }),
            None => {
                let found = format!("`target_shape` is {:?}", self.target_shape);
                let help = format!(
                    "{size} numbers reach it: one size, or time steps and features, whose product is that; one may be -1"
                );
                Err(LayerConfigError::of("target_shape", found, help))
            }
        }
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        let (steps, width) = self.sizes(time * features).unwrap_or((1, time * features));
        output.values.reshape(steps, batch, width);
        copy_by_sequence(x, &mut output.values);
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let (time, batch, features) = inputs[0].real().dim();
        input_grad.reshape(time, batch, features);
        copy_by_sequence(upstream_grad, input_grad);
    }
}
