use crate::nn::{Model, Score, bits_per_token, perplexity};
use crate::protocol::{Confusion, Evaluation, Metric};

/// What more there is to say of an epoch than loss and accuracy; `None` when nothing. `at` is the epoch and its last step,
/// `legal` the share of the validation rows that got a class which the task allows, where it leaves a choice.
pub(super) fn evaluation(
    model: &Model,
    (epoch, step): (usize, u64),
    train: &Score,
    validation: Option<&Score>,
    legal: Option<f64>,
    confusion: Option<Confusion>,
) -> Option<Evaluation> {
    let mut metrics = Vec::new();
    let mut put = |name: String, value: f64| {
        if value.is_finite() {
            metrics.push(Metric { name, value });
        }
    };
    for (prefix, score) in [("", Some(train)), ("val_", validation)] {
        let Some(score) = score else { continue };
        if !model.loss().has_classes() {
            put(format!("{prefix}mae"), score.mae());
            put(format!("{prefix}rmse"), score.rmse());
        }
        if model.is_next_token() {
            put(format!("{prefix}perplexity"), perplexity(score.mean_loss()));
            put(format!("{prefix}bits_per_token"), bits_per_token(score.mean_loss()));
        }
    }
    if let Some(legal) = legal {
        put("val_legal".into(), legal);
    }
    if let Some(confusion) = &confusion {
        put("val_precision".into(), confusion.mean(Confusion::precision));
        put("val_recall".into(), confusion.mean(Confusion::recall));
        put("val_f1".into(), confusion.mean(Confusion::f1));
    }
    (!metrics.is_empty()).then_some(Evaluation { epoch, step, metrics, confusion })
}
