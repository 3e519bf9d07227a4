use serde::{Deserialize, Serialize};

use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};
use super::params::ParamSpec;
use super::{Block, Constraint, Initializer, Regularizer, Weights};

/// Gives the features of every time step mean 0 and variance 1, then a scale and an offset that are learned (Ba et al. 2016).
///
/// ```text
/// μ = mean(x)   v = mean((x − μ)²)   r = 1/√(v + ε)   x̂ = (x − μ)·r      over the features of one step of one sequence
/// out = γ ⊙ x̂ + β                                    γ: gamma [features]   β: beta [features]
/// g = ∂L/∂out ⊙ γ       ∂L/∂x = r·(g − mean(g) − x̂·mean(g ⊙ x̂))
/// ∂L/∂γ = Σ ∂L/∂out ⊙ x̂          ∂L/∂β = Σ ∂L/∂out
/// ```
/// Source: `keras/src/layers/normalization/layer_normalization.py`, axis -1. The shape stays.
///
/// ```
/// use unrolled_engine::nn::{Layer, LayerNormalization, Shape};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// let layer = LayerNormalization::default();
/// assert_eq!(layer.output(&[sequence]), Ok(sequence));
/// let names: Vec<String> = layer.params(&[sequence]).into_iter().map(|p| p.name).collect();
/// assert_eq!(names, ["gamma", "beta"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerNormalization {
    /// ε: avoids a division by 0 for equal features.
    pub epsilon: f64,
    /// Whether there is a β.
    pub center: bool,
    /// Whether there is a γ.
    pub scale: bool,
    /// The initializer of β.
    pub beta_initializer: Initializer,
    /// The initializer of γ.
    pub gamma_initializer: Initializer,
    /// The regularizer of β.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_regularizer: Option<Regularizer>,
    /// The regularizer of γ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma_regularizer: Option<Regularizer>,
    /// The constraint of β.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_constraint: Option<Constraint>,
    /// The constraint of γ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma_constraint: Option<Constraint>,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self {
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Initializer::Zeros,
            gamma_initializer: Initializer::Ones,
            beta_regularizer: None,
            gamma_regularizer: None,
            beta_constraint: None,
            gamma_constraint: None,
        }
    }
}

layer_cache! {
    /// The cache of a [`LayerNormalization`].
    LayerNormalizationCache {
        /// x̂, `[time, batch, features]`.
        normalized: Block,
        /// r, `[time, batch, 1]`.
        inverse_deviation: Block,
    }
}

impl LayerNormalization {
    /// γ, if there is one.
    fn gamma<'a>(&self, weights: Weights<'a>) -> Option<&'a [f32]> {
        self.scale.then(|| weights.get(0))
    }

    /// β, if there is one.
    fn beta<'a>(&self, weights: Weights<'a>) -> Option<&'a [f32]> {
        self.center.then(|| weights.get(usize::from(self.scale)))
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len() as f32;
    values.sum::<f32>() / count
}

impl Layer for LayerNormalization {
    type Cache = LayerNormalizationCache;

    fn class(&self) -> &'static str {
        "LayerNormalization"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("LayerNormalization")?;
        if !(self.epsilon.is_finite() && self.epsilon as f32 > 0.0) {
            let found = format!("`epsilon` is {}", self.epsilon);
            return Err(LayerConfigError::of(
                "epsilon",
                found,
                "it must be a small number above 0, as 0.001",
            ));
        }
        Ok(inputs[0])
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = inputs[0].features("LayerNormalization").unwrap_or(0);
        let tensor = |name, initializer| ParamSpec::new(name, &[features], initializer);
        let gamma = tensor("gamma", self.gamma_initializer).with_regularizer(self.gamma_regularizer);
        let gamma = self.scale.then(|| gamma.with_constraint(self.gamma_constraint));
        let beta = tensor("beta", self.beta_initializer).with_regularizer(self.beta_regularizer);
        let beta = self.center.then(|| beta.with_constraint(self.beta_constraint));
        gamma.into_iter().chain(beta).collect()
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        extent.positions() * (extent.features + 1)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        let LayerNormalizationCache { normalized: normal, inverse_deviation: inverse } = cache;
        let out = &mut output.values;
        normal.reshape(time, batch, features);
        inverse.reshape(time, batch, 1);
        let rows = normal.data_mut().chunks_exact_mut(features).zip(x.data().chunks_exact(features));
        for ((to, x), inverse) in rows.zip(inverse.data_mut()) {
            let middle = mean(x.iter().copied());
            to.iter_mut().zip(x).for_each(|(to, x)| *to = x - middle);
            *inverse = 1.0 / (mean(to.iter().map(|x| x * x)) + self.epsilon as f32).sqrt();
            to.iter_mut().for_each(|to| *to *= *inverse);
        }
        out.reshape(time, batch, features);
        out.data_mut().copy_from_slice(normal.data());
        for row in out.data_mut().chunks_exact_mut(features) {
            if let Some(gamma) = self.gamma(ctx.weights) {
                row.iter_mut().zip(gamma).for_each(|(out, gamma)| *out *= gamma);
            }
            if let Some(beta) = self.beta(ctx.weights) {
                row.iter_mut().zip(beta).for_each(|(out, beta)| *out += beta);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { weights, inputs, upstream_grad, param_grads, input_grads, .. } = ctx;
        let (time, batch, features) = inputs[0].real().dim();
        let LayerNormalizationCache { normalized: normal, inverse_deviation: inverse } = cache;
        let (d_gamma, d_beta) = param_grads.split_at_mut(if self.scale { features } else { 0 });
        for (d, normal) in
            upstream_grad.data().chunks_exact(features).zip(normal.data().chunks_exact(features))
        {
            d_gamma.iter_mut().zip(d.iter().zip(normal)).for_each(|(sum, (d, x))| *sum += d * x);
            d_beta.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
        let Some([input_grads, ..]) = input_grads else { return };
        input_grads.reshape(time, batch, features);
        input_grads.data_mut().copy_from_slice(upstream_grad.data());
        let rows =
            input_grads.data_mut().chunks_exact_mut(features).zip(normal.data().chunks_exact(features));
        for ((g, normal), inverse) in rows.zip(inverse.data()) {
            if let Some(gamma) = self.gamma(weights) {
                g.iter_mut().zip(gamma).for_each(|(g, gamma)| *g *= gamma);
            }
            let middle = mean(g.iter().copied());
            let along = mean(g.iter().zip(normal).map(|(g, x)| g * x));
            g.iter_mut().zip(normal).for_each(|(g, x)| *g = inverse * (*g - middle - x * along));
        }
    }
}
