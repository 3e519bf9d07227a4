//! All metrics of a recorded run over time, by name.

use std::collections::BTreeMap;

use super::replay::Recording;
use super::run_state::axis::XPosition;
use super::run_state::series::Series;
use crate::metrics::Metrics;
use crate::protocol::{Event, StepMetrics};

/// The prefix of metrics of the validation data.
const VALIDATION: &str = "val_";

/// The metrics of a recorded run.
#[derive(Debug, Default)]
pub struct MetricCurves {
    curves: BTreeMap<String, Series>,
    steps_per_epoch: usize,
    seconds: f64,
}

/// A chart: a metric of the training data, of the validation data, or both.
#[derive(Debug)]
pub struct MetricChart<'c> {
    /// Name and curve of the metric of the training data.
    pub train: Option<(&'c str, &'c Series)>,
    /// Name and curve of the metric of the validation data.
    pub validation: Option<(&'c str, &'c Series)>,
}

impl MetricCurves {
    /// Reads the metrics of a recording, as far as it is readable.
    pub fn read(recording: &Recording) -> Self {
        let mut curves = Self::default();
        recording.events().for_each(|event| curves.fold(&event));
        curves
    }

    fn fold(&mut self, event: &Event) {
        match event {
            Event::Prepared(info) => self.steps_per_epoch = info.steps_per_epoch,
            Event::Step(metrics) => self.step(metrics),
            Event::Epoch(metrics) => {
                let position =
                    XPosition { step: metrics.step, epoch: metrics.epoch as f64, seconds: self.seconds };
                self.evaluated(position, &metrics.metrics);
            }
            Event::Validation(metrics) => {
                self.evaluated(self.position(metrics.step, metrics.epoch), &metrics.metrics);
            }
            _ => {}
        }
    }

    fn step(&mut self, metrics: &StepMetrics) {
        self.seconds = if metrics.seconds.is_finite() { metrics.seconds } else { self.seconds };
        let position = self.position(metrics.step, metrics.epoch);
        let accuracy = metrics.accuracy.map(|accuracy| ("accuracy", accuracy));
        let others = [
            ("loss", metrics.loss),
            ("grad_norm", metrics.grad_norm),
            ("learning_rate", metrics.learning_rate),
            ("sequences_per_s", metrics.sequences_per_s),
        ];
        others.into_iter().chain(accuracy).for_each(|(name, value)| self.push(name, position, value));
    }

    fn evaluated(&mut self, position: XPosition, metrics: &Metrics) {
        for (name, value) in metrics.iter() {
            // Those of the training data are there for every step already, and these are their means over the epoch.
            let is_known = self.curves.contains_key(name) && matches!(name, "loss" | "accuracy");
            if !is_known {
                self.push(name, position, value);
            }
        }
    }

    fn position(&self, step: u64, epoch: usize) -> XPosition {
        let epoch = match self.steps_per_epoch {
            0 => epoch as f64,
            steps => step as f64 / steps as f64,
        };
        XPosition { step, epoch, seconds: self.seconds }
    }

    fn push(&mut self, name: &str, position: XPosition, value: f64) {
        match self.curves.get_mut(name) {
            Some(series) => series.push(position, value),
            None => self.curves.entry(name.to_owned()).or_default().push(position, value),
        }
    }

    /// The names of all metrics, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.curves.keys().map(String::as_str)
    }

    /// The curve of the metric `name`.
    pub fn get(&self, name: &str) -> Option<(&str, &Series)> {
        self.curves.get_key_value(name).map(|(name, series)| (name.as_str(), series))
    }

    /// The charts of these metrics, in order: a metric of the validation data is in that of its metric of the training data. Names that
    /// are unknown are left out.
    pub fn charts<'c>(&'c self, names: &[String]) -> Vec<MetricChart<'c>> {
        let mut charts: Vec<(&str, MetricChart<'c>)> = Vec::new();
        for (name, series) in names.iter().filter_map(|name| self.get(name)) {
            let (base, is_validation) = match name.strip_prefix(VALIDATION) {
                Some(base) => (base, true),
                None => (name, false),
            };
            let at = charts.iter().position(|(other, _)| *other == base).unwrap_or(charts.len());
            if at == charts.len() {
                charts.push((base, MetricChart { train: None, validation: None }));
            }
            if let Some((_, chart)) = charts.get_mut(at) {
                let place = if is_validation { &mut chart.validation } else { &mut chart.train };
                *place = Some((name, series));
            }
        }
        charts.into_iter().map(|(_, chart)| chart).collect()
    }
}
