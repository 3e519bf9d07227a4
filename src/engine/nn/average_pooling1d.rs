use super::Block;
use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::pooling::pooling_layer;

pooling_layer! {
    /// The mean of every feature within a window that moves over time.
    ///
    /// ```text
    /// out[t] = Σ over the window at t of x / nₜ       ∂L/∂x[i] = Σ over the windows t that hold i of ∂L/∂out[t] / nₜ
    /// ```
    /// `nₜ` counts the steps of the sequence within the window: with `padding: same` fewer at the ends. A mask ends here, as in Keras.
    ///
    /// Source: `keras/src/layers/pooling/average_pooling1d.py`. `[batch, time, features] → [batch, steps, features]`, with
    /// `steps = ⌊(time − pool_size)/strides⌋ + 1` for `padding: valid`, `⌈time/strides⌉` for `same`.
    ///
    /// ```
    /// use unrolled_engine::nn::{AveragePooling1D, Layer, Padding, Shape};
    /// let layer = AveragePooling1D { padding: Padding::Same, ..AveragePooling1D::default() };
    /// let out = layer.output(&[Shape::Sequence { time: 9, features: 5 }]);
    /// assert_eq!(out, Ok(Shape::Sequence { time: 5, features: 5 }));
    /// ```
    AveragePooling1D
}

impl AveragePooling1D {
    /// Divides every time step by the number of its window's steps that are within the sequence.
    fn divide(&self, block: &mut Block, time: usize) {
        let window = self.window();
        for t in 0..window.steps(time) {
            let steps = (0..window.taps).filter(|tap| window.hits(*tap, time).0.contains(&t)).count();
            block.step_mut(t).iter_mut().for_each(|x| *x /= steps as f32);
        }
    }
}

impl Layer for AveragePooling1D {
    type Cache = ();

    fn class(&self) -> &'static str {
        "AveragePooling1D"
    }

    fn detail(&self) -> String {
        self.window().detail()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        self.window().pooled(inputs[0], "AveragePooling1D")
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (x, window) = (ctx.inputs[0].real(), self.window());
        let (time, batch, features) = x.dim();
        output.values.zeroed(window.steps(time), batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                output.values.steps_mut(to).iter_mut().zip(x.steps(from)).for_each(|(sum, x)| *sum += x);
            }
        }
        self.divide(&mut output.values, time);
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let window = self.window();
        let (time, batch, features) = inputs[0].real().dim();
        self.divide(upstream_grad, time);
        input_grad.zeroed(time, batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                input_grad
                    .steps_mut(from)
                    .iter_mut()
                    .zip(upstream_grad.steps(to))
                    .for_each(|(sum, d)| *sum += d);
            }
        }
    }
}
