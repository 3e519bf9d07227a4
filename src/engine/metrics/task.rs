use serde::{Deserialize, Serialize};

/// What a network does; it decides which metrics there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of two classes a sequence, by one probability.
    Binary,
    /// One of several classes a sequence.
    Classes,
    /// Any of several labels a sequence, each with a probability of its own.
    Labels,
    /// A class at every time step.
    Tags,
    /// The next token at every time step.
    Language,
    /// Numbers.
    Regression,
    /// The next rows of a series.
    Forecast,
}

impl Task {
    /// The names of the metrics of the training data, and of the validation data without their `val_`. A series with several targets has
    /// those of its forecasts once a target, `rmse.TARGET`; `rmse_seasonal` needs a season.
    pub fn metrics(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Binary | Self::Classes => {
                (&["loss", "accuracy"], &["loss", "accuracy", "precision", "recall", "f1"])
            }
            Self::Labels => {
                (&["loss", "accuracy"], &["loss", "accuracy", "precision", "recall", "f1", "f1_micro"])
            }
            Self::Tags => {
                let chunks = &[
                    "loss",
                    "accuracy",
                    "legal",
                    "precision",
                    "recall",
                    "f1",
                    "entity_precision",
                    "entity_recall",
                    "entity_f1",
                ];
                (&["loss", "accuracy"], chunks)
            }
            Self::Language => {
                let all = &["loss", "accuracy", "perplexity", "bits_per_token"];
                (all, &["loss", "accuracy", "perplexity", "bits_per_token", "legal"])
            }
            Self::Regression => (&["loss", "mae", "rmse"], &["loss", "mae", "rmse"]),
            Self::Forecast => (
                &["loss", "mae", "rmse"],
                &["loss", "rmse", "mae", "rmse_last", "mae_last", "rmse_seasonal", "mae_seasonal"],
            ),
        }
    }

    /// Whether there may be a metric of this name, with `val_` where it is one of the validation data.
    pub fn has_metric(self, name: &str) -> bool {
        let (training, validation) = self.metrics();
        let (names, name) = match name.strip_prefix(super::VALIDATION) {
            Some(name) => (validation, name),
            None => (training, name),
        };
        let (base, target) = name.split_once('.').map_or((name, false), |(base, _)| (base, true));
        names.contains(&base) && (!target || (self == Self::Forecast && base != "loss"))
    }

    /// Returns the names of all its metrics, those with `val_` last.
    pub fn metric_names(self) -> Vec<String> {
        let (training, validation) = self.metrics();
        let validation = validation.iter().map(|name| format!("{}{name}", super::VALIDATION));
        training.iter().map(|name| (*name).to_owned()).chain(validation).collect()
    }
}

/// Whether more is better of the metric called `name`: of accuracies, precision, recall and F1; of all others, which are losses and
/// errors, less is.
pub fn higher_is_better(name: &str) -> bool {
    let name = name.strip_prefix(super::VALIDATION).unwrap_or(name);
    matches!(
        name,
        "accuracy"
            | "precision"
            | "recall"
            | "f1"
            | "f1_micro"
            | "legal"
            | "entity_precision"
            | "entity_recall"
            | "entity_f1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_its_own_metrics_and_a_series_those_of_its_targets() {
        assert!(Task::Binary.has_metric("val_f1") && !Task::Binary.has_metric("f1"));
        assert!(!Task::Regression.has_metric("accuracy") && Task::Regression.has_metric("val_rmse"));
        assert!(Task::Forecast.has_metric("val_rmse.sold") && !Task::Regression.has_metric("val_rmse.sold"));
        assert!(!Task::Forecast.has_metric("val_loss.sold"));
        assert_eq!(
            Task::Regression.metric_names(),
            ["loss", "mae", "rmse", "val_loss", "val_mae", "val_rmse"]
        );
        assert!(higher_is_better("val_f1") && !higher_is_better("val_rmse") && !higher_is_better("loss"));
    }
}
