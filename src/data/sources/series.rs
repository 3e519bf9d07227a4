//! `source: series`: time series of a CSV file, as windows and the values to forecast after them.

pub(crate) mod dates;
mod evaluation_set;
mod forecasts;
pub(crate) mod notation;
pub(crate) mod table;

use std::ops::Range;
use std::path::PathBuf;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::{quoted, refuse};
use crate::data::files::encoding::Encoding;
use crate::data::files::text_file;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::opened::{Data, Opened};
use crate::data::source::{Context, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::sources::sequences::Scale;
use crate::data::text::tokens::TokenSpec;
use crate::number;
use crate::protocol::DataFacts;
use forecasts::Target;
use notation::Date;
use table::{Columns, Table};

pub use evaluation_set::{EvaluationSeries, ForecastInput};
pub use forecasts::Forecasts;
pub use notation::{DateOrder, SeriesFacts};

/// Series to forecast, in a CSV file (plain or gzip; columns separated by commas, tabs, `;` or `|`) with a header, a column of dates and
/// columns of numbers:
/// `{source: series, path: …, values: [Passengers], window: 12}`.
///
/// A sequence is `window` rows of all `values`; its targets are the `horizon` rows of `targets` after it. The latest share of the
/// rows is held out for validation and excluded from the scale too; a validation window may include rows of
/// the training part, as in a real forecast. Inputs and targets are standardized (by the training part); errors are
/// reported in the units of the series, with those of two baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesSpec {
    /// The file.
    pub path: PathBuf,
    /// Name of the column of dates; the first column when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Names of the input columns.
    pub values: Vec<String>,
    /// Which of them are forecast; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Rows of a window.
    pub window: usize,
    /// Rows of a forecast.
    #[serde(default = "one")]
    pub horizon: usize,
    /// Forecast the logarithm: for exponential growth.
    #[serde(default)]
    pub log: bool,
    /// Forecast the change from row to row: for a trend.
    #[serde(default)]
    pub difference: bool,
    /// The period in rows, for the seasonal baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<usize>,
    /// The share of the rows, the latest, that is held out for validation.
    #[serde(default = "fifth")]
    pub validation: f64,
    /// The order of day and month in dates whose year is last; detected from a day above 12 or the order of the rows if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// The decimal separator, `.` or `,`; the other separates thousands. Detected from the numbers if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// The character encoding.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// Instructions to obtain the file, shown when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

fn one() -> usize {
    1
}

fn fifth() -> f64 {
    0.2
}

/// The maximum of `window`, `horizon` and `season`.
const LONGEST: usize = 10_000;

impl Source for SeriesSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        self.check_settings()
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Numbers { source: "a series".into() }
    }

    fn form(&self, _tokens: Option<&TokenSpec>) -> Form {
        Form {
            inputs: InputForm::Real { time: self.window, features: self.values.len() },
            targets: TargetForm::Real(self.horizon * self.columns().len()),
        }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        Ok(self.load(context.progress)?.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        vec![RequiredFile { path: &self.path, needs: self.needs.as_deref() }]
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        vec![PathSetting { key: &["data", "path"], path: &mut self.path }]
    }
}

/// The largest number of a series, and the least difference of its largest and smallest: sums of the squares of 10¹⁰⁰ numbers are in the
/// range of floating point.
const MAX_NUMBER: f64 = 1e100;
const MIN_RANGE: f64 = 1e-100;

impl SeriesSpec {
    /// Checks the settings themselves.
    fn check_settings(&self) -> Result<(), DataError> {
        for (field, steps) in [
            ("data.window", self.window),
            ("data.horizon", self.horizon),
            ("data.season", self.season.unwrap_or(1)),
        ] {
            if !(1..=LONGEST).contains(&steps) {
                return refuse(field, steps, format!("a number from 1 to {LONGEST}"));
            }
        }
        if self.values.is_empty() {
            return refuse("data.values", "none", "the names of one column or more");
        }
        if let Some(decimal) = self.decimal.filter(|decimal| !matches!(decimal, '.' | ',')) {
            return refuse("data.decimal", decimal, "\".\" or \",\"");
        }
        let twice = |names: &[String]| (1..names.len()).any(|i| names[..i].contains(&names[i]));
        for (field, names) in [("data.values", &self.values), ("data.targets", &self.targets)] {
            if twice(names) {
                return refuse(field, names.join(", "), "each column once");
            }
        }
        if let Some(stranger) = self.targets.iter().find(|target| !self.values.contains(target)) {
            return refuse(
                "data.targets",
                stranger,
                format!("some of data.values: {}", self.values.join(", ")),
            );
        }
        match (0.0..1.0).contains(&self.validation) {
            true => Ok(()),
            false => refuse("data.validation", self.validation, "a share of the rows: 0 or more and below 1"),
        }
    }

    /// The indices in `values` of the targets.
    fn columns(&self) -> Vec<usize> {
        let place = |target: &String| self.values.iter().position(|name| name == target);
        match self.targets.as_slice() {
            [] => (0..self.values.len()).collect(),
            targets => targets.iter().filter_map(place).collect(),
        }
    }

    /// Checks that the squares of the numbers in `rows` of a column, which scaling and errors are made of, are neither infinite nor all 0.
    fn check_range(&self, table: &Table, rows: Range<usize>, column: usize) -> Result<(), DataError> {
        let numbers = rows.clone().map(|row| table.get(row, column));
        let (least, most) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x), most.max(x)));
        let range = least.abs().max(most.abs());
        let (is_large, is_flat) = (range > MAX_NUMBER, most > least && most - least < MIN_RANGE);
        if !(is_large || is_flat) {
            return Ok(());
        }
        let name = self.values.get(column).map_or("", |name| name.as_str());
        let found = format!("numbers from {least:e} to {most:e} in {}", quoted(name));
        let expected = match is_large {
            true => format!(
                "none beyond ±{MAX_NUMBER:e}, as squares must be finite; divide the column by a constant"
            ),
            false => format!(
                "differences of at least {MIN_RANGE:e}, as squares must be above 0; multiply the column by a constant"
            ),
        };
        Err(DataError::content(&self.path, None, found, expected))
    }

    /// Reads the series.
    fn load(&self, progress: &mut dyn FnMut(String)) -> Result<Data, DataError> {
        progress(format!("reading {}", self.path.display()));
        let (table, _, facts_of_file) = self.read()?;
        let (first, split) = (self.first(), self.split(table.len()));
        let train = self.starts(0, split);
        if train.is_empty() {
            return self.short(split, "for training", first + self.horizon);
        }
        let validation = self.held_out(table.len())?;
        let stationary = self.stationary(&table);
        let known = |column| (first - self.window..split).map(move |row| (row, column));
        let moments = |column| moments(known(column).map(|(row, column)| stationary.get(row, column)));
        let (mean, deviation) = (0..self.values.len()).map(moments).unzip();
        let used = first - self.window..table.len();
        (0..self.values.len()).try_for_each(|column| self.check_range(&stationary, used.clone(), column))?;
        let scale = Scale { mean, deviation, series: Some(facts_of_file) };
        let set = |starts: Range<usize>| self.dataset(&stationary, &scale, starts);
        let (train, held_out) = (set(train), (!validation.is_empty()).then(|| set(validation.clone())));
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train.len(),
            validation: held_out.as_ref().map_or(0, Dataset::len),
            length: self.window,
            ..DataFacts::default()
        };
        let forecasts = held_out.is_some().then(|| self.forecasts(&table, &scale, validation));
        Ok(Data { validation: held_out, forecasts, scale: Some(scale), ..Data::of(train, facts) })
    }

    /// Reads the numbers of the file, the date of each row, and the notation detected.
    fn read(&self) -> Result<(Table, Vec<Date>, SeriesFacts), DataError> {
        let text = text_file::read_as(&self.path, self.needs.as_deref(), self.encoding)?;
        let columns = Columns {
            path: &self.path,
            date: self.date.as_deref(),
            values: &self.values,
            positive: self.log,
            order: self.date_order,
            decimal: self.decimal,
        };
        columns.read_dated(text)
    }

    /// The first row that can be forecast; with differences a window needs one more row before it.
    fn first(&self) -> usize {
        self.window + usize::from(self.difference)
    }

    /// The first rows of forecasts within `from..to`.
    fn starts(&self, from: usize, to: usize) -> Range<usize> {
        from.max(self.first())..(to + 1).saturating_sub(self.horizon)
    }

    /// The first held-out row of `rows` rows.
    fn split(&self, rows: usize) -> usize {
        let held_out = (rows as f64 * self.validation).round() as usize;
        rows - held_out.min(rows)
    }

    /// The first rows of the forecasts of the held-out part of `rows` rows; empty if nothing is held out.
    fn held_out(&self, rows: usize) -> Result<Range<usize>, DataError> {
        let split = self.split(rows);
        let starts = self.starts(split, rows);
        match split < rows && starts.is_empty() {
            true => self.short(rows - split, "held out for validation", self.horizon),
            false => Ok(starts),
        }
    }

    fn short<T>(&self, rows: usize, what: &str, least: usize) -> Result<T, DataError> {
        let found = format!("{} rows {what}", number::count(rows as u64));
        let expected = format!("at least {}: window and horizon must fit", number::count(least as u64));
        Err(DataError::content(&self.path, None, found, expected))
    }

    /// The numbers after logarithm and difference; row 0 of differences is 0 and unused.
    fn stationary(&self, table: &Table) -> Table {
        let z = |row: usize, column: usize| {
            if self.log { table.get(row, column).ln() } else { table.get(row, column) }
        };
        let value = |i: usize| {
            let (row, column) = (i / table.width, i % table.width);
            match row.checked_sub(1).filter(|_| self.difference) {
                Some(before) => z(row, column) - z(before, column),
                None if self.difference => 0.0,
                None => z(row, column),
            }
        };
        Table { values: (0..table.values.len()).map(value).collect(), width: table.width }
    }

    /// The windows before `starts` with their targets, scaled.
    fn dataset(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Dataset {
        let (columns, count) = (self.columns(), starts.len());
        let scaled = |row: usize, column: usize| scaled(table, scale, row, column);
        let inputs = self.windows(table, scale, starts.clone());
        let width = columns.len();
        let targets = Array2::from_shape_fn((count, self.horizon * width), |(i, j)| {
            scaled(starts.start + i + j / width, columns[j % width])
        });
        Dataset { inputs: Inputs::Real(inputs), targets: Targets::Real(targets) }
    }

    /// The windows before `starts`, scaled: `[window, time, variable]`.
    fn windows(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Array3<f32> {
        Array3::from_shape_fn((starts.len(), self.window, self.values.len()), |(i, t, column)| {
            scaled(table, scale, starts.start + i - self.window + t, column)
        })
    }

    /// The inverse transform of forecasts from `starts` on, which may be beyond the last row.
    fn inverse(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Forecasts {
        let columns = self.columns();
        let z = |x: f64| if self.log { x.ln() } else { x };
        let last =
            starts.flat_map(|start| columns.iter().map(move |column| z(table.get(start - 1, *column))));
        let target = |column: &usize| {
            let (mean, deviation) = (*scale.mean.get(*column)?, *scale.deviation.get(*column)?);
            Some(Target { name: self.values.get(*column)?.clone(), mean, deviation })
        };
        Forecasts {
            log: self.log,
            difference: self.difference,
            horizon: self.horizon,
            targets: columns.iter().filter_map(target).collect(),
            last: last.collect(),
            truth: Vec::new(),
            baselines: Vec::new(),
        }
    }

    /// The inverse transform with the true values and the baselines.
    fn forecasts(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Forecasts {
        let columns = self.columns();
        let ahead = |start: usize| {
            (start..start + self.horizon).flat_map(|row| columns.iter().map(move |c| table.get(row, *c)))
        };
        let mut forecasts = self.inverse(table, scale, starts.clone());
        forecasts.truth = starts.clone().flat_map(ahead).collect();
        let known = (table, columns.as_slice());
        forecasts.baselines.push(forecasts.baseline("last", known, starts.clone(), |_| 1));
        // One season before each step, or as many as needed to reach a known row.
        if let Some(season) = self.season.filter(|season| *season <= starts.start) {
            let back = |h: usize| (h / season + 1) * season - h;
            forecasts.baselines.push(forecasts.baseline("seasonal", known, starts, back));
        }
        forecasts
    }
}

/// A standardized number.
fn scaled(table: &Table, scale: &Scale, row: usize, column: usize) -> f32 {
    let (Some(mean), Some(deviation)) = (scale.mean.get(column), scale.deviation.get(column)) else {
        return 0.0;
    };
    ((table.get(row, column) - mean) / deviation) as f32
}

/// Mean and standard deviation; 1 if all numbers are equal.
pub(crate) fn moments(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = numbers.clone().count().max(1) as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    let variance = numbers.map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    (mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests;
