use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::LayerConfigError;
use crate::kernel::ConvWindow;

/// Padding at the ends of a sequence, by Keras's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// It stays within the sequence.
    #[default]
    Valid,
    /// It runs over both ends, over the last by one more where it cannot be even: with strides 1 as many steps out as in.
    Same,
    /// It runs over the first end only: no output sees a later step.
    Causal,
}

impl Padding {
    /// Keras's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Same => "same",
            Self::Causal => "causal",
        }
    }
}

/// A window of `taps` steps, `dilation` apart, that moves on by `stride`: output step `t` reads, at tap `k`, the input step
/// `t·stride + k·dilation − before`, where there is one.
///
/// Lengths and padding are TensorFlow's (`tensorflow/core/framework/kernel_shape_util.cc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Steps that it reads.
    pub taps: usize,
    /// Steps between two outputs.
    pub stride: usize,
    /// Steps between two taps.
    pub dilation: usize,
    /// Padding at the ends.
    pub padding: Padding,
}

impl Window {
    /// Steps from its first tap to its last, both counted.
    pub fn reach(self) -> usize {
        (self.taps - 1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// Steps out for `time` steps in.
    ///
    /// # Errors
    /// When it is longer than the sequence and may not run over its ends; `field` is the setting that makes it long.
    pub fn output(self, time: usize, field: &'static str) -> Result<usize, LayerConfigError> {
        match self.padding {
            Padding::Valid if time < self.reach() => {
                let reach = self.reach();
                let found = if self.dilation == 1 {
                    format!("`{field}` is {reach}, but the sequence has {time} time steps")
                } else {
                    format!(
                        "`{field}` {} with `dilation_rate` {} spans {reach} time steps, but the sequence has {time}",
                        self.taps, self.dilation
                    )
                };
                let most = time.saturating_sub(1) / self.dilation + 1;
                Err(LayerConfigError::of(
                    field,
                    found,
                    format!("it must be at most {most}, or let `padding` be same"),
                ))
            }
            _ => Ok(self.steps(time)),
        }
    }

    /// Steps out for `time` steps in, once [`Window::output`] has said that there are some.
    pub fn steps(self, time: usize) -> usize {
        match self.padding {
            Padding::Valid => (time - self.reach()) / self.stride + 1,
            Padding::Same | Padding::Causal => time.div_ceil(self.stride),
        }
    }

    /// Steps before the sequence that the first window covers.
    pub fn before(self, time: usize) -> usize {
        match self.padding {
            Padding::Valid => 0,
            Padding::Causal => self.reach() - 1,
            Padding::Same => {
                ((self.steps(time).saturating_sub(1) * self.stride + self.reach()).saturating_sub(time)) / 2
            }
        }
    }

    /// The same for [`kernel`](crate::kernel), over `batch` sequences of `time` steps whose positions hold the rows `index`.
    pub fn over(self, index: &[u32], time: usize, batch: usize) -> ConvWindow<'_> {
        let Self { taps, stride, dilation, .. } = self;
        ConvWindow { index, time, batch, kernel_size: taps, stride, dilation, padding: self.before(time) }
    }

    /// The output steps whose tap `k` falls on an input step, and the input step of the first of them. Further on, input
    /// steps are `stride` apart.
    pub fn hits(self, tap: usize, time: usize) -> (Range<usize>, usize) {
        let (shift, before) = (tap * self.dilation, self.before(time));
        let first = before.saturating_sub(shift).div_ceil(self.stride);
        let end = (time + before).saturating_sub(shift).div_ceil(self.stride).min(self.steps(time));
        (first..end.max(first), (first * self.stride + shift).saturating_sub(before))
    }

    /// [`Window::hits`] in pieces whose input steps lie one after the other, as their output steps do: steps out, steps in.
    pub fn runs(self, tap: usize, time: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (hits, first) = self.hits(tap, time);
        let piece = if self.stride == 1 { hits.len() } else { 1 };
        (hits.start..hits.end).step_by(piece.max(1)).map(move |t| {
            let from = first + (t - hits.start) * self.stride;
            (t..t + piece, from..from + piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// The definition, tap by tap, over a sequence that is really padded.
        #[test]
        fn hits_and_runs_are_the_taps_that_fall_within(
            time in 1usize..20, taps in 1usize..6, stride in 1usize..4, dilation in 1usize..4, kind in 0usize..3,
        ) {
            let padding = [Padding::Valid, Padding::Same, Padding::Causal][kind];
            let window = Window { taps, stride, dilation, padding };
            let Ok(steps) = window.output(time, "kernel_size") else {
                prop_assert!(padding == Padding::Valid && window.reach() > time);
                return Ok(());
            };
            let total = match padding {
                Padding::Valid => 0,
                Padding::Same => ((time.div_ceil(stride) - 1) * stride + window.reach()).saturating_sub(time),
                Padding::Causal => window.reach() - 1,
            };
            let left = if padding == Padding::Same { total / 2 } else { total };
            let padded = left + time + (total - left);
            // As many whole windows as fit into the padded sequence.
            prop_assert_eq!(steps, (padded - window.reach()) / stride + 1);
            for tap in 0..taps {
                let mut expected = Vec::new();
                for t in 0..steps {
                    let place = t * stride + tap * dilation;
                    if (left..left + time).contains(&place) {
                        expected.push((t, place - left));
                    }
                }
                let (hits, first) = window.hits(tap, time);
                let hits: Vec<_> = hits.clone().map(|t| (t, first + (t - hits.start) * stride)).collect();
                prop_assert_eq!(&hits, &expected);
                let runs: Vec<_> = window.runs(tap, time).flat_map(|(to, from)| to.zip(from)).collect();
                prop_assert_eq!(&runs, &expected);
            }
        }
    }

    #[test]
    fn same_pads_less_before_than_after() {
        let window = Window { taps: 4, stride: 1, dilation: 1, padding: Padding::Same };
        assert_eq!((window.steps(9), window.before(9)), (9, 1));
    }
}
