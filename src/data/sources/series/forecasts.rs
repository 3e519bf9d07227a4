//! Forecasts in the units of the series, and what the simplest of them are worth.

use super::table::Table;
use crate::metrics::{Baseline, ForecastErrors};

/// What turns the numbers of a network back into those of the series, sequence by sequence, and judges them there.
///
/// ```text
/// z = ln x, or x                            log
/// d_t = z_t − z_{t−1}, or z_t               difference
/// s = (d − mean)/deviation                  of the training part
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    pub(crate) log: bool,
    pub(crate) difference: bool,
    pub(crate) horizon: usize,
    pub(crate) targets: Vec<Target>,
    /// `[sequence, target]`: z of the last known step.
    pub(crate) last: Vec<f64>,
    /// `[sequence, horizon, target]`: what came.
    pub(crate) truth: Vec<f64>,
    pub(crate) baselines: Vec<Baseline>,
}

/// A variable that is forecast.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub name: String,
    pub mean: f64,
    pub deviation: f64,
}

impl Forecasts {
    /// No error yet.
    pub fn errors(&self) -> ForecastErrors {
        ForecastErrors::new(self.names())
    }

    /// What needs no network.
    pub fn baselines(&self) -> &[Baseline] {
        &self.baselines
    }

    /// The forecast of a `sequence` in the units of the series: `output` is `[horizon, target]`, and so is the result.
    pub fn undo(&self, sequence: usize, output: &[f32]) -> Vec<f64> {
        let width = self.targets.len();
        let mut z: Vec<f64> =
            (0..width).map(|i| self.last.get(sequence * width + i).copied().unwrap_or(0.0)).collect();
        let mut all = Vec::with_capacity(output.len());
        for step in output.chunks_exact(width.max(1)) {
            for ((z, s), target) in z.iter_mut().zip(step).zip(&self.targets) {
                let d = f64::from(*s) * target.deviation + target.mean;
                *z = if self.difference { *z + d } else { d };
                all.push(if self.log { z.exp() } else { *z });
            }
        }
        all
    }

    /// What came in a `sequence`, `[horizon, target]`; nothing where it has not come yet.
    pub fn truth(&self, sequence: usize) -> &[f64] {
        let size = self.horizon * self.targets.len();
        self.truth.get(sequence * size..(sequence + 1) * size).unwrap_or_default()
    }

    /// The names of what is forecast.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(|target| target.name.as_str())
    }

    /// Adds to `errors` what is wrong with the `output` of a network for a `sequence`.
    pub fn judge(&self, sequence: usize, output: &[f32], errors: &mut ForecastErrors) {
        for (i, (forecast, truth)) in
            self.undo(sequence, output).into_iter().zip(self.truth(sequence)).enumerate()
        {
            errors.add(i % self.targets.len().max(1), forecast - truth);
        }
    }

    /// How wrong it is to tell, for each of the `horizon` steps from each of `starts` on, the value `back(h)` steps before the start
    /// (`h` from 0).
    pub(crate) fn baseline(
        &self,
        name: &'static str,
        (table, columns): (&Table, &[usize]),
        starts: impl Iterator<Item = usize>,
        back: impl Fn(usize) -> usize,
    ) -> Baseline {
        let mut errors = self.errors();
        for start in starts {
            for h in 0..self.horizon {
                for (target, column) in columns.iter().enumerate() {
                    let told = table.get(start.saturating_sub(back(h)), *column);
                    errors.add(target, told - table.get(start + h, *column));
                }
            }
        }
        Baseline { name, errors }
    }
}
