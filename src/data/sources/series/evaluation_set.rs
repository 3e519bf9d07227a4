use super::{Date, SeriesSpec, dates};
use crate::data::dataset::{Dataset, Inputs};
use crate::data::error::DataError;
use crate::data::sources::sequences::Scale;
use crate::data::sources::series::Forecasts;
use crate::number;

/// Forecasts of which is known what came, to judge a network by.
#[derive(Debug, Clone)]
pub struct JudgedSeries {
    /// As a network reads them.
    pub data: Dataset,
    /// The same in the units of the series.
    pub forecasts: Forecasts,
    /// The dates that each forecasts.
    pub dates: Vec<Vec<String>>,
    /// Where they are from.
    pub source: String,
}

/// What a network goes on from.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// The last rows, one sequence.
    pub inputs: Inputs,
    /// The way back to the units of the series.
    pub forecasts: Forecasts,
    /// Rows of the series.
    pub rows: usize,
    /// The last date.
    pub last: String,
    /// The dates after it, where those of the rows are regular.
    pub dates: Option<Vec<String>>,
    /// Where they are from.
    pub source: String,
}

impl SeriesSpec {
    /// The latest part, as it is held out in training, or `whole` all that can be forecast; `None` where nothing is held out.
    ///
    /// # Errors
    /// As reading for training, when there are too few rows, and when those of training are no longer as many.
    pub fn to_judge(&self, whole: bool, scale: &Scale) -> Result<Option<JudgedSeries>, DataError> {
        if !whole && self.validation <= 0.0 {
            return Ok(None);
        }
        let (table, dates, _) = self.written_as(scale).read()?;
        if let Some(learnt) = scale.series.filter(|learnt| !whole && learnt.rows != table.len()) {
            let found = format!("{} rows", number::count(table.len() as u64));
            let expected = format!(
                "{} as in training, of which the latest part was held out; name the file with --data to judge by all of it",
                number::count(learnt.rows as u64)
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
        Ok(Some(JudgedSeries {
            data: self.dataset(&self.stationary(&table), scale, starts.clone()),
            forecasts: self.forecasts(&table, scale, starts.clone()),
            dates: starts.map(ahead).collect(),
            source: self.path.display().to_string(),
        }))
    }

    /// The same; what it leaves open of dates and numbers is as it was in training.
    fn written_as(&self, scale: &Scale) -> Self {
        let order = scale.series.and_then(|learnt| learnt.date_order);
        let decimal = scale.series.and_then(|learnt| learnt.decimal);
        Self { date_order: self.date_order.or(order), decimal: self.decimal.or(decimal), ..self.clone() }
    }

    /// What there is to go on from after the last row.
    ///
    /// # Errors
    /// As reading for training, and when there are too few rows.
    pub fn ahead(&self, scale: &Scale) -> Result<Ahead, DataError> {
        let (table, dates, _) = self.written_as(scale).read()?;
        let (rows, least) = (table.len(), self.first());
        if rows < least {
            let found = format!("{} rows to go on from", number::count(rows as u64));
            let more = if self.difference { ", and one more for its first change" } else { "" };
            let expected = format!("at least {}: a window{more}", number::count(least as u64));
            return Err(DataError::content(&self.path, None, found, expected));
        }
        let next = dates::next(&dates, self.horizon);
        Ok(Ahead {
            inputs: Inputs::Real(self.windows(&self.stationary(&table), scale, rows..rows + 1)),
            forecasts: self.way_back(&table, scale, rows..rows + 1),
            rows,
            last: dates.last().map(Date::to_string).unwrap_or_default(),
            dates: next.map(|dates| dates.iter().map(Date::to_string).collect()),
            source: self.path.display().to_string(),
        })
    }
}
