//! `source: series`: time series of a CSV file, as windows and the values to forecast after them.

pub mod date;
mod date_columns;
pub(crate) mod dates;
mod difference;
mod evaluation_set;
mod excerpt;
mod forecasts;
pub(crate) mod gaps;
mod grid;
pub mod notation;
pub(crate) mod numbers;
pub mod parts;
mod row_stream;
mod separators;
pub mod table;

use std::ops::Range;
use std::path::PathBuf;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::data::columns::Column;
use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::{quoted, refuse};
use crate::data::files::encoding::Encoding;
use crate::data::files::text_file;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::{Data, Opened};
use crate::data::source::{Context, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::sources::sequences::Scale;
use crate::data::text::tokens::TokenSpec;
use crate::number;
use crate::protocol::DataFacts;
use forecasts::Target;
use notation::KnownNotation;
use table::{Columns, ReadSeries, Table};

pub use date::DateOrder;
pub use date_columns::DateColumns;
pub use difference::Difference;
pub use evaluation_set::{EvaluationSeries, ForecastInput};
pub use forecasts::Forecasts;
pub use gaps::Fill;
pub use notation::SeriesFacts;
pub use row_stream::RowStream;

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
    /// The column of dates, or several with a part of the date each; the first column when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateColumns>,
    /// The input columns.
    pub values: Vec<Column>,
    /// Which of them are forecast; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Column>,
    /// Rows of a window.
    pub window: usize,
    /// Rows of a forecast.
    #[serde(default = "one")]
    pub horizon: usize,
    /// Forecast the logarithm: for exponential growth.
    #[serde(default)]
    pub log: bool,
    /// Forecast the change from row to row (`true`), for a trend, or from so many rows before, for a season.
    #[serde(default)]
    pub difference: Difference,
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
    /// How gaps are closed: missing values, and missing dates between regular ones. Without it no window spans a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
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
        Ok(self.load(context.known, context.fraction, context.progress)?.into())
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
            ("data.difference", self.difference.lag().max(1)),
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
        let twice = |names: &[Column]| (1..names.len()).any(|i| names[..i].contains(&names[i]));
        for (field, names) in [("data.values", &self.values), ("data.targets", &self.targets)] {
            if twice(names) {
                return refuse(field, joined(names), "each column once");
            }
        }
        if let Some(stranger) = self.targets.iter().find(|target| !self.values.contains(target)) {
            return refuse(
                "data.targets",
                stranger,
                format!("some of data.values: {}", joined(&self.values)),
            );
        }
        match (0.0..1.0).contains(&self.validation) {
            true => Ok(()),
            false => refuse("data.validation", self.validation, "a share of the rows: 0 or more and below 1"),
        }
    }

    /// The indices in `values` of the targets.
    pub fn columns(&self) -> Vec<usize> {
        let place = |target: &Column| self.values.iter().position(|name| name == target);
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
        let name = self.values.get(column).map(Column::to_string).unwrap_or_default();
        let found = format!("numbers from {least:e} to {most:e} in {}", quoted(&name));
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

    /// Reads the series; trained on is the last `fraction` of the rows before those held out.
    fn load(
        &self,
        trained: Option<&Known>,
        fraction: Fraction,
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        progress(format!("reading {}", self.path.display()));
        let known_scale =
            trained.map(|known| known.scale("data.values", self.values.len())).transpose()?.flatten();
        let ReadSeries { table, dates, facts: facts_of_file, gaps, reversed, .. } =
            self.read(known_scale.as_ref().and_then(|scale| scale.series))?;
        let (first, split) = (self.first(), self.split(table.rows()));
        let stationary = self.stationary(&table);
        let begin = split - fraction.of(split);
        let train = self.starts(&stationary, begin + first, split);
        if train.is_empty() {
            return self.short(split - begin, "for training", first + self.horizon, gaps.count > 0);
        }
        let validation = self.held_out(&stationary, gaps.count > 0)?;
        let known = |column| (begin + first - self.window..split).map(move |row| (row, column));
        let moments = |column| {
            moments(known(column).map(|(row, column)| stationary.get(row, column)).filter(|x| x.is_finite()))
        };
        let (mean, deviation) = (0..self.values.len()).map(moments).unzip();
        let used = begin + first - self.window..table.rows();
        (0..self.values.len()).try_for_each(|column| self.check_range(&stationary, used.clone(), column))?;
        let series = Some(facts_of_file);
        let scale = match known_scale {
            Some(known) => Scale { series, ..known },
            None => Scale { mean, deviation, series },
        };
        let set = |starts: &[usize]| self.dataset(&stationary, &scale, starts);
        let (train, held_out) = (set(&train), (!validation.is_empty()).then(|| set(&validation)));
        let facts = DataFacts {
            source: self.path.display().to_string(),
            train: train.len(),
            validation: held_out.as_ref().map_or(0, Dataset::len),
            length: self.window,
            series: self.excerpt(&table, &dates, &validation).map(Box::new),
            ..DataFacts::default()
        };
        let mut notes: Vec<String> = gaps.words(self.fill).into_iter().collect();
        if reversed {
            notes.push("the file has the latest row first: it is read from its end".into());
        }
        let forecasts = held_out.is_some().then(|| self.forecasts(&table, &scale, &validation));
        Ok(Data { validation: held_out, forecasts, notes, scale: Some(scale), ..Data::of(train, facts) })
    }

    /// Reads the numbers of the file, the date of each row, and the notation: as set, as in the training file, or detected.
    fn read(&self, trained: Option<SeriesFacts>) -> Result<ReadSeries, DataError> {
        let text = text_file::read_as(&self.path, self.needs.as_deref(), self.encoding)?;
        let known = KnownNotation {
            order: self.date_order.or(trained.and_then(|trained| trained.date_order)),
            decimal: self.decimal.or(trained.and_then(|trained| trained.decimal)),
            compact: trained.and_then(|trained| trained.compact),
            decimal_years: trained.and_then(|trained| trained.decimal_years),
        };
        let date = self.date.as_ref().map_or(&[][..], |DateColumns(columns)| columns);
        let columns = Columns {
            path: &self.path,
            date,
            values: &self.values,
            positive: self.log,
            fill: self.fill,
            known,
        };
        columns.read_dated(text)
    }

    /// The first row that can be forecast; with differences a window needs rows before it.
    fn first(&self) -> usize {
        self.window + self.difference.lag()
    }

    /// The first rows of forecasts within `from..to` of the rows of `stationary`, where no value of the window and of the targets is missing.
    fn starts(&self, stationary: &Table, from: usize, to: usize) -> Vec<usize> {
        let (all, targets): (Vec<usize>, _) = ((0..self.values.len()).collect(), self.columns());
        let (inputs, targets) = (whole_rows(stationary, &all), whole_rows(stationary, &targets));
        let run = |runs: &[usize], row: usize| runs.get(row).copied().unwrap_or(0);
        let starts = from.max(self.first())..(to + 1).saturating_sub(self.horizon);
        let is_whole = |start: &usize| {
            run(&inputs, start - 1) >= self.window && run(&targets, start + self.horizon - 1) >= self.horizon
        };
        starts.filter(is_whole).collect()
    }

    /// The numbers of windows between the gaps of `table`: for training, for validation, and for training if there were no gaps.
    pub fn windows_between_gaps(&self, table: &Table) -> (usize, usize, usize) {
        let (stationary, split) = (self.stationary(table), self.split(table.rows()));
        let of = |from: usize, to: usize| self.starts(&stationary, from, to).len();
        let all = (split + 1).saturating_sub(self.horizon + self.first());
        (of(0, split), of(split, table.rows()), all)
    }

    /// The first held-out row of `rows` rows.
    fn split(&self, rows: usize) -> usize {
        let held_out = (rows as f64 * self.validation).round() as usize;
        rows - held_out.min(rows)
    }

    /// The first rows of the forecasts of the held-out part; empty if nothing is held out.
    fn held_out(&self, stationary: &Table, has_gaps: bool) -> Result<Vec<usize>, DataError> {
        let rows = stationary.rows();
        let split = self.split(rows);
        let starts = self.starts(stationary, split, rows);
        match split < rows && starts.is_empty() {
            true => self.short(rows - split, "held out for validation", self.horizon, has_gaps),
            false => Ok(starts),
        }
    }

    fn short<T>(&self, rows: usize, what: &str, least: usize, has_gaps: bool) -> Result<T, DataError> {
        let gaps = if has_gaps { ", with gaps" } else { "" };
        let found = format!("{} rows {what}{gaps}", number::count(rows as u64));
        let least = number::count(least as u64);
        let expected = match has_gaps {
            true => format!(
                "at least {least} without a gap: window and horizon must fit; data.fill: linear or previous closes gaps"
            ),
            false => format!("at least {least}: window and horizon must fit"),
        };
        Err(DataError::content(&self.path, None, found, expected))
    }

    /// The numbers after logarithm and difference; the first rows of differences are 0 and unused.
    fn stationary(&self, table: &Table) -> Table {
        let z = |row: usize, column: usize| {
            if self.log { table.get(row, column).ln() } else { table.get(row, column) }
        };
        let value = |i: usize| {
            let (row, column) = (i / table.width, i % table.width);
            match (self.difference.lag(), row.checked_sub(self.difference.lag())) {
                (0, _) => z(row, column),
                (_, Some(before)) => z(row, column) - z(before, column),
                (_, None) => 0.0,
            }
        };
        Table { values: (0..table.values.len()).map(value).collect(), width: table.width }
    }

    /// The windows before `starts` with their targets, scaled.
    fn dataset(&self, table: &Table, scale: &Scale, starts: &[usize]) -> Dataset {
        let (columns, count) = (self.columns(), starts.len());
        let scaled = |row: usize, column: usize| scaled(table, scale, row, column);
        let inputs = self.windows(table, scale, starts);
        let width = columns.len();
        let targets = Array2::from_shape_fn((count, self.horizon * width), |(i, j)| {
            scaled(starts[i] + j / width, columns[j % width])
        });
        Dataset { inputs: Inputs::Real(inputs), targets: Targets::Real(targets) }
    }

    /// The windows before `starts`, scaled: `[window, time, variable]`.
    fn windows(&self, table: &Table, scale: &Scale, starts: &[usize]) -> Array3<f32> {
        Array3::from_shape_fn((starts.len(), self.window, self.values.len()), |(i, t, column)| {
            scaled(table, scale, starts[i] - self.window + t, column)
        })
    }

    /// The inverse transform of forecasts from `starts` on, which may be beyond the last row.
    fn inverse(&self, table: &Table, scale: &Scale, starts: &[usize]) -> Forecasts {
        let columns = self.columns();
        let z = |x: f64| if self.log { x.ln() } else { x };
        let lag = self.difference.lag();
        let before = |start: usize| (start - lag.max(1).min(start))..start;
        let rows = starts.iter().flat_map(|start| before(*start));
        let last = rows.flat_map(|row| columns.iter().map(move |column| z(table.get(row, *column))));
        let target = |column: &usize| {
            let (mean, deviation) = (*scale.mean.get(*column)?, *scale.deviation.get(*column)?);
            Some(Target { name: self.values.get(*column)?.title(), mean, deviation })
        };
        Forecasts {
            log: self.log,
            lag,
            horizon: self.horizon,
            targets: columns.iter().filter_map(target).collect(),
            last: last.collect(),
            truth: Vec::new(),
            baselines: Vec::new(),
        }
    }

    /// The inverse transform with the true values and the baselines.
    fn forecasts(&self, table: &Table, scale: &Scale, starts: &[usize]) -> Forecasts {
        let columns = self.columns();
        let ahead = |start: usize| {
            (start..start + self.horizon).flat_map(|row| columns.iter().map(move |c| table.get(row, *c)))
        };
        let mut forecasts = self.inverse(table, scale, starts);
        forecasts.truth = starts.iter().copied().flat_map(ahead).collect();
        let known = (table, columns.as_slice());
        forecasts
            .baselines
            .push(forecasts.baseline("last", known, starts, |start, _, _| start.checked_sub(1)));
        // One season before each step, or as many as needed to reach a known row.
        if let Some(season) = self.season.filter(|season| starts.first().is_some_and(|first| season <= first))
        {
            let row = |start: usize, h: usize, column: usize| {
                let known = |row: &usize| *row < start && table.get(*row, column).is_finite();
                (1..).map_while(|seasons: usize| (start + h).checked_sub(seasons * season)).find(known)
            };
            forecasts.baselines.push(forecasts.baseline("seasonal", known, starts, row));
        }
        forecasts
    }
}

/// The columns for messages.
fn joined(columns: &[Column]) -> String {
    columns.iter().map(Column::to_string).collect::<Vec<_>>().join(", ")
}

/// For each row the number of rows up to it, without interruption, in which none of `columns` is missing.
fn whole_rows(table: &Table, columns: &[usize]) -> Vec<usize> {
    let mut run = 0;
    let count = |row: usize| {
        let is_whole = columns.iter().all(|column| table.get(row, *column).is_finite());
        run = if is_whole { run + 1 } else { 0 };
        run
    };
    (0..table.rows()).map(count).collect()
}

/// A standardized number.
fn scaled(table: &Table, scale: &Scale, row: usize, column: usize) -> f32 {
    let (Some(mean), Some(deviation)) = (scale.mean.get(column), scale.deviation.get(column)) else {
        return 0.0;
    };
    ((table.get(row, column) - mean) / deviation) as f32
}

/// Mean and standard deviation; 1 if all numbers are equal.
pub fn moments(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = numbers.clone().count().max(1) as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    let variance = numbers.map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    (mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests;
