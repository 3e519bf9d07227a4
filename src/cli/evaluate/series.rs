//! How far forecasts were off.

use std::fmt::{Error, Write};

use serde_json::{Map, Value, json};

use crate::data::Errors;
use crate::escape::foreign;
use crate::infer::{ForecastJudgement, Missed};
use crate::number::{count, metric, value};

/// For people.
pub(super) fn as_text(judged: &ForecastJudgement) -> Result<String, Error> {
    let mut out = String::new();
    let (forecasts, rows) = (count(judged.forecasts as u64), count(judged.horizon as u64));
    let rows = if judged.horizon == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    writeln!(out, "data  {}: {forecasts} forecasts of {rows} each", foreign(&judged.source))?;
    writeln!(out, "loss {}", metric(judged.loss))?;
    let names: Vec<String> = judged.errors.all().map(|(name, ..)| foreign(name).into_owned()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(12);
    writeln!(out, "\n{:width$}  {:22} {:>10} {:>10}", "variable", "forecast", "rmse", "mae")?;
    for (at, name) in names.iter().enumerate() {
        for (forecast, errors) in all(judged) {
            let Some((_, rmse, mae)) = errors.all().nth(at) else { continue };
            let forecast = match forecast {
                "last" => "the last value again",
                "seasonal" => "the season before",
                other => other,
            };
            writeln!(out, "{name:width$}  {forecast:22} {:>10} {:>10}", value(rmse), value(mae))?;
        }
    }
    if let Some(season) = judged.no_season {
        writeln!(out, "\nno season before to compare with: {}", too_few(season))?;
    }
    if !judged.worst.is_empty() {
        writeln!(out, "\nworst forecasts")?;
    }
    for missed in &judged.worst {
        worst(&mut out, &names, missed)?;
    }
    Ok(out)
}

/// Why there is no season before.
fn too_few(season: usize) -> String {
    format!("{} rows before the first forecast are not there", count(season as u64))
}

/// A line a variable: what was told and what came; of several rows the one that was farthest off.
fn worst(out: &mut String, names: &[String], missed: &Missed) -> Result<(), Error> {
    let of = |rows: &[Vec<f64>], row: usize, at: usize| {
        rows.get(row).and_then(|row| row.get(at)).copied().unwrap_or(f64::NAN)
    };
    for (at, (name, rmse)) in names.iter().zip(&missed.rmse).enumerate() {
        let off = |row: &usize| (of(&missed.told, *row, at) - of(&missed.came, *row, at)).abs();
        let farthest = (0..missed.told.len()).max_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0);
        let date = |row: usize| foreign(missed.dates.get(row).map_or("", String::as_str)).into_owned();
        let (told, came) = (value(of(&missed.told, farthest, at)), value(of(&missed.came, farthest, at)));
        match missed.told.len() {
            1 => writeln!(out, "{}  {name}: told {told}, came {came}", date(0))?,
            rows => writeln!(
                out,
                "{} to {}  {name}: rmse {}; {}: told {told}, came {came}",
                date(0),
                date(rows - 1),
                value(*rmse),
                date(farthest)
            )?,
        }
    }
    Ok(())
}

/// The network's errors and those of what needs none, by name.
fn all(judged: &ForecastJudgement) -> impl Iterator<Item = (&'static str, &Errors)> {
    let baselines = judged.baselines.iter().map(|baseline| (baseline.name, &baseline.errors));
    [("network", &judged.errors)].into_iter().chain(baselines)
}

/// One JSON object; `step` updates made the weights.
pub(super) fn as_json(judged: &ForecastJudgement, step: u64) -> Value {
    let names: Vec<&str> = judged.errors.all().map(|(name, ..)| name).collect();
    let by_name = |numbers: &[f64]| -> Map<String, Value> {
        names.iter().zip(numbers).map(|(name, number)| ((*name).to_owned(), json!(number))).collect()
    };
    let errors = |errors: &Errors| -> Map<String, Value> {
        errors.all().map(|(name, rmse, mae)| (name.to_owned(), json!({"rmse": rmse, "mae": mae}))).collect()
    };
    let worst = judged.worst.iter().map(|missed| {
        let steps =
            missed.dates.iter().zip(missed.told.iter().zip(&missed.came)).map(
                |(date, (told, came))| json!({"date": date, "told": by_name(told), "came": by_name(came)}),
            );
        json!({"rmse": by_name(&missed.rmse), "steps": steps.collect::<Vec<_>>()})
    });
    let mut object = json!({
        "step": step,
        "data": judged.source,
        "forecasts": judged.forecasts,
        "horizon": judged.horizon,
        "loss": judged.loss,
        "mistakes": worst.collect::<Vec<_>>(),
    });
    if let Some(season) = judged.no_season {
        object["no_seasonal"] = json!({"season": season, "reason": too_few(season)});
    }
    all(judged).for_each(|(name, of)| object[name] = Value::Object(errors(of)));
    object
}
