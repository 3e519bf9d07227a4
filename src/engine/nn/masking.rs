use serde::{Deserialize, Serialize};

use super::Block;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Marks the time steps that are padding, in sequences of numbers: those of which every feature is `mask_value`. Later layers
/// get the mask, as from an Embedding with `mask_zero`.
///
/// ```text
/// mₜ = 0 if x[t] = mask_value in every feature, else 1
/// out[t] = mₜ·x[t]       ∂L/∂x[t] = mₜ·∂L/∂out[t]
/// ```
/// A mask that reaches it ends here, as in Keras.
///
/// Source: `keras/src/layers/core/masking.py`. `[batch, time, features] → [batch, time, features]`.
///
/// ```
/// use unrolled_engine::nn::{Layer, Masking, Shape};
/// let frames = Shape::Sequence { time: 100, features: 40 };
/// assert_eq!(Masking::default().output(&[frames]), Ok(frames));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// The value of padding.
    #[serde(default)]
    pub mask_value: f32,
}

impl Layer for Masking {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Masking"
    }

    fn detail(&self) -> String {
        format!("mask_value {}", self.mask_value)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        if !self.mask_value.is_finite() {
            return Err(LayerConfigError::of(
                "mask_value",
                format!("`mask_value` is {}", self.mask_value),
                "it must be finite",
            ));
        }
        if let Shape::Ids { .. } = inputs[0] {
            return Err(LayerConfigError::new(
                "Masking reads numbers, but token ids reach it",
                "give the Embedding `mask_zero: true` instead",
            ));
        }
        let (time, features) = inputs[0].sequence("Masking")?;
        Ok(Shape::Sequence { time, features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Make
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let LayerOutput { values, mask, .. } = output;
        mask.of_steps(x, self.mask_value);
        values.clone_from(x);
        blank(values, mask.data());
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { output, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        blank(upstream_grad, output.mask.data());
        std::mem::swap(input_grad, upstream_grad);
    }
}

/// Sets masked rows to 0.
fn blank(rows: &mut Block, marks: &[bool]) {
    let features = rows.dim().2.max(1);
    let masked = rows.data_mut().chunks_exact_mut(features).zip(marks).filter(|(_, mark)| !**mark);
    masked.for_each(|(row, _)| row.fill(0.0));
}
