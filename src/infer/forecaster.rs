use std::path::Path;

use super::InferError;
use super::evaluation::Worst;
use super::network::{Network, damaged};
use crate::data::{Baseline, DataError, DataSpec, Errors, Forecasts, Scale, SeriesSpec};
use crate::nn::Score;
use crate::preset::RunSpec;
use crate::run::{checkpoint::Which, read_json};

/// Windows whose forecasts are held at once.
const BLOCK: usize = 4096;

/// A trained network that goes on with a series.
#[derive(Debug)]
pub struct Forecaster {
    pub(super) network: Network,
    series: SeriesSpec,
    scale: Scale,
}

/// How a series goes on behind its last row.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Where it is from.
    pub source: String,
    /// Its rows.
    pub rows: usize,
    /// The date of the last.
    pub last: String,
    /// The variables that are told.
    pub names: Vec<String>,
    /// Of each row that comes next, in the units of the series, what each variable is told to be.
    pub values: Vec<Vec<f64>>,
    /// The dates of these, where those of the rows are regular.
    pub dates: Option<Vec<String>>,
}

/// How good a network's forecasts are, in the units of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastJudgement {
    /// What training made small, as it tells it: of scaled numbers, and with what the size of the weights adds.
    pub loss: f64,
    /// Forecasts that were judged.
    pub forecasts: usize,
    /// Rows that each tells.
    pub horizon: usize,
    /// The network's.
    pub errors: Errors,
    /// Those of forecasts that need no network.
    pub baselines: Vec<Baseline>,
    /// Rows of a season for which there are too few before the first forecast.
    pub no_season: Option<usize>,
    /// The worst forecasts, the worst first.
    pub worst: Vec<Missed>,
    /// What the series is.
    pub source: String,
}

/// A forecast, and what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Missed {
    /// Of each row that it tells.
    pub dates: Vec<String>,
    /// `[row, variable]`.
    pub told: Vec<Vec<f64>>,
    /// Likewise.
    pub came: Vec<Vec<f64>>,
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
            let what = "not there: a run on a series keeps it since such runs can be asked; train it anew, from its spec.yaml";
            return Err(damaged(run, "scale.json", what.to_owned()));
        }
        let scale: Scale = read_json(run, "scale.json")?;
        if !scale.fits(series.values.len()) {
            let what = format!("no mean and deviation above 0 of {} variables", series.values.len());
            return Err(damaged(run, "scale.json", what));
        }
        Ok(Self { network: Network::open(run, spec, which)?, series, scale })
    }

    /// How the series in the file `path` goes on, or the run's own series.
    ///
    /// # Errors
    /// When the file is missing, is not as it must be, or has too few rows, and when a number that is told is not finite.
    pub fn forecast(&self, path: Option<&Path>) -> Result<Forecast, InferError> {
        let own = "the series that the run learnt from; name another with the same columns: unrolled predict RUN SERIES.csv";
        let series = SeriesSpec {
            path: path.unwrap_or(&self.series.path).to_owned(),
            needs: path.is_none().then(|| own.to_owned()),
            ..self.series.clone()
        };
        let ahead = series.ahead(&self.scale)?;
        let (output, _) = self.network.run(&ahead.inputs, 0..1, None)?;
        let output: Vec<f32> = output.iter().copied().collect();
        let names: Vec<String> = ahead.forecasts.names().map(str::to_owned).collect();
        // The logarithm of a finite number may be that of none.
        let values = ahead.forecasts.undo(0, &output);
        if values.iter().any(|x| !x.is_finite()) {
            return Err(self.network.not_finite());
        }
        Ok(Forecast {
            values: rows(&values, names.len()),
            names,
            source: ahead.source,
            rows: ahead.rows,
            last: ahead.last,
            dates: ahead.dates,
        })
    }

    /// Judges the network by the latest part of the run's series, or by all of the file `moved`, with `set` laid over the spec; tells at most
    /// `worst` of the forecasts.
    ///
    /// # Errors
    /// When the data are missing or wrong, have other variables, when nothing is held out, and when a forecast is not finite.
    pub fn judge(
        &self,
        moved: Option<&Path>,
        set: &[String],
        worst: usize,
    ) -> Result<ForecastJudgement, InferError> {
        // Before the network is held against them: it is not what must change.
        self.check(set)?;
        let spec = self.network.spec_with(moved, set)?;
        let DataSpec::Series(asked) = &spec.data else {
            let message = format!("{}: this network goes on with a series", spec.data.source());
            return Err(InferError::Task(message));
        };
        let series = self.as_learnt(asked)?;
        let Some(found) = series.to_judge(moved.is_some(), &self.scale)? else {
            let message = "the run has no validation data; name some with --data";
            return Err(InferError::Task(message.to_owned()));
        };
        let (inputs, forecasts) = (&found.data.inputs, &found.forecasts);
        let spreads = spreads(forecasts, inputs.len());
        let (mut score, mut errors, mut missed) = (Score::default(), forecasts.errors(), Worst::of(worst));
        for start in (0..inputs.len()).step_by(BLOCK) {
            let block = start..(start + BLOCK).min(inputs.len());
            let (output, part) = self.network.run(inputs, block.clone(), Some(&found.data.targets))?;
            score.add(part);
            for (window, output) in block.zip(output.outer_iter()) {
                let output: Vec<f32> = output.iter().copied().collect();
                forecasts.judge(window, &output, &mut errors);
                let width = spreads.len();
                let told = forecasts.undo(window, &output);
                if told.iter().any(|x| !x.is_finite()) {
                    return Err(self.network.not_finite());
                }
                let told = rows(&told, width);
                let came = rows(forecasts.truth(window), width);
                let rmse: Vec<f64> = (0..width).map(|variable| rmse(&told, &came, variable)).collect();
                // Variables have units of their own: how much each moves makes them comparable.
                let wrong = rmse.iter().zip(&spreads).map(|(rmse, spread)| (rmse / spread).powi(2)).sum();
                let dates = || found.dates.get(window).cloned().unwrap_or_default();
                missed.add(wrong, || Missed { dates: dates(), told, came, rmse });
            }
        }
        let baselines = forecasts.baselines().to_vec();
        let has_season = baselines.iter().any(|baseline| baseline.name == "seasonal");
        Ok(ForecastJudgement {
            loss: self.network.loss(&score),
            forecasts: inputs.len(),
            horizon: series.horizon,
            errors,
            no_season: series.season.filter(|_| !has_season),
            baselines,
            worst: missed.sorted(),
            source: found.source,
        })
    }

    /// Refuses what `set` would change of what a forecast is.
    fn check(&self, set: &[String]) -> Result<(), InferError> {
        let numbers = forecast(&self.series);
        let change = set.iter().find_map(|set| {
            let (field, found) = set.split_once('=')?;
            let (field, own) = numbers.iter().find(|(name, _)| *name == field)?;
            (found.trim() != own).then(|| (*field, found.trim().to_owned(), own.clone()))
        });
        match change {
            Some((field, found, own)) => Err(unlike(field, found, format!("{own}, as in training"))),
            None => Ok(()),
        }
    }

    /// The series that is `asked` for, where it is of the run's kind: what a row of it is the run has settled.
    fn as_learnt(&self, asked: &SeriesSpec) -> Result<SeriesSpec, InferError> {
        let own = &self.series;
        for (field, found, expected) in
            [("data.values", &asked.values, &own.values), ("data.targets", &asked.targets, &own.targets)]
        {
            if found != expected {
                let expected = format!("{}, as in training: columns go by their names", expected.join(", "));
                return Err(unlike(field, found.join(", "), expected));
            }
        }
        for ((field, found), (_, own)) in forecast(asked).into_iter().zip(forecast(own)) {
            if found != own {
                return Err(unlike(field, found, format!("{own}, as in training")));
            }
        }
        Ok(asked.clone())
    }
}

/// What a forecast of `series` is made from and tells, by the names that presets have for it.
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

fn rmse(told: &[Vec<f64>], came: &[Vec<f64>], variable: usize) -> f64 {
    let at = |row: &Vec<f64>| row.get(variable).copied().unwrap_or_default();
    let squares = told.iter().zip(came).map(|(told, came)| (at(told) - at(came)).powi(2));
    (squares.sum::<f64>() / told.len().max(1) as f64).sqrt()
}

/// The deviation of each variable in what came; 1 where it does not move.
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
