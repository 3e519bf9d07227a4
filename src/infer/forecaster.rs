use std::path::Path;

use super::evaluation::Worst;
use super::forecast_stream::ForecastStream;
use super::network::{Network, damaged};
use super::{InferError, NetworkStream};
use crate::data::{Column, DataError, DataSpec, Forecasts, RowStream, Scale, SeriesSpec};
use crate::metrics::EvaluationResult;
use crate::preset::RunSpec;
use crate::run::{checkpoint::Which, read_json};

/// The number of windows of a block.
const BLOCK: usize = 4096;

/// A trained network that forecasts a series.
#[derive(Debug)]
pub struct Forecaster {
    pub(super) network: Network,
    series: SeriesSpec,
    scale: Scale,
}

/// A forecast beyond the last row of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The file of the series.
    pub source: String,
    /// The number of rows of the series.
    pub rows: usize,
    /// The date of the last row.
    pub last: String,
    /// The target variables.
    pub names: Vec<String>,
    /// The forecast in the units of the series, `[row, variable]`.
    pub values: Vec<Vec<f64>>,
    /// The dates of the forecast, if those of the rows are regular.
    pub dates: Option<Vec<String>>,
}

/// The evaluation of forecasts: the loss of scaled numbers, and errors in the units of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastEvaluation {
    /// Metrics, and the errors of every target with those of the baselines.
    pub result: EvaluationResult,
    /// Rows of each forecast.
    pub horizon: usize,
    /// The rows of a season, if there are too few before the first forecast for the seasonal baseline.
    pub no_season: Option<usize>,
    /// The worst forecasts, the worst first.
    pub worst: Vec<WorstForecast>,
    /// The file of the series.
    pub source: String,
}

/// A forecast with the actual values.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstForecast {
    /// The date of each row.
    pub dates: Vec<String>,
    /// `[row, variable]`.
    pub predicted: Vec<Vec<f64>>,
    /// `[row, variable]`.
    pub actual: Vec<Vec<f64>>,
    /// The root of the mean squared error of each variable.
    pub rmse: Vec<f64>,
}

impl Forecaster {
    pub(super) fn open(
        run: &Path,
        spec: RunSpec,
        series: SeriesSpec,
        which: Which,
    ) -> Result<Self, InferError> {
        if !run.join("scale.json").exists() {
            let what =
                "not found: the run is older than forecasts of series; train it again, from its spec.yaml";
            return Err(damaged(run, "scale.json", what.to_owned()));
        }
        let scale: Scale = read_json(run, "scale.json")?;
        if !scale.fits(series.values.len()) {
            let what = format!("no mean and deviation above 0 of {} variables", series.values.len());
            return Err(damaged(run, "scale.json", what));
        }
        Ok(Self { network: Network::open(run, spec, which)?, series, scale })
    }

    /// Forecasts the series in the file `path`, or the run's trained series, beyond its last row.
    ///
    /// # Errors
    /// When the file is missing, invalid, or has too few rows, and when a forecast is not finite.
    pub fn forecast(&self, path: Option<&Path>) -> Result<Forecast, InferError> {
        let trained = "the series that the run was trained on; name another with the same columns: unrolled predict RUN SERIES.csv";
        let series = SeriesSpec {
            path: path.unwrap_or(&self.series.path).to_owned(),
            needs: path.is_none().then(|| trained.to_owned()),
            ..self.series.clone()
        };
        let input = series.forecast_input(&self.scale)?;
        let (output, _) = self.network.run(&input.inputs, 0..1, None)?;
        let output: Vec<f32> = output.iter().copied().collect();
        let names: Vec<String> = input.forecasts.names().map(str::to_owned).collect();
        // The exponential of a finite number may be infinite.
        let values = input.forecasts.inverse_transform(0, &output);
        if values.iter().any(|x| !x.is_finite()) {
            return Err(self.network.not_finite());
        }
        Ok(Forecast {
            values: rows(&values, names.len()),
            names,
            source: input.source,
            rows: input.rows,
            last: input.last,
            dates: input.dates,
        })
    }

    /// A stream of rows for this network, before the first one.
    ///
    /// # Errors
    /// When the network does not read row by row.
    pub fn stream(&self) -> Result<ForecastStream<'_>, InferError> {
        let rows = RowStream::new(&self.series, &self.scale);
        Ok(ForecastStream { stream: NetworkStream::new(&self.network)?, rows })
    }

    /// Evaluates the network on the held-out part of the run's series, or on all of the file `moved`, with the overrides `set` of the spec;
    /// lists at most `worst` of the forecasts.
    ///
    /// # Errors
    /// When the data are missing or invalid, have other variables, when nothing is held out, and when a forecast is not finite.
    pub fn evaluate(
        &self,
        moved: Option<&Path>,
        set: &[String],
        worst: usize,
    ) -> Result<ForecastEvaluation, InferError> {
        // First, as the error of the spec with these overrides would suggest changing the network.
        self.check(set)?;
        let spec = self.network.spec_with(moved, set)?;
        let DataSpec::Series(requested) = &spec.data else {
            let message = format!("{}: this network forecasts a series", spec.data.source().description());
            return Err(InferError::Task(message));
        };
        let series = self.checked(requested)?;
        let Some(found) = series.evaluation_set(moved.is_some(), &self.scale)? else {
            let message = "the run has no validation data; name some with --data";
            return Err(InferError::Task(message.to_owned()));
        };
        let (inputs, forecasts) = (&found.data.inputs, &found.forecasts);
        let spreads = spreads(forecasts, inputs.len());
        let (mut evaluator, mut worst) = (self.network.evaluator(Some(forecasts)), Worst::new(worst));
        for start in (0..inputs.len()).step_by(BLOCK) {
            let block = start..(start + BLOCK).min(inputs.len());
            let (output, part) = self.network.run(inputs, block.clone(), Some(&found.data.targets))?;
            evaluator.add(part, self.network.params.regularization_loss());
            for (window, output) in block.zip(output.outer_iter()) {
                let output: Vec<f32> = output.iter().copied().collect();
                evaluator.add_output(&output, (&found.data.targets, window), (Some(forecasts), window));
                let width = spreads.len();
                let predicted = forecasts.inverse_transform(window, &output);
                if predicted.iter().any(|x| !x.is_finite()) {
                    return Err(self.network.not_finite());
                }
                let predicted = rows(&predicted, width);
                let actual = rows(forecasts.truth(window), width);
                let rmse: Vec<f64> = (0..width).map(|variable| rmse(&predicted, &actual, variable)).collect();
                // Variables have different units: their standard deviations make the errors comparable.
                let wrong = rmse.iter().zip(&spreads).map(|(rmse, spread)| (rmse / spread).powi(2)).sum();
                let dates = || found.dates.get(window).cloned().unwrap_or_default();
                worst.add(wrong, || WorstForecast { dates: dates(), predicted, actual, rmse });
            }
        }
        let has_season = forecasts.baselines().iter().any(|baseline| baseline.name == "seasonal");
        Ok(ForecastEvaluation {
            result: evaluator.result(),
            horizon: series.horizon,
            no_season: series.season.filter(|_| !has_season),
            worst: worst.sorted(),
            source: found.source,
        })
    }

    /// Checks that `set` does not change the shape or the transform of a forecast.
    fn check(&self, set: &[String]) -> Result<(), InferError> {
        let numbers = forecast(&self.series);
        let change = set.iter().find_map(|set| {
            let (field, found) = set.split_once('=')?;
            let (field, trained) = numbers.iter().find(|(name, _)| *name == field)?;
            (found.trim() != trained).then(|| (*field, found.trim().to_owned(), trained.clone()))
        });
        match change {
            Some((field, found, trained)) => Err(unlike(field, found, format!("{trained}, as in training"))),
            None => Ok(()),
        }
    }

    /// Checks that the series `requested` has the columns, the shape and the transform of the run's series.
    fn checked(&self, requested: &SeriesSpec) -> Result<SeriesSpec, InferError> {
        let trained = &self.series;
        for (field, found, expected) in [
            ("data.values", &requested.values, &trained.values),
            ("data.targets", &requested.targets, &trained.targets),
        ] {
            if found != expected {
                let joined =
                    |columns: &[Column]| columns.iter().map(Column::to_string).collect::<Vec<_>>().join(", ");
                let expected = format!("{}, as in training: columns are matched by name", joined(expected));
                return Err(unlike(field, joined(found), expected));
            }
        }
        for ((field, found), (_, trained)) in forecast(requested).into_iter().zip(forecast(trained)) {
            if found != trained {
                return Err(unlike(field, found, format!("{trained}, as in training")));
            }
        }
        Ok(requested.clone())
    }
}

/// The settings of `series` that define the shape and the transform of a forecast, by their keys.
fn forecast(series: &SeriesSpec) -> [(&'static str, String); 4] {
    [
        ("data.window", series.window.to_string()),
        ("data.horizon", series.horizon.to_string()),
        ("data.log", series.log.to_string()),
        ("data.difference", series.difference.to_string()),
    ]
}

fn unlike(field: &'static str, found: String, expected: String) -> InferError {
    DataError::Setting { field: field.into(), found, expected }.into()
}

/// Rows of `width` numbers.
fn rows(numbers: &[f64], width: usize) -> Vec<Vec<f64>> {
    numbers.chunks(width.max(1)).map(<[f64]>::to_vec).collect()
}

fn rmse(predicted: &[Vec<f64>], actual: &[Vec<f64>], variable: usize) -> f64 {
    let at = |row: &Vec<f64>| row.get(variable).copied().unwrap_or_default();
    let squares = predicted.iter().zip(actual).map(|(p, a)| (at(p) - at(a)).powi(2));
    (squares.sum::<f64>() / predicted.len().max(1) as f64).sqrt()
}

/// The standard deviation of each variable in the actual values; 1 of a constant.
fn spreads(forecasts: &Forecasts, windows: usize) -> Vec<f64> {
    let width = forecasts.names().len();
    let all = |variable: usize| {
        (0..windows)
            .flat_map(move |window| forecasts.truth(window).iter().skip(variable).step_by(width.max(1)))
    };
    let spread = |variable: usize| {
        let count = all(variable).count().max(1) as f64;
        let mean = all(variable).sum::<f64>() / count;
        let deviation = (all(variable).map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }
    };
    (0..width).map(spread).collect()
}
