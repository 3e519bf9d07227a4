use serde::{Deserialize, Serialize};

use super::layer::{Layer, MaskRule, Misfit, Pass, Shape, Tape};
use super::{Block, Mask, Observer, Signal, Weights};
use crate::kernel::{scatter_rows, sum_rows};

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
/// use unrolled::nn::{GlobalAveragePooling1D, Layer, Shape};
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

    /// `Σₜ mₜ` of every sequence, left in the tape.
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

impl Layer for GlobalAveragePooling1D {
    fn class(&self) -> &'static str {
        "GlobalAveragePooling1D"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Misfit> {
        let (_, features) = inputs[0].sequence("GlobalAveragePooling1D")?;
        Ok(Shape::Vector { features })
    }

    fn mask(&self) -> MaskRule {
        MaskRule::Drop
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn forward(&self, pass: &Pass<'_>, _weights: Weights<'_>, inputs: &[Signal<'_>], tape: &mut Tape) {
        let (time, batch, features) = inputs[0].dim();
        let Tape { out, slots: [counts, ..], .. } = tape;
        Self::count(pass.mask, time, batch, counts);
        out.zeroed(1, batch, features);
        let x = match inputs[0] {
            Signal::Rows(rows) => {
                let mask = pass.mask.map_or(&[][..], Mask::data);
                sum_rows(out.data_mut(), rows.rows.data(), rows.index(), mask, features);
                Self::scale(out, pass.mask, counts, time);
                return;
            }
            other => other.real(),
        };
        for t in 0..time {
            let rows = out.data_mut().chunks_exact_mut(features).zip(x.step(t).chunks_exact(features));
            for (row, (sum, from)) in rows.enumerate() {
                let share = Self::share(pass.mask, counts.data(), t, row, time);
                sum.iter_mut().zip(from).for_each(|(sum, x)| *sum += share * x);
            }
        }
    }

    fn backward(
        &self,
        pass: &Pass<'_>,
        _weights: Weights<'_>,
        inputs: &[Signal<'_>],
        tape: &mut Tape,
        d_out: &mut Block,
        _grads: &mut [f32],
        d_in: Option<&mut [Block]>,
        _observer: Option<&mut dyn Observer>,
    ) {
        let Some([d_in, ..]) = d_in else { return };
        let (time, batch, features) = inputs[0].dim();
        if let Signal::Rows(rows) = inputs[0] {
            Self::scale(d_out, pass.mask, &tape.slots[0], time);
            d_in.zeroed(1, rows.rows.rows(), features);
            let mask = pass.mask.map_or(&[][..], Mask::data);
            return scatter_rows(d_in.data_mut(), rows.index(), mask, d_out.data(), features);
        }
        d_in.reshape(time, batch, features);
        for t in 0..time {
            let rows = d_in.step_mut(t).chunks_exact_mut(features).zip(d_out.data().chunks_exact(features));
            for (row, (to, d)) in rows.enumerate() {
                let share = Self::share(pass.mask, tape.slots[0].data(), t, row, time);
                to.iter_mut().zip(d).for_each(|(to, d)| *to = share * d);
            }
        }
    }
}
