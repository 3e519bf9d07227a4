use serde::{Deserialize, Serialize};

use super::batch_sums::BatchSums;
use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Mode, Shape};
use super::params::ParamSpec;
use super::{Block, Initializer, Mask, Regularizer, Weights};

/// Gives every feature mean 0 and variance 1 over the batch and its time steps, then a scale and an offset that are learned (Ioffe &
/// Szegedy 2015). Otherwise than in training it uses moving averages of mean and variance, which training updates step by step.
///
/// ```text
/// μ = Σ x/N    v = Σ (x − μ)²/N        over the N unmasked positions of the whole batch, of all its shards
/// r = 1/√(v + ε)    x̂ = (x − μ)·r      out = γ ⊙ x̂ + β      γ: gamma [features]   β: beta [features]
/// moving_mean ← momentum·moving_mean + (1 − momentum)·μ     moving_variance likewise with v
/// d = ∂L/∂out     ∂L/∂β = Σ d    ∂L/∂γ = Σ d ⊙ x̂           over all positions
/// ∂L/∂x = γ·r·(d − (Σ d + x̂·Σ d ⊙ x̂)/N)                     masked positions: γ·r·d
/// in inference: μ, v are the moving ones and ∂L/∂x = γ·r·d; so it is where the layer is not `trainable`
/// ```
/// Masked positions do not count in μ and v, but are normalized by them (N is then `N + 10⁻⁷`, as in Keras). The sums are those of the
/// shards, added in their order in f64, so that results do not depend on threads.
///
/// Source: `keras/src/layers/normalization/batch_normalization.py`, axis -1. The shape stays.
///
/// ```
/// use unrolled_engine::nn::{BatchNormalization, Layer, Shape};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// let layer = BatchNormalization::default();
/// assert_eq!(layer.output(&[sequence]), Ok(sequence));
/// let names: Vec<String> = layer.params(&[sequence]).into_iter().map(|p| p.name).collect();
/// assert_eq!(names, ["gamma", "beta", "moving_mean", "moving_variance"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNormalization {
    /// How much of the moving averages a step leaves, from 0 to 1.
    pub momentum: f64,
    /// ε: avoids a division by 0 for equal positions.
    pub epsilon: f64,
    /// Whether there is a β.
    pub center: bool,
    /// Whether there is a γ.
    pub scale: bool,
    /// The initializer of β.
    pub beta_initializer: Initializer,
    /// The initializer of γ.
    pub gamma_initializer: Initializer,
    /// The initializer of the moving mean.
    pub moving_mean_initializer: Initializer,
    /// The initializer of the moving variance.
    pub moving_variance_initializer: Initializer,
    /// The regularizer of β.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_regularizer: Option<Regularizer>,
    /// The regularizer of γ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma_regularizer: Option<Regularizer>,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Initializer::Zeros,
            gamma_initializer: Initializer::Ones,
            moving_mean_initializer: Initializer::Zeros,
            moving_variance_initializer: Initializer::Ones,
            beta_regularizer: None,
            gamma_regularizer: None,
        }
    }
}

layer_cache! {
    /// The cache of a [`BatchNormalization`].
    BatchNormalizationCache {
        /// x̂, `[time, batch, features]`.
        normalized: Block,
        /// r, `[1, 1, features]`.
        inverse_deviation: Block,
        /// μ, `[1, 1, features]`.
        mean: Block,
        /// Σ x and Σ x² of this shard.
        moments: BatchSums,
        /// The same of the whole batch.
        batch_moments: BatchSums,
        /// Σ d and Σ d ⊙ x̂ of this shard.
        gradients: BatchSums,
        /// The same of the whole batch.
        batch_gradients: BatchSums,
    }
}

/// Keras adds it to the number of unmasked positions.
const MASKED_EPSILON: f64 = 1e-7;

impl BatchNormalization {
    /// γ, if there is one.
    fn gamma<'a>(&self, weights: Weights<'a>) -> Option<&'a [f32]> {
        self.scale.then(|| weights.get(0))
    }

    /// β, if there is one.
    fn beta<'a>(&self, weights: Weights<'a>) -> Option<&'a [f32]> {
        self.center.then(|| weights.get(usize::from(self.scale)))
    }

    /// The place of the moving mean among the layer's tensors; the moving variance follows.
    pub(super) fn moving(&self) -> usize {
        usize::from(self.scale) + usize::from(self.center)
    }

    /// Sums the moments of this shard's rows of the input `x`.
    pub(super) fn sum_moments(&self, x: &Block, mask: Option<&Mask>, cache: &mut BatchNormalizationCache) {
        let features = x.dim().2;
        cache.moments.begin(features);
        for (i, row) in x.data().chunks_exact(features).enumerate() {
            if mask.is_none_or(|mask| mask.data()[i]) {
                cache.moments.add_row(row, row);
            }
        }
    }

    /// Sums what the gradients of this shard's rows have in common, from ∂L/∂out.
    pub(super) fn sum_gradients(&self, upstream_grad: &Block, cache: &mut BatchNormalizationCache) {
        let features = upstream_grad.dim().2;
        cache.gradients.begin(features);
        let rows = upstream_grad.data().chunks_exact(features);
        for (d, normalized) in rows.zip(cache.normalized.data().chunks_exact(features)) {
            cache.gradients.add_row(d, normalized);
        }
    }

    /// Moves the moving averages in the layer's `values` to the moments of the batch that `cache` has seen in training.
    pub(super) fn move_averages(
        &self,
        cache: &BatchNormalizationCache,
        masked: bool,
        mean: &mut [f32],
        variance: &mut [f32],
    ) {
        let moved =
            |old: f32, new: f64| (f64::from(old) * self.momentum + new * (1.0 - self.momentum)) as f32;
        let moments = moments(&cache.batch_moments, masked);
        for ((mean, variance), (batch_mean, batch_variance)) in mean.iter_mut().zip(variance).zip(moments) {
            *mean = moved(*mean, batch_mean);
            *variance = moved(*variance, batch_variance);
        }
    }
}

/// N: the positions that count, or a little more where a mask reaches the layer.
fn positions(sums: &BatchSums, masked: bool) -> f64 {
    if masked { sums.count + MASKED_EPSILON } else { sums.count.max(1.0) }
}

/// μ and v of every feature.
fn moments(sums: &BatchSums, masked: bool) -> impl Iterator<Item = (f64, f64)> + '_ {
    let n = positions(sums, masked);
    sums.first.iter().zip(&sums.second).map(move |(first, second)| {
        let mean = first / n;
        // Σ (x − μ)² = Σ x² − 2μ·Σ x + count·μ²
        let squares = second - 2.0 * mean * first + sums.count * mean * mean;
        (mean, (squares / n).max(0.0))
    })
}

impl Layer for BatchNormalization {
    type Cache = BatchNormalizationCache;

    fn class(&self) -> &'static str {
        "BatchNormalization"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].features("BatchNormalization")?;
        if !(self.epsilon.is_finite() && self.epsilon as f32 > 0.0) {
            let found = format!("`epsilon` is {}", self.epsilon);
            let help = "it must be a small number above 0, as 0.001";
            return Err(LayerConfigError::of("epsilon", found, help));
        }
        if !(0.0..=1.0).contains(&self.momentum) {
            let found = format!("`momentum` is {}", self.momentum);
            return Err(LayerConfigError::of("momentum", found, "it must be from 0 to 1, as 0.99"));
        }
        Ok(inputs[0])
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let shape = [inputs[0].features("BatchNormalization").unwrap_or(0)];
        let gamma = || {
            ParamSpec::new("gamma", &shape, self.gamma_initializer).with_regularizer(self.gamma_regularizer)
        };
        let beta =
            || ParamSpec::new("beta", &shape, self.beta_initializer).with_regularizer(self.beta_regularizer);
        let mean = ParamSpec::new("moving_mean", &shape, self.moving_mean_initializer).frozen();
        let variance = ParamSpec::new("moving_variance", &shape, self.moving_variance_initializer).frozen();
        let learned = self.scale.then(gamma).into_iter().chain(self.center.then(beta));
        learned.chain([mean, variance]).collect()
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        extent.positions() * extent.features
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let (time, batch, features) = x.dim();
        let BatchNormalizationCache { normalized, inverse_deviation: inverse, mean, batch_moments, .. } =
            cache;
        inverse.reshape(1, 1, features);
        mean.reshape(1, 1, features);
        let statistics = mean.data_mut().iter_mut().zip(inverse.data_mut());
        let inverse_of = |variance: f64| (1.0 / (variance + self.epsilon).sqrt()) as f32;
        if ctx.pass.mode == Mode::Evaluate {
            let moving = ctx.weights.get(self.moving()).iter().zip(ctx.weights.get(self.moving() + 1));
            statistics.zip(moving).for_each(|((mean, inverse), (moving_mean, moving_variance))| {
                (*mean, *inverse) = (*moving_mean, inverse_of(f64::from(*moving_variance)));
            });
        } else {
            let moments = moments(batch_moments, ctx.pass.mask.is_some());
            statistics.zip(moments).for_each(|((mean, inverse), (batch_mean, batch_variance))| {
                (*mean, *inverse) = (batch_mean as f32, inverse_of(batch_variance));
            });
        }
        normalized.reshape(time, batch, features);
        output.values.reshape(time, batch, features);
        let (gamma, beta) = (self.gamma(ctx.weights), self.beta(ctx.weights));
        let rows = normalized.data_mut().chunks_exact_mut(features).zip(x.data().chunks_exact(features));
        for ((normalized, x), out) in rows.zip(output.values.data_mut().chunks_exact_mut(features)) {
            for (i, (normalized, out)) in normalized.iter_mut().zip(out).enumerate() {
                *normalized = (x[i] - mean.data()[i]) * inverse.data()[i];
                *out = *normalized * gamma.map_or(1.0, |gamma| gamma[i]) + beta.map_or(0.0, |beta| beta[i]);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { pass, weights, inputs, upstream_grad, param_grads, input_grads, .. } = ctx;
        let (time, batch, features) = inputs[0].real().dim();
        let (d_gamma, d_beta) =
            param_grads.split_at_mut(if self.scale { features.min(param_grads.len()) } else { 0 });
        d_gamma.iter_mut().zip(&cache.gradients.second).for_each(|(sum, d)| *sum += *d as f32);
        if self.center {
            d_beta.iter_mut().zip(&cache.gradients.first).for_each(|(sum, d)| *sum += *d as f32);
        }
        let Some([input_grad, ..]) = input_grads else { return };
        input_grad.reshape(time, batch, features);
        let gamma = self.gamma(weights);
        let training = pass.mode != Mode::Evaluate;
        let n = positions(&cache.batch_moments, pass.mask.is_some());
        let sums = &cache.batch_gradients;
        let rows =
            input_grad.data_mut().chunks_exact_mut(features).zip(upstream_grad.data().chunks_exact(features));
        for (i, (to, d)) in rows.enumerate() {
            let counts = training && pass.mask.is_none_or(|mask| mask.data()[i]);
            let normalized = &cache.normalized.data()[i * features..][..features];
            for (f, to) in to.iter_mut().enumerate() {
                let common = match counts {
                    true => ((sums.first[f] + f64::from(normalized[f]) * sums.second[f]) / n) as f32,
                    false => 0.0,
                };
                let scale = gamma.map_or(1.0, |gamma| gamma[f]) * cache.inverse_deviation.data()[f];
                *to = scale * (d[f] - common);
            }
        }
    }
}
