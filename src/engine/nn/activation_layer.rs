use serde::{Deserialize, Serialize};

use super::Activation;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};

/// An activation as a layer of its own, Keras's `Activation`: `out = f(x)`, `∂L/∂x = ∂L/∂out ⊙ f′(x)`.
///
/// At the end of a network it may be the one that the loss wants, behind a `Dense` without.
///
/// Source: `keras/src/layers/activations/activation.py`. The shape and the mask stay.
///
/// ```
/// use unrolled_engine::nn::{Activation, ActivationLayer, Layer, Shape};
/// let vector = Shape::Vector { features: 8 };
/// assert_eq!(ActivationLayer { activation: Activation::Tanh }.output(&[vector]), Ok(vector));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationLayer {
    /// `f`.
    pub activation: Activation,
}

impl Layer for ActivationLayer {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Activation"
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("Activation")?;
        self.activation.check("activation")?;
        Ok(inputs[0])
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        output.values.clone_from(ctx.inputs[0].real());
        let (_, _, width) = output.values.dim();
        self.activation.apply(output.values.data_mut(), width);
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { output, inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx
        else {
            return;
        };
        let (_, _, width) = upstream_grad.dim();
        let (a, z) = (output.values.data(), inputs[0].real().data());
        self.activation.chain(upstream_grad.data_mut(), a, z, width);
        std::mem::swap(input_grad, upstream_grad);
    }
}
