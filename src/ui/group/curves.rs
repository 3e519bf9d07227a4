//! The metrics of a run over its steps.

use std::sync::Arc;

use super::Axis;
use super::slots::{COLORS, LINES};
use crate::metrics::Metrics;
use crate::protocol::{Event, RunInfo, StepMetrics};
use crate::ui::run_state::axis::{XAxis, XPosition};
use crate::ui::run_state::epoch_steps::EpochSteps;
use crate::ui::run_state::series::{Series, Summary};
use crate::ui::widget::chart::{LineStyle, Pattern};

/// Metrics of single steps; all others are of evaluations.
const OF_STEPS: [&str; 4] = ["loss", "accuracy", "grad_norm", "learning_rate"];

/// All that was recorded of a run over its steps.
#[derive(Debug, Clone, Default)]
pub struct RunCurves {
    slot: usize,
    series: Vec<(String, Series)>,
    info: Option<Arc<RunInfo>>,
    epoch_steps: EpochSteps,
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
            Event::Prepared(info) => self.info = Some(Arc::new((**info).clone())),
            Event::Step(metrics) => self.step(metrics),
            Event::Validation(metrics) => {
                self.evaluated(metrics.step, metrics.epoch, &metrics.metrics, false)
            }
            Event::Epoch(metrics) => {
                self.epoch_steps.epoch(metrics.step, metrics.epoch);
                self.evaluated(metrics.step, metrics.epoch, &metrics.metrics, true);
            }
            Event::Command(applied) => self.epoch_steps.command(applied, self.info.as_deref()),
            _ => {}
        }
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
        let between = self.epochs_at(step).filter(|_| !is_end);
        let epoch = between.unwrap_or(epoch as f64);
        XPosition { step, epoch, seconds: self.seconds }
    }

    /// Epochs, with their fraction, after `step`; `None` where their steps are not known.
    fn epochs_at(&self, step: u64) -> Option<f64> {
        self.epoch_steps.epochs_at(step, self.info.as_deref()?)
    }

    /// The steps after `epochs`, with their fraction.
    fn steps_at(&self, epochs: f64) -> f64 {
        self.info.as_deref().map_or(epochs, |info| self.epoch_steps.step_at(epochs, info))
    }

    /// Tokens, or time steps, of a full batch at the start.
    fn tokens_per_step(&self) -> f64 {
        let info = self.info.as_deref();
        info.map_or(1, |info| info.batch_size.saturating_mul(info.data.length.max(1)).max(1)) as f64
    }

    /// The same of an epoch, whatever the batch size is; `None` where its steps are not known.
    fn tokens_per_epoch(&self) -> Option<f64> {
        let steps = self.info.as_deref()?.steps_per_epoch;
        (steps > 0).then(|| self.tokens_per_step() * steps as f64)
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
            Axis::Epochs => self.epochs_at(step).unwrap_or(step as f64),
            Axis::Tokens => match self.tokens_per_epoch().zip(self.epochs_at(step)) {
                Some((tokens, epochs)) => tokens * epochs,
                None => step as f64 * self.tokens_per_step(),
            },
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
            Axis::Epochs => self.steps_at(place),
            Axis::Tokens => match self.tokens_per_epoch() {
                Some(tokens) => self.steps_at(place / tokens),
                None => place / self.tokens_per_step(),
            },
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
            Axis::Tokens => match self.tokens_per_epoch() {
                Some(tokens) => (XAxis::Epoch, tokens),
                None => (XAxis::Step, self.tokens_per_step()),
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppliedCommand, Command, DataFacts, EpochMetrics};
    use crate::ui::group::tests;

    #[test]
    fn epochs_and_tokens_follow_the_batch_size() {
        let mut curves = RunCurves::new(0);
        // 200 sequences of 8 tokens in 20 steps, then in 10.
        let data = DataFacts { train: 200, length: 8, ..DataFacts::default() };
        curves.apply(&Event::Prepared(Box::new(RunInfo { data, ..tests::info(8) })));
        let step = |step, epoch| {
            Event::Step(StepMetrics {
                step,
                epoch,
                loss: 0.5,
                accuracy: None,
                learning_rate: 0.1,
                grad_norm: 1.0,
                sequences_per_s: 1.0,
                seconds: 0.0,
            })
        };
        (1..=20).for_each(|at| curves.apply(&step(at, 1)));
        let request = Command::SetBatchSize { batch_size: 20 }.by("test");
        curves.apply(&Event::Command(AppliedCommand { step: 15, epoch: 1, request, learning_rate: 0.1 }));
        curves.apply(&Event::Epoch(Box::new(EpochMetrics { step: 20, epoch: 1, ..EpochMetrics::default() })));
        (21..=35).for_each(|at| curves.apply(&step(at, 2 + (at as usize - 21) / 10)));
        assert_eq!(curves.end("loss", Axis::Epochs), Some(2.5));
        assert_eq!(curves.end("loss", Axis::Tokens), Some(4000.0));
        for (at, epochs) in [(10, 0.5), (20, 1.0), (25, 1.5), (35, 2.5)] {
            for (axis, place) in [(Axis::Epochs, epochs), (Axis::Tokens, epochs * 1600.0)] {
                assert_eq!((curves.place_of(axis, at), curves.step_at(axis, place)), (place, at), "{axis:?}");
            }
        }
    }
}
