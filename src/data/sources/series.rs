//! Numbers over time out of a CSV file: what is known of a window, and how it goes on.

pub(crate) mod dates;
mod evaluation_set;
mod forecasts;
pub(crate) mod table;
pub(crate) mod written;

use std::ops::Range;
use std::path::PathBuf;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::refuse;
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
use table::{Columns, Table};
use written::Date;

pub use evaluation_set::{Ahead, JudgedSeries};
pub use forecasts::Forecasts;
pub use written::{DateOrder, SeriesFacts};

/// Series that are to be forecast, in a CSV file (plain or gzip; or with tabs, `;` or `|` between columns) with a header, a column of dates and columns of numbers:
/// `{source: series, path: …, values: [Passengers], window: 12}`.
///
/// A sequence is `window` rows of all `values`; its targets are the `horizon` rows of `targets` after it. The latest share of the
/// rows is for validation, and nothing is learnt from it, the scale of the numbers neither; a validation window may look back
/// into the training part, as a forecaster would. Networks see each variable with mean 0 and deviation 1 (of the training part); errors are
/// told in its own units, beside those of two forecasts that need no network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesSpec {
    /// The file.
    pub path: PathBuf,
    /// Name of the column of dates; the first column when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Names of the columns that are read.
    pub values: Vec<String>,
    /// Which of them are forecast; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Rows that a forecast is made from.
    pub window: usize,
    /// Rows that it tells.
    #[serde(default = "one")]
    pub horizon: usize,
    /// Forecast the logarithm: for what grows by a share of itself.
    #[serde(default)]
    pub log: bool,
    /// Forecast the change from row to row: for what drifts.
    #[serde(default)]
    pub difference: bool,
    /// Rows after which it comes again, for the seasonal baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<usize>,
    /// The share of the rows, the latest, that is held out.
    #[serde(default = "fifth")]
    pub validation: f64,
    /// What stands first in dates whose year stands last; found where a day above 12 or the order of the rows tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// What stands before a fraction, `.` or `,`, the other of them between thousands; found where any number tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// What its bytes mean.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// What to fetch and where to put it, in words: shown when the file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

fn one() -> usize {
    1
}

fn fifth() -> f64 {
    0.2
}

/// Time steps of a window, or of a forecast, at most.
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

    /// The places in `values` of what is forecast.
    fn columns(&self) -> Vec<usize> {
        let place = |target: &String| self.values.iter().position(|name| name == target);
        match self.targets.as_slice() {
            [] => (0..self.values.len()).collect(),
            targets => targets.iter().filter_map(place).collect(),
        }
    }

    /// Reads the series.
    fn load(&self, progress: &mut dyn FnMut(String)) -> Result<Data, DataError> {
        progress(format!("reading {}", self.path.display()));
        let (table, _, told) = self.read()?;
        let (first, split) = (self.first(), self.split(table.len()));
        let train = self.starts(0, split);
        if train.is_empty() {
            return self.short(split, "to learn from", first + self.horizon);
        }
        let validation = self.held_out(table.len())?;
        let stationary = self.stationary(&table);
        let known = |column| (first - self.window..split).map(move |row| (row, column));
        let moments = |column| moments(known(column).map(|(row, column)| stationary.get(row, column)));
        let (mean, deviation) = (0..self.values.len()).map(moments).unzip();
        let scale = Scale { mean, deviation, series: Some(told) };
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

    /// The numbers of the file, the date of each row, and what the file told.
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

    /// The first row that can be forecast: the first of all has no row before it to differ from.
    fn first(&self) -> usize {
        self.window + usize::from(self.difference)
    }

    /// The rows, of those before `to`, that forecasts begin with, from `from` on.
    fn starts(&self, from: usize, to: usize) -> Range<usize> {
        from.max(self.first())..(to + 1).saturating_sub(self.horizon)
    }

    /// Of so many rows the first that is held out.
    fn split(&self, rows: usize) -> usize {
        let held_out = (rows as f64 * self.validation).round() as usize;
        rows - held_out.min(rows)
    }

    /// The first row of each forecast of what is held out of so many rows; none where nothing is.
    fn held_out(&self, rows: usize) -> Result<Range<usize>, DataError> {
        let split = self.split(rows);
        let starts = self.starts(split, rows);
        match split < rows && starts.is_empty() {
            true => self.short(rows - split, "held out", self.horizon),
            false => Ok(starts),
        }
    }

    fn short<T>(&self, rows: usize, what: &str, least: usize) -> Result<T, DataError> {
        let found = format!("{} rows {what}", number::count(rows as u64));
        let expected = format!("at least {}: window and horizon must fit", number::count(least as u64));
        Err(DataError::content(&self.path, None, found, expected))
    }

    /// The numbers after logarithm and difference; row 0 of differences is 0 and never read.
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

    /// The windows before `starts` with what comes from there on, scaled.
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

    /// What is known before `starts`, scaled.
    fn windows(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Array3<f32> {
        Array3::from_shape_fn((starts.len(), self.window, self.values.len()), |(i, t, column)| {
            scaled(table, scale, starts.start + i - self.window + t, column)
        })
    }

    /// The way back for forecasts from `starts` on, which may lie behind the last row.
    fn way_back(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Forecasts {
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

    /// The same with what came, and with what needs no network.
    fn forecasts(&self, table: &Table, scale: &Scale, starts: Range<usize>) -> Forecasts {
        let columns = self.columns();
        let ahead = |start: usize| {
            (start..start + self.horizon).flat_map(|row| columns.iter().map(move |c| table.get(row, *c)))
        };
        let mut forecasts = self.way_back(table, scale, starts.clone());
        forecasts.truth = starts.clone().flat_map(ahead).collect();
        let known = (table, columns.as_slice());
        forecasts.baselines.push(forecasts.baseline("last", known, starts.clone(), |_| 1));
        // A season back from each step; where the horizon is longer than that, as many seasons as lead to what is known.
        if let Some(season) = self.season.filter(|season| *season <= starts.start) {
            let back = |h: usize| (h / season + 1) * season - h;
            forecasts.baselines.push(forecasts.baseline("seasonal", known, starts, back));
        }
        forecasts
    }
}

/// A number as a network reads it.
fn scaled(table: &Table, scale: &Scale, row: usize, column: usize) -> f32 {
    let (Some(mean), Some(deviation)) = (scale.mean.get(column), scale.deviation.get(column)) else {
        return 0.0;
    };
    ((table.get(row, column) - mean) / deviation) as f32
}

/// Mean and deviation; a deviation of 1 where all are the same.
pub(crate) fn moments(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = numbers.clone().count().max(1) as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    let variance = numbers.map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    (mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests;
