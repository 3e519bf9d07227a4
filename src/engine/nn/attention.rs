//! Attention: every step of a sequence looks at all steps of a sequence, and takes more from those that matter to it.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

pub(super) mod heads;
pub(super) mod query_value;
pub(super) mod scores;

use self::query_value::{AttentionCache, QueryValueAttention, query_value_passes};
use self::scores::Scores;
use super::dropout::check_rate;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::params::ParamSpec;
use super::{Initializer, Weights};

/// How [`Attention`] compares a query and a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// By their product.
    #[default]
    Dot,
    /// By the tanh of their sum.
    Concat,
}

/// Multiplicative attention (Luong et al. 2015): each query takes the mean of the values, weighted by how well their keys match it.
/// The value is its own key.
///
/// ```text
/// s[i,j] = c·q[i]·v[j]   or, with score_mode concat,   s[i,j] = w·Σ tanh(c·(q[i] + v[j]))
/// p[i,:] = softmax(s[i,:])     out[i] = Σⱼ p[i,j]·v[j]         c: scale []   w: concat_score_weight []
/// g[i,j] = ∂L/∂out[i]·v[j]     δ[i,j] = ∂L/∂s = p ⊙ (g − Σⱼ p·g)
/// dot:     ∂L/∂q[i] = c·Σⱼ δ·v[j]     ∂L/∂v[j] = Σᵢ p·∂L/∂out[i] + c·Σᵢ δ·q[i]     ∂L/∂c = Σ δ·(q[i]·v[j])
/// concat:  u = c·(q[i] + v[j])   ∂L/∂q[i] = Σⱼ δ·w·c·(1 − tanh² u)   and so to v[j]
///          ∂L/∂w = Σ δ·Σ tanh u   ∂L/∂c = Σ δ·w·Σ (1 − tanh² u)·(q[i] + v[j])
/// ```
/// Masked values have weight 0, and the output at masked queries is 0. Where all values are masked their scores are lowered alike,
/// by 10⁹, as in Keras: that leaves the plain mean, unless scores are large. `dropout` drops weights while learning.
///
/// Source: `keras/src/layers/attention/attention.py`. One input attends to itself, `[batch, time, features]` → the same; two, with
/// `inputs: [query, value]`, `[batch, query time, features], [batch, time, features] → [batch, query time, features]`.
///
/// ```
/// use unrolled_engine::nn::{Attention, Layer, Shape};
/// let (query, value) = (Shape::Sequence { time: 9, features: 6 }, Shape::Sequence { time: 20, features: 6 });
/// assert_eq!(Attention::default().output(&[query, value]), Ok(query));
/// assert!(Attention::default().output(&[query, Shape::Sequence { time: 20, features: 7 }]).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attention {
    /// Whether there is a `c`.
    pub use_scale: bool,
    /// How scores are made.
    pub score_mode: ScoreMode,
    /// The share of weights that is dropped while learning.
    pub dropout: f64,
}

impl Attention {
    fn scores<'a>(&self, weights: Weights<'a>) -> Scores<'a> {
        let scale = self.use_scale.then(|| weights.get(0)[0]);
        match self.score_mode {
            ScoreMode::Dot => Scores::Dot { scale },
            ScoreMode::Concat => {
                Scores::Concat { scale, weight: weights.get(usize::from(self.use_scale))[0] }
            }
        }
    }
}

impl Layer for Attention {
    type Cache = AttentionCache;

    fn class(&self) -> &'static str {
        "Attention"
    }

    fn detail(&self) -> String {
        let mode = match self.score_mode {
            ScoreMode::Dot => "dot",
            ScoreMode::Concat => "concat",
        };
        format!("{mode}{}", if self.use_scale { ", scaled" } else { "" })
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        check_rate("dropout", self.dropout)?;
        query_value::output(inputs, "Attention")
    }

    fn params(&self, _inputs: &[Shape]) -> Vec<ParamSpec> {
        let scale = self.use_scale.then(|| ParamSpec::new("scale", &[], Initializer::Ones));
        let concat = self.score_mode == ScoreMode::Concat;
        let weight = concat.then(|| ParamSpec::new("concat_score_weight", &[], Initializer::Ones));
        scale.into_iter().chain(weight).collect()
    }

    query_value_passes!();
}
