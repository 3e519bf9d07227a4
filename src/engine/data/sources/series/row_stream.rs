use std::collections::VecDeque;

use super::{Forecasts, SeriesSpec, Table};
use crate::data::error::quoted;
use crate::data::sources::sequences::Scale;

/// The transform of a series that arrives row by row: numbers to the input of a network, and its output to the units of the series.
#[derive(Debug, Clone)]
pub struct RowStream {
    series: SeriesSpec,
    scale: Scale,
    /// The last rows after the logarithm, at most as many as the next difference and the next forecast need.
    recent: VecDeque<Vec<f64>>,
}

impl RowStream {
    /// Before the first row of `series`, by the scale of the training data.
    pub fn new(series: &SeriesSpec, scale: &Scale) -> Self {
        Self { series: series.clone(), scale: scale.clone(), recent: VecDeque::new() }
    }

    /// The names of the numbers of a row.
    pub fn names(&self) -> Vec<String> {
        self.series.values.iter().map(|column| column.title()).collect()
    }

    /// The names of the variables of a forecast.
    pub fn targets(&self) -> Vec<String> {
        self.inverse().names().map(str::to_owned).collect()
    }

    /// The rows that are kept.
    fn depth(&self) -> usize {
        self.series.difference.lag().max(1)
    }

    /// Reads the next row; returns it as the input of the network, or `None` while the row of which it is a difference is not known.
    ///
    /// # Errors
    /// In words, for a number that is not finite, or has no logarithm.
    pub fn push(&mut self, row: &[f64]) -> Result<Option<Vec<f32>>, String> {
        let names = self.names();
        let wrong = |x: &f64| !x.is_finite() || self.series.log && *x <= 0.0;
        if let Some((at, x)) = row.iter().enumerate().find(|(_, x)| wrong(x)) {
            let name = quoted(names.get(at).map_or("", String::as_str));
            let expected =
                if self.series.log { "a number above 0, for its logarithm" } else { "a finite number" };
            return Err(format!("found {x} for {name}; expected {expected}"));
        }
        let z: Vec<f64> = row.iter().map(|x| if self.series.log { x.ln() } else { *x }).collect();
        let lag = self.series.difference.lag();
        let before = self.recent.len().checked_sub(lag).and_then(|at| self.recent.get(at));
        let scaled = |(at, z): (usize, &f64)| {
            let d = if lag > 0 { z - before?.get(at)? } else { *z };
            Some(((d - self.scale.mean.get(at)?) / self.scale.deviation.get(at)?) as f32)
        };
        let input = z.iter().enumerate().map(scaled).collect();
        self.recent.push_back(z);
        while self.recent.len() > self.depth() {
            self.recent.pop_front();
        }
        Ok(input)
    }

    /// The forecast of the rows after the last one in the units of the series, `[horizon][variable]`: `output` is that of the network.
    pub fn forecast(&self, output: &[f32]) -> Vec<Vec<f64>> {
        let forecasts = self.inverse();
        let width = forecasts.names().len().max(1);
        forecasts.inverse_transform(0, output).chunks(width).map(<[f64]>::to_vec).collect()
    }

    fn inverse(&self) -> Forecasts {
        let undo = |z: &f64| if self.series.log { z.exp() } else { *z };
        let values = self.recent.iter().flatten().map(undo).collect();
        let table = Table { values, width: self.series.values.len() };
        self.series.inverse(&table, &self.scale, &[table.rows()])
    }

    /// The rows that the next one is transformed with.
    pub fn rows(&self) -> Vec<Vec<f64>> {
        self.recent.iter().cloned().collect()
    }

    /// Goes on after `rows` that [`rows`](Self::rows) has returned, of which the network has read one if it has `begun`.
    ///
    /// # Errors
    /// In words, if they are those of another series.
    pub fn set_rows(&mut self, rows: Vec<Vec<f64>>, begun: bool) -> Result<(), String> {
        let (width, depth) = (self.series.values.len(), self.depth());
        let is_row = |row: &Vec<f64>| row.len() == width && row.iter().all(|x| x.is_finite());
        if rows.len() > depth || begun && rows.len() < depth || !rows.iter().all(is_row) {
            return Err(format!("its rows are not those of a series of {width} numbers"));
        }
        self.recent = rows.into();
        Ok(())
    }
}
