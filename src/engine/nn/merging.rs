//! What the layers share that merge several inputs number by number: shapes, and broadcasting as in Keras. An input with one time step, one
//! feature, or without time (a vector) counts for every step or feature of the others.

use super::layer::Shape;
use super::{Block, LayerConfigError, Mask, Pass, Signal};

/// Makes a merging layer without a configuration from its documentation and name.
macro_rules! merging_layer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {}
    };
}
pub(super) use merging_layer;

/// Makes the passes of a merging layer that do not depend on its formula.
macro_rules! merging_shapes {
    ($name:ident) => {
        fn class(&self) -> &'static str {
            stringify!($name)
        }

        fn arity(&self) -> std::ops::RangeInclusive<usize> {
            2..=crate::nn::layer::MAX_INPUTS
        }

        fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
            crate::nn::merging::merged(inputs, stringify!($name))
        }

        fn mask(&self) -> crate::nn::layer::MaskRule {
            crate::nn::layer::MaskRule::Any
        }
    };
}
pub(super) use merging_shapes;

/// The output shape of the merging layer `who`.
///
/// # Errors
/// When sizes differ and neither is 1.
pub(super) fn merged(inputs: &[Shape], who: &str) -> Result<Shape, LayerConfigError> {
    let (mut steps, mut width) = (None, 1);
    for input in inputs {
        let features = input.features(who)?;
        let fits = |a: usize, b: usize| (a == b || a == 1 || b == 1).then(|| a.max(b));
        let merged_width = fits(width, features);
        let merged_steps = match (*input, steps) {
            (Shape::Sequence { time, .. }, Some(steps)) => fits(time, steps).map(Some),
            (Shape::Sequence { time, .. }, None) => Some(Some(time)),
            _ => Some(steps),
        };
        let (Some(merged_width), Some(merged_steps)) = (merged_width, merged_steps) else {
            let shapes = inputs.iter().map(|shape| match shape {
                Shape::Sequence { time, features } => format!("[{time}, {features}]"),
                other => format!("[{}]", other.features(who).unwrap_or(0)),
            });
            let found = format!("{who} reads {}", shapes.collect::<Vec<_>>().join(" and "));
            let help = "all its inputs must have the same time steps and features, or 1 of them";
            return Err(LayerConfigError::new(found, help));
        };
        (width, steps) = (merged_width, merged_steps);
    }
    Ok(match steps {
        Some(time) => Shape::Sequence { time, features: width },
        None => Shape::Vector { features: width },
    })
}

/// Shapes `out` for the inputs of a merging layer.
pub(super) fn shape_output(inputs: &[Signal<'_>], out: &mut Block) {
    let dims = || inputs.iter().map(|input| input.real().dim());
    let greatest = |size: fn((usize, usize, usize)) -> usize| dims().map(size).max().unwrap_or(0);
    out.reshape(greatest(|dim| dim.0), greatest(|dim| dim.1), greatest(|dim| dim.2));
}

/// Calls `each` with the place of every number of an output of shape `out`, in order, and the place in an input of shape `input` that is
/// broadcast to it.
pub(super) fn for_each_place(
    out: (usize, usize, usize),
    input: (usize, usize, usize),
    mut each: impl FnMut(usize, usize),
) {
    let (time, batch, features) = out;
    if out == input {
        return (0..time * batch * features).for_each(|i| each(i, i));
    }
    for t in 0..time {
        for row in 0..batch {
            for f in 0..features {
                each((t * batch + row) * features + f, place(out, input, t, row, f));
            }
        }
    }
}

/// The place of the number for step `t`, sequence `row` and feature `f` in an input of shape `input`.
pub(super) fn place(
    (_, batch, _): (usize, usize, usize),
    (steps, _, width): (usize, usize, usize),
    t: usize,
    row: usize,
    f: usize,
) -> usize {
    let (t, f) = (if steps == 1 { 0 } else { t }, if width == 1 { 0 } else { f });
    (t * batch + row) * width + f
}

/// Whether a mask takes the numbers of the `i`-th input at step `t` of sequence `row` out.
pub(super) fn masks_out(pass: &Pass<'_>, i: usize, t: usize, row: usize) -> bool {
    pass.masks[i].is_some_and(|mask: &Mask| !mask.marks(t, row))
}
