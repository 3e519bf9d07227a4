use super::graph::{Attribute, Graph, Type};
use crate::data::{Scale, SeriesSpec};

/// What is done to numbers before the network reads them, and to forecasts behind it: in double precision, so that nothing is lost of numbers
/// that are great beside their deviation.
#[derive(Debug, Clone, Copy)]
pub enum NumberScaling<'a> {
    /// Sequences are scaled; a step of NaN is padding, which the network reads as zeros.
    Sequences(&'a Scale),
    /// A series: as many rows more go in as the lag of the difference, and forecasts come out in its units.
    Series(&'a SeriesSpec, &'a Scale),
}

impl NumberScaling<'_> {
    fn scale(&self) -> &Scale {
        match self {
            Self::Sequences(scale) | Self::Series(_, scale) => scale,
        }
    }

    /// The rows that go in for `steps` of the network.
    pub(super) fn rows(&self, steps: usize) -> usize {
        match self {
            Self::Sequences(_) => steps,
            Self::Series(series, _) => steps + series.difference.lag(),
        }
    }

    /// `x`, `[batch, time, features]`, as the network reads it.
    pub(super) fn before(&self, graph: &mut Graph, x: &str) -> String {
        graph.enter("scale");
        let mut z = x.to_owned();
        if let Self::Series(series, _) = self {
            z = stationary(graph, series, x);
        }
        let (mean, deviation) = (graph.doubles(&self.scale().mean), graph.doubles(&self.scale().deviation));
        let centered = graph.sub(&z, &mean);
        let scaled = graph.div(&centered, &deviation);
        let scaled = graph.cast(&scaled, Type::Float);
        if let Self::Series(..) = self {
            return scaled;
        }
        let (zero, smallest) = (graph.scalar(0.0), graph.scalar(f64::from(f32::MIN_POSITIVE)));
        // No step of the data may be all 0, which is padding.
        let is_zero = graph.op("Equal", &[&scaled, &zero], &[]);
        let data = graph.select(&is_zero, &smallest, &scaled);
        let padding = graph.op("IsNaN", &[&scaled], &[]);
        graph.select(&padding, &zero, &data)
    }

    /// The output of the network in the units of `x`, the input: a forecast is `[batch, horizon, targets]`. `None` if it has none.
    pub(super) fn after(&self, graph: &mut Graph, x: &str, output: &str) -> Option<(String, [usize; 2])> {
        let Self::Series(series, scale) = self else { return None };
        graph.enter("forecast");
        let columns = series.columns();
        let of = |values: &[f64]| -> Vec<f64> {
            columns.iter().filter_map(|column| values.get(*column).copied()).collect()
        };
        let (horizon, targets, lag) = (series.horizon, columns.len(), series.difference.lag());
        let rows = graph.reshape(output, &[0, horizon as i64, targets as i64]);
        let rows = graph.cast(&rows, Type::Double);
        let (mean, deviation) = (graph.doubles(&of(&scale.mean)), graph.doubles(&of(&scale.deviation)));
        let scaled = graph.mul(&rows, &deviation);
        let mut z = graph.add(&scaled, &mean);
        if lag > 0 {
            let known = known(graph, series, x);
            z = summed(graph, &z, &known, (horizon, lag, targets));
        }
        if series.log {
            z = graph.op("Exp", &[&z], &[]);
        }
        Some((z, [horizon, targets]))
    }
}

/// The logarithms, if the series has them.
fn logarithms(graph: &mut Graph, series: &SeriesSpec, x: &str) -> String {
    if series.log { graph.op("Log", &[x], &[]) } else { x.to_owned() }
}

/// The changes from so many rows before, if the series has them.
fn stationary(graph: &mut Graph, series: &SeriesSpec, x: &str) -> String {
    let z = logarithms(graph, series, x);
    let lag = series.difference.lag() as i64;
    if lag == 0 {
        return z;
    }
    let (later, before) = (graph.steps(&z, lag, i64::MAX), graph.steps(&z, 0, -lag));
    graph.sub(&later, &before)
}

/// The targets in the last rows, as many as the lag.
fn known(graph: &mut Graph, series: &SeriesSpec, x: &str) -> String {
    let last = graph.steps(x, -(series.difference.lag() as i64), i64::MAX);
    let columns: Vec<i64> = series.columns().into_iter().map(|column| column as i64).collect();
    let columns = graph.ints(&columns);
    let targets = graph.op("Gather", &[&last, &columns], &[("axis", Attribute::Int(2))]);
    logarithms(graph, series, &targets)
}

/// What `changes` from `lag` rows before make of the `known` rows: `[batch, horizon, targets]`. Rows that are `lag` apart are a column of
/// `[batch, rounds, lag, targets]`, down which they are summed.
fn summed(
    graph: &mut Graph,
    changes: &str,
    known: &str,
    (horizon, lag, targets): (usize, usize, usize),
) -> String {
    let rounds = horizon.div_ceil(lag);
    let ends = graph.ints(&[0, 0, 0, 0, (rounds * lag - horizon) as i64, 0]);
    let whole = graph.op("Pad", &[changes, &ends], &[]);
    let by_round = graph.reshape(&whole, &[0, rounds as i64, lag as i64, targets as i64]);
    let axis = graph.int(1);
    let sums = graph.op("CumSum", &[&by_round, &axis], &[]);
    let known = graph.unsqueeze(known, 1);
    let values = graph.add(&sums, &known);
    let rows = graph.reshape(&values, &[0, (rounds * lag) as i64, targets as i64]);
    graph.steps(&rows, 0, horizon as i64)
}
