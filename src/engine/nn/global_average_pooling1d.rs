use serde::{Deserialize, Serialize};

use super::cache::layer_cache;
use super::error::LayerConfigError;
use super::extent::Extent;
use super::layer::{BackwardContext, ForwardContext, Layer, LayerOutput, MaskRule, Shape};
use super::{Block, Mask, Signal};
use crate::kernel::{RowGroups, gather_sum, gather_sum_backward};

/// The mean over time, of unmasked steps where a mask reaches it.
///
/// ```text
/// out = Σₜ mₜ·x[t] / Σₜ mₜ       ∂L/∂x[t] = mₜ·∂L/∂out / Σₜ mₜ       (mₜ = 1 without a mask)
/// ```
/// It is blind to order. A sequence that is all padding gives 0 (Keras: NaN).
///
/// Source: `keras/src/layers/pooling/global_average_pooling1d.py`. `[batch, time, features] → [batch, features]`.
///
/// ```
/// use unrolled_engine::nn::{GlobalAveragePooling1D, Layer, Shape};
/// let out = GlobalAveragePooling1D {}.output(&[Shape::Sequence { time: 9, features: 5 }]);
/// assert_eq!(out, Ok(Shape::Vector { features: 5 }));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAveragePooling1D {}

impl GlobalAveragePooling1D {
    /// `mₜ / Σₜ mₜ` of one sequence at step `t`.
    fn share(mask: Option<&Mask>, counts: &[f32], t: usize, row: usize, time: usize) -> f32 {
        match mask {
            None => 1.0 / time as f32,
            Some(mask) if mask.step(t)[row] => 1.0 / counts[row].max(1.0),
            Some(_) => 0.0,
        }
    }

    /// Divides every sequence's row of `sums` by the steps that it counts.
    fn scale(sums: &mut Block, mask: Option<&Mask>, counts: &Block, time: usize) {
        let features = sums.dim().2;
        for (row, counts) in sums.data_mut().chunks_exact_mut(features).zip(counts.data()) {
            let steps = if mask.is_some() { counts.max(1.0) } else { time as f32 };
            row.iter_mut().for_each(|x| *x /= steps);
        }
    }

    /// `Σₜ mₜ` of every sequence, written to `counts`.
    fn count(mask: Option<&Mask>, time: usize, batch: usize, counts: &mut Block) {
        counts.zeroed(1, batch, 1);
        if let Some(mask) = mask {
            for t in 0..time {
                let marks = mask.step(t);
                counts.data_mut().iter_mut().zip(marks).for_each(|(n, m)| *n += f32::from(u8::from(*m)));
            }
        }
    }
}

layer_cache! {
    /// The cache of a [`GlobalAveragePooling1D`].
    GlobalAveragePooling1DCache {
        /// `Σₜ mₜ` of every sequence.
        counts: Block,
        /// Positions by row, where the input comes in rows.
        groups: RowGroups,
    }
}

impl Layer for GlobalAveragePooling1D {
    type Cache = GlobalAveragePooling1DCache;

    fn class(&self) -> &'static str {
        "GlobalAveragePooling1D"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, LayerConfigError> {
        let (_, features) = inputs[0].sequence("GlobalAveragePooling1D")?;
        Ok(Shape::Vector { features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn forward(&self, ctx: ForwardContext<'_>, cache: &mut Self::Cache, output: &mut LayerOutput) {
        let (time, batch, features) = ctx.inputs[0].dim();
        let (out, counts) = (&mut output.values, &mut cache.counts);
        Self::count(ctx.pass.mask, time, batch, counts);
        out.zeroed(1, batch, features);
        let x = match ctx.inputs[0] {
            Signal::Rows(rows) => {
                let mask = ctx.pass.mask.map_or(&[][..], Mask::data);
                gather_sum(out.data_mut(), rows.rows.data(), rows.index(), mask, features);
                Self::scale(out, ctx.pass.mask, counts, time);
                return;
            }
            other => other.real(),
        };
        for t in 0..time {
            let rows = out.data_mut().chunks_exact_mut(features).zip(x.step(t).chunks_exact(features));
            for (row, (sum, from)) in rows.enumerate() {
                let share = Self::share(ctx.pass.mask, counts.data(), t, row, time);
                sum.iter_mut().zip(from).for_each(|(sum, x)| *sum += share * x);
            }
        }
    }

    fn backward(&self, ctx: BackwardContext<'_>, cache: &mut Self::Cache) {
        let BackwardContext { pass, inputs, upstream_grad, input_grads: Some([input_grad, ..]), .. } = ctx
        else {
            return;
        };
        let (time, batch, features) = inputs[0].dim();
        if let Signal::Rows(rows) = inputs[0] {
            Self::scale(upstream_grad, pass.mask, &cache.counts, time);
            input_grad.reshape(1, rows.rows.rows(), features);
            let mask = pass.mask.map_or(&[][..], Mask::data);
            return gather_sum_backward(
                input_grad.data_mut(),
                &mut cache.groups,
                rows.index(),
                mask,
                upstream_grad.data(),
                features,
            );
        }
        input_grad.reshape(time, batch, features);
        for t in 0..time {
            let rows = input_grad
                .step_mut(t)
                .chunks_exact_mut(features)
                .zip(upstream_grad.data().chunks_exact(features));
            for (row, (to, d)) in rows.enumerate() {
                let share = Self::share(pass.mask, cache.counts.data(), t, row, time);
                to.iter_mut().zip(d).for_each(|(to, d)| *to = share * d);
            }
        }
    }

    fn cache_numbers(&self, extent: &Extent) -> usize {
        // A sequence for every position, and an end for every row.
        let groups = extent.distinct.map_or(0, |distinct| extent.positions() + distinct);
        extent.rows + extent.in_training(groups)
    }
}
