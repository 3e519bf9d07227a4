use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::{Block, Observer, Signal, Weights};

/// Puts all time steps of a sequence into one vector: `out[t·features + f] = x[t][f]`; the gradient goes back the same way.
///
/// Source: `keras/src/layers/reshaping/flatten.py`. `[batch, time, features] → [batch, time·features]`.
///
/// ```
/// use unrolled::nn::{Flatten, Layer, Shape};
/// assert_eq!(Flatten {}.output(&[Shape::Sequence { time: 9, features: 5 }]), Ok(Shape::Vector { features: 45 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    fn class(&self) -> &'static str {
        "Flatten"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        Ok(match inputs[0] {
            Shape::Sequence { time, features } => Shape::Vector { features: time.saturating_mul(features) },
            _ => Shape::Vector { features: inputs[0].features("Flatten")? },
        })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, _pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let x = inputs[0].real();
        let (time, batch, features) = x.dim();
        tape.out.reshape(1, batch, time * features);
        for t in 0..time {
            for (row, from) in x.step(t).chunks_exact(features).enumerate() {
                let at = row * time * features + t * features;
                tape.out.data_mut()[at..at + features].copy_from_slice(from);
            }
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
        let (time, batch, features) = inputs[0].real().dim();
        d_in.reshape(time, batch, features);
        for t in 0..time {
            for (row, to) in d_in.step_mut(t).chunks_exact_mut(features).enumerate() {
                let at = row * time * features + t * features;
                to.copy_from_slice(&d_out.data()[at..at + features]);
            }
        }
    }
}
