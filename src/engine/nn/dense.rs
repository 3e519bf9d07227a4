use serde::{Deserialize, Serialize};

use super::affine::{affine, affine_backward};
use super::cache::layer_cache;
use super::defaults;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};
use super::params::ParamSpec;
use super::{Activation, Block, Constraint, Initializer, Regularizer};

/// A weighted sum and an activation, the same at every time step.
///
/// ```text
/// z = x·W + b    a = f(z)               W: kernel [features, units]   b: bias [units]
/// δ = ∂L/∂a ⊙ f′(z)
/// ∂L/∂W = xᵀ·δ   ∂L/∂b = Σ δ   ∂L/∂x = δ·Wᵀ
/// ```
/// Source: `keras/src/layers/core/dense.py`. `[batch, features] → [batch, units]`, `[batch, time, features] → [batch, time, units]`.
///
/// ```
/// use unrolled_engine::nn::{Dense, Layer, Shape};
/// let layer = Dense { units: 1, ..Dense::default() };
/// assert_eq!(layer.output(&[Shape::Vector { features: 8 }]), Ok(Shape::Vector { features: 1 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Output units.
    pub units: usize,
    /// `f`.
    #[serde(default)]
    pub activation: Activation,
    /// Whether there is a `b`.
    #[serde(default = "crate::nn::defaults::yes")]
    pub use_bias: bool,
    /// The kernel initializer.
    #[serde(default = "crate::nn::defaults::glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// The bias initializer.
    #[serde(default = "crate::nn::defaults::zeros")]
    pub bias_initializer: Initializer,
    /// The kernel regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_regularizer: Option<Regularizer>,
    /// The bias regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_regularizer: Option<Regularizer>,
    /// The kernel constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_constraint: Option<Constraint>,
    /// The bias constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_constraint: Option<Constraint>,
}

impl Default for Dense {
    fn default() -> Self {
        Self {
            units: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: defaults::glorot_uniform(),
            bias_initializer: defaults::zeros(),
            kernel_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
        }
    }
}

layer_cache! {
    /// The cache of a [`Dense`].
    DenseCache {
        /// z, where `f′` is computed from it.
        z: Block,
    }
}

impl Layer for Dense {
    type Cache = DenseCache;

    fn class(&self) -> &'static str {
        "Dense"
    }

    fn detail(&self) -> String {
        self.activation.name().into()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("Dense")?;
        self.activation.check("activation")?;
        let features = LayerConfigError::positive("units", self.units)?;
        Ok(match inputs[0] {
            Shape::Sequence { time, .. } => Shape::Sequence { time, features },
            _ => Shape::Vector { features },
        })
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = inputs[0].features("Dense").unwrap_or(0);
        let kernel = ParamSpec::new("kernel", &[features, self.units], self.kernel_initializer);
        let kernel = kernel.with_regularizer(self.kernel_regularizer);
        let mut all = vec![kernel.with_constraint(self.kernel_constraint)];
        if self.use_bias {
            let bias = ParamSpec::new("bias", &[self.units], self.bias_initializer);
            all.push(bias.with_regularizer(self.bias_regularizer).with_constraint(self.bias_constraint));
        }
        all
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        if self.activation.needs_input() { extent.positions() * self.units } else { 0 }
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        output.values.reshape(time, batch, self.units);
        let bias = self.use_bias.then(|| ctx.weights.get(1));
        affine(output.values.data_mut(), x.data(), ctx.weights.get(0), bias, features, self.units);
        if self.activation.needs_input() {
            cache.z.clone_from(&output.values);
        }
        self.activation.apply(output.values.data_mut(), self.units);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { output, weights, inputs, upstream_grad, param_grads, input_grads, .. } = ctx;
        let x = inputs[0].real();
        let (d, a) = (upstream_grad.data_mut(), output.values.data());
        self.activation.chain(d, a, cache.z.data(), self.units);
        affine_backward(
            upstream_grad.data(),
            x,
            weights.get(0),
            param_grads,
            self.units,
            input_grads.and_then(<[Block]>::first_mut),
        );
    }
}
