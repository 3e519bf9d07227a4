//! The evaluation of forecasts.

use std::fmt::{Error, Write};

use serde_json::{Map, Value, json};

use crate::escape::foreign;
use crate::infer::{ForecastEvaluation, WorstForecast};
use crate::metrics::{Details, ForecastErrors};
use crate::number::{count, metric, value};

/// The evaluation as text.
pub(super) fn as_text(evaluation: &ForecastEvaluation) -> Result<String, Error> {
    let mut out = String::new();
    let (forecasts, rows) = (count(evaluation.result.count), count(evaluation.horizon as u64));
    let rows = if evaluation.horizon == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    writeln!(out, "data  {}: {forecasts} forecasts of {rows} each", foreign(&evaluation.source))?;
    writeln!(out, "loss {}", metric(evaluation.result.metrics.get("loss").unwrap_or(f64::NAN)))?;
    let names: Vec<String> = names(evaluation).map(|name| foreign(name).into_owned()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(12);
    writeln!(out, "\n{:width$}  {:22} {:>10} {:>10}", "variable", "forecast", "rmse", "mae")?;
    for (at, name) in names.iter().enumerate() {
        for (forecast, errors) in all(evaluation) {
            let Some((_, rmse, mae)) = errors.all().nth(at) else { continue };
            let forecast = match forecast {
                "last" => "last value",
                "seasonal" => "one season before",
                other => other,
            };
            writeln!(out, "{name:width$}  {forecast:22} {:>10} {:>10}", value(rmse), value(mae))?;
        }
    }
    if let Some(season) = evaluation.no_season {
        writeln!(out, "\nno seasonal baseline: {}", too_few(season))?;
    }
    if !evaluation.worst.is_empty() {
        writeln!(out, "\nworst forecasts")?;
    }
    for forecast in &evaluation.worst {
        worst(&mut out, &names, forecast)?;
    }
    Ok(out)
}

/// Why there is no seasonal baseline.
fn too_few(season: usize) -> String {
    format!("fewer than {} rows before the first forecast", count(season as u64))
}

/// Appends a line for each variable: the predicted and the actual value; of several rows those with the largest error.
fn worst(out: &mut String, names: &[String], forecast: &WorstForecast) -> Result<(), Error> {
    let of = |rows: &[Vec<f64>], row: usize, at: usize| {
        rows.get(row).and_then(|row| row.get(at)).copied().unwrap_or(f64::NAN)
    };
    for (at, (name, rmse)) in names.iter().zip(&forecast.rmse).enumerate() {
        let off = |row: &usize| (of(&forecast.predicted, *row, at) - of(&forecast.actual, *row, at)).abs();
        let farthest = (0..forecast.predicted.len()).max_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0);
        let date = |row: usize| foreign(forecast.dates.get(row).map_or("", String::as_str)).into_owned();
        let (predicted, actual) =
            (value(of(&forecast.predicted, farthest, at)), value(of(&forecast.actual, farthest, at)));
        match forecast.predicted.len() {
            1 => writeln!(out, "{}  {name}: predicted {predicted}, actual {actual}", date(0))?,
            rows => writeln!(
                out,
                "{} to {}  {name}: rmse {}; {}: predicted {predicted}, actual {actual}",
                date(0),
                date(rows - 1),
                value(*rmse),
                date(farthest)
            )?,
        }
    }
    Ok(())
}

/// The errors of the network and of the baselines, by name.
fn all(evaluation: &ForecastEvaluation) -> impl Iterator<Item = (&'static str, &ForecastErrors)> {
    let (errors, baselines) = match &evaluation.result.details {
        Details::Forecast { errors, baselines } => (Some(errors), baselines.as_slice()),
        _ => (None, &[][..]),
    };
    let baselines = baselines.iter().map(|baseline| (baseline.name, &baseline.errors));
    errors.map(|errors| ("network", errors)).into_iter().chain(baselines)
}

/// The target variables.
fn names(evaluation: &ForecastEvaluation) -> impl Iterator<Item = &str> {
    all(evaluation).take(1).flat_map(|(_, errors)| errors.all().map(|(name, ..)| name))
}

/// The evaluation as a JSON object; `step` is the number of updates of the weights.
pub(super) fn as_json(evaluation: &ForecastEvaluation, step: u64) -> Value {
    let names: Vec<&str> = names(evaluation).collect();
    let by_name = |numbers: &[f64]| -> Map<String, Value> {
        names.iter().zip(numbers).map(|(name, number)| ((*name).to_owned(), json!(number))).collect()
    };
    let errors = |errors: &ForecastErrors| -> Map<String, Value> {
        errors.all().map(|(name, rmse, mae)| (name.to_owned(), json!({"rmse": rmse, "mae": mae}))).collect()
    };
    let worst = evaluation.worst.iter().map(|forecast| {
        let steps =
            forecast.dates.iter().zip(forecast.predicted.iter().zip(&forecast.actual)).map(
                |(date, (predicted, actual))| json!({"date": date, "predicted": by_name(predicted), "actual": by_name(actual)}),
            );
        json!({"rmse": by_name(&forecast.rmse), "steps": steps.collect::<Vec<_>>()})
    });
    let mut object = json!({
        "step": step,
        "data": evaluation.source,
        "n_samples": evaluation.result.count,
        "horizon": evaluation.horizon,
        "loss": evaluation.result.metrics.get("loss"),
        "mistakes": worst.collect::<Vec<_>>(),
    });
    if let Some(season) = evaluation.no_season {
        object["no_seasonal"] = json!({"season": season, "reason": too_few(season)});
    }
    all(evaluation).for_each(|(name, of)| object[name] = Value::Object(errors(of)));
    object
}
