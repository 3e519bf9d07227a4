use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::{Block, Observer, Signal, Weights};

/// The greatest value of every feature over time.
///
/// ```text
/// out = maxₜ x[t]       ∂L/∂x[t] = [x[t] = out]·∂L/∂out / n        n: how many steps hold the greatest value
/// ```
/// Steps that tie share the gradient evenly, as TensorFlow's `reduce_max` has it; after a relu whole features tie at 0. A mask is
/// not heeded, as in Keras: padding takes part as the numbers that it holds.
///
/// Source: `keras/src/layers/pooling/global_max_pooling1d.py`. `[batch, time, features] → [batch, features]`.
///
/// ```
/// use unrolled::nn::{GlobalMaxPooling1D, Layer, Shape};
/// let out = GlobalMaxPooling1D {}.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Vector { features: 5 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPooling1D {}

impl Layer for GlobalMaxPooling1D {
    fn class(&self) -> &'static str {
        "GlobalMaxPooling1D"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        let (_, features) = inputs[0].sequence("GlobalMaxPooling1D")?;
        Ok(Shape::Vector { features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, _pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let x = inputs[0].real();
        let (time, batch, features) = x.dim();
        tape.out.reshape(1, batch, features);
        tape.out.data_mut().copy_from_slice(x.step(0));
        for t in 1..time {
            for (max, x) in tape.out.data_mut().iter_mut().zip(x.step(t)) {
                *max = greater(*max, *x);
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
        let x = inputs[0].real();
        let (time, batch, features) = x.dim();
        let Tape { out, slots: [ties, ..], .. } = tape;
        ties.zeroed(1, batch, features);
        for t in 0..time {
            for ((n, x), max) in ties.data_mut().iter_mut().zip(x.step(t)).zip(out.data()) {
                *n += f32::from(u8::from(x == max));
            }
        }
        d_out.data_mut().iter_mut().zip(ties.data()).for_each(|(d, n)| *d /= n);
        d_in.reshape(time, batch, features);
        for t in 0..time {
            let held = x.step(t).iter().zip(out.data());
            for ((d_in, (x, max)), d) in d_in.step_mut(t).iter_mut().zip(held).zip(d_out.data()) {
                *d_in = if x == max { *d } else { 0.0 };
            }
        }
    }
}

/// The greater of two numbers; NaN if one is, so that it is not lost here.
pub(super) fn greater(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}
