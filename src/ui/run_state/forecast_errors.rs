//! Forecast errors in the units of a series, beside those of baselines.

use super::Curves;
use super::axis::XPosition;
use crate::metrics::Metrics;

/// Prefix of the metric's name.
const RMSE: &str = "val_rmse";
/// Baseline forecasts: suffix of the metric's name, and label.
const BASELINES: [(&str, &str); 2] = [("_last", "last value"), ("_seasonal", "season")];

/// Forecast errors in the units of a series: of the first variable if there are several.
#[derive(Debug, Clone, Default)]
pub struct ForecastErrors {
    /// The variable's name if there are several. Untrusted text.
    pub variable: String,
    /// Root mean squared error on the validation part, after every epoch.
    pub rmse: Curves,
    /// The RMSE of baseline forecasts, each with a label.
    pub baselines: Vec<(&'static str, f64)>,
}

impl ForecastErrors {
    /// Adds the metrics of an epoch that ended at `position`; ignores those without baselines, which are of other tasks.
    pub fn fold(errors: &mut Option<Self>, metrics: &Metrics, position: XPosition) {
        let of = |baseline: &str| {
            metrics.iter().find_map(|(name, value)| {
                let variable = name.strip_prefix(RMSE)?.strip_prefix(baseline)?;
                let variable = if variable.is_empty() { Some("") } else { variable.strip_prefix('.') };
                Some((variable?, value))
            })
        };
        let baselines = BASELINES.iter().filter_map(|(suffix, label)| Some((*label, of(suffix)?.1)));
        let baselines: Vec<(&'static str, f64)> = baselines.collect();
        let Some((variable, rmse)) = of("").filter(|_| !baselines.is_empty()) else { return };
        let errors = errors.get_or_insert_default();
        errors.rmse.validation.push(position, rmse);
        (errors.variable, errors.baselines) = (variable.to_owned(), baselines);
    }
}
