use super::{Baseline, ChunkCounts, Confusion, ForecastErrors, LabelCount, LabelCounts, Metrics};

/// What an evaluation gives: every metric of the task by name, and the counts that they come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EvaluationResult {
    /// Rows evaluated: sequences, or time steps where every step has a target.
    pub count: u64,
    /// Without `val_`.
    pub metrics: Metrics,
    /// The counts.
    pub details: Details,
    /// Those of chunks or entities, where tags mark them.
    pub chunks: Option<ChunkCounts>,
}

/// The counts behind the metrics of an evaluation.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Details {
    /// None beyond the metrics.
    #[default]
    None,
    /// Of a classifier or tagger.
    Classes(Confusion),
    /// Of a multi-label classifier.
    Labels(LabelCounts),
    /// Of forecasts, in the units of the series.
    Forecast {
        /// The network's.
        errors: ForecastErrors,
        /// Those of forecasts that need no network.
        baselines: Vec<Baseline>,
    },
}

impl Details {
    /// Sets the metrics that follow from the counts.
    pub fn set_metrics(&self, metrics: &mut Metrics) {
        match self {
            Self::None => {}
            Self::Classes(confusion) => {
                metrics.set("precision", confusion.macro_average(Confusion::precision));
                metrics.set("recall", confusion.macro_average(Confusion::recall));
                metrics.set("f1", confusion.macro_average(Confusion::f1));
            }
            Self::Labels(labels) => {
                metrics.set("precision", labels.macro_average(LabelCount::precision));
                metrics.set("recall", labels.macro_average(LabelCount::recall));
                metrics.set("f1", labels.macro_average(LabelCount::f1));
                metrics.set("f1_micro", labels.total().f1());
            }
            Self::Forecast { errors, baselines } => {
                let baselines =
                    baselines.iter().map(|baseline| (format!("_{}", baseline.name), &baseline.errors));
                for (suffix, errors) in [(String::new(), errors)].into_iter().chain(baselines) {
                    let several = errors.all().len() > 1;
                    for (target, rmse, mae) in errors.all() {
                        let target = if several { format!(".{target}") } else { String::new() };
                        metrics.set(format!("rmse{suffix}{target}"), rmse);
                        metrics.set(format!("mae{suffix}{target}"), mae);
                    }
                }
            }
        }
    }

    /// The confusion matrix, where there is one.
    pub fn confusion(&self) -> Option<&Confusion> {
        if let Self::Classes(confusion) = self { Some(confusion) } else { None }
    }
}
