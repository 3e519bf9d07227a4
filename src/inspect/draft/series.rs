//! Numbers over time.

use super::yaml::{Yaml, quoted};
use super::{Place, Proposal, chain, counted};
use crate::data::{DateOrder, Encoding, SeriesSpec};
use crate::protocol::Findings;

pub(super) fn propose(findings: &Findings, spec: &SeriesSpec, place: &Place<'_>) -> Result<Proposal, String> {
    let values: Vec<String> = spec.values.iter().map(|name| quoted(name)).collect();
    let outputs = spec.horizon * values.len();
    let (units, batch, epochs) = match findings.rows {
        0..300 => (24, 16, 60),
        300..2_000 => (24, 32, 30),
        2_000..20_000 => (24, 64, 15),
        _ => (32, 128, 5),
    };
    let mut body = Yaml::default();
    body.line("data:");
    body.noted("  source: series", "numbers over time, a row a date");
    body.line(&format!("  path: {}", place.path(&spec.path)?));
    if let Some(date) = &spec.date {
        body.noted(&format!("  date: {}", quoted(date)), "the column of dates");
    }
    if let Some(order) = spec.date_order {
        let (written, first) = match order {
            DateOrder::Dmy => ("dmy", "the day"),
            DateOrder::Mdy => ("mdy", "the month"),
        };
        body.noted(&format!("  date_order: {written}"), &format!("{first} stands first"));
    }
    if let Some(decimal) = spec.decimal {
        body.noted(&format!("  decimal: {}", quoted(&decimal.to_string())), "what stands before a fraction");
    }
    if spec.encoding != Encoding::Utf8 {
        body.noted(&format!("  encoding: {}", spec.encoding), "what the bytes mean: they are not UTF-8");
    }
    body.noted(
        &format!("  values: [{}]", values.join(", ")),
        "what is read; all of it is forecast, or only what `targets: […]` names",
    );
    body.noted(&format!("  window: {}", spec.window), "rows that a forecast is made from");
    body.noted(
        &format!("  horizon: {}", spec.horizon),
        "rows that it tells; the last layer has as many units, times the columns forecast",
    );
    if spec.log {
        body.noted("  log: true", "for what grows by a share of itself");
    }
    if spec.difference {
        body.noted("  difference: true", "the change from row to row is forecast: for what drifts");
    }
    match spec.season {
        Some(season) => body.noted(&format!("  season: {season}"), "rows after which it comes again: the forecast to beat is the value a season ago"),
        None => body.noted("  # season: 12", "rows after which it comes again, where it does: the value a season ago is one more forecast to beat"),
    }
    body.noted(
        &format!("  validation: {}", spec.validation),
        "the latest part is judged by and never learnt from, its scale neither",
    );
    body.line("");
    body.line("model:");
    body.hint("Reads the window row by row. Next to try: a longer window, LSTM in its place, more units, dropout: 0.2.");
    body.line(&format!("  - {{layer: GRU, units: {units}}}"));
    body.line(&format!("  - {{layer: Dense, units: {outputs}}}"));
    body.line("");
    body.line("train:");
    body.noted("  loss: mean_squared_error", "or huber, which minds single far-off values less");
    body.line("  optimizer: {name: Adam, learning_rate: 0.003, global_clipnorm: 1.0}");
    body.line(&format!("  batch_size: {batch}"));
    body.line(&format!("  epochs: {epochs}"));
    body.line("  seed: 1");
    body.line("");
    body.line("watch:");
    body.line(&format!("  every: {}", super::every(findings.rows / batch * epochs)));
    body.noted("  probes: 2", "so many windows whose way through the network is shown");
    let told = match (spec.log, spec.difference) {
        (true, true) => "the logarithm's change from row to row",
        (false, true) => "the change from row to row",
        _ => "the next row",
    };
    let suggested = [
        ("window", format!("{}, forecast: {told}", counted(spec.window, "row", "rows"))),
        ("network", chain(&[format!("GRU {units}"), format!("Dense {outputs}")])),
        (
            "training",
            format!("mean_squared_error, batches of {batch}, {}", counted(epochs, "epoch", "epochs")),
        ),
    ];
    let season = if spec.season.is_some() { " and the value a season ago (val_rmse_seasonal)" } else { "" };
    Ok(Proposal {
        title: format!("Forecasting: a GRU tells the next row from {}", spec.window),
        about: format!(
            "Errors are told in the units of the series, on its latest fifth, beside those of forecasts that need no network: the last value \
             again (val_rmse_last){season}. A network that is not better than these has learnt nothing."
        ),
        body,
        suggested: suggested.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}
