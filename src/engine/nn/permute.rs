use serde::{Deserialize, Serialize};

use super::Block;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Puts the axes of a sequence in another order: with `dims: [2, 1]` time steps become features, `out[f][t] = x[t][f]`; the gradient goes
/// the same way back.
///
/// A mask ends here, as in Keras.
///
/// Source: `keras/src/layers/reshaping/permute.py`. `[batch, time, features] → [batch, features, time]`.
///
/// ```
/// use unrolled_engine::nn::{Layer, Permute, Shape};
/// let out = Permute { dims: vec![2, 1] }.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 5, features: 9 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permute {
    /// Which axis of the input each axis of the output is, from 1; the batch is not counted.
    pub dims: Vec<usize>,
}

impl Permute {
    fn swaps(&self) -> bool {
        self.dims == [2, 1]
    }
}

/// Writes `[time, batch, features]` as `[features, batch, time]`.
fn swap_axes(from: &Block, to: &mut Block) {
    let (time, batch, features) = from.dim();
    to.reshape(features, batch, time);
    for t in 0..time {
        for (row, numbers) in from.step(t).chunks_exact(features).enumerate() {
            for (f, x) in numbers.iter().enumerate() {
                to.data_mut()[(f * batch + row) * time + t] = *x;
            }
        }
    }
}

impl Layer for Permute {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Permute"
    }

    fn detail(&self) -> String {
        format!("dims {:?}", self.dims)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("Permute")?;
        let wrong =
            |help: &str| Err(LayerConfigError::of("dims", format!("`dims` is {:?}", self.dims), help));
        match (inputs[0], self.dims.as_slice()) {
            (Shape::Sequence { time, features }, [2, 1]) => {
                Ok(Shape::Sequence { time: features, features: time })
            }
            (Shape::Sequence { .. }, [1, 2]) | (Shape::Vector { .. }, [1]) => Ok(inputs[0]),
            (Shape::Sequence { .. }, _) => {
                wrong("a sequence has two axes, time and features: [2, 1] swaps them")
            }
            _ => wrong("a vector has one axis: [1]"),
        }
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        if self.swaps() { swap_axes(x, &mut output.values) } else { output.values.clone_from(x) }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else { return };
        if self.swaps() {
            swap_axes(upstream_grad, input_grad)
        } else {
            std::mem::swap(input_grad, upstream_grad)
        }
    }
}
