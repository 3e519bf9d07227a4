use super::Curves;
use super::axis::Place;
use crate::metrics::Metrics;

/// How the root of the mean squared error begins, as it is told.
const RMSE: &str = "val_rmse";
/// Forecasts that need no network, as they are told and in words.
const BASELINES: [(&str, &str); 2] = [("_last", "last value"), ("_seasonal", "season")];

/// Errors of forecasts in the units of a series: of the first variable, where there are several.
#[derive(Debug, Default)]
pub struct ForecastErrors {
    /// The variable, where there are several. Foreign text.
    pub variable: String,
    /// The root of the mean squared error on the held-out part, after every epoch.
    pub rmse: Curves,
    /// The same of forecasts that need no network, each in words.
    pub baselines: Vec<(&'static str, f64)>,
}

impl ForecastErrors {
    /// Takes the metrics of an epoch that ended at `place`; ignores those of other tasks.
    pub fn fold(errors: &mut Option<Self>, metrics: &Metrics, place: Place) {
        let of = |baseline: &str| {
            metrics.iter().find_map(|(name, value)| {
                let variable = name.strip_prefix(RMSE)?.strip_prefix(baseline)?;
                let variable = if variable.is_empty() { Some("") } else { variable.strip_prefix('.') };
                Some((variable?, value))
            })
        };
        let baselines = BASELINES.iter().filter_map(|(name, words)| Some((*words, of(name)?.1)));
        let baselines: Vec<(&'static str, f64)> = baselines.collect();
        let Some((variable, rmse)) = of("").filter(|_| !baselines.is_empty()) else { return };
        let errors = errors.get_or_insert_default();
        errors.rmse.validation.push(place, rmse);
        (errors.variable, errors.baselines) = (variable.to_owned(), baselines);
    }
}
