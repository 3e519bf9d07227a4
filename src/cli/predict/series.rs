//! Predictions of a forecaster.

use std::fmt::{Error, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::input::Form;
use super::{Out, PredictArgs, stream};
use crate::cli::error::{CliError, CliResult};
use crate::escape::foreign;
use crate::infer::{Forecast, Forecaster};
use crate::number::{count, counted, value};

/// Forecasts the series in the files of the arguments, or without any that of the run.
pub(super) fn predict(args: &PredictArgs, forecaster: &Forecaster) -> CliResult<()> {
    let flags = [
        (args.threshold.is_some(), "--threshold"),
        (args.per_token, "--per-token"),
        (args.jsonl && !args.stream, "--jsonl"),
    ];
    if let Some((_, flag)) = flags.iter().find(|(given, _)| *given) {
        return Err(args.refuse(&format!("forecasts series of numbers; omit {flag}")));
    }
    if args.stream {
        return predict_stream(args, forecaster);
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

/// Forecasts after every row of numbers.
fn predict_stream(args: &PredictArgs, forecaster: &Forecaster) -> CliResult<()> {
    let (mut out, mut stream) = (Out::new(args.json), forecaster.stream()?);
    let (names, targets) = (stream.names(), stream.targets());
    let mut line = 0_u64;
    stream::for_each(args, &mut stream, Form::Plain, &mut |stream, input| {
        line += 1;
        let text = input.text();
        let numbers = if args.jsonl { json_row(&text, &names) } else { row(&text, &names) };
        let numbers = numbers.map_err(|what| CliError::usage(format!("row {line}: {what}")))?;
        stream.read(&numbers).map_err(|error| CliError::usage(format!("row {line}: {error}")))?;
        let (rows, forecast) = (stream.rows_read(), stream.forecast());
        let text = match (args.json, forecast) {
            (true, forecast) => {
                let row = |values: &Vec<f64>| {
                    let pairs = targets.iter().zip(values).map(|(name, x)| (name.clone(), json!(x)));
                    json!({"values": pairs.collect::<Map<String, Value>>()})
                };
                let rows_of = |all: Vec<Vec<f64>>| all.iter().map(row).collect::<Vec<_>>();
                json!({"rows_read": rows, "forecast": forecast.map(rows_of)}).to_string() + "\n"
            }
            (false, None) => format!(
                "{:>8}  (no forecast: the change from an earlier row is not known yet)\n",
                count(rows)
            ),
            (false, Some(forecast)) => {
                let cell = |(name, x): (&String, &f64)| format!("{} {}", foreign(name), value(*x));
                let step = |(at, values): (usize, &Vec<f64>)| {
                    let cells: Vec<String> = targets.iter().zip(values).map(cell).collect();
                    format!("  +{} {}", at + 1, cells.join(", "))
                };
                let steps: String = forecast.iter().enumerate().map(step).collect();
                format!("{:>8}{steps}\n", count(rows))
            }
        };
        out.put([text].into_iter())
    })
}

/// The numbers of a row, separated by commas, semicolons, tabs or blanks.
fn row(text: &str, names: &[String]) -> Result<Vec<f64>, String> {
    let is_separator = |c: char| matches!(c, ',' | ';') || c.is_whitespace();
    let cells: Vec<&str> = text.split(is_separator).filter(|cell| !cell.is_empty()).collect();
    if cells.len() != names.len() {
        return Err(wrong(&format!("{} in {}", counted(cells.len(), "number"), quoted(text)), names));
    }
    let number = |cell: &&str| cell.parse().map_err(|_| wrong(&quoted(cell), names));
    cells.iter().map(number).collect()
}

/// The numbers of an object with the columns as keys.
fn json_row(text: &str, names: &[String]) -> Result<Vec<f64>, String> {
    let object: Value = serde_json::from_str(text).unwrap_or_default();
    let number = |name: &String| {
        let found = object.get(name).and_then(Value::as_f64);
        found.ok_or_else(|| {
            format!(
                "found no number {} in {}; expected an object with {}",
                quoted(name),
                quoted(text),
                listed(names)
            )
        })
    };
    names.iter().map(number).collect()
}

fn wrong(found: &str, names: &[String]) -> String {
    format!("found {found}; expected {}: {}", counted(names.len(), "number"), listed(names))
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    format!("`{}`", foreign(text))
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
