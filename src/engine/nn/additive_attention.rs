use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

use super::attention::query_value::{self, AttentionCache, QueryValueAttention, query_value_passes};
use super::attention::scores::Scores;
use super::dropout::check_rate;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::params::ParamSpec;
use super::{Initializer, Weights};

/// Additive attention (Bahdanau et al. 2015): as [`Attention`](super::Attention), with a sum in place of the product. The value is
/// its own key.
///
/// ```text
/// s[i,j] = Σ c ⊙ tanh(q[i] + v[j])     p[i,:] = softmax(s[i,:])     out[i] = Σⱼ p[i,j]·v[j]       c: scale [features]
/// g[i,j] = ∂L/∂out[i]·v[j]             δ[i,j] = ∂L/∂s = p ⊙ (g − Σⱼ p·g)     a = tanh(q[i] + v[j])
/// ∂L/∂q[i] = Σⱼ δ·c ⊙ (1 − a²)         ∂L/∂v[j] = Σᵢ p·∂L/∂out[i] + Σᵢ δ·c ⊙ (1 − a²)      ∂L/∂c = Σ δ·a
/// ```
/// Masked values have weight 0, and the output at masked queries is 0. Where all values are masked their scores are lowered alike,
/// by 10⁹, as in Keras: that leaves the plain mean, unless scores are large. `dropout` drops weights while learning.
///
/// Source: `keras/src/layers/attention/additive_attention.py`. Inputs and shapes are those of [`Attention`](super::Attention).
///
/// ```
/// use unrolled_engine::nn::{AdditiveAttention, Layer, Shape};
/// let sequence = Shape::Sequence { time: 9, features: 6 };
/// let layer = AdditiveAttention::default();
/// assert_eq!(layer.output(&[sequence]), Ok(sequence));
/// assert_eq!(layer.params(&[sequence])[0].shape, [6]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdditiveAttention {
    /// Whether there is a `c`.
    pub use_scale: bool,
    /// The share of weights that is dropped while learning.
    pub dropout: f64,
}

impl Default for AdditiveAttention {
    fn default() -> Self {
        Self { use_scale: true, dropout: 0.0 }
    }
}

impl AdditiveAttention {
    fn scores<'a>(&self, weights: Weights<'a>) -> Scores<'a> {
        Scores::Additive { scale: self.use_scale.then(|| weights.get(0)) }
    }
}

impl Layer for AdditiveAttention {
    type Cache = AttentionCache;

    fn class(&self) -> &'static str {
        "AdditiveAttention"
    }

    fn detail(&self) -> String {
        if self.use_scale { "scaled".into() } else { String::new() }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        check_rate("dropout", self.dropout)?;
        query_value::output(inputs, "AdditiveAttention")
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = inputs[0].features("AdditiveAttention").unwrap_or(0);
        let scale = || ParamSpec::new("scale", &[features], Initializer::GlorotUniform);
        self.use_scale.then(scale).into_iter().collect()
    }

    query_value_passes!();
}
