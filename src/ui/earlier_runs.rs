//! The trainings with other seeds or folds that have ended before the one on the screen.

use std::collections::VecDeque;
use std::path::Path;

use super::run_state::axis::XAxis;
use super::run_state::smoothing::Smoothing;
use super::run_state::{Curves, RunState};
use crate::protocol::RunStatus;

/// Most trainings whose curves stay.
const MOST_CURVES: usize = 30;

/// Trainings of one preset, one after another: how many there are to be, and those that have ended.
#[derive(Debug, Default)]
pub struct EarlierRuns {
    planned: usize,
    ended: Vec<EndedTraining>,
    /// Of the last that were seen on this screen.
    curves: VecDeque<EndedCurves>,
}

/// A training that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedTraining {
    /// `seed-2`, `fold-1`: the name of its folder.
    pub name: String,
    /// The best value of the metric that decides which epoch is the best, and that epoch.
    pub best: Option<(f64, usize)>,
    /// How it ended, if it is not finished.
    pub state: Option<&'static str>,
}

#[derive(Debug)]
struct EndedCurves {
    loss: Curves,
    accuracy: Curves,
    grad_norm: Curves,
}

impl EndedTraining {
    /// The training of `run`, which is called `name`.
    pub fn of(run: &RunState, name: String) -> Self {
        let best = run.monitored().map(|monitored| (monitored.best, monitored.best_epoch));
        let state = run.status().filter(|status| status.is_over() && **status != RunStatus::Finished);
        Self { name, best, state: state.map(RunStatus::word) }
    }
}

impl EarlierRuns {
    /// Of so many trainings in all, of which these have ended before.
    pub fn new(planned: usize, ended: Vec<EndedTraining>) -> Self {
        Self { planned, ended, curves: VecDeque::new() }
    }

    /// The number of all trainings, the one on the screen and those to come counted.
    pub fn planned(&self) -> usize {
        self.planned
    }

    /// The place of the one on the screen among all, from 1.
    pub fn now(&self) -> usize {
        (self.ended.len() + 1).min(self.planned)
    }

    /// Adds a training that has ended.
    pub fn push(&mut self, run: &RunState) {
        let folder = run.info().map(|info| info.folder.as_path()).and_then(Path::file_name);
        let name = folder.map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned());
        self.ended.push(EndedTraining::of(run, name));
        self.curves.push_back(EndedCurves {
            loss: run.loss().clone(),
            accuracy: run.accuracy().clone(),
            grad_norm: run.grad_norm().clone(),
        });
        if self.curves.len() > MOST_CURVES {
            self.curves.pop_front();
        }
    }

    /// Those that have ended, the earliest first.
    pub fn ended(&self) -> &[EndedTraining] {
        &self.ended
    }

    /// The least and the greatest loss of the trainings in each of `columns` columns of the window; `None` where none has one.
    pub fn loss_band(&self, window: Window) -> Vec<Option<(f64, f64)>> {
        self.band(|curves| &curves.loss, window)
    }

    /// As [`loss_band`](Self::loss_band), of the accuracy.
    pub fn accuracy_band(&self, window: Window) -> Vec<Option<(f64, f64)>> {
        self.band(|curves| &curves.accuracy, window)
    }

    /// As [`loss_band`](Self::loss_band), of the norm of the whole gradient.
    pub fn grad_norm_band(&self, window: Window) -> Vec<Option<(f64, f64)>> {
        self.band(|curves| &curves.grad_norm, window)
    }

    fn band(
        &self,
        curves: impl Fn(&EndedCurves) -> &Curves,
        Window { axis, bounds: (from, to), columns, smoothing }: Window,
    ) -> Vec<Option<(f64, f64)>> {
        let mut band: Vec<Option<(f64, f64)>> = vec![None; columns];
        for ended in &self.curves {
            let sampled = curves(ended).train_or_validation().columns(axis, from, to, columns);
            for (span, column) in band.iter_mut().zip(sampled).filter(|(_, column)| column.finite > 0) {
                let value = column.smoothed(smoothing);
                let (low, high) = span.unwrap_or((value, value));
                *span = Some((low.min(value), high.max(value)));
            }
        }
        band
    }
}

/// The part of the curves that a chart shows.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The unit of the x axis.
    pub axis: XAxis,
    /// The ends of the x axis.
    pub bounds: (f64, f64),
    /// The number of columns.
    pub columns: usize,
    /// The smoothing of the curves.
    pub smoothing: Smoothing,
}
