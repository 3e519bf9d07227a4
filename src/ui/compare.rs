//! Several runs on one chart, with the settings that differ and their gradients.
//!
//! ```text
//! ╭ val_loss by steps ───────────────────────────────────╮
//! │0.7┤A⢄⡀                                               │
//! │0.6┤ B⠑⠢⢄⡀A                                           │
//! │step 0     200     400                                │
//! ╰──────────────────────────────────────────────────────╯
//!  A ━━ lstm-1   0.6012   best 0.5990
//!  B ╍╍ gru-1    0.6213   best 0.6101
//! ╭ Settings ───────────────╮╭ ‖∂L/∂h_t‖ · 1 ────────────╮
//! │model.1.layer  LSTM  GRU ││ …                          │
//! ╰─────────────────────────╯╰────────────────────────────╯
//! ```
//!
//! A run has the colour, the letter and the line of its name, whatever it is compared with.

pub(super) mod chart;
pub(super) mod curves;
mod gradients;
pub(super) mod slots;
mod view;

use std::time::{Duration, Instant};

use super::keymap::Action;
use super::run_state::RecurrentLayer;
use super::run_state::smoothing::Smoothing;
use super::scroll::Scroll;
use crate::run::{RunState, owner};
use crate::runs::{self, Comparison, Run};
use curves::RunCurves;

/// The largest number of runs that can be told apart.
pub const MAX_RUNS: usize = slots::SLOTS;

/// How often runs in training are read.
const READ_EVERY: Duration = Duration::from_secs(1);

/// The unit of the x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Steps,
    Epochs,
    /// Sequences times their length, padding counted.
    Tokens,
    Seconds,
}

impl Axis {
    pub fn next(self) -> Self {
        match self {
            Self::Steps => Self::Epochs,
            Self::Epochs => Self::Tokens,
            Self::Tokens => Self::Seconds,
            Self::Seconds => Self::Steps,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Epochs => "epochs",
            Self::Tokens => "tokens",
            Self::Seconds => "seconds",
        }
    }
}

/// The screen of a comparison.
#[derive(Debug)]
pub struct CompareScreen {
    comparison: Comparison,
    /// One a run, in the order of the comparison.
    curves: Vec<RunCurves>,
    /// The names of all metrics, and which one is shown.
    metrics: Vec<String>,
    metric: usize,
    axis: Axis,
    log: bool,
    smoothing: Smoothing,
    /// The recurrent layers of any run, and which one is shown.
    layers: Vec<RecurrentLayer>,
    layer: usize,
    /// Whether the chart has the whole screen.
    alone: bool,
    /// Of the settings.
    scroll: Scroll,
    page: usize,
    /// When the runs were read last.
    read: Instant,
}

impl CompareScreen {
    /// Reads the recordings of `runs`; a run that cannot be read has no curves.
    pub fn new(runs: Vec<Run>) -> Self {
        let names: Vec<&str> = runs.iter().map(|run| &*run.name).collect();
        let slots = slots::slots(&names);
        let curves: Vec<RunCurves> =
            runs.iter().zip(slots).map(|(run, slot)| RunCurves::read(run, slot)).collect();
        let mut screen = Self {
            comparison: Comparison::new(runs),
            curves,
            metrics: Vec::new(),
            metric: 0,
            axis: Axis::Steps,
            log: false,
            smoothing: Smoothing::default(),
            layers: Vec::new(),
            layer: 0,
            alone: false,
            scroll: Scroll::default(),
            page: 1,
            read: Instant::now(),
        };
        screen.gather();
        screen
    }

    /// Lists the metrics and layers that have been recorded; the shown ones stay.
    fn gather(&mut self) {
        let (metric, layer) = (self.metric().map(str::to_owned), self.layers.get(self.layer).copied());
        let mut metrics: Vec<String> = Vec::new();
        let monitors = self.comparison.runs.iter().map(|run| run.summary.monitor.to_string());
        let recorded = self.curves.iter().flat_map(|curves| curves.names().map(str::to_owned));
        for name in monitors.chain(recorded) {
            if !metrics.contains(&name) && self.curves.iter().any(|curves| curves.series(&name).is_some()) {
                metrics.push(name);
            }
        }
        let mut layers: Vec<RecurrentLayer> =
            self.curves.iter().flat_map(|curves| curves.gradients.keys().copied()).collect();
        layers.sort_unstable();
        layers.dedup();
        self.metric = metric.and_then(|shown| metrics.iter().position(|name| *name == shown)).unwrap_or(0);
        self.layer = layer.and_then(|shown| layers.iter().position(|layer| *layer == shown)).unwrap_or(0);
        (self.metrics, self.layers) = (metrics, layers);
    }

    /// When [`tick`](Self::tick) is to be called next; `None` if no run is in training.
    pub fn next_tick(&self) -> Option<Instant> {
        let is_live = self.comparison.runs.iter().any(|run| run.state == RunState::Live);
        is_live.then(|| self.read + READ_EVERY)
    }

    /// Reads what the runs in training have recorded; returns whether that is anything.
    pub fn tick(&mut self, now: Instant) -> bool {
        if now < self.read + READ_EVERY {
            return false;
        }
        let mut is_new = false;
        let runs = self.comparison.runs.iter_mut().zip(&mut self.curves);
        for (run, curves) in runs.filter(|(run, _)| run.state == RunState::Live) {
            let has_more = curves.read_on(&run.path);
            let has_ended = !owner::is_live(&run.path);
            if has_more || has_ended {
                *run = runs::open(&run.path, &run.name);
                is_new = true;
            }
        }
        if is_new {
            self.gather();
        }
        // Reading takes a share of the time only.
        let took = now.elapsed();
        self.read = Instant::now() + took * 10;
        is_new
    }

    /// Handles a key; returns whether the screen is left.
    pub fn act(&mut self, action: Action) -> bool {
        let turned = |at: usize, by: usize, count: usize| if count > 0 { (at + by) % count } else { 0 };
        match action {
            Action::NextMetric => self.metric = turned(self.metric, 1, self.metrics.len()),
            Action::PreviousMetric => {
                self.metric = turned(self.metric, self.metrics.len().saturating_sub(1), self.metrics.len());
            }
            Action::XAxis => self.axis = self.axis.next(),
            Action::LogScale => self.log = !self.log,
            Action::SmoothMore => self.smoothing = self.smoothing.more(),
            Action::SmoothLess => self.smoothing = self.smoothing.less(),
            Action::SmoothOff => self.smoothing = Smoothing::OFF,
            Action::NextLayer => self.layer = turned(self.layer, 1, self.layers.len()),
            Action::PreviousLayer => {
                self.layer = turned(self.layer, self.layers.len().saturating_sub(1), self.layers.len());
            }
            Action::Open => self.alone = !self.alone,
            Action::Back if self.alone => self.alone = false,
            Action::Back => return true,
            other => self.scroll.act(other, self.page),
        }
        false
    }

    /// The name of the metric that is shown.
    fn metric(&self) -> Option<&str> {
        self.metrics.get(self.metric).map(String::as_str)
    }
}

#[cfg(test)]
pub(in crate::ui) mod tests;
