use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::pooling::pool;
use super::window::Window;
use super::{Block, Observer, Padding, Signal, Weights};

/// The mean of every feature within a window that moves over time.
///
/// ```text
/// out[t] = Σ over the window at t of x / nₜ       ∂L/∂x[i] = Σ over the windows t that hold i of ∂L/∂out[t] / nₜ
/// ```
/// `nₜ` counts the steps of the sequence that the window holds: with `padding: same` fewer at the ends. It ends a mask, as in Keras.
///
/// Source: `keras/src/layers/pooling/average_pooling1d.py`. `[batch, time, features] → [batch, steps, features]`, with
/// `steps = ⌊(time − pool_size)/strides⌋ + 1` for `padding: valid`, `⌈time/strides⌉` for `same`.
///
/// ```
/// use unrolled::nn::{AveragePooling1D, Layer, Padding, Shape};
/// let layer = AveragePooling1D { padding: Padding::Same, ..AveragePooling1D::default() };
/// let out = layer.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 5, features: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePooling1D {
    /// Time steps of a window.
    #[serde(default = "two")]
    pub pool_size: usize,
    /// Time steps from one window to the next; `pool_size` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<usize>,
    /// What happens at the ends: valid or same.
    #[serde(default)]
    pub padding: Padding,
}

fn two() -> usize {
    2
}

impl Default for AveragePooling1D {
    fn default() -> Self {
        Self { pool_size: two(), strides: None, padding: Padding::Valid }
    }
}

impl AveragePooling1D {
    fn window(&self) -> Window {
        pool(self.pool_size, self.strides, self.padding)
    }

    /// Divides every time step by the steps of the sequence that its window holds.
    fn divide(&self, block: &mut Block, time: usize) {
        let window = self.window();
        for t in 0..window.steps(time) {
            let held = (0..window.taps).filter(|tap| window.hits(*tap, time).0.contains(&t)).count();
            block.step_mut(t).iter_mut().for_each(|x| *x /= held as f32);
        }
    }
}

impl Layer for AveragePooling1D {
    fn class(&self) -> &'static str {
        "AveragePooling1D"
    }

    fn detail(&self) -> String {
        self.window().detail()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        self.window().pooled(inputs[0], "AveragePooling1D")
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, _pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let (x, window) = (inputs[0].real(), self.window());
        let (time, batch, features) = x.dim();
        tape.out.zeroed(window.steps(time), batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                tape.out.steps_mut(to).iter_mut().zip(x.steps(from)).for_each(|(sum, x)| *sum += x);
            }
        }
        self.divide(&mut tape.out, time);
    }

    fn backward(
        &self,
        _pass: &Pass<'_>,
        _weights: Weights<'_>,
        inputs: &[Signal<'_>],
        _tape: &mut Tape,
        d_out: &mut Block,
        _grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        _observer: Option<&mut dyn Observer>,
    ) {
        let Some([d_in, ..]) = d_in else { return };
        let window = self.window();
        let (time, batch, features) = inputs[0].real().dim();
        self.divide(d_out, time);
        d_in.zeroed(time, batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                d_in.steps_mut(from).iter_mut().zip(d_out.steps(to)).for_each(|(sum, d)| *sum += d);
            }
        }
    }
}
