//! Predictions of a forecaster.

use std::fmt::{Error, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Out, PredictArgs};
use crate::cli::error::CliResult;
use crate::escape::foreign;
use crate::infer::{Forecast, Forecaster};
use crate::number::{count, value};

/// Forecasts the series in the files of the arguments, or without any that of the run.
pub(super) fn predict(args: &PredictArgs, forecaster: &Forecaster) -> CliResult<()> {
    let flags = [
        (args.threshold.is_some(), "--threshold"),
        (args.per_token, "--per-token"),
        (args.jsonl, "--jsonl"),
        (args.stream, "--stream"),
    ];
    if let Some((_, flag)) = flags.iter().find(|(given, _)| *given) {
        return Err(args.refuse(&format!("forecasts series of numbers; omit {flag}")));
    }
    let own = args.text.is_empty().then_some(None);
    let named = args.text.iter().map(|path| Some(Path::new(path)));
    let mut out = Out::new(args.json);
    for path in own.into_iter().chain(named) {
        let forecast = forecaster.forecast(path)?;
        let text = match args.json {
            true => as_json(&forecast).to_string() + "\n",
            false => as_lines(&forecast)?,
        };
        if !out.put([text].into_iter())? {
            break;
        }
    }
    Ok(())
}

/// A line for each forecast row, below the names of the variables.
fn as_lines(forecast: &Forecast) -> Result<String, Error> {
    let mut out = String::new();
    let (source, last) = (foreign(&forecast.source), foreign(&forecast.last));
    writeln!(out, "{source}: {} rows, the last {last}", count(forecast.rows as u64))?;
    let rows: Vec<Vec<String>> =
        forecast.values.iter().map(|row| row.iter().map(|x| value(*x)).collect()).collect();
    let names: Vec<String> = forecast.names.iter().map(|name| foreign(name).into_owned()).collect();
    let date = |row: usize| match &forecast.dates {
        Some(dates) => foreign(dates.get(row).map_or("", String::as_str)).into_owned(),
        None => format!("+{}", row + 1),
    };
    let dates: Vec<String> = (0..rows.len()).map(date).collect();
    let first = dates.iter().map(|date| date.chars().count()).max().unwrap_or(0);
    let cells = |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(|cell| cell.chars().count());
    let widths: Vec<usize> = names
        .iter()
        .enumerate()
        .map(|(at, name)| cells(at).max().unwrap_or(0).max(name.chars().count()))
        .collect();
    let line = |out: &mut String, date: &str, cells: &[String]| {
        write!(out, "{date:first$}")?;
        cells.iter().zip(&widths).try_for_each(|(cell, width)| write!(out, "  {cell:>width$}"))?;
        writeln!(out)
    };
    line(&mut out, "", &names)?;
    for (date, row) in dates.iter().zip(&rows) {
        line(&mut out, date, row)?;
    }
    Ok(out)
}

fn as_json(forecast: &Forecast) -> Value {
    let row = |(at, values): (usize, &Vec<f64>)| {
        let values: Map<String, Value> =
            forecast.names.iter().zip(values).map(|(name, x)| (name.clone(), json!(x))).collect();
        json!({"date": forecast.dates.as_ref().and_then(|dates| dates.get(at)), "values": values})
    };
    json!({
        "series": forecast.source,
        "n_rows": forecast.rows,
        "last_date": forecast.last,
        "forecast": forecast.values.iter().enumerate().map(row).collect::<Vec<_>>(),
    })
}
