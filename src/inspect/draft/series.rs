//! Numbers over time.

use super::comments::Comments;
use super::{Proposal, chain, clipped_adam, counted, named_rows, train};
use crate::data::{DataSpec, DateOrder, Encoding, SeriesSpec};
use crate::nn::{Dense, GRU, Loss};
use crate::optim::EarlyStopping;
use crate::preset::{AlertSpec, Probes, RunSpec, TrainSpec, WatchSpec};
use crate::protocol::Findings;

pub(super) fn propose(findings: &Findings, spec: SeriesSpec) -> Proposal {
    let forecast = if spec.targets.is_empty() { spec.values.len() } else { spec.targets.len() };
    let outputs = spec.horizon * forecast;
    let patience = 10;
    let (units, batch, epochs) = match findings.rows {
        0..300 => (24, 16, 100),
        300..2_000 => (24, 32, 60),
        2_000..20_000 => (24, 64, 30),
        _ => (32, 128, 10),
    };
    let of = if spec.log { "the logarithm's change" } else { "the change" };
    let target = match spec.difference.lag() {
        0 => "the next row".to_owned(),
        1 => format!("{of} from row to row"),
        lag => format!("{of} from {lag} rows before"),
    };
    let suggested = [
        ("window", format!("{}, forecast: {target}", counted(spec.window, "row", "rows"))),
        ("network", chain(&[format!("GRU {units}"), format!("Dense {outputs}")])),
        (
            "training",
            format!("mean_squared_error, batches of {batch}, {}", counted(epochs, "epoch", "epochs")),
        ),
    ];
    let season = if spec.season.is_some() { " and the value a season ago (val_rmse_seasonal)" } else { "" };
    let comments = comments(&spec);
    let spec = RunSpec {
        name: String::new(),
        title: format!("Forecasting: a GRU predicts the next row from {}", spec.window),
        about: format!(
            "Errors are in the units of the series, on its latest fifth, beside those of forecasts that need no network: the last value \
             again (val_rmse_last){season}. A network that is not better than these has learnt nothing."
        ),
        from: None,
        data: DataSpec::Series(spec),
        tokens: None,
        model: vec![
            GRU { units, ..GRU::default() }.into(),
            Dense { units: outputs, ..Dense::default() }.into(),
        ],
        train: TrainSpec {
            optimizer: clipped_adam(0.003, 1.0),
            early_stopping: Some(EarlyStopping {
                monitor: Some("val_loss".into()),
                patience,
                restore_best_weights: true,
                ..EarlyStopping::default()
            }),
            ..train(Loss::MeanSquaredError, batch, epochs)
        },
        watch: WatchSpec { probes: Probes::First(2), ..super::watch(findings.rows / batch * epochs) },
        alerts: AlertSpec::default(),
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least: None }
}

fn comments(spec: &SeriesSpec) -> Comments {
    let mut comments = Comments::default();
    comments.beside("data.source", "numbers over time, one row per date");
    if spec.date.is_some() {
        comments.beside("data.date", "the column with the dates, or a list of several that have a part each");
    }
    match spec.date_order {
        Some(DateOrder::Dmy) => comments.beside("data.date_order", "the day comes first"),
        Some(DateOrder::Mdy) => comments.beside("data.date_order", "the month comes first"),
        None => {}
    }
    if spec.decimal.is_some() {
        comments.beside("data.decimal", "the decimal separator");
    }
    if spec.fill.is_some() {
        comments.beside("data.fill", "how gaps are closed; without it no window spans one");
    }
    if spec.encoding != Encoding::Utf8 {
        comments.beside("data.encoding", "the character encoding, which is not UTF-8");
    }
    comments.beside(
        "data.values",
        "the columns that are read; all are forecast, or only those that `targets: […]` names",
    );
    comments.beside("data.window", "rows that a forecast is made from");
    comments.beside(
        "data.horizon",
        "rows that are forecast; the last layer has as many units, times the columns forecast",
    );
    if spec.log {
        comments.beside("data.log", "the logarithm is forecast: for exponential growth");
    }
    if spec.difference.lag() > 0 {
        let lag = match spec.difference.lag() {
            1 => "the change from row to row is forecast, which is smaller than the values".to_owned(),
            lag => format!(
                "the change from {lag} rows before is forecast, which is smaller than that from row to row"
            ),
        };
        comments.beside("data.difference", lag);
    }
    match spec.season {
        Some(_) => {
            comments.beside("data.season", "rows of a season: the forecast to beat is the value a season ago")
        }
        None => {
            comments.suggest("data.season", 12);
            comments.beside(
                "data.season",
                "rows of a season, where there is one: the value a season ago is one more forecast to beat",
            );
        }
    }
    comments.beside(
        "data.validation",
        "the latest part is for evaluation, never for training, nor for the scale",
    );
    comments.before(
        "model.0",
        "Reads the window row by row. Next to try: a longer window, LSTM in its place, more units, dropout: 0.2.",
    );
    comments.before(
        "train.early_stopping",
        "Stops when val_loss has not improved for ten epochs, and restores the best weights.",
    );
    comments.beside("train.loss", "or huber, on which single outliers have less effect");
    comments.beside("watch.probes", "the number of windows shown as they pass through the network");
    comments
}
