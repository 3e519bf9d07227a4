use serde::{Deserialize, Serialize};

use super::dropout::{check_rate, drops, fill};
use super::layer::{Layer, Misfit, Pass, Shape, Tape};
use super::{Block, Observer, Signal, Weights};

/// While learning, drops whole features of a sequence, at all time steps alike (Tompson et al. 2014): neighbouring steps tell
/// much the same, so that [`Dropout`](super::Dropout) of single numbers would hide little.
///
/// ```text
/// out[t] = m ⊙ x[t]      ∂L/∂x[t] = m ⊙ ∂L/∂out[t]      m: [features], 0 with probability rate, else 1/(1 − rate)
/// ```
/// Source: `keras/src/layers/regularization/spatial_dropout.py`. `[batch, time, features]`, which stays.
///
/// ```
/// use unrolled::nn::{Layer, Shape, SpatialDropout1D};
/// let sequence = Shape::Sequence { time: 9, features: 5 };
/// assert_eq!(SpatialDropout1D { rate: 0.2 }.output(&[sequence]), Ok(sequence));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout1D {
    /// The probability of 0, in `[0, 1)`.
    pub rate: f64,
}

// Slot 0 of the tape: m of every sequence.

/// Scales every time step by `factors`.
fn scale(block: &mut Block, factors: &Block) {
    let (time, ..) = block.dim();
    for t in 0..time {
        block.step_mut(t).iter_mut().zip(factors.data()).for_each(|(x, factor)| *x *= factor);
    }
}

impl Layer for SpatialDropout1D {
    fn class(&self) -> &'static str {
        "SpatialDropout1D"
    }

    fn detail(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        inputs[0].sequence("SpatialDropout1D")?;
        check_rate("rate", self.rate)?;
        Ok(inputs[0])
    }

    fn forward(&self, pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let x = inputs[0].real();
        let (time, batch, features) = x.dim();
        let Tape { out, slots: [factors, ..], .. } = tape;
        out.reshape(time, batch, features);
        out.data_mut().copy_from_slice(x.data());
        if !drops(pass, self.rate) {
            return;
        }
        factors.reshape(1, batch, features);
        for (row, factors) in factors.data_mut().chunks_exact_mut(features).enumerate() {
            let Some(mut rng) = pass.chance("spatial dropout", row) else { return };
            fill(factors, self.rate, &mut rng);
        }
        scale(out, factors);
    }

    fn backward(
        &self,
        pass: &Pass<'_>,
        _weights: Weights<'_>,
        _inputs: &[Signal<'_>],
        tape: &mut Tape,
        d_out: &mut Block,
        _grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        _observer: Option<&mut dyn Observer>,
    ) {
        let Some([d_in, ..]) = d_in else { return };
        if drops(pass, self.rate) {
            scale(d_out, &tape.slots[0]);
        }
        std::mem::swap(d_in, d_out);
    }
}
