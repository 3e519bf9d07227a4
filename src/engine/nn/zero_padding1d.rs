use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};

/// Puts time steps of zeros before and after a sequence: `out[before + t] = x[t]`, else 0; `∂L/∂x[t] = ∂L/∂out[before + t]`.
///
/// A mask ends here, as in Keras: the steps count as data.
///
/// Source: `keras/src/layers/reshaping/zero_padding1d.py`. `[batch, time, features] → [batch, before + time + after, features]`.
///
/// ```
/// use unrolled_engine::nn::{Ends, Layer, Shape, ZeroPadding1D};
/// let out = ZeroPadding1D { padding: Ends(2, 1) }.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 12, features: 5 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroPadding1D {
    /// Time steps before and after.
    #[serde(default)]
    pub padding: Ends,
}

/// Numbers of time steps before and after a sequence: `2`, or `[2, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ends(pub usize, pub usize);

impl Default for Ends {
    fn default() -> Self {
        Self(1, 1)
    }
}

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EndsVisitor;

        impl<'de> Visitor<'de> for EndsVisitor {
            type Value = Ends;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of time steps, or two: [before, after]")
            }

            fn visit_u64<E: de::Error>(self, both: u64) -> Result<Ends, E> {
                let both = usize::try_from(both).map_err(E::custom)?;
                Ok(Ends(both, both))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut ends: A) -> Result<Ends, A::Error> {
                let before = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let after = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                match ends.next_element::<usize>()? {
                    None => Ok(Ends(before, after)),
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                }
            }
        }

        deserializer.deserialize_any(EndsVisitor)
    }
}

impl Layer for ZeroPadding1D {
    type Cache = ();

    fn class(&self) -> &'static str {
        "ZeroPadding1D"
    }

    fn detail(&self) -> String {
        let Ends(before, after) = self.padding;
        format!("{before} before, {after} after")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (time, features) = inputs[0].sequence("ZeroPadding1D")?;
        let Ends(before, after) = self.padding;
        Ok(Shape::Sequence { time: time.saturating_add(before).saturating_add(after), features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn forward(&self, ctx: ForwardContext<'_>, _cache: &mut Self::Cache, output: &mut LayerOutput) {
        let x = ctx.inputs[0].real();
        let ((time, batch, features), Ends(before, after)) = (x.dim(), self.padding);
        output.values.zeroed(before + time + after, batch, features);
        output.values.steps_mut(before..before + time).copy_from_slice(x.data());
    }

    fn backward(&self, ctx: BackwardContext<'_>, _cache: &mut Self::Cache) {
        let BackwardContext { inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx else {
            return;
        };
        let ((time, batch, features), Ends(before, _)) = (inputs[0].real().dim(), self.padding);
        input_grad.reshape(time, batch, features);
        input_grad.data_mut().copy_from_slice(upstream_grad.steps(before..before + time));
    }
}
