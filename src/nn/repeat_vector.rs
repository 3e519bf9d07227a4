use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::{Block, Observer, Signal, Weights};

/// Gives one vector at each of `n` time steps, so that a recurrent layer can unfold it: `out[t] = x`, `∂L/∂x = Σₜ ∂L/∂out[t]`.
///
/// Source: `keras/src/layers/reshaping/repeat_vector.py`. `[batch, features] → [batch, n, features]`.
///
/// ```
/// use unrolled::nn::{Layer, RepeatVector, Shape};
/// let out = RepeatVector { n: 9 }.output(&[Shape::Vector { features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 9, features: 5 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatVector {
    /// Time steps out.
    pub n: usize,
}

impl Layer for RepeatVector {
    fn class(&self) -> &'static str {
        "RepeatVector"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        let features = inputs[0].features("RepeatVector")?;
        if let Shape::Sequence { time, .. } = inputs[0] {
            return Err(Misfit::new(
                format!(
                    "RepeatVector reads one vector [{features}], but a sequence [{time}, {features}] reaches it"
                ),
                "let the recurrent layer before it go without `return_sequences`, or put a pooling layer between",
            ));
        }
        Ok(Shape::Sequence { time: Misfit::positive("n", self.n)?, features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, _pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let x = inputs[0].real();
        let (_, batch, features) = x.dim();
        tape.out.reshape(self.n, batch, features);
        for t in 0..self.n {
            tape.out.step_mut(t).copy_from_slice(x.data());
        }
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
        let (_, batch, features) = inputs[0].real().dim();
        d_in.zeroed(1, batch, features);
        for t in 0..self.n {
            d_in.data_mut().iter_mut().zip(d_out.step(t)).for_each(|(sum, d)| *sum += d);
        }
    }
}
