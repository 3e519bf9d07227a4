use super::SeriesSpec;
use super::date::Date;
use super::table::Table;
use crate::protocol::SeriesExcerpt;

/// The maximum number of rows before the first forecast, and of rows in all.
const BEFORE: usize = 240;
const ROWS: usize = 4096;

impl SeriesSpec {
    /// The rows of `table` to show the forecasts from the last of `starts` on against; `None` without any.
    pub(super) fn excerpt(&self, table: &Table, dates: &[Date], starts: &[usize]) -> Option<SeriesExcerpt> {
        let (windows, numbers) = SeriesExcerpt::MOST;
        let end = starts.last()? + self.horizon;
        let most = windows.min((numbers / self.horizon.max(1)).max(1));
        let starts = starts.get(starts.len().saturating_sub(most)..)?;
        // Gaps between windows may be long.
        let starts = starts.iter().copied().filter(|start| end - start <= ROWS);
        let first = starts.clone().next()?;
        let before = first.saturating_sub(self.window.max(self.season.unwrap_or(0)).min(BEFORE));
        let column = *self.columns().first()?;
        let value = |row: usize| Some(table.get(row, column)).filter(|x| x.is_finite());
        Some(SeriesExcerpt {
            variable: self.values.get(column)?.title(),
            values: (before..end.min(table.rows())).map(value).collect(),
            dates: dates.iter().skip(before).take(end - before).map(Date::to_string).collect(),
            before,
            starts: starts.map(|start| start - before).collect(),
            horizon: self.horizon,
            season: self.season,
        })
    }
}
