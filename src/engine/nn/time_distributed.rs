use serde::{Deserialize, Serialize};

use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, Shape};
use super::params::ParamSpec;
use super::pointwise_spec::{PointwiseCache, PointwiseSpec};

/// A layer for vectors, the same at every time step: `out[t] = layer(x[t])`. Its gradients are those of the layer, summed over the steps.
///
/// The layer is one that reads each step by itself: Dense, Activation, LayerNormalization, Dropout or GaussianNoise. Those act on all steps at
/// once here as well, so that the wrapper changes no number: it is there for networks that have it.
///
/// Source: `keras/src/layers/rnn/time_distributed.py`, where `of` is called `layer`. `[batch, time, features] → [batch, time, …]`; the
/// mask stays.
///
/// ```
/// use unrolled_engine::nn::{Dense, Layer, Shape, TimeDistributed};
/// let layer = TimeDistributed { of: Box::new(Dense { units: 3, ..Dense::default() }.into()) };
/// let out = layer.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Sequence { time: 9, features: 3 }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeDistributed {
    /// The layer of each step.
    pub of: Box<PointwiseSpec>,
}

impl Layer for TimeDistributed {
    type Cache = PointwiseCache;

    fn class(&self) -> &'static str {
        "TimeDistributed"
    }

    fn detail(&self) -> String {
        let layer = self.of.layer();
        let detail = layer.detail();
        if detail.is_empty() { layer.class().into() } else { format!("{}, {detail}", layer.class()) }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        inputs[0].sequence("TimeDistributed")?;
        self.of.layer().output(inputs)
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        self.of.layer().params(inputs)
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        self.of.layer().cache_numbers(extent)
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        self.of.forward(ctx, cache, output);
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        self.of.backward(ctx, cache);
    }
}
