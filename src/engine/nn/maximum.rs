use super::Signal;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Pass, Shape};
use super::merging::{masks_out, merging_layer, merging_shapes, place, shape_output};

merging_layer! {
    /// The greatest of several layers, number by number.
    ///
    /// ```text
    /// out = max(x¹, x², …)       ∂L/∂xⁱ = ∂L/∂out where xⁱ is the first that is greatest, else 0
    /// ```
    /// A masked step of an input does not count beside others. Where all inputs have masks, a step that is masked in all of them stays
    /// masked; where one has none, nothing is masked, as in Keras.
    ///
    /// Source: `keras/src/layers/merging/maximum.py`. Shapes as with [`Add`](super::Add).
    ///
    /// ```
    /// use unrolled_engine::nn::{Layer, Maximum, Shape};
    /// let vector = Shape::Vector { features: 5 };
    /// assert_eq!(Maximum {}.output(&[vector, vector]), Ok(vector));
    /// ```
    Maximum
}

/// The greatest number at one place of the output, and which input it is of.
fn greatest(
    pass: &Pass<'_>,
    inputs: &[Signal<'_>],
    dim: (usize, usize, usize),
    (t, row, f): (usize, usize, usize),
) -> (f32, usize) {
    let number = |i: usize| {
        let x = inputs[i].real();
        x.data()[place(dim, x.dim(), t, row, f)]
    };
    let mut best = (number(0), 0);
    // Whether all inputs so far have masks, and this step is masked in all of them.
    let (mut all_masked, mut masked) = (pass.masks[0].is_some(), masks_out(pass, 0, t, row));
    for i in 1..inputs.len() {
        let out = masks_out(pass, i, t, row);
        if !out {
            let x = number(i);
            // NaN wins, so that it is not lost here.
            if masked || x > best.0 || x.is_nan() {
                best = (x, i);
            }
        }
        all_masked &= pass.masks[i].is_some();
        masked = all_masked && masked && out;
    }
    best
}

impl Layer for Maximum {
    type Cache = ();

    merging_shapes!(Maximum);

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let out = &mut output.values;
        shape_output(ctx.inputs, out);
        let dim = out.dim();
        for t in 0..dim.0 {
            for (row, out) in out.step_mut(t).chunks_exact_mut(dim.2).enumerate() {
                for (f, out) in out.iter_mut().enumerate() {
                    *out = greatest(ctx.pass, ctx.inputs, dim, (t, row, f)).0;
                }
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { pass, inputs, upstream_grad, input_grads: Some(input_grads), .. } = ctx else {
            return;
        };
        for (input_grad, input) in input_grads.iter_mut().zip(inputs) {
            let (time, batch, features) = input.real().dim();
            input_grad.zeroed(time, batch, features);
        }
        let dim = upstream_grad.dim();
        for t in 0..dim.0 {
            for (row, d) in upstream_grad.step(t).chunks_exact(dim.2).enumerate() {
                for (f, d) in d.iter().enumerate() {
                    let (_, i) = greatest(pass, inputs, dim, (t, row, f));
                    let input_grad = &mut input_grads[i];
                    let place = place(dim, input_grad.dim(), t, row, f);
                    input_grad.data_mut()[place] += d;
                }
            }
        }
    }
}
