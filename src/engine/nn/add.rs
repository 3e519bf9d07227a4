use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};
use super::merging::{for_each_place, merging_layer, merging_shapes, shape_output};

merging_layer! {
    /// The sum of several layers: `out = x¹ + x² + …`, `∂L/∂xⁱ = ∂L/∂out`, summed over what was broadcast.
    ///
    /// A step is masked where it is in every input; where one has no mask, nothing is masked, as in Keras.
    ///
    /// Source: `keras/src/layers/merging/add.py`. Inputs of one shape, or with one step or one feature, or vectors, which count for every
    /// step; in a preset `{layer: Add, inputs: [1, 2]}`.
    ///
    /// ```
    /// use unrolled_engine::nn::{Add, Layer, Shape};
    /// let sequence = Shape::Sequence { time: 9, features: 5 };
    /// assert_eq!(Add {}.output(&[sequence, Shape::Vector { features: 5 }]), Ok(sequence));
    /// ```
    Add
}

impl Layer for Add {
    type Cache = ();

    merging_shapes!(Add);

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        add(ctx, output, 1.0);
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        add_backward(ctx, 1.0);
    }
}

/// Writes `scale · Σ xⁱ`.
pub(super) fn add(ctx: ForwardContext<'_>, output: &mut LayerOutput, scale: f32) {
    let out = &mut output.values;
    shape_output(ctx.inputs, out);
    out.data_mut().fill(0.0);
    let dim = out.dim();
    for input in ctx.inputs {
        let x = input.real();
        let sums = out.data_mut();
        for_each_place(dim, x.dim(), |to, from| sums[to] += x.data()[from]);
    }
    if scale != 1.0 {
        out.data_mut().iter_mut().for_each(|sum| *sum *= scale);
    }
}

/// The backward of [`add`].
pub(super) fn add_backward(ctx: BackwardContext<'_>, scale: f32) {
    let BackwardContext { inputs, upstream_grad, input_grads, .. } = ctx;
    for (input_grad, input) in input_grads.into_iter().flatten().zip(inputs) {
        let (time, batch, features) = input.real().dim();
        input_grad.zeroed(time, batch, features);
        let sums = input_grad.data_mut();
        for_each_place(upstream_grad.dim(), (time, batch, features), |from, to| {
            sums[to] += scale * upstream_grad.data()[from];
        });
    }
}
