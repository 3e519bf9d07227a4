use super::{Date, SeriesSpec, dates};
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
        let (table, dates, _) = self.with_notation_of(scale).read()?;
        if let Some(trained) = scale.series.filter(|trained| !whole && trained.rows != table.len()) {
            let found = format!("{} rows", number::count(table.len() as u64));
            let expected = format!(
                "{} as in training, of which the latest part was held out; name the file with --data to evaluate on all of it",
                number::count(trained.rows as u64)
            );
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let starts = match whole {
            true => self.starts(0, table.len()),
            false => self.held_out(table.len())?,
        };
        if starts.is_empty() {
            return self.short(table.len(), "to forecast from", self.first() + self.horizon);
        }
        let ahead = |start: usize| dates.iter().skip(start).take(self.horizon).map(Date::to_string).collect();
        Ok(Some(EvaluationSeries {
            data: self.dataset(&self.stationary(&table), scale, starts.clone()),
            forecasts: self.forecasts(&table, scale, starts.clone()),
            dates: starts.map(ahead).collect(),
            source: self.path.display().to_string(),
        }))
    }

    /// The spec with the notation of dates and numbers of the training data as default.
    fn with_notation_of(&self, scale: &Scale) -> Self {
        let order = scale.series.and_then(|trained| trained.date_order);
        let decimal = scale.series.and_then(|trained| trained.decimal);
        Self { date_order: self.date_order.or(order), decimal: self.decimal.or(decimal), ..self.clone() }
    }

    /// The last window, to forecast beyond the last row.
    ///
    /// # Errors
    /// As loading the training data, and when there are too few rows.
    pub fn forecast_input(&self, scale: &Scale) -> Result<ForecastInput, DataError> {
        let (table, dates, _) = self.with_notation_of(scale).read()?;
        let (rows, least) = (table.len(), self.first());
        if rows < least {
            let found = format!("{} rows to forecast from", number::count(rows as u64));
            let more = if self.difference { ", and one more for its first change" } else { "" };
            let expected = format!("at least {}: a window{more}", number::count(least as u64));
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let next = dates::next(&dates, self.horizon);
        Ok(ForecastInput {
            inputs: Inputs::Real(self.windows(&self.stationary(&table), scale, rows..rows + 1)),
            forecasts: self.inverse(&table, scale, rows..rows + 1),
            rows,
            last: dates.last().map(Date::to_string).unwrap_or_default(),
            dates: next.map(|dates| dates.iter().map(Date::to_string).collect()),
            source: self.path.display().to_string(),
        })
    }
}
