use serde::{Deserialize, Serialize};

use super::cache::layer_cache;
use super::defaults;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::params::ParamSpec;
use super::window::Window;
use super::{Activation, Block, Constraint, Initializer, Padding, Regularizer, Signal};
use crate::kernel::{
    Matrix, NonzeroEntry, add_column_sums, collect_nonzeros, gather_windows, matmul, scatter_add,
    scatter_windows,
};

/// Slides `filters` small patterns over the time steps (LeCun et al. 1989; over words: Kim 2014).
///
/// ```text
/// z[t] = b + Σₖ x[t·s + k·d − p]·W[k]     a = f(z)
///     W: kernel [kernel_size, features, filters]   b: bias [filters]   s: strides   d: dilation_rate
///     p: steps of padding before the sequence; x is 0 outside it
/// δ = ∂L/∂a ⊙ f′(z)
/// ∂L/∂W[k] = Σₜ x[t·s + k·d − p]ᵀ·δ[t]    ∂L/∂b = Σₜ δ[t]    ∂L/∂x[t·s + k·d − p] += δ[t]·W[k]ᵀ
/// ```
/// Each tap `k` is one matrix product over all time steps and sequences at once: steps lie one after the other in a block, so a
/// shifted sequence is a slice of it.
///
/// Behind an Embedding each distinct vector is multiplied by each tap once, and the outputs are sums of those products. Where a maximum over time
/// follows, all but a few numbers of δ are 0, and only those are visited.
///
/// A mask ends here, as in Keras: padding takes part as ordinary numbers.
///
/// Source: `keras/src/layers/convolutional/base_conv.py`. `[batch, time, features] → [batch, steps, filters]`, with
/// `steps = ⌊(time − d·(kernel_size − 1) − 1)/s⌋ + 1` for `padding: valid`, else `⌈time/s⌉`.
///
/// ```
/// use unrolled_engine::nn::{Conv1D, Layer, Padding, Shape};
/// let words = [Shape::Sequence { time: 200, features: 50 }];
/// let layer = Conv1D { filters: 128, kernel_size: 5, ..Conv1D::default() };
/// assert_eq!(layer.output(&words), Ok(Shape::Sequence { time: 196, features: 128 }));
/// let same = Conv1D { padding: Padding::Same, strides: 2, ..layer };
/// assert_eq!(same.output(&words), Ok(Shape::Sequence { time: 100, features: 128 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1D {
    /// Output units.
    pub filters: usize,
    /// Time steps that a filter sees.
    pub kernel_size: usize,
    /// Time steps between two outputs.
    #[serde(default = "one")]
    pub strides: usize,
    /// Padding at the ends.
    #[serde(default)]
    pub padding: Padding,
    /// Time steps between two that a filter sees.
    #[serde(default = "one")]
    pub dilation_rate: usize,
    /// `f`.
    #[serde(default)]
    pub activation: Activation,
    /// Whether there is a `b`.
    #[serde(default = "crate::nn::defaults::yes")]
    pub use_bias: bool,
    /// The kernel initializer.
    #[serde(default = "crate::nn::defaults::glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// The kernel regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_regularizer: Option<Regularizer>,
    /// The bias initializer.
    #[serde(default = "crate::nn::defaults::zeros")]
    pub bias_initializer: Initializer,
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

fn one() -> usize {
    1
}

impl Default for Conv1D {
    fn default() -> Self {
        Self {
            filters: 1,
            kernel_size: 1,
            strides: 1,
            padding: Padding::Valid,
            dilation_rate: 1,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: defaults::glorot_uniform(),
            kernel_regularizer: None,
            bias_initializer: defaults::zeros(),
            bias_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
        }
    }
}

impl Conv1D {
    pub(super) fn window(&self) -> Window {
        Window {
            taps: self.kernel_size,
            stride: self.strides,
            dilation: self.dilation_rate,
            padding: self.padding,
        }
    }
}

layer_cache! {
    /// The cache of a [`Conv1D`].
    Conv1DCache {
        /// z, where `f′` is computed from it.
        z: Block,
        /// Behind an Embedding: forward each distinct vector's product with every tap, `[kernel_size, distinct, filters]`; backward δ summed
        /// by distinct vector, `[1, distinct, filters]`.
        by_distinct: Block,
        /// The few numbers of δ that are not 0.
        entries: Vec<NonzeroEntry>,
        /// `Wᵀ`, `[filters, kernel_size·features]`, where δ is sparse.
        kernel_transposed: Block,
        /// ∂L/∂`Wᵀ`, likewise.
        kernel_grad_transposed: Block,
    }
}

impl Layer for Conv1D {
    type Cache = Conv1DCache;

    fn class(&self) -> &'static str {
        "Conv1D"
    }

    fn detail(&self) -> String {
        let strides = if self.strides > 1 { format!(", strides {}", self.strides) } else { String::new() };
        let dilation =
            if self.dilation_rate > 1 { format!(", dilation {}", self.dilation_rate) } else { String::new() };
        let (size, padding) = (self.kernel_size, self.padding.name());
        format!("{size} wide{strides}{dilation}, {padding}, {}", self.activation.name())
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (time, _) = inputs[0].sequence("Conv1D")?;
        self.activation.check("activation")?;
        let features = LayerConfigError::positive("filters", self.filters)?;
        LayerConfigError::positive("kernel_size", self.kernel_size)?;
        LayerConfigError::positive("strides", self.strides)?;
        LayerConfigError::positive("dilation_rate", self.dilation_rate)?;
        if self.strides > 1 && self.dilation_rate > 1 {
            let found = format!("`strides` is {} and `dilation_rate` {}", self.strides, self.dilation_rate);
            return Err(LayerConfigError::of("strides", found, "only one of them can be above 1"));
        }
        Ok(Shape::Sequence { time: self.window().output(time, "kernel_size")?, features })
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let features = inputs[0].features("Conv1D").unwrap_or(0);
        let shape = [self.kernel_size, features, self.filters];
        let kernel = ParamSpec::new("kernel", &shape, self.kernel_initializer);
        let kernel = kernel.with_regularizer(self.kernel_regularizer);
        let mut all = vec![kernel.with_constraint(self.kernel_constraint)];
        if self.use_bias {
            let bias = ParamSpec::new("bias", &[self.filters], self.bias_initializer);
            all.push(bias.with_regularizer(self.bias_regularizer).with_constraint(self.bias_constraint));
        }
        all
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        let outputs = extent.rows * self.window().steps(extent.time) * self.filters;
        let saved = if self.activation.needs_input() { outputs } else { 0 };
        let kernel = self.kernel_size * self.filters * extent.features;
        // As many of δ as are collected at most, which is soon where most are not 0.
        let entries = outputs / SPARSE * size_of::<NonzeroEntry>() / size_of::<f32>();
        let by_distinct = extent.distinct.map_or(0, |distinct| self.kernel_size * self.filters * distinct);
        saved + by_distinct + extent.in_training(entries + 2 * kernel)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (filters, window) = (self.filters, self.window());
        let (time, batch, features) = ctx.inputs[0].dim();
        let (out, products) = (&mut output.values, &mut cache.by_distinct);
        out.reshape(window.steps(time), batch, filters);
        let bias = if self.use_bias { ctx.weights.get(1) } else { &[] };
        let kernels = ctx.weights.get(0).chunks_exact(features * filters);
        if let Signal::Rows(rows) = ctx.inputs[0] {
            // Every distinct vector is multiplied by every tap once; the rest is sums.
            products.reshape(self.kernel_size, rows.rows.rows(), filters);
            for (tap, kernel) in kernels.enumerate() {
                let x = Matrix::new(rows.rows.data(), rows.rows.rows(), features);
                matmul(products.step_mut(tap), x, Matrix::new(kernel, features, filters), false);
            }
            let taps = window.over(rows.index(), time, batch);
            gather_windows(out.data_mut(), bias, products.data(), filters, taps);
        } else {
            out.data_mut().chunks_exact_mut(filters).for_each(|row| match bias {
                [] => row.fill(0.0),
                _ => row.copy_from_slice(bias),
            });
            for (tap, kernel) in kernels.enumerate() {
                for (to, from) in window.runs(tap, time) {
                    let x = Matrix::new(ctx.inputs[0].real().steps(from), to.len() * batch, features);
                    matmul(out.steps_mut(to), x, Matrix::new(kernel, features, filters), true);
                }
            }
        }
        if self.activation.needs_input() {
            cache.z.clone_from(out);
        }
        self.activation.apply(out.data_mut(), filters);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { output, weights, inputs, upstream_grad, param_grads, input_grads, .. } = ctx;
        let (filters, window) = (self.filters, self.window());
        let (time, batch, features) = inputs[0].dim();
        let Conv1DCache { z, by_distinct: sums, entries, kernel_transposed, kernel_grad_transposed } = cache;
        self.activation.chain(upstream_grad.data_mut(), output.values.data(), z.data(), filters);
        let size = features * filters;
        let (d_kernel, d_bias) = param_grads.split_at_mut(self.kernel_size * size);
        if self.use_bias {
            add_column_sums(d_bias, upstream_grad.data());
        }
        let (x, index) = match inputs[0] {
            Signal::Rows(rows) => (rows.rows, rows.index()),
            other => (other.real(), &[][..]),
        };
        let mut input_grads = input_grads.and_then(<[Block]>::first_mut);
        if let Some(input_grads) = input_grads.as_deref_mut() {
            let (steps, rows, _) = x.dim();
            input_grads.zeroed(steps, rows, features);
        }
        if collect_nonzeros(
            entries,
            upstream_grad.data(),
            batch,
            filters,
            upstream_grad.data().len() / SPARSE,
        ) {
            // Filters first, so that the weights of an entry are contiguous.
            transpose(weights.get(0), kernel_transposed, self.kernel_size * features, filters);
            kernel_grad_transposed.zeroed(1, filters, self.kernel_size * features);
            let d_x = input_grads.map_or(&mut [][..], Block::data_mut);
            let (w, d_w) = (kernel_transposed.data(), kernel_grad_transposed.data_mut());
            let taps = window.over(index, time, batch);
            scatter_windows(entries, (x.data(), d_x), (w, d_w), features, taps);
            for (i, d_kernel) in d_kernel.chunks_exact_mut(filters).enumerate() {
                let column = kernel_grad_transposed.data()[i..].iter().step_by(self.kernel_size * features);
                d_kernel.iter_mut().zip(column).for_each(|(sum, d)| *sum += d);
            }
            return;
        }
        let taps = weights.get(0).chunks_exact(size).zip(d_kernel.chunks_exact_mut(size));
        for (tap, (kernel, d_kernel)) in taps.enumerate() {
            let kernel = Matrix::new(kernel, features, filters);
            let mut pair = |x: &[f32], delta: &[f32], input_grads: Option<&mut [f32]>| {
                let delta = Matrix::new(delta, delta.len() / filters, filters);
                matmul(d_kernel, Matrix::new(x, delta.dim().0, features).t(), delta, true);
                if let Some(input_grads) = input_grads {
                    matmul(input_grads, delta, kernel.t(), true);
                }
            };
            if let Signal::Rows(rows) = inputs[0] {
                // δ is summed over the positions that hold the same vector.
                sums.zeroed(1, rows.rows.rows(), filters);
                for (to, from) in window.runs(tap, time) {
                    scatter_add(sums.data_mut(), rows.steps(from), upstream_grad.steps(to), filters);
                }
                pair(x.data(), sums.data(), input_grads.as_deref_mut().map(Block::data_mut));
                continue;
            }
            for (to, from) in window.runs(tap, time) {
                let input_grads =
                    input_grads.as_deref_mut().map(|input_grads| input_grads.steps_mut(from.clone()));
                pair(x.steps(from), upstream_grad.steps(to), input_grads);
            }
        }
    }
}

/// Where no more than one number in so many of ∂L/∂z is not 0, as below a global maximum, it pays to go by those numbers.
const SPARSE: usize = 16;

/// Writes the transpose of `matrix` `[rows, columns]`.
fn transpose(matrix: &[f32], transposed: &mut Block, rows: usize, columns: usize) {
    transposed.reshape(1, columns, rows);
    for (j, to) in transposed.data_mut().chunks_exact_mut(rows).enumerate() {
        to.iter_mut().zip(matrix[j..].iter().step_by(columns)).for_each(|(to, from)| *to = *from);
    }
}
