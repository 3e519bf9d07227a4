use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MAX_INPUTS, MaskRule, Shape};

/// Puts the features of several layers side by side: `out = [x¹ x² …]` at every time step; each part of the gradient goes back to
/// where it came from. A step is masked where it is in every input; where one has no mask, nothing is masked, as in Keras.
///
/// Source: `keras/src/layers/merging/concatenate.py`, axis -1. `[batch, time, f¹], [batch, time, f²], … → [batch, time, f¹ + f² + …]`,
/// and vectors likewise. In a preset `{layer: Concatenate, inputs: [1, 2]}`.
///
/// ```
/// use unrolled_engine::nn::{Concatenate, Layer, Shape};
/// let inputs = [Shape::Vector { features: 3 }, Shape::Vector { features: 5 }];
/// assert_eq!(Concatenate {}.output(&inputs), Ok(Shape::Vector { features: 8 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {}

impl Layer for Concatenate {
    type Cache = ();

    fn class(&self) -> &'static str {
        "Concatenate"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        2..=MAX_INPUTS
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let mut features = 0;
        for input in inputs {
            features += input.features("Concatenate")?;
        }
        let times: Vec<Option<usize>> =
            inputs.iter().map(|input| input.sequence("").ok().map(|(time, _)| time)).collect();
        match times.first() {
            Some(Some(time)) if times.iter().all(|t| *t == Some(*time)) => {
                Ok(Shape::Sequence { time: *time, features })
            }
            Some(None) if times.iter().all(Option::is_none) => Ok(Shape::Vector { features }),
            _ => Err(LayerConfigError::new(
                "Concatenate reads sequences of different lengths, or sequences and vectors",
                "all its inputs must have the same number of time steps, or none",
            )),
        }
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Any
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (time, batch, _) = ctx.inputs[0].real().dim();
        let total = ctx.inputs.iter().map(|input| input.real().dim().2).sum();
        output.values.reshape(time, batch, total);
        let mut place = 0;
        for input in ctx.inputs {
            let x = input.real();
            let (_, _, features) = x.dim();
            for (to, from) in
                output.values.data_mut().chunks_exact_mut(total).zip(x.data().chunks_exact(features))
            {
                to[place..place + features].copy_from_slice(from);
            }
            place += features;
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads, .. } = ctx;
        let (_, _, total) = upstream_grad.dim();
        let mut place = 0;
        for (input_grads, input) in input_grads.into_iter().flatten().zip(inputs) {
            let (time, batch, features) = input.real().dim();
            input_grads.reshape(time, batch, features);
            for (to, from) in input_grads
                .data_mut()
                .chunks_exact_mut(features)
                .zip(upstream_grad.data().chunks_exact(total))
            {
                to.copy_from_slice(&from[place..place + features]);
            }
            place += features;
        }
    }
}
