//! Forecasts and baselines, row by row.

use crate::protocol::SeriesExcerpt;

/// Values by row; `None` where there is none.
pub type Row = Vec<Option<f64>>;

/// What is drawn of a validation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForecastLines {
    /// The rows that are shown.
    pub rows: std::ops::Range<usize>,
    /// The forecasts: one line, or one for each window of a fan.
    pub forecasts: Vec<Row>,
    /// The last known row before each of them; none of a line of several windows.
    pub origins: Vec<Option<usize>>,
    /// The last value before each window.
    pub last: Row,
    /// The value one season before, or as many seasons as reach back before the window; empty without a season.
    pub seasonal: Row,
}

/// Which forecast of a row is shown: many windows forecast it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Windows one after another, each with its whole horizon.
    Fan,
    /// That of so many rows before, from 1.
    Ahead(usize),
}

impl Lead {
    /// The `number`-th of those that a series with this `horizon` has, round and round.
    pub fn of(number: usize, horizon: usize) -> Self {
        match horizon {
            0 | 1 => Self::Ahead(1),
            _ => match number % (horizon + 1) {
                0 => Self::Fan,
                rows => Self::Ahead(rows),
            },
        }
    }

    /// In words.
    pub fn name(self, horizon: usize) -> String {
        match self {
            Self::Fan => format!("each {horizon} rows ahead"),
            Self::Ahead(1) => "1 row ahead".to_owned(),
            Self::Ahead(rows) => format!("{rows} rows ahead"),
        }
    }
}

impl ForecastLines {
    /// The `forecasts` of a validation, `[window, horizon]`.
    pub fn new(series: &SeriesExcerpt, forecasts: &[Option<f32>], lead: Lead) -> Self {
        let (count, horizon) = (series.values.len(), series.horizon.max(1));
        let mut lines = Self { last: vec![None; count], ..Self::default() };
        if series.season.is_some() {
            lines.seasonal = vec![None; count];
        }
        let first = series.starts.first().copied().unwrap_or(0);
        lines.rows = first.saturating_sub(horizon.max(3))..count;
        let forecast =
            |window: usize, h: usize| forecasts.get(window * horizon + h).copied().flatten().map(f64::from);
        let mut next = 0;
        for (window, start) in series.starts.iter().copied().enumerate() {
            match lead {
                // The next window begins where the one before ends.
                Lead::Fan if start < next => continue,
                Lead::Fan => {
                    next = start + horizon;
                    let mut line = vec![None; count];
                    for h in 0..horizon {
                        set(&mut line, start + h, forecast(window, h));
                        lines.baselines(series, start, h);
                    }
                    lines.forecasts.push(line);
                    lines.origins.push(start.checked_sub(1));
                }
                Lead::Ahead(rows) => {
                    let h = rows.clamp(1, horizon) - 1;
                    if lines.forecasts.is_empty() {
                        lines.forecasts.push(vec![None; count]);
                        lines.origins.push(None);
                    }
                    if let Some(line) = lines.forecasts.first_mut() {
                        set(line, start + h, forecast(window, h));
                    }
                    lines.baselines(series, start, h);
                }
            }
        }
        lines
    }

    fn baselines(&mut self, series: &SeriesExcerpt, start: usize, h: usize) {
        set(&mut self.last, start + h, start.checked_sub(1).and_then(|row| value(series, row)));
        let Some(season) = series.season.filter(|season| *season > 0) else { return };
        let seasons = (1..).map_while(|seasons: usize| (start + h).checked_sub(seasons * season));
        let known = seasons.filter(|row| *row < start).find_map(|row| value(series, row));
        set(&mut self.seasonal, start + h, known);
    }

    /// The root of the mean squared error of a line on the rows that the forecasts have; `None` where they have none in common.
    pub fn rmse(&self, series: &SeriesExcerpt, line: &[Option<f64>]) -> Option<f64> {
        mean_of_squares(&self.errors(series, line))
    }

    /// The root of the mean squared error of the forecasts.
    pub fn forecast_rmse(&self, series: &SeriesExcerpt) -> Option<f64> {
        let errors: Vec<f64> = self.forecasts.iter().flat_map(|line| self.errors(series, line)).collect();
        mean_of_squares(&errors)
    }

    /// The root of the mean squared difference between the forecasts and the last value.
    pub fn distance_from_last(&self) -> Option<f64> {
        let pairs = self.forecasts.iter().flat_map(|line| line.iter().zip(&self.last));
        let differences: Vec<f64> = pairs.filter_map(|(a, b)| Some((*a)? - (*b)?)).collect();
        mean_of_squares(&differences)
    }

    fn errors(&self, series: &SeriesExcerpt, line: &[Option<f64>]) -> Vec<f64> {
        let is_forecast = |row: &usize| self.last.get(*row).is_some_and(Option::is_some);
        let error = |row: usize| Some(line.get(row).copied().flatten()? - value(series, row)?);
        (0..line.len()).filter(is_forecast).filter_map(error).collect()
    }
}

fn mean_of_squares(errors: &[f64]) -> Option<f64> {
    let sum: f64 = errors.iter().map(|x| x * x).sum();
    (!errors.is_empty()).then(|| (sum / errors.len() as f64).sqrt())
}

fn value(series: &SeriesExcerpt, row: usize) -> Option<f64> {
    series.values.get(row).copied().flatten()
}

fn set(line: &mut Row, row: usize, value: Option<f64>) {
    line.iter_mut().skip(row).take(1).for_each(|at| *at = value);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0, 10, 20, …; windows at 4 to 8 with a horizon of 2, and a season of 3.
    fn series() -> SeriesExcerpt {
        SeriesExcerpt {
            values: (0..10).map(|row| Some(f64::from(row) * 10.0)).collect(),
            starts: (4..=8).collect(),
            horizon: 2,
            season: Some(3),
            ..SeriesExcerpt::default()
        }
    }

    /// Each window forecasts its own number and, a row later, ten more.
    fn forecasts() -> Vec<Option<f32>> {
        (0..5).flat_map(|window| [window as f32, 10.0 + window as f32]).map(Some).collect()
    }

    #[test]
    fn a_lead_takes_one_forecast_of_each_row() {
        let lines = ForecastLines::new(&series(), &forecasts(), Lead::Ahead(2));
        let line: Vec<(usize, f64)> =
            lines.forecasts[0].iter().enumerate().filter_map(|(row, x)| Some((row, (*x)?))).collect();
        assert_eq!(line, [(5, 10.0), (6, 11.0), (7, 12.0), (8, 13.0), (9, 14.0)]);
        // The last known row is two before, and a season three.
        assert_eq!((lines.last[5], lines.seasonal[5]), (Some(30.0), Some(20.0)));
        assert_eq!((lines.rmse(&series(), &lines.last), lines.last[4]), (Some(20.0), None));
        assert_eq!(lines.rmse(&series(), &lines.seasonal), Some(30.0));
    }

    #[test]
    fn a_fan_has_every_row_once() {
        let lines = ForecastLines::new(&series(), &forecasts(), Lead::Fan);
        let rows = |line: &Row| {
            line.iter().enumerate().filter(|(_, x)| x.is_some()).map(|(row, _)| row).collect::<Vec<_>>()
        };
        assert_eq!(lines.forecasts.iter().map(rows).collect::<Vec<_>>(), [[4, 5], [6, 7], [8, 9]]);
        assert_eq!(lines.forecasts[1][5..8], [None, Some(2.0), Some(12.0)]);
        assert_eq!((lines.last[6], lines.last[7]), (Some(50.0), Some(50.0)));
        // Three rows before the second row of a window is known; before it is the window itself no more.
        assert_eq!((lines.seasonal[6], lines.seasonal[7]), (Some(30.0), Some(40.0)));
        assert_eq!(lines.origins, [Some(3), Some(5), Some(7)]);
    }

    #[test]
    fn what_equals_the_last_value_has_no_distance_from_it() {
        let series = SeriesExcerpt { horizon: 1, season: None, ..series() };
        let echo: Vec<Option<f32>> = (3..8).map(|row| Some(row as f32 * 10.0)).collect();
        let lines = ForecastLines::new(&series, &echo, Lead::of(7, 1));
        assert_eq!((lines.distance_from_last(), lines.forecast_rmse(&series)), (Some(0.0), Some(10.0)));
        assert!(lines.seasonal.is_empty());
        assert_eq!(ForecastLines::new(&series, &[], Lead::Fan).forecast_rmse(&series), None);
    }

    #[test]
    fn leads_go_round() {
        let names: Vec<String> = (0..4).map(|number| Lead::of(number, 2).name(2)).collect();
        assert_eq!(names, ["each 2 rows ahead", "1 row ahead", "2 rows ahead", "each 2 rows ahead"]);
        assert_eq!(Lead::of(5, 1), Lead::Ahead(1));
    }
}
