use crate::data::{Baseline, Errors};
use crate::nn::{Model, Score, bits_per_token, perplexity};
use crate::protocol::{Confusion, Evaluation, LabelCount, LabelCounts, Metric};

/// What was measured on the validation data.
pub(super) struct Validated<'a> {
    pub score: Score,
    /// The share of the rows that got a class which the task allows, where it leaves a choice.
    pub legal: Option<f64>,
    pub confusion: Option<Confusion>,
    /// Where there are several labels at once.
    pub labels: Option<LabelCounts>,
    /// In the units of the series, where the data are one; beside those of forecasts that need no network.
    pub errors: Option<(Errors, &'a [Baseline])>,
}

/// What more there is to say of an epoch than loss and accuracy; `None` when nothing. `at` is the epoch and its last step.
pub(super) fn evaluation(
    model: &Model,
    (epoch, step): (usize, u64),
    train: &Score,
    validation: Option<Validated<'_>>,
) -> Option<Evaluation> {
    let mut metrics = Vec::new();
    let mut put = |name: String, value: f64| {
        if value.is_finite() {
            metrics.push(Metric { name, value });
        }
    };
    let errors = validation.as_ref().and_then(|validation| validation.errors.as_ref());
    for (prefix, score) in [("", Some(train)), ("val_", validation.as_ref().map(|v| &v.score))] {
        let Some(score) = score else { continue };
        // Of a series, errors are told in its own units.
        if !model.loss().has_classes() && errors.is_none() {
            put(format!("{prefix}mae"), score.mae());
            put(format!("{prefix}rmse"), score.rmse());
        }
        if model.is_next_token() {
            put(format!("{prefix}perplexity"), perplexity(score.mean_loss()));
            put(format!("{prefix}bits_per_token"), bits_per_token(score.mean_loss()));
        }
    }
    if let Some((errors, baselines)) = errors {
        let all = [("", errors)].into_iter().chain(baselines.iter().map(|b| (b.name, &b.errors)));
        for (of, errors) in all {
            let of = if of.is_empty() { String::new() } else { format!("_{of}") };
            let several = errors.all().nth(1).is_some();
            for (target, rmse, mae) in errors.all() {
                let target = if several { format!(".{target}") } else { String::new() };
                put(format!("val_rmse{of}{target}"), rmse);
                put(format!("val_mae{of}{target}"), mae);
            }
        }
    }
    let (legal, labels, confusion) =
        validation.map_or((None, None, None), |told| (told.legal, told.labels, told.confusion));
    if let Some(legal) = legal {
        put("val_legal".into(), legal);
    }
    if let Some(confusion) = &confusion {
        put("val_precision".into(), confusion.mean(Confusion::precision));
        put("val_recall".into(), confusion.mean(Confusion::recall));
        put("val_f1".into(), confusion.mean(Confusion::f1));
    }
    if let Some(labels) = &labels {
        put("val_precision".into(), labels.mean(LabelCount::precision));
        put("val_recall".into(), labels.mean(LabelCount::recall));
        put("val_f1".into(), labels.mean(LabelCount::f1));
        put("val_f1_micro".into(), labels.together().f1());
    }
    (!metrics.is_empty()).then_some(Evaluation { epoch, step, metrics, confusion })
}
