use std::ops::RangeInclusive;

use ndarray::{ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use super::affine::{affine, affine_backward};
use super::attention::heads::{
    AttentionMask, FullyMasked, Head, Scratch, combine, combine_backward, dropout_rng,
};
use super::attention::scores::{Gradients, Scores};
use super::cache::layer_cache;
use super::dropout::check_rate;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Pass, Shape};
use super::params::ParamSpec;
use super::{Block, Constraint, Initializer, Regularizer, Weights, defaults};
use crate::kernel::{Matrix, matmul};

/// Several attentions at once, each over its own projection of the inputs (Vaswani et al. 2017).
///
/// ```text
/// Q = q·W^q + b^q     K = v·W^k + b^k     V = v·W^v + b^v       by heads h: [time, num_heads, key_dim or value_dim]
/// P^h = softmax(Q^h·K^hᵀ/√key_dim)        C^h = P^h·V^h         out = C·W^o + b^o
///     query.kernel, key.kernel [features, num_heads, key_dim]   value.kernel [features, num_heads, value_dim]
///     attention_output.kernel [num_heads, value_dim, features]  biases: [num_heads, …], [features]
/// ∂L/∂C = ∂L/∂out·W^oᵀ      ∂L/∂V^h = P^hᵀ·∂L/∂C^h      G = ∂L/∂C^h·V^hᵀ      δ = P^h ⊙ (G − Σⱼ P^h·G)
/// ∂L/∂Q^h = δ·K^h/√key_dim    ∂L/∂K^h = δᵀ·Q^h/√key_dim;    then through the projections as in a `Dense`
/// ```
/// `∂L/∂b^k = Σ δᵀ·Q^h/√key_dim = 0`, as every row of δ sums to 0. Masked values have weight 0. A masked query attends to nothing in particular: its weights are all alike, or all 0 with a
/// `dropout` above 0, as in Keras. `dropout` drops weights while learning.
///
/// Source: `keras/src/layers/attention/multi_head_attention.py`. One input attends to itself, `[batch, time, features]` → the same;
/// two, with `inputs: [query, value]`, `[batch, query time, f], [batch, time, g] → [batch, query time, f]`.
///
/// ```
/// use unrolled_engine::nn::{Layer, MultiHeadAttention, Shape};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// let layer = MultiHeadAttention { num_heads: 2, key_dim: 3, ..MultiHeadAttention::default() };
/// assert_eq!(layer.output(&[sequence]), Ok(sequence));
/// assert_eq!(layer.params(&[sequence])[6].shape, [2, 3, 5]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttention {
    /// Attentions side by side.
    pub num_heads: usize,
    /// Size of a query and a key.
    pub key_dim: usize,
    /// Size of a value; `key_dim` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_dim: Option<usize>,
    /// Whether projections have a bias.
    #[serde(default = "crate::nn::defaults::yes")]
    pub use_bias: bool,
    /// The share of weights that is dropped while learning.
    #[serde(default)]
    pub dropout: f64,
    /// The initializer of the kernels.
    #[serde(default = "crate::nn::defaults::glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// The initializer of the biases.
    #[serde(default = "crate::nn::defaults::zeros")]
    pub bias_initializer: Initializer,
    /// The regularizer of the kernels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_regularizer: Option<Regularizer>,
    /// The regularizer of the biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_regularizer: Option<Regularizer>,
    /// The constraint of the kernels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_constraint: Option<Constraint>,
    /// The constraint of the biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_constraint: Option<Constraint>,
}

impl Default for MultiHeadAttention {
    fn default() -> Self {
        Self {
            num_heads: 1,
            key_dim: 1,
            value_dim: None,
            use_bias: true,
            dropout: 0.0,
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
    /// The cache of a [`MultiHeadAttention`].
    MultiHeadAttentionCache {
        /// P before dropout, `[batch·heads, query time, key time]`.
        weights: Block,
        /// Q, `[query time, batch, heads·key_dim]`.
        query: Block,
        /// K, `[key time, batch, heads·key_dim]`.
        key: Block,
        /// V, `[key time, batch, heads·value_dim]`.
        value: Block,
        /// C, `[query time, batch, heads·value_dim]`.
        context: Block,
        /// ∂L/∂Q.
        query_grad: Block,
        /// ∂L/∂K.
        key_grad: Block,
        /// ∂L/∂V.
        value_grad: Block,
        /// ∂L/∂C.
        context_grad: Block,
        /// Of one head at a time.
        scratch: Scratch,
        /// Of one query at a time.
        pairs: Block,
    }
}

impl MultiHeadAttention {
    fn value_dim(&self) -> usize {
        self.value_dim.unwrap_or(self.key_dim)
    }

    /// The place of a head among queries and keys, and among values.
    fn heads(&self, row: usize, head: usize) -> (Head, Head) {
        let place = |width| Head { row, first: head * width, width };
        (place(self.key_dim), place(self.value_dim()))
    }

    fn scores(&self) -> Scores<'static> {
        Scores::Dot { scale: Some(1.0 / (self.key_dim as f32).sqrt()) }
    }

    fn reach<'a>(&self, pass: &Pass<'a>, inputs: usize) -> AttentionMask<'a> {
        let fully_masked = if self.dropout > 0.0 { FullyMasked::Nothing } else { FullyMasked::Mean };
        AttentionMask { queries: pass.masks[0], keys: pass.masks[inputs - 1], fully_masked }
    }

    /// Kernel and bias of the `i`-th projection: query, key, value, output.
    fn projection<'a>(&self, weights: Weights<'a>, i: usize) -> (&'a [f32], Option<&'a [f32]>) {
        if self.use_bias {
            (weights.get(2 * i), Some(weights.get(2 * i + 1)))
        } else {
            (weights.get(i), None)
        }
    }

    /// `out = x·W + b` of the `i`-th projection, to `units` numbers.
    fn project(&self, out: &mut Block, x: &Block, weights: Weights<'_>, i: usize, units: usize) {
        let (time, batch, features) = x.dim();
        let (kernel, bias) = self.projection(weights, i);
        out.reshape(time, batch, units);
        affine(out.data_mut(), x.data(), kernel, bias, features, units);
    }
}

impl Layer for MultiHeadAttention {
    type Cache = MultiHeadAttentionCache;

    fn class(&self) -> &'static str {
        "MultiHeadAttention"
    }

    fn detail(&self) -> String {
        let heads = if self.num_heads == 1 { "head" } else { "heads" };
        format!("{} {heads} of {}", self.num_heads, self.key_dim)
    }

    fn arity(&self) -> RangeInclusive<usize> {
        1..=2
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (queries, _) = inputs[0].sequence("MultiHeadAttention")?;
        let (keys, _) = inputs[inputs.len() - 1].sequence("MultiHeadAttention")?;
        LayerConfigError::positive("num_heads", self.num_heads)?;
        LayerConfigError::positive("key_dim", self.key_dim)?;
        LayerConfigError::positive("value_dim", self.value_dim())?;
        check_rate("dropout", self.dropout)?;
        LayerConfigError::spacious("weights", &[self.num_heads, queries, keys])?;
        Ok(inputs[0])
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = |input: Option<&Shape>| input.and_then(|i| i.features("").ok()).unwrap_or(0);
        let (query, value) = (features(inputs.first()), features(inputs.last()));
        let (heads, key_dim, value_dim) = (self.num_heads, self.key_dim, self.value_dim());
        let projections = [
            ("query", [query, heads, key_dim], vec![heads, key_dim]),
            ("key", [value, heads, key_dim], vec![heads, key_dim]),
            ("value", [value, heads, value_dim], vec![heads, value_dim]),
            ("attention_output", [heads, value_dim, query], vec![query]),
        ];
        let tensors = projections.into_iter().flat_map(|(name, kernel, bias)| {
            let kernel = ParamSpec::new(&format!("{name}.kernel"), &kernel, self.kernel_initializer)
                .with_regularizer(self.kernel_regularizer)
                .with_constraint(self.kernel_constraint);
            let bias = ParamSpec::new(&format!("{name}.bias"), &bias, self.bias_initializer)
                .with_regularizer(self.bias_regularizer)
                .with_constraint(self.bias_constraint);
            [Some(kernel), self.use_bias.then_some(bias)]
        });
        tensors.flatten().collect()
    }

    fn mask(&self) -> MaskRule {
        MaskRule::First
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        let Extent { time, keys, rows, .. } = *extent;
        let (by_key, by_value) = (self.num_heads * self.key_dim, self.num_heads * self.value_dim());
        let projections = rows * (time * (by_key + by_value) + keys * (by_key + by_value));
        let weights = rows * self.num_heads * time * keys;
        let dropped = if self.dropout > 0.0 { time * keys } else { 0 };
        projections + weights + extent.in_training(projections + time * keys + dropped)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (query, value) = (ctx.inputs[0].real(), ctx.inputs[ctx.inputs.len() - 1].real());
        let ((queries, batch, features), keys) = (query.dim(), value.dim().0);
        let MultiHeadAttentionCache {
            weights: p, query: q, key: k, value: v, context, scratch, pairs, ..
        } = cache;
        let (key_units, value_units) = (self.num_heads * self.key_dim, self.num_heads * self.value_dim());
        self.project(q, query, ctx.weights, 0, key_units);
        self.project(k, value, ctx.weights, 1, key_units);
        self.project(v, value, ctx.weights, 2, value_units);
        p.reshape(batch * self.num_heads, queries, keys);
        context.reshape(queries, batch, value_units);
        let reach = self.reach(ctx.pass, ctx.inputs.len());
        for row in 0..batch {
            let mut rng = dropout_rng(ctx.pass, self.dropout, row);
            for head in 0..self.num_heads {
                let (by_key, by_value) = self.heads(row, head);
                let p = p.step_mut(row * self.num_heads + head);
                self.scores().fill(p, q, k, by_key, pairs);
                reach.softmax(row, p, keys);
                let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
                combine((context, by_value), p, (v, by_value), dropout, scratch);
            }
        }
        self.project(&mut output.values, context, ctx.weights, 3, features);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { pass, weights, inputs, upstream_grad, param_grads, input_grads, .. } = ctx;
        let (query, value) = (inputs[0].real(), inputs[inputs.len() - 1].real());
        let ((queries, batch, features), (keys, _, value_features)) = (query.dim(), value.dim());
        let MultiHeadAttentionCache {
            weights: p,
            query: q,
            key: k,
            value: v,
            context,
            query_grad: dq,
            key_grad: dk,
            value_grad: dv,
            context_grad,
            scratch,
            pairs: _,
        } = cache;
        let (key_units, value_units) = (self.num_heads * self.key_dim, self.num_heads * self.value_dim());
        let bias = |units| if self.use_bias { units } else { 0 };
        let (d_query, rest) = param_grads.split_at_mut(features * key_units + bias(key_units));
        let (d_key, rest) = rest.split_at_mut(value_features * key_units + bias(key_units));
        let (d_value, d_last) = rest.split_at_mut(value_features * value_units + bias(value_units));

        let last = self.projection(weights, 3).0;
        affine_backward(upstream_grad.data(), context, last, d_last, features, Some(context_grad));
        dq.zeroed(queries, batch, key_units);
        dk.zeroed(keys, batch, key_units);
        dv.zeroed(keys, batch, value_units);
        let reach = self.reach(pass, inputs.len());
        for row in 0..batch {
            let mut rng = dropout_rng(pass, self.dropout, row);
            for head in 0..self.num_heads {
                let (by_key, by_value) = self.heads(row, head);
                let p = p.step(row * self.num_heads + head);
                let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
                let values = (&*v, by_value);
                combine_backward((context_grad, by_value), p, values, dv, reach, dropout, scratch);
                let mut param_grads = Gradients { query: dq, key: dk, params: &mut [] };
                self.scores().backward(q, k, by_key, &mut param_grads, scratch);
            }
        }
        let kernel = |i| self.projection(weights, i).0;
        affine_backward(dq.data(), query, kernel(0), d_query, key_units, None);
        // b^k adds one number to all scores of a query, which changes no softmax: its gradient is 0, and rounding must not give it another.
        let (d_key, _) = d_key.split_at_mut(value_features * key_units);
        affine_backward(dk.data(), value, kernel(1), d_key, key_units, None);
        affine_backward(dv.data(), value, kernel(2), d_value, value_units, None);
        // With one input all three gradients are added to it.
        let (to_query, to_value) = match input_grads {
            Some([both]) => (both, None),
            Some([to_query, to_value, ..]) => (to_query, Some(to_value)),
            _ => return,
        };
        to_query.zeroed(queries, batch, features);
        unproject(to_query, dq, kernel(0));
        let to_value = match to_value {
            Some(to_value) => {
                to_value.zeroed(keys, batch, value_features);
                to_value
            }
            None => to_query,
        };
        unproject(to_value, dk, kernel(1));
        unproject(to_value, dv, kernel(2));
    }

    fn attention<'a>(&self, cache: &'a Self::Cache) -> Vec<ArrayView3<'a, f32>> {
        let all = cache.weights.view();
        let heads = 0..self.num_heads;
        heads
            .map(|head| {
                let mut one = all;
                one.slice_axis_inplace(
                    Axis(0),
                    ndarray::Slice::new(head as isize, None, self.num_heads as isize),
                );
                one
            })
            .collect()
    }
}

/// Adds `delta·Wᵀ` to `d_in`: `delta` `[rows, units]`, `W` `[features, units]`.
fn unproject(d_in: &mut Block, delta: &Block, kernel: &[f32]) {
    let (features, units) = (d_in.dim().2, delta.dim().2);
    let delta = Matrix::new(delta.data(), delta.rows(), units);
    matmul(d_in.data_mut(), delta, Matrix::new(kernel, features, units).t(), true);
}
