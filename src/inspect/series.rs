//! Inspects a table with dates and numbers: spacing, gaps, seasonality, trend.

mod season;
mod spacing;

use std::path::Path;

use crate::data::error::DataError;
use crate::data::sources::series::notation::KnownNotation;
use crate::data::sources::series::table::{Columns, ReadSeries, Table};
use crate::data::sources::series::{DateColumns, DateOrder, Difference, SeriesSpec, moments};
use crate::inspect::columns::{SeriesColumns, range};
use crate::inspect::{DetectedData, ENOUGH, InspectOptions, Inspection, Start, TableSample, encoding_fact};
use crate::number;
use crate::protocol::Findings;
use season::season;
use spacing::Spacing;

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
    let SeriesColumns { date, values, places } = match roles {
        Ok(roles) => roles,
        Err(doubt) => return wrong(findings, facts, doubt),
    };
    let known =
        KnownNotation { order: options.date_order, decimal: options.decimal, ..KnownNotation::default() };
    let columns = Columns { path, date: &date, values: &values, positive: false, fill: options.fill, known };
    let written = columns.notation(&text);
    let ReadSeries { table, dates, facts: of_file, gaps, reversed } = match columns.read_dated(text) {
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
    findings.rows = of_file.rows;
    for (column, place) in places.iter().enumerate() {
        let values = (0..table.rows()).map(|row| table.get(row, column)).filter(|x| x.is_finite());
        let (least, greatest) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        if let Some(found) = findings.columns.get_mut(*place) {
            found.why = range(least, greatest);
        }
    }
    // Reported and written to the preset where it is not the usual notation.
    let (order, decimal) = written.map_or((None, None), |written| {
        let turned = written.order_matters.then_some(written.order);
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
    findings.notes.extend(gaps.words(options.fill));
    if reversed {
        findings.notes.push("the file has the latest row first: it is read from its end".into());
    }
    if spacing.gaps > 0 {
        findings.notes.push(format!(
            "{} between dates, the longest before {}: the series is taken as if there were none",
            number::counted(spacing.gaps, "gap"),
            spacing.before
        ));
    }
    let first = (0..table.rows()).map(|row| table.get(row, 0)).collect::<Vec<f64>>();
    let positive = table.values.iter().all(|x| *x > 0.0 || x.is_nan());
    let present: Vec<f64> = first.iter().copied().filter(|x| x.is_finite()).collect();
    let shape = Shape::of(&present);
    let log = positive && shape.grows;
    // The season of a series that grows is that of its logarithm.
    let season = match log {
        true => season(&first.iter().map(|x| x.ln()).collect::<Vec<f64>>(), &spacing),
        false => season(&first, &spacing),
    };
    facts.push(match season {
        Some((rows, alike)) => {
            ("season".into(), format!("repeats every {rows} rows (autocorrelation {alike:.2})"))
        }
        None => ("season".into(), "none was found".into()),
    });
    let season = season.map(|(rows, _)| rows).filter(|rows| *rows * 2 < table.rows());
    let train = table.rows() * 4 / 5;
    let transformed: Vec<f64> = first.iter().take(train).map(|x| if log { x.ln() } else { *x }).collect();
    let lag = Naive::of(&transformed, season).lag();
    if log || lag > 0 || shape.drifts {
        facts.push(("trend".into(), shape.words(log, lag, season)));
    }
    findings.facts = facts;
    let window = match season {
        Some(season) if season <= 60 => season.max(6),
        Some(_) | None => 30,
    };
    // Window, horizon and the first difference have to fit in four fifths, a forecast in the last.
    let window = window.min(train.saturating_sub(lag) / 2);
    if window == 0 || table.rows() < 20 {
        let doubt = format!("{} rows: at least 20 are needed for training and validation", table.rows());
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let spec = SeriesSpec {
        path: path.into(),
        date: Some(DateColumns(date)),
        values,
        targets: Vec::new(),
        window,
        horizon: 1,
        log,
        difference: Difference::of(lag),
        season,
        validation: 0.2,
        date_order: order,
        decimal,
        fill: options.fill,
        encoding,
        needs: None,
    };
    let Some(spec) = between_gaps(spec, &table) else {
        let doubt = format!(
            "{}: too few rows without one for training and validation; --fill linear or --fill previous closes them",
            number::counted(gaps.count, "gap")
        );
        return Ok(Inspection { findings, detected: Err(doubt) });
    };
    Ok(Inspection { findings, detected: Ok(DetectedData::Series(spec)) })
}

/// The spec with the longest window, up to its own, of which at least half lie between gaps; `None` if there is none.
fn between_gaps(spec: SeriesSpec, table: &Table) -> Option<SeriesSpec> {
    (1..=spec.window).rev().map(|window| SeriesSpec { window, ..spec.clone() }).find(|spec| {
        let (train, validation, all) = spec.windows_between_gaps(table);
        validation > 0 && train * 2 >= all
    })
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
        let moments = |part: &[f64]| moments(part.iter().copied());
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

    fn words(&self, log: bool, lag: usize, season: Option<usize>) -> String {
        let of = if log { "the logarithm" } else { "the values" };
        match (lag, log) {
            (0, _) => format!("none in the long run: {of} are forecast"),
            (1, true) => "it grows by a percentage: forecasts are of the change in the logarithm".into(),
            (1, false) if self.drifts => "it drifts: the change from row to row is forecast".into(),
            (1, false) => "neighbours are alike: the change from row to row is forecast".into(),
            (lag, _) if Some(lag) == season => {
                format!("seasons are alike: the change of {of} from {lag} rows before is forecast")
            }
            (lag, _) => format!("the change of {of} from {lag} rows before is forecast"),
        }
    }
}

/// The standard deviation.
fn deviation(numbers: Vec<f64>) -> f64 {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    (numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt()
}

/// The errors of naive forecasts, root mean squares in the training part.
#[derive(Debug)]
struct Naive {
    /// Of the mean.
    mean: f64,
    /// Of the last value, without its mean.
    last: f64,
    /// Of the value one season before, without its mean, with the rows of the season.
    seasonal: Option<(usize, f64)>,
}

impl Naive {
    fn of(series: &[f64], season: Option<usize>) -> Self {
        let spread = |lag: usize| {
            let changes = series.iter().skip(lag).zip(series).map(|(now, before)| now - before);
            deviation(changes.filter(|change| change.is_finite()).collect())
        };
        let all = series.iter().copied().filter(|x| x.is_finite()).collect();
        // Changes over a season take away as many rows as it has.
        let season = season.filter(|season| season * 4 <= series.len());
        Self {
            mean: deviation(all),
            last: spread(1),
            seasonal: season.map(|season| (season, spread(season))),
        }
    }

    /// The rows between the values of the change that is easiest to forecast; 0 for the values themselves.
    ///
    /// A network that forecasts no change is as good as that naive forecast from its first epoch on.
    fn lag(&self) -> usize {
        match self.seasonal {
            Some((season, error)) if error < 0.8 * self.last.min(self.mean) => season,
            _ => usize::from(self.last < self.mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_change_that_is_easiest_to_forecast_is_chosen() {
        let mut rng = crate::rng::Rng::new(3, "naive", 0);
        let noise: Vec<f64> = (0..400).map(|_| rng.normal()).collect();
        let walk: Vec<f64> = noise
            .iter()
            .scan(0.0, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .collect();
        let lag = |series: &[f64], season| Naive::of(series, season).lag();
        assert_eq!((lag(&noise, None), lag(&walk, None)), (0, 1));
        let seasonal: Vec<f64> =
            noise.iter().enumerate().map(|(t, x)| [9.0, -5.0, 3.0, -7.0][t % 4] + 0.5 * x).collect();
        assert_eq!((lag(&seasonal, Some(4)), lag(&seasonal, None)), (4, 0));
        let smooth: Vec<f64> =
            noise.iter().enumerate().map(|(t, x)| 9.0 * (t as f64 / 30.0).sin() + x).collect();
        assert_eq!(lag(&smooth, Some(188)), 1);
    }
}
