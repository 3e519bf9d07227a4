use super::Block;
use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::pooling::pooling_layer;

pooling_layer! {
    /// The greatest value of every feature within a window that moves over time.
    ///
    /// ```text
    /// out[t] = max over the window at t of x       ∂L/∂x[i] = Σ over the windows t whose first greatest step is i of ∂L/∂out[t]
    /// ```
    /// Padding never is the greatest. A mask ends here, as in Keras.
    ///
    /// Source: `keras/src/layers/pooling/max_pooling1d.py`. `[batch, time, features] → [batch, steps, features]`, with
    /// `steps = ⌊(time − pool_size)/strides⌋ + 1` for `padding: valid`, `⌈time/strides⌉` for `same`.
    ///
    /// ```
    /// use unrolled_engine::nn::{Layer, MaxPooling1D, Shape};
    /// let layer = MaxPooling1D { pool_size: 3, ..MaxPooling1D::default() };
    /// let out = layer.output(&[Shape::Sequence { time: 10, features: 5 }]);
    /// assert_eq!(out, Ok(Shape::Sequence { time: 3, features: 5 }));
    /// ```
    MaxPooling1D
}

layer_cache! {
    /// The cache of a [`MaxPooling1D`].
    MaxPooling1DCache {
        /// The tap of the window that has the greatest value, of every output.
        winner: Block,
    }
}

impl Layer for MaxPooling1D {
    type Cache = MaxPooling1DCache;

    fn class(&self) -> &'static str {
        "MaxPooling1D"
    }

    fn detail(&self) -> String {
        self.window().detail()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        self.window().pooled(inputs[0], "MaxPooling1D")
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        extent.rows * self.window().steps(extent.time) * extent.features
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (x, window) = (ctx.inputs[0].real(), self.window());
        let (time, batch, features) = x.dim();
        let (out, winner) = (&mut output.values, &mut cache.winner);
        winner.reshape(window.steps(time), batch, features);
        out.reshape(window.steps(time), batch, features);
        out.data_mut().fill(f32::NEG_INFINITY);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                let places = out.steps_mut(to.clone()).iter_mut().zip(winner.steps_mut(to));
                for ((max, winner), x) in places.zip(x.steps(from)) {
                    // NaN wins, so that it is not lost here; −∞ wins where nothing did before.
                    if *x > *max || x.is_nan() || *max == f32::NEG_INFINITY {
                        (*max, *winner) = (*x, tap as f32);
                    }
                }
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let window = self.window();
        let (time, batch, features) = inputs[0].real().dim();
        input_grad.zeroed(time, batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                let given = upstream_grad.steps(to.clone()).iter().zip(cache.winner.steps(to));
                for (input_grad, (d, winner)) in input_grad.steps_mut(from).iter_mut().zip(given) {
                    *input_grad += if *winner == tap as f32 { *d } else { 0.0 };
                }
            }
        }
    }
}
