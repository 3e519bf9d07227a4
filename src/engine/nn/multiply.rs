use super::Signal;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MAX_INPUTS, Pass, Shape};
use super::merging::{masks_out, merging_layer, merging_shapes, place, shape_output};

merging_layer! {
    /// The product of several layers, number by number.
    ///
    /// ```text
    /// out = x¹ ⊙ x² ⊙ …       ∂L/∂xⁱ = ∂L/∂out ⊙ ∏_{j≠i} xʲ, summed over what was broadcast
    /// ```
    /// A masked step of an input counts as 1. Where all inputs have masks, a step that is masked in all of them gives 0 and stays masked;
    /// where one has none, nothing is masked, as in Keras.
    ///
    /// Source: `keras/src/layers/merging/multiply.py`. Shapes as with [`Add`](super::Add).
    ///
    /// ```
    /// use unrolled_engine::nn::{Layer, Multiply, Shape};
    /// let (sequence, weights) = (Shape::Sequence { time: 9, features: 5 }, Shape::Sequence { time: 9, features: 1 });
    /// assert_eq!(Multiply {}.output(&[sequence, weights]), Ok(sequence));
    /// ```
    Multiply
}

/// The factors of one number of the output, 1 where there is none.
fn factors(
    pass: &Pass<'_>,
    inputs: &[Signal<'_>],
    dim: (usize, usize, usize),
    (t, row, f): (usize, usize, usize),
) -> [f32; MAX_INPUTS] {
    let mut factors = [1.0; MAX_INPUTS];
    for (i, (factor, input)) in factors.iter_mut().zip(inputs).enumerate() {
        let x = input.real();
        if !masks_out(pass, i, t, row) {
            *factor = x.data()[place(dim, x.dim(), t, row, f)];
        }
    }
    factors
}

/// Whether the step is masked in all inputs.
fn is_masked(pass: &Pass<'_>, inputs: usize, t: usize, row: usize) -> bool {
    (0..inputs).all(|i| masks_out(pass, i, t, row))
}

impl Layer for Multiply {
    type Cache = ();

    merging_shapes!(Multiply);

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (inputs, out) = (ctx.inputs, &mut output.values);
        shape_output(inputs, out);
        let dim = out.dim();
        for t in 0..dim.0 {
            for (row, out) in out.step_mut(t).chunks_exact_mut(dim.2).enumerate() {
                if is_masked(ctx.pass, inputs.len(), t, row) {
                    out.fill(0.0);
                    continue;
                }
                for (f, out) in out.iter_mut().enumerate() {
                    *out = factors(ctx.pass, inputs, dim, (t, row, f)).iter().product();
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
                    let factors = factors(pass, inputs, dim, (t, row, f));
                    for (i, input_grad) in input_grads.iter_mut().enumerate() {
                        if !masks_out(pass, i, t, row) {
                            let others = factors.iter().enumerate().filter(|(j, _)| *j != i);
                            let place = place(dim, input_grad.dim(), t, row, f);
                            input_grad.data_mut()[place] +=
                                d * others.map(|(_, factor)| factor).product::<f32>();
                        }
                    }
                }
            }
        }
    }
}
