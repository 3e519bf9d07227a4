//! The trainings with other seeds or folds that have ended before the one on the screen.

use std::path::Path;

use super::run_state::axis::XAxis;
use super::run_state::smoothing::Smoothing;
use super::run_state::{Curves, RunState};

/// Most trainings whose curves stay.
const MOST: usize = 30;

/// Trainings of one preset, one after another: how many there are to be, and those that have ended.
#[derive(Debug, Default)]
pub struct EarlierRuns {
    /// The number of all trainings, the one on the screen and those to come counted.
    pub planned: usize,
    /// Those that have ended, the earliest first.
    runs: Vec<EndedRun>,
}

/// A training that has ended.
#[derive(Debug)]
pub struct EndedRun {
    /// `seed-2`, `fold-1`: the name of its folder.
    pub name: String,
    /// How it ended, and its curves.
    pub state: RunState,
}

impl EarlierRuns {
    /// Of so many trainings in all, none of which has ended.
    pub fn of(planned: usize) -> Self {
        Self { planned, runs: Vec::new() }
    }

    /// Adds a training that has ended.
    pub fn push(&mut self, state: RunState) {
        let folder = state.info().map(|info| info.folder.as_path()).and_then(Path::file_name);
        let name = folder.map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned());
        self.runs.push(EndedRun { name, state });
        if self.runs.len() > MOST {
            self.runs.remove(0);
        }
    }

    /// Those that have ended, the earliest first.
    pub fn runs(&self) -> &[EndedRun] {
        &self.runs
    }

    /// The values at the best epochs of the trainings that have ended, by the metric that decides it.
    pub fn best_values(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().filter_map(|run| run.state.monitored().map(|monitored| monitored.best))
    }

    /// The least and the greatest value of a metric over the trainings in each of `columns` columns of the window; `None` where none has one.
    pub fn band(
        &self,
        curves: impl Fn(&RunState) -> &Curves,
        axis: XAxis,
        (from, to): (f64, f64),
        columns: usize,
        smoothing: Smoothing,
    ) -> Vec<Option<(f64, f64)>> {
        let mut band: Vec<Option<(f64, f64)>> = vec![None; columns];
        for run in &self.runs {
            let sampled = curves(&run.state).train_or_validation().columns(axis, from, to, columns);
            for (span, column) in band.iter_mut().zip(sampled).filter(|(_, column)| column.finite > 0) {
                let value = column.smoothed(smoothing);
                let (low, high) = span.unwrap_or((value, value));
                *span = Some((low.min(value), high.max(value)));
            }
        }
        band
    }
}
