use super::date::Date;
use super::table::ReadSeries;
use super::{SeriesSpec, dates};
use crate::data::dataset::{Dataset, Inputs};
use crate::data::error::DataError;
use crate::data::sources::sequences::Scale;
use crate::data::sources::series::Forecasts;
use crate::number;

/// Windows of a series with known targets, for evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationSeries {
    /// The inputs and targets, scaled.
    pub data: Dataset,
    /// The inverse transform, the truth and the baselines.
    pub forecasts: Forecasts,
    /// The dates of each forecast.
    pub dates: Vec<Vec<String>>,
    /// The file.
    pub source: String,
}

/// The input of a forecast beyond the end of a series.
#[derive(Debug, Clone)]
pub struct ForecastInput {
    /// The last rows, one sequence.
    pub inputs: Inputs,
    /// The inverse transform to the units of the series.
    pub forecasts: Forecasts,
    /// The number of rows of the series.
    pub rows: usize,
    /// The last date.
    pub last: String,
    /// The dates after it, if those of the rows are regular.
    pub dates: Option<Vec<String>>,
    /// The file.
    pub source: String,
}

impl SeriesSpec {
    /// The held-out part, or all windows if `whole`; `None` if nothing is held out.
    ///
    /// # Errors
    /// As loading the training data, when there are too few rows, and when their number has changed since training.
    pub fn evaluation_set(&self, whole: bool, scale: &Scale) -> Result<Option<EvaluationSeries>, DataError> {
        if !whole && self.validation <= 0.0 {
            return Ok(None);
        }
        let ReadSeries { table, dates, facts, gaps, .. } = self.read(scale.series)?;
        if let Some(trained) = scale.series.filter(|trained| !whole && trained.rows != facts.rows) {
            let found = format!("{} rows", number::count(facts.rows as u64));
            let expected = format!(
                "{} as in training, of which the latest part was held out; name the file with --data to evaluate on all of it",
                number::count(trained.rows as u64)
            );
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let stationary = self.stationary(&table);
        let starts = match whole {
            true => self.starts(&stationary, 0, table.rows()),
            false => self.held_out(&stationary, gaps.count > 0)?,
        };
        if starts.is_empty() {
            return self.short(table.rows(), "to forecast from", self.first() + self.horizon, gaps.count > 0);
        }
        let ahead = |start: usize| dates.iter().skip(start).take(self.horizon).map(Date::to_string).collect();
        Ok(Some(EvaluationSeries {
            data: self.dataset(&stationary, scale, &starts),
            forecasts: self.forecasts(&table, scale, &starts),
            dates: starts.into_iter().map(ahead).collect(),
            source: self.path.display().to_string(),
        }))
    }

    /// The last window, to forecast beyond the last row.
    ///
    /// # Errors
    /// As loading the training data, and when there are too few rows.
    pub fn forecast_input(&self, scale: &Scale) -> Result<ForecastInput, DataError> {
        let ReadSeries { table, dates, facts, .. } = self.read(scale.series)?;
        let (rows, least) = (table.rows(), self.first());
        let wrong = |found, expected| Err(DataError::content(&self.path, None, found, expected));
        if rows < least {
            let found = format!("{} rows to forecast from", number::count(rows as u64));
            let more = match self.difference.lag() {
                0 => String::new(),
                1 => ", and one more for its first change".to_owned(),
                lag => format!(", and {lag} more for its first change"),
            };
            return wrong(found, format!("at least {}: a window{more}", number::count(least as u64)));
        }
        let is_whole = |row: usize| (0..table.width).all(|column| table.get(row, column).is_finite());
        if let Some(gap) = (rows - least..rows).rfind(|row| !is_whole(*row)) {
            let date = dates.get(gap).map(Date::to_string).unwrap_or_default();
            return wrong(
                format!("a gap at {date} in the last {} rows", number::count(least as u64)),
                "no gap in the rows that are forecast from, or a run with data.fill: linear or previous"
                    .to_owned(),
            );
        }
        let next = dates::next(&dates, self.horizon);
        Ok(ForecastInput {
            inputs: Inputs::Real(self.windows(&self.stationary(&table), scale, &[rows])),
            forecasts: self.inverse(&table, scale, &[rows]),
            rows: facts.rows,
            last: dates.last().map(Date::to_string).unwrap_or_default(),
            dates: next.map(|dates| dates.iter().map(Date::to_string).collect()),
            source: self.path.display().to_string(),
        })
    }
}
