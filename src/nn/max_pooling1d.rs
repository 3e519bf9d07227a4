use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::pooling::pool;
use super::window::Window;
use super::{Block, Observer, Padding, Signal, Weights};

/// The greatest value of every feature within a window that moves over time.
///
/// ```text
/// out[t] = max over the window at t of x       ∂L/∂x[i] = Σ over the windows t whose first greatest step is i of ∂L/∂out[t]
/// ```
/// Padding never is the greatest. It ends a mask, as in Keras.
///
/// Source: `keras/src/layers/pooling/max_pooling1d.py`. `[batch, time, features] → [batch, steps, features]`, with
/// `steps = ⌊(time − pool_size)/strides⌋ + 1` for `padding: valid`, `⌈time/strides⌉` for `same`.
///
/// ```
/// use unrolled::nn::{Layer, MaxPooling1D, Shape};
/// let layer = MaxPooling1D { pool_size: 3, ..MaxPooling1D::default() };
/// let out = layer.output(&[Shape::Sequence { time: 10, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 3, features: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPooling1D {
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

impl Default for MaxPooling1D {
    fn default() -> Self {
        Self { pool_size: two(), strides: None, padding: Padding::Valid }
    }
}

// Slot 0 of the tape: the tap of the window that holds the greatest value, of every output.

impl MaxPooling1D {
    fn window(&self) -> Window {
        pool(self.pool_size, self.strides, self.padding)
    }
}

impl Layer for MaxPooling1D {
    fn class(&self) -> &'static str {
        "MaxPooling1D"
    }

    fn detail(&self) -> String {
        self.window().detail()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        self.window().pooled(inputs[0], "MaxPooling1D")
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, _pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let (x, window) = (inputs[0].real(), self.window());
        let (time, batch, features) = x.dim();
        let Tape { out, slots: [winner, ..], .. } = tape;
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

    fn backward(
        &self,
        _pass: &Pass<'_>,
        _weights: Weights<'_>,
        inputs: &[Signal<'_>],
        tape: &mut Tape,
        d_out: &mut Block,
        _grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        _observer: Option<&mut dyn Observer>,
    ) {
        let Some([d_in, ..]) = d_in else { return };
        let window = self.window();
        let (time, batch, features) = inputs[0].real().dim();
        d_in.zeroed(time, batch, features);
        for tap in 0..window.taps {
            for (to, from) in window.runs(tap, time) {
                let given = d_out.steps(to.clone()).iter().zip(tape.slots[0].steps(to));
                for (d_in, (d, winner)) in d_in.steps_mut(from).iter_mut().zip(given) {
                    *d_in += if *winner == tap as f32 { *d } else { 0.0 };
                }
            }
        }
    }
}
