use super::add::{add, add_backward};
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};
use super::merging::{merging_layer, merging_shapes};

merging_layer! {
    /// The mean of `n` layers: `out = (x¹ + x² + …)/n`, `∂L/∂xⁱ = ∂L/∂out/n`.
    ///
    /// Shapes and masks as with [`Add`](super::Add): masked steps of an input take part as ordinary numbers, as in Keras.
    ///
    /// Source: `keras/src/layers/merging/average.py`.
    ///
    /// ```
    /// use unrolled_engine::nn::{Average, Layer, Shape};
    /// let vector = Shape::Vector { features: 5 };
    /// assert_eq!(Average {}.output(&[vector, vector]), Ok(vector));
    /// ```
    Average
}

impl Layer for Average {
    type Cache = ();

    merging_shapes!(Average);

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        add(ctx, output, 1.0 / ctx.inputs.len() as f32);
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let scale = 1.0 / ctx.inputs.len() as f32;
        add_backward(ctx, scale);
    }
}
