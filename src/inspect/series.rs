//! Inspects a table with dates and numbers: spacing, gaps, seasonality, trend.

use std::path::Path;

use jiff::civil::DateTime;

use crate::data::error::DataError;
use crate::data::sources::series::SeriesSpec;
use crate::data::sources::series::notation::{Date, DateOrder};
use crate::data::sources::series::table::Columns;
use crate::inspect::{DetectedData, ENOUGH, InspectOptions, Inspection, Start, TableSample, encoding_fact};
use crate::number;
use crate::protocol::Findings;

/// The maximum number of rows in which a season is searched, and of rows of a season.
const ROWS: usize = 20_000;
const LONGEST: usize = 1_200;
/// What the autocorrelation a season later is at least.
const ALIKE: f64 = 0.3;

/// Looks at the dates and numbers of a table of which the first rows are in `grid`.
pub(crate) fn inspect(
    path: &Path,
    kind: &str,
    mut facts: Vec<(String, String)>,
    grid: &mut TableSample,
    options: &InspectOptions,
    size: Option<u64>,
) -> Result<Inspection, DataError> {
    let roles = grid.dates_and_values(path, options)?;
    let mut start = Start::read(path, ENOUGH)?;
    let more = start.head.more;
    let lines = start.head.whole_lines().len();
    let encoding = start.encoding(options.encoding);
    start.head.bytes.truncate(lines);
    let text = start.text(path, encoding)?;
    facts.push(("encoding".into(), encoding_fact(encoding)));
    facts.extend(size.map(|size| ("size".to_owned(), number::bytes(size))));
    let mut findings = Findings {
        path: path.into(),
        kind: format!("a series, in {kind}"),
        rows: grid.rows(),
        unit: "rows".into(),
        more,
        columns: grid.found(),
        ..Findings::default()
    };
    let wrong = |mut findings: Findings, facts, doubt: String| {
        findings.facts = facts;
        Ok(Inspection { findings, detected: Err(doubt) })
    };
    let (date, values) = match roles {
        Ok(roles) => roles,
        Err(doubt) => return wrong(findings, facts, doubt),
    };
    let (order, decimal) = (options.date_order, options.decimal);
    let columns = Columns { path, date: Some(&date), values: &values, positive: false, order, decimal };
    let written = columns.notation(&text);
    let (table, dates, _) = match columns.read_dated(text) {
        Ok(read) => read,
        // The user can set what the file does not show.
        Err(error) if written.is_err() => {
            return wrong(
                findings,
                facts,
                format!("{} (--date-order, --decimal)", crate::error::chain(&error)),
            );
        }
        Err(error) => return wrong(findings, facts, crate::error::chain(&error)),
    };
    findings.rows = table.len();
    // Reported and written to the preset where it is not the usual notation.
    let (order, decimal) = written.map_or((None, None), |written| {
        let turned = grid.is_year_last(&date).then_some(written.order);
        (turned, Some(written.decimal).filter(|decimal| *decimal != '.' || options.decimal.is_some()))
    });
    if let Some(order) = order {
        let first = if order == DateOrder::Dmy { "the day" } else { "the month" };
        facts.push(("in a date".into(), format!("{first} first")));
    }
    if decimal == Some(',') {
        facts.push(("fractions".into(), "behind a comma".into()));
    }
    let spacing = Spacing::of(&dates);
    if let (Some(first), Some(last)) = (dates.first(), dates.last()) {
        facts.push(("dates".into(), format!("{first} to {last}, {}", spacing.words())));
    }
    if spacing.gaps > 0 {
        findings.notes.push(format!(
            "{} gaps between dates, the longest before {}: the series is taken as if there were none",
            number::count(spacing.gaps as u64),
            spacing.before
        ));
    }
    let first = (0..table.len()).map(|row| table.get(row, 0)).collect::<Vec<f64>>();
    let season = season(&first, &spacing);
    facts.push(match season {
        Some((rows, alike)) => {
            ("season".into(), format!("repeats every {rows} rows (autocorrelation {alike:.2})"))
        }
        None => ("season".into(), "none was found".into()),
    });
    let positive = table.values.iter().all(|x| *x > 0.0);
    let shape = Shape::of(&first);
    let (log, difference) = (positive && shape.grows, shape.drifts);
    if shape.drifts {
        facts.push(("trend".into(), shape.words(log).into()));
    }
    findings.facts = facts;
    let season = season.map(|(rows, _)| rows).filter(|rows| *rows * 2 < table.len());
    let window = match season {
        Some(season) if season <= 60 => season.max(6),
        Some(_) | None => 30,
    };
    // Window, horizon and the first difference have to fit in four fifths, a forecast in the last.
    let window = window.min(table.len() * 4 / 5 / 2);
    if window == 0 || table.len() < 20 {
        let doubt = format!("{} rows: at least 20 are needed for training and validation", table.len());
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let spec = SeriesSpec {
        path: path.into(),
        date: Some(date),
        values,
        targets: Vec::new(),
        window,
        horizon: 1,
        log,
        difference,
        season,
        validation: 0.2,
        date_order: order,
        decimal,
        encoding,
        needs: None,
    };
    Ok(Inspection { findings, detected: Ok(DetectedData::Series(spec)) })
}

/// How far dates are apart.
struct Spacing {
    /// What a date's place is counted in.
    unit: Unit,
    /// Between most dates.
    usual: f64,
    /// Places where dates are missing, and the date after the longest.
    gaps: usize,
    before: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Number,
    Month,
    Day,
    Second,
}

impl Spacing {
    fn of(dates: &[Date]) -> Self {
        let unit = match dates.first().map_or(1, |date| date.0.len()) {
            1 => Unit::Number,
            2 => Unit::Month,
            3 => Unit::Day,
            _ => Unit::Second,
        };
        let places: Vec<f64> = dates.iter().map(Date::place).collect();
        let apart: Vec<f64> = places.windows(2).map(|two| two[1] - two[0]).collect();
        let mut sorted = apart.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
        let gaps = apart.iter().filter(|apart| **apart > 1.5 * usual).count();
        let longest = apart.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at + 1);
        let before = longest.and_then(|at| dates.get(at)).map(Date::to_string).unwrap_or_default();
        Self { unit, usual, gaps, before }
    }

    fn words(&self) -> String {
        let number = self.usual;
        let (number, name) = match self.unit {
            Unit::Number => (number, ""),
            Unit::Month if number % 12.0 == 0.0 => (number / 12.0, "year"),
            Unit::Month => (number, "month"),
            Unit::Day if (365.0..=366.0).contains(&number) => (1.0, "year"),
            Unit::Day if (28.0..=31.0).contains(&number) => (1.0, "month"),
            Unit::Day if number % 7.0 == 0.0 => (number / 7.0, "week"),
            Unit::Day => (number, "day"),
            Unit::Second if number % 86_400.0 == 0.0 => (number / 86_400.0, "day"),
            Unit::Second if number % 3_600.0 == 0.0 => (number / 3_600.0, "hour"),
            Unit::Second if number % 60.0 == 0.0 => (number / 60.0, "minute"),
            Unit::Second => (number, "second"),
        };
        match (name, number == 1.0) {
            ("", _) => format!("every {number}"),
            (name, true) => format!("every {name}"),
            (name, false) => format!("every {number} {name}s"),
        }
    }

    /// Rows after which such series come again by nature: the months of a year, the days of a week.
    fn natural(&self) -> &'static [usize] {
        match self.words().as_str() {
            "every month" => &[12],
            "every 3 months" => &[4],
            "every week" => &[52],
            "every day" => &[7, 365],
            "every hour" => &[24, 168],
            "every minute" => &[60, 1_440],
            _ => &[],
        }
    }
}

impl Date {
    /// Counted in months, days or seconds, by how much of a date there is.
    fn place(&self) -> f64 {
        let part = |at: usize| self.0.get(at).copied().unwrap_or_default() as f64;
        match self.0.len() {
            0 | 1 => part(0),
            2 => part(0) * 12.0 + part(1),
            parts => {
                let seconds =
                    self.civil().map_or(f64::NAN, |date| date.duration_since(DateTime::ZERO).as_secs_f64());
                if parts == 3 { seconds / 86_400.0 } else { seconds }
            }
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            match at {
                0 => write!(f, "{part}")?,
                1 | 2 => write!(f, "-{part:02}")?,
                3 => write!(f, " {part:02}")?,
                _ => write!(f, ":{part:02}")?,
            }
        }
        Ok(())
    }
}

/// The period of a series in rows, with the autocorrelation at that lag: the first high peak of the autocorrelation, once the
/// straight line through the series is taken out, behind the first place where it is low.
fn season(series: &[f64], spacing: &Spacing) -> Option<(usize, f64)> {
    let rest = detrended(series.get(series.len().saturating_sub(ROWS)..).unwrap_or_default());
    let most = (rest.len() / 3).min(LONGEST);
    let power: f64 = rest.iter().map(|x| x * x).sum();
    if most < 3 || power <= 0.0 {
        return None;
    }
    let at = |lag: usize| rest.iter().zip(rest.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / power;
    // As many products go into each, so that a late peak is not smaller for being late.
    let alike: Vec<f64> =
        (0..=most).map(|lag| at(lag) * rest.len() as f64 / (rest.len() - lag) as f64).collect();
    let low = (1..alike.len()).find(|lag| alike[*lag] < ALIKE.min(alike[1] / 2.0))?;
    let best = alike.iter().skip(low).copied().fold(f64::NEG_INFINITY, f64::max);
    let high = |lag: &usize| alike[*lag] >= ALIKE.max(0.9 * best);
    // Noise moves the peak of a long season by a few rows: of what is as high, what such series have by nature goes first.
    let natural = spacing.natural().iter().copied().find(|lag| (low..alike.len()).contains(lag) && high(lag));
    let rows = natural.or_else(|| {
        let first = (low..alike.len()).find(high)?;
        let hill = (first..alike.len()).take_while(high);
        hill.max_by(|a, b| alike[*a].total_cmp(&alike[*b]))
    })?;
    Some((rows, alike[rows]))
}

/// Without the straight line that lies nearest.
fn detrended(series: &[f64]) -> Vec<f64> {
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count.max(1.0);
    let middle = (count - 1.0) / 2.0;
    let time = |at: usize| at as f64 - middle;
    let spread: f64 = (0..series.len()).map(|at| time(at) * time(at)).sum();
    let slope = series.iter().enumerate().map(|(at, x)| time(at) * (x - mean)).sum::<f64>() / spread.max(1.0);
    series.iter().enumerate().map(|(at, x)| x - mean - slope * time(at)).collect()
}

/// What a series does in the long run.
struct Shape {
    /// Its last part lies far above or below its first.
    drifts: bool,
    /// Its changes become larger as it does.
    grows: bool,
}

impl Shape {
    fn of(series: &[f64]) -> Self {
        let moments = |part: &[f64]| crate::data::sources::series::moments(part.iter().copied());
        let part = series.len() / 4;
        let ends = [series.get(..part), series.get(series.len() - part..)].map(Option::unwrap_or_default);
        let (Some(_), [first, last]) = (series.get(8), ends.map(|end| moments(end).0)) else {
            return Self { drifts: false, grows: false };
        };
        let changes: Vec<f64> = series.windows(2).map(|two| two[1] - two[0]).collect();
        let (early, late) = changes.split_at(changes.len() / 2);
        let drifts = (last - first).abs() > 1.2 * moments(series).1;
        let grows = drifts && last > 1.5 * first && moments(late).1 > 1.4 * moments(early).1;
        Self { drifts, grows }
    }

    fn words(&self, log: bool) -> &'static str {
        if log {
            "it grows by a percentage: forecasts are of the change in the logarithm"
        } else {
            "it drifts: the change from row to row is forecast"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text, DateOrder::Dmy).unwrap()
    }

    fn every(dates: &[&str]) -> String {
        Spacing::of(&dates.iter().map(|text| date(text)).collect::<Vec<_>>()).words()
    }

    #[test]
    fn dates_are_counted_by_the_calendar() {
        for (from, to, days) in [
            ("2023-02-28", "2023-03-01", 1.0),
            ("2024-02-28", "2024-03-01", 2.0),
            ("1900-02-28", "1900-03-01", 1.0),
            ("1999-12-31", "2000-01-01", 1.0),
            ("2000-01-01", "2001-01-01", 366.0),
        ] {
            assert_eq!(date(to).place() - date(from).place(), days, "{from} {to}");
        }
        assert_eq!(date("2024-03-01 00:10").place() - date("2024-02-29T23:50").place(), 1200.0);
        assert_eq!(date("2024-03-01 09:05").to_string(), "2024-03-01 09:05");
    }

    #[test]
    fn the_spacing_is_told_as_people_say_it() {
        assert_eq!(every(&["2020-01", "2020-02", "2020-03"]), "every month");
        assert_eq!(every(&["2020-01", "2020-04", "2020-07"]), "every 3 months");
        assert_eq!(every(&["2020-01-31", "2020-02-29", "2020-03-31"]), "every month");
        assert_eq!(every(&["2020-01-01", "2020-01-08", "2020-01-15"]), "every week");
        assert_eq!(every(&["2020-01-01 00:00", "2020-01-01 06:00"]), "every 6 hours");
        let gap = ["2020-01-01", "2020-01-02", "2020-01-09", "2020-01-10", "2020-01-11"].map(date);
        let spacing = Spacing::of(&gap);
        assert_eq!((spacing.gaps, spacing.before.as_str()), (1, "2020-01-09"));
    }

    #[test]
    fn a_season_is_found_under_trend_and_noise_and_none_in_noise_alone() {
        let mut rng = crate::rng::Rng::new(7, "season", 0);
        let mut noise = || rng.normal();
        let daily = Spacing { unit: Unit::Day, usual: 1.0, gaps: 0, before: String::new() };
        let wave = |rows: f64, t: usize| (t as f64 * std::f64::consts::TAU / rows).sin();
        let weekly: Vec<f64> =
            (0..300).map(|t| 0.1 * t as f64 + 2.0 * wave(7.0, t) + 0.5 * noise()).collect();
        assert_eq!(season(&weekly, &daily).map(|(rows, _)| rows), Some(7));
        let yearly: Vec<f64> = (0..2_000).map(|t| 4.0 * wave(365.0, t) + 2.0 * noise()).collect();
        assert_eq!(season(&yearly, &daily).map(|(rows, _)| rows), Some(365));
        assert_eq!(season(&(0..500).map(|_| noise()).collect::<Vec<_>>(), &daily), None);
        assert_eq!(season(&[1.0; 50], &daily), None);
        assert_eq!(season(&[], &daily), None);
    }

    #[test]
    fn growth_and_drift_are_told_apart() {
        let shape = |of: &dyn Fn(f64) -> f64| {
            let Shape { drifts, grows } = Shape::of(&(0..120).map(|t| of(f64::from(t))).collect::<Vec<_>>());
            (drifts, grows)
        };
        assert_eq!(shape(&|t| (0.02 * t).exp() * (2.0 + t.sin())), (true, true));
        assert_eq!(shape(&|t| t + 5.0 * t.sin()), (true, false));
        assert_eq!(shape(&|t| 5.0 * t.sin()), (false, false));
        assert!(!Shape::of(&[1.0, 2.0]).drifts);
    }
}
