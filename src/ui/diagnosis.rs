//! What a run shows that its user should know, found in measured numbers alone.

use crate::metrics::Task;
use crate::number;
use crate::protocol::{Direction, RunInfo};
use crate::ui::forecast_lines::{ForecastLines, Lead};
use crate::ui::run_state::RunState;
use crate::ui::run_state::series::Series;

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it is, in the words of the field.
    pub name: &'static str,
    /// The numbers that show it.
    pub evidence: String,
    /// What may help.
    pub remedy: &'static str,
    /// Whether a panel of its own shows it: it need not be said below the others.
    pub has_panel: bool,
}

/// Validations after the best one before overfitting is found, and the share by which the loss must have risen since.
const OVERFITTING: (usize, f64) = (3, 0.02);
/// Validations without progress that are a plateau, and the share of the loss that is no progress.
const PLATEAU: (usize, f64) = (5, 0.005);
/// The share of dead units of a dead layer.
const DEAD: f32 = 0.5;
/// The share of the greatest gradient at the first positions below which it vanishes.
const VANISHING: f32 = 1e-2;
/// An echo differs from the last value by less than this share of the last value's own error.
const ECHO: f64 = 0.3;

/// What is found in `run` as it is, or as it was at `step`.
pub fn diagnose(run: &RunState, step: Option<u64>) -> Vec<Diagnosis> {
    let Some(info) = run.info() else { return Vec::new() };
    let found = [
        overfitting(run, step),
        plateau(run, step),
        one_class(run, info, step),
        echo(run, info, step),
        dead_layer(run, info),
        vanishing(run, info),
    ];
    found.into_iter().flatten().collect()
}

/// The values of a curve with their epochs, up to `step`.
fn points(series: &Series, step: Option<u64>) -> Vec<(f64, f64)> {
    let is_there = |at: u64, finite: u64| finite > 0 && step.is_none_or(|step| at <= step);
    let points = series.points().filter(|(at, summary)| is_there(at.step, summary.finite));
    points.map(|(at, summary)| (at.epoch, summary.mean())).collect()
}

fn overfitting(run: &RunState, step: Option<u64>) -> Option<Diagnosis> {
    let validation = points(&run.loss().validation, step);
    let (best, (epoch, least)) = validation.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
    let (now_epoch, now) = *validation.last()?;
    let since = validation.len() - 1 - best;
    if since < OVERFITTING.0 || now < least * (1.0 + OVERFITTING.1) {
        return None;
    }
    let train = |at: f64| {
        let losses = points(&run.loss().train, step);
        // The epoch before, as single batches are noisy.
        let near: Vec<f64> = losses
            .into_iter()
            .filter(|(epoch, _)| (at - 1.0..=at).contains(epoch))
            .map(|(_, loss)| loss)
            .collect();
        (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64)
    };
    let (then, later) = (train(*epoch)?, train(now_epoch)?);
    (later < then).then(|| Diagnosis {
        name: "Overfitting",
        evidence: format!(
            "the validation loss was least after epoch {} with {} and is {} now, while the training loss fell from {} to {}",
            epoch.round(),
            number::metric(*least),
            number::metric(now),
            number::metric(then),
            number::metric(later)
        ),
        remedy: "early stopping with restore_best_weights, dropout, fewer units, or more data",
        has_panel: false,
    })
}

fn plateau(run: &RunState, step: Option<u64>) -> Option<Diagnosis> {
    let curve = if run.loss().validation.is_empty() { &run.loss().train } else { &run.loss().validation };
    let validation = points(curve, step);
    let (count, share) = PLATEAU;
    let recent = validation.get(validation.len().checked_sub(count)?..)?;
    let (low, high) = recent
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, loss)| (low.min(*loss), high.max(*loss)));
    let is_of_epochs = !run.loss().validation.is_empty();
    (is_of_epochs && high - low <= share * high.abs()).then(|| Diagnosis {
        name: "Plateau",
        evidence: format!(
            "the validation loss has been between {} and {} in the last {count} validations",
            number::metric(low),
            number::metric(high)
        ),
        remedy: "another learning rate (, and . change it), or nothing: it may have learned what it can",
        has_panel: false,
    })
}

fn one_class(run: &RunState, info: &RunInfo, step: Option<u64>) -> Option<Diagnosis> {
    let confusion = run.history().confusions(step).next_back()?;
    let matrix = &confusion.matrix;
    let predicted = (0..matrix.classes).filter(|class| matrix.predicted(*class) > 0).collect::<Vec<_>>();
    let actual = (0..matrix.classes).filter(|class| matrix.support(*class) > 0).count();
    let [class] = predicted.as_slice() else { return None };
    let label = info
        .data
        .classes
        .get(*class)
        .map_or_else(|| class.to_string(), |class| info.class_name(&class.label).into_owned());
    let of = if info.task == Task::Tags { "tokens" } else { "sequences" };
    (actual > 1).then(|| Diagnosis {
        name: "One class always",
        evidence: format!(
            "all {} validation {of} are predicted as {label}, and {} of them are",
            number::count(matrix.total()),
            number::percent(matrix.support(*class) as f64 / matrix.total().max(1) as f64)
        ),
        remedy: "more epochs, another learning rate, or class_weight where a class is rare",
        has_panel: false,
    })
}

fn echo(run: &RunState, info: &RunInfo, step: Option<u64>) -> Option<Diagnosis> {
    let series = info.data.series.as_deref().filter(|_| info.task == Task::Forecast)?;
    let examples = run.history().latest_examples(step)?;
    let lines = ForecastLines::new(series, &examples.forecasts, Lead::Ahead(1));
    let (distance, last) = (lines.distance_from_last()?, lines.rmse(series, &lines.last)?);
    (last > 0.0 && distance < ECHO * last).then(|| Diagnosis {
        name: "Echo of the last value",
        evidence: format!(
            "one row ahead the forecast differs from the last value by {} (RMSE), and the last value from the truth by {}",
            number::value(distance),
            number::value(last)
        ),
        remedy: "difference: 1 or a season, or a longer window: it repeats its input as yet",
        has_panel: false,
    })
}

fn dead_layer(run: &RunState, info: &RunInfo) -> Option<Diagnosis> {
    let layers = run.recurrent_layers();
    let dead = layers.filter_map(|layer| Some((layer, run.health(layer)?.dead())));
    let ((layer, _), share) = dead.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share >= DEAD)?;
    Some(Diagnosis {
        name: "Dead layer",
        evidence: format!(
            "{} of the units of layer {layer} ({}) have the same value for every input",
            number::percent(f64::from(share)),
            class(info, layer)
        ),
        remedy: "a lower learning rate, or another activation or initializer",
        has_panel: false,
    })
}

fn vanishing(run: &RunState, info: &RunInfo) -> Option<Diagnosis> {
    let share = |norms: &[f32]| {
        let greatest = norms.iter().copied().fold(0.0_f32, f32::max);
        // Padding has a gradient of 0.
        let first = norms.iter().copied().find(|norm| *norm > 0.0)?;
        (greatest > 0.0 && greatest.is_finite()).then(|| first / greatest)
    };
    let least = run.recurrent_layers().filter_map(|layer| {
        let backward = layer.1 == Some(Direction::Backward);
        let profile = &run.profiles(layer)?.latest;
        let read = profile.hnorm.iter().enumerate().filter(|(t, _)| !profile.is_padding(*t));
        let mut norms: Vec<f32> = read.map(|(_, norm)| *norm).collect();
        if backward {
            norms.reverse();
        }
        Some((layer.0, share(&norms)?))
    });
    let (layer, share) = least.min_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share < VANISHING)?;
    Some(Diagnosis {
        name: "Vanishing gradient",
        evidence: format!(
            "at the first position read ‖∂L/∂h_t‖ of layer {layer} ({}) is {} of the greatest",
            class(info, layer),
            number::metric(f64::from(share))
        ),
        remedy: "LSTM or GRU instead of SimpleRNN; what is long ago is hardly learned",
        has_panel: true,
    })
}

fn class(info: &RunInfo, layer: usize) -> &str {
    info.model.layers.get(layer).map_or("", |row| row.class.as_str())
}
