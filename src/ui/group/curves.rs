//! The metrics of a run over its steps.

use super::Axis;
use super::slots::{COLORS, LINES};
use crate::metrics::Metrics;
use crate::protocol::{Event, RunInfo, StepMetrics};
use crate::ui::run_state::axis::{XAxis, XPosition};
use crate::ui::run_state::series::{Series, Summary};
use crate::ui::widget::chart::{LineStyle, Pattern};

/// Metrics of single steps; all others are of evaluations.
const OF_STEPS: [&str; 4] = ["loss", "accuracy", "grad_norm", "learning_rate"];

/// All that was recorded of a run over its steps.
#[derive(Debug, Clone, Default)]
pub struct RunCurves {
    slot: usize,
    series: Vec<(String, Series)>,
    steps_per_epoch: usize,
    /// Tokens, or time steps, of a full batch.
    tokens_per_step: usize,
    seconds: f64,
}

impl RunCurves {
    /// No curves yet.
    pub fn new(slot: usize) -> Self {
        Self { slot, ..Self::default() }
    }

    /// The number that its colour, letter and line are chosen by.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// Folds one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Prepared(info) => self.prepared(info),
            Event::Step(metrics) => self.step(metrics),
            Event::Validation(metrics) => {
                self.evaluated(metrics.step, metrics.epoch, &metrics.metrics, false)
            }
            Event::Epoch(metrics) => self.evaluated(metrics.step, metrics.epoch, &metrics.metrics, true),
            _ => {}
        }
    }

    fn prepared(&mut self, info: &RunInfo) {
        self.steps_per_epoch = info.steps_per_epoch;
        self.tokens_per_step = info.batch_size.saturating_mul(info.data.length.max(1));
    }

    fn step(&mut self, metrics: &StepMetrics) {
        if metrics.seconds.is_finite() {
            self.seconds = metrics.seconds;
        }
        let position = self.position(metrics.step, metrics.epoch, false);
        let [loss, accuracy, grad_norm, rate] = OF_STEPS;
        self.push(loss, position, metrics.loss);
        if let Some(value) = metrics.accuracy {
            self.push(accuracy, position, value);
        }
        self.push(grad_norm, position, metrics.grad_norm);
        self.push(rate, position, metrics.learning_rate);
    }

    fn evaluated(&mut self, step: u64, epoch: usize, metrics: &Metrics, is_end: bool) {
        let position = self.position(step, epoch, is_end);
        for (name, value) in metrics.iter().filter(|(name, _)| !OF_STEPS.contains(name)) {
            self.push(name, position, value);
        }
    }

    fn position(&self, step: u64, epoch: usize, is_end: bool) -> XPosition {
        let epoch = match self.steps_per_epoch {
            _ if is_end => epoch as f64,
            0 => epoch as f64,
            steps => step as f64 / steps as f64,
        };
        XPosition { step, epoch, seconds: self.seconds }
    }

    fn push(&mut self, name: &str, position: XPosition, value: f64) {
        match self.series.iter_mut().find(|(known, _)| known == name) {
            Some((_, series)) => series.push(position, value),
            None => {
                let mut series = Series::new();
                series.push(position, value);
                self.series.push((name.to_owned(), series));
            }
        }
    }

    /// The names of the metrics that were recorded.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.iter().map(|(name, _)| name.as_str())
    }

    /// The points of the metric `name`.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|(known, _)| known == name).map(|(_, series)| series)
    }

    /// Whether `name` is a metric of single steps, which are noisy.
    pub fn is_of_steps(name: &str) -> bool {
        OF_STEPS.contains(&name)
    }

    /// The end of the metric `name` on `axis`.
    pub fn end(&self, name: &str, axis: Axis) -> Option<f64> {
        let (_, last) = self.series(name)?.extent()?;
        let (own, scale) = self.own(axis);
        Some(last.on(own) * scale)
    }

    /// The metric `name` in `width` columns from 0 to `to` on `axis`.
    pub fn columns(&self, name: &str, axis: Axis, to: f64, width: usize) -> Vec<Summary> {
        let (own, scale) = self.own(axis);
        self.series(name).map_or_else(Vec::new, |series| series.columns(own, 0.0, to / scale, width))
    }

    /// Where `step` lies on `axis`.
    pub fn place_of(&self, axis: Axis, step: u64) -> f64 {
        match axis {
            Axis::Steps => step as f64,
            Axis::Epochs => step as f64 / self.steps_per_epoch.max(1) as f64,
            Axis::Tokens => step as f64 * self.tokens_per_step.max(1) as f64,
            Axis::Seconds => {
                let loss = self.series(OF_STEPS[0]).and_then(|series| series.nearest(step));
                loss.map_or(0.0, |(at, _)| at.seconds)
            }
        }
    }

    /// The step that lies at `place` on `axis`, the last one at most.
    pub fn step_at(&self, axis: Axis, place: f64) -> u64 {
        let Some(series) = self.series(OF_STEPS[0]) else { return 0 };
        let last = series.extent().map_or(0, |(_, last)| last.step);
        let step = match axis {
            Axis::Steps => place,
            Axis::Epochs => place * self.steps_per_epoch.max(1) as f64,
            Axis::Tokens => place / self.tokens_per_step.max(1) as f64,
            Axis::Seconds => {
                let distance = |at: &XPosition| (at.seconds - place).abs();
                let points = series.points().map(|(at, _)| at);
                let nearest = points.min_by(|a, b| distance(a).total_cmp(&distance(b)));
                nearest.map_or(0.0, |at| at.step as f64)
            }
        };
        (step.round() as u64).min(last)
    }

    /// The axis of the series, and what its values are multiplied by.
    fn own(&self, axis: Axis) -> (XAxis, f64) {
        match axis {
            Axis::Steps => (XAxis::Step, 1.0),
            Axis::Epochs => (XAxis::Epoch, 1.0),
            Axis::Tokens => (XAxis::Step, self.tokens_per_step.max(1) as f64),
            Axis::Seconds => (XAxis::Time, 1.0),
        }
    }

    /// The letter on its curves and in the legend.
    pub fn letter(&self) -> char {
        char::from(b'A' + (self.slot % 26) as u8)
    }

    /// The number of its colour.
    pub fn color(&self) -> usize {
        self.slot % COLORS
    }

    fn pattern(&self) -> Pattern {
        match self.slot % LINES {
            0 => Pattern::Solid,
            1 => Pattern::Dashed,
            _ => Pattern::Dotted,
        }
    }

    /// The line of its curves.
    pub fn line(&self) -> LineStyle {
        LineStyle::Named { pattern: self.pattern(), mark: self.letter(), offset: self.slot * 5 }
    }

    /// The line in the legend.
    pub fn sample(&self) -> &'static str {
        match self.pattern() {
            Pattern::Solid => "━━━━",
            Pattern::Dashed => "━━ ━",
            Pattern::Dotted => "· · ",
        }
    }
}
