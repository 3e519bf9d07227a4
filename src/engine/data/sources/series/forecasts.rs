//! The inverse transform of forecasts to the units of the series, and the baselines.

use super::table::Table;
use crate::metrics::{Baseline, ForecastErrors};

/// Transforms outputs of a network to the units of the series, and computes their errors.
///
/// ```text
/// z = ln x, or x                            log
/// d_t = z_t − z_{t−lag}, or z_t             difference, the lag 1 or a season
/// s = (d − mean)/deviation                  of the training part
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    pub(crate) log: bool,
    /// 0 without difference.
    pub(crate) lag: usize,
    pub(crate) horizon: usize,
    pub(crate) targets: Vec<Target>,
    /// `[sequence, lag, target]`: z of the last known steps, of one if the lag is 0.
    pub(crate) last: Vec<f64>,
    /// `[sequence, horizon, target]`: the true values.
    pub(crate) truth: Vec<f64>,
    pub(crate) baselines: Vec<Baseline>,
}

/// A target variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub name: String,
    pub mean: f64,
    pub deviation: f64,
}

impl Forecasts {
    /// An empty sum of errors.
    pub fn errors(&self) -> ForecastErrors {
        ForecastErrors::new(self.names())
    }

    /// The baselines.
    pub fn baselines(&self) -> &[Baseline] {
        &self.baselines
    }

    /// The forecast of a `sequence` in the units of the series: `output` is `[horizon, target]`, and so is the result.
    pub fn inverse_transform(&self, sequence: usize, output: &[f32]) -> Vec<f64> {
        let width = self.targets.len().max(1);
        let rows = self.lag.max(1);
        let last = self.last.get(sequence * rows * width..).unwrap_or_default();
        let mut z: Vec<f64> = Vec::with_capacity(output.len());
        for (at, s) in output.iter().enumerate().take(output.len() / width * width) {
            let Some(target) = self.targets.get(at % width) else { break };
            let d = f64::from(*s) * target.deviation + target.mean;
            let (step, size) = (at / width, self.lag * width);
            let before = if step < self.lag { last.get(at) } else { z.get(at.wrapping_sub(size)) };
            z.push(if self.lag > 0 { before.copied().unwrap_or(0.0) + d } else { d });
        }
        if self.log {
            z.iter_mut().for_each(|z| *z = z.exp());
        }
        z
    }

    /// The true values of a `sequence`, `[horizon, target]`; empty if they are in the future.
    pub fn truth(&self, sequence: usize) -> &[f64] {
        let size = self.horizon * self.targets.len();
        self.truth.get(sequence * size..(sequence + 1) * size).unwrap_or_default()
    }

    /// The names of the targets.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(|target| target.name.as_str())
    }

    /// Adds the errors of the `output` of a network for a `sequence` to `errors`.
    pub fn add_errors(&self, sequence: usize, output: &[f32], errors: &mut ForecastErrors) {
        for (i, (forecast, truth)) in
            self.inverse_transform(sequence, output).into_iter().zip(self.truth(sequence)).enumerate()
        {
            errors.add(i % self.targets.len().max(1), forecast - truth);
        }
    }

    /// The errors of the baseline that forecasts step `h` (from 0) from `start` on as the value in the row `row(start, h, column)`, where
    /// that is known.
    pub(crate) fn baseline(
        &self,
        name: &'static str,
        (table, columns): (&Table, &[usize]),
        starts: &[usize],
        row: impl Fn(usize, usize, usize) -> Option<usize>,
    ) -> Baseline {
        let mut errors = self.errors();
        for start in starts {
            for h in 0..self.horizon {
                for (target, column) in columns.iter().enumerate() {
                    if let Some(row) = row(*start, h, *column) {
                        errors.add(target, table.get(row, *column) - table.get(start + h, *column));
                    }
                }
            }
        }
        Baseline { name, errors }
    }
}
