//! What more data would give: an inverse power law, fitted to what fractions of the data have reached.

use super::definition::Trial;
use super::folder::Sweep;
use super::space::FRACTION;
use super::status::{SweepStatus, TrialState, TrialStatus};
use crate::metrics::mean_and_deviation;
use crate::rng::Rng;
use crate::run::Outline;
use crate::sort::SmallSort as _;

/// The exponents that are tried.
const EXPONENTS: (f64, f64) = (0.05, 2.0);
/// Steps between them, before the best is refined.
const STEPS: u32 = 40;
/// The least share of the variance of the means that a fitted curve explains.
const EXPLAINED: f64 = 0.8;
/// Samples of the bootstrap.
const SAMPLES: u64 = 1000;
/// The fewest repeats that a bootstrap draws from.
const REPEATS: usize = 3;

/// What fractions of the data have reached, with otherwise the same settings.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// The other settings, as `key=value`.
    pub set: Vec<String>,
    /// The fractions, the smallest first.
    pub points: Vec<CurvePoint>,
    /// The curve, or why there is none.
    pub fit: Result<FittedCurve, String>,
}

/// The seed and the fold of a trial, if they are varied.
pub type SeedAndFold = (Option<u64>, Option<u16>);

/// What one fraction has reached.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint {
    /// The share of the training data.
    pub fraction: f64,
    /// Its training sequences, if a trial has begun.
    pub rows: Option<usize>,
    /// Trials.
    pub trials: usize,
    /// The best value of the monitored metric of each finished trial, by seed and fold.
    pub values: Vec<(SeedAndFold, f64)>,
}

/// A curve, and the value with twice the data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCurve {
    /// The law of the error.
    pub law: PowerLaw,
    /// The share of the variance of the means that it explains, R².
    pub explained: f64,
    /// The most rows that were trained on.
    pub rows: usize,
    /// The mean of the metric there.
    pub now: f64,
    /// The metric with twice as many.
    pub doubled: f64,
    /// The ends of its interval of 95 %, by the bootstrap over repeats; `None` with fewer than three.
    pub interval: Option<(f64, f64)>,
    /// Seeds and folds that have trained with every fraction.
    pub repeats: usize,
    /// Whether the error is 1 − the metric, of which more is better.
    pub is_inverted: bool,
}

/// `floor + scale · rows^−exponent`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// The error with endless data.
    pub floor: f64,
    /// The error beyond that of a single row.
    pub scale: f64,
    /// How fast it falls, from 0.05 to 2.
    pub exponent: f64,
}

impl PowerLaw {
    /// The error with so many rows.
    pub fn at(self, rows: f64) -> f64 {
        self.floor + self.scale * rows.powf(-self.exponent)
    }

    /// The law with the least squared errors for `points` of rows and error: for each exponent floor and scale by linear regression,
    /// neither below 0 (the floor only where no error is). A scale of 0 where the errors do not fall. At least one point is needed.
    pub fn fit(points: &[(f64, f64)]) -> Self {
        let most = points.iter().map(|(rows, _)| *rows).fold(1.0, f64::max);
        let least_floor = if points.iter().all(|(_, error)| *error >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
        // Rows as shares of the most: otherwise scales of large exponents are huge.
        let scaled: Vec<(f64, f64)> = points.iter().map(|(rows, error)| (rows / most, *error)).collect();
        let of = |exponent: f64| regression(&scaled, exponent, least_floor);
        let (low, high) = (EXPONENTS.0.ln(), EXPONENTS.1.ln());
        let width = (high - low) / f64::from(STEPS);
        let exponents = (0..=STEPS).map(|step| low + width * f64::from(step));
        let best = exponents.min_by(|a, b| of(a.exp()).2.total_cmp(&of(b.exp()).2)).unwrap_or(low);
        let (mut from, mut to) = ((best - width).max(low), (best + width).min(high));
        for _ in 0..40 {
            let (a, b) = (from + (to - from) / 3.0, to - (to - from) / 3.0);
            match of(a.exp()).2 <= of(b.exp()).2 {
                true => to = b,
                false => from = a,
            }
        }
        let exponent = f64::midpoint(from, to).exp();
        let (floor, scale, _) = of(exponent);
        Self { floor, scale: scale * most.powf(exponent), exponent }
    }
}

/// Floor and scale of the law with this `exponent` that fit best, and the sum of the squared errors.
fn regression(points: &[(f64, f64)], exponent: f64, least_floor: f64) -> (f64, f64, f64) {
    let n = points.len().max(1) as f64;
    let powers = || points.iter().map(|(rows, error)| (rows.powf(-exponent), *error));
    let (x_mean, y_mean) =
        (powers().map(|(x, _)| x).sum::<f64>() / n, powers().map(|(_, y)| y).sum::<f64>() / n);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y) in powers() {
        xx += (x - x_mean) * (x - x_mean);
        xy += (x - x_mean) * (y - y_mean);
    }
    let scale = if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    let (mut floor, mut scale) = (y_mean - scale * x_mean, scale);
    if floor < least_floor {
        let squares: f64 = powers().map(|(x, _)| x * x).sum();
        floor = least_floor;
        scale = powers().map(|(x, y)| x * (y - floor)).sum::<f64>() / squares;
    }
    (floor, scale, powers().map(|(x, y)| (y - floor - scale * x).powi(2)).sum())
}

impl LearningCurve {
    /// The curves of `sweep`, one for each combination of its other settings; none if it does not vary `train.fraction`.
    pub fn of(sweep: &Sweep, status: &SweepStatus) -> Vec<Self> {
        let keys = sweep.definition.keys();
        let Some(place) = keys.iter().position(|key| *key == FRACTION) else { return Vec::new() };
        let mut curves: Vec<Self> = Vec::new();
        for trial in &status.trials {
            let mut set = trial.trial.set.clone();
            if place >= set.len() {
                continue;
            }
            let fraction = set.remove(place);
            let fraction = fraction.split_once('=').and_then(|(_, value)| value.parse::<f64>().ok());
            let Some(fraction) = fraction else { continue };
            let curve = match curves.iter().position(|curve| curve.set == set) {
                Some(at) => at,
                None => {
                    curves.push(Self { set, points: Vec::new(), fit: Err(String::new()) });
                    curves.len() - 1
                }
            };
            if let Some(curve) = curves.get_mut(curve) {
                curve.add(sweep, fraction, trial);
            }
        }
        for curve in &mut curves {
            curve.points.small_sort_by(|a, b| a.fraction.total_cmp(&b.fraction));
            curve.fit = curve.fit(status.higher_is_better);
        }
        curves
    }

    /// Whether the fractions of the training data are all that `sweep` varies, besides seeds and folds.
    pub fn is_all_of(sweep: &Sweep) -> bool {
        sweep.definition.keys() == [FRACTION]
    }

    /// Whether `trial` is one of its points.
    pub fn has(&self, trial: &Trial) -> bool {
        let is_fraction = |set: &&String| set.split_once('=').is_some_and(|(key, _)| key == FRACTION);
        trial.set.iter().filter(|set| !is_fraction(set)).eq(&self.set)
    }

    fn add(&mut self, sweep: &Sweep, fraction: f64, status: &TrialStatus) {
        let at = match self.points.iter().position(|point| point.fraction == fraction) {
            Some(at) => at,
            None => {
                self.points.push(CurvePoint { fraction, rows: None, trials: 0, values: Vec::new() });
                self.points.len() - 1
            }
        };
        let Some(point) = self.points.get_mut(at) else { return };
        point.trials += 1;
        if point.rows.is_none() && status.state != TrialState::Waiting {
            let outline = Outline::read(&sweep.run_folder(&status.trial), false).ok();
            point.rows = outline.and_then(|outline| Some(outline.info?.data.train));
        }
        if let (TrialState::Finished, Some(value)) = (status.state, status.value) {
            let Trial { seed, fold, .. } = status.trial;
            point.values.push(((seed, fold), value));
        }
    }

    fn fit(&self, is_inverted: bool) -> Result<FittedCurve, String> {
        let error = |value: f64| if is_inverted { 1.0 - value } else { value };
        let reached: Vec<&CurvePoint> = self.points.iter().filter(|point| !point.values.is_empty()).collect();
        if reached.len() < 3 {
            return Err(format!(
                "a curve needs three fractions, and {} finished",
                match reached.len() {
                    0 => "none has".to_owned(),
                    1 => "one has".to_owned(),
                    n => format!("{n} have"),
                }
            ));
        }
        let mean = |point: &CurvePoint, of: &dyn Fn(usize) -> Option<f64>| {
            let values: Vec<f64> = (0..point.values.len()).filter_map(of).map(error).collect();
            mean_and_deviation(&values).map(|(mean, _)| mean)
        };
        let rows: Option<Vec<f64>> = reached.iter().map(|point| point.rows.map(|rows| rows as f64)).collect();
        let Some(rows) = rows else {
            return Err("the numbers of training sequences cannot be read".to_owned());
        };
        let all: Option<Vec<f64>> = reached
            .iter()
            .map(|point| mean(point, &|i| point.values.get(i).map(|(_, value)| *value)))
            .collect();
        let means = all.unwrap_or_default();
        let points: Vec<(f64, f64)> = rows.iter().copied().zip(means.iter().copied()).collect();
        let law = PowerLaw::fit(&points);
        let center = means.iter().sum::<f64>() / means.len() as f64;
        let total: f64 = means.iter().map(|mean| (mean - center).powi(2)).sum();
        let left: f64 = points.iter().map(|(rows, error)| (error - law.at(*rows)).powi(2)).sum();
        let explained = if total > 0.0 { 1.0 - left / total } else { 0.0 };
        if law.scale <= 0.0 || explained.is_nan() || explained < EXPLAINED {
            return Err(format!("more data have not made it steadily better (R² {:.2})", explained.max(0.0)));
        }
        let most = rows.iter().copied().fold(0.0, f64::max);
        // The error is its own inverse.
        let (now, doubled) = (error(means.last().copied().unwrap_or(f64::NAN)), error(law.at(2.0 * most)));
        let repeats = repeats(&reached);
        let interval = interval(&reached, &repeats, &rows, error).map(|(low, high)| match is_inverted {
            true => (error(high), error(low)),
            false => (low, high),
        });
        Ok(FittedCurve {
            law,
            explained,
            rows: most as usize,
            now,
            doubled,
            interval,
            repeats: repeats.len(),
            is_inverted,
        })
    }
}

/// The values of every seed and fold that has one at all `points`.
fn repeats(points: &[&CurvePoint]) -> Vec<Vec<f64>> {
    let Some(first) = points.first() else { return Vec::new() };
    let of = |repeat| {
        let value =
            |point: &&CurvePoint| point.values.iter().find(|(other, _)| *other == repeat).map(|(_, x)| *x);
        points.iter().map(value).collect::<Option<Vec<f64>>>()
    };
    first.values.iter().filter_map(|(repeat, _)| of(*repeat)).collect()
}

/// The ends of the interval of 95 % of the error with twice the most rows: percentiles of the bootstrap, which draws whole repeats, since
/// the fractions of one share data.
///
/// Source: Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 13.
fn interval(
    points: &[&CurvePoint],
    repeats: &[Vec<f64>],
    rows: &[f64],
    error: impl Fn(f64) -> f64,
) -> Option<(f64, f64)> {
    if repeats.len() < REPEATS {
        return None;
    }
    let most = rows.iter().copied().fold(0.0, f64::max);
    let sample = |number: u64| {
        let mut rng = Rng::new(number, "bootstrap", points.len() as u64);
        let drawn: Vec<&Vec<f64>> = (0..repeats.len()).filter_map(|_| rng.choose(repeats)).collect();
        let mean = |at: usize| {
            let values = drawn.iter().filter_map(|repeat| repeat.get(at)).map(|value| error(*value));
            values.sum::<f64>() / drawn.len().max(1) as f64
        };
        let means: Vec<(f64, f64)> = rows.iter().enumerate().map(|(at, rows)| (*rows, mean(at))).collect();
        PowerLaw::fit(&means).at(2.0 * most)
    };
    let mut found: Vec<f64> = (0..SAMPLES).map(sample).collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found.get((share * (SAMPLES - 1) as f64).round() as usize).copied();
    Some((at(0.025)?, at(0.975)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_is_found_again_in_its_values() {
        for law in [
            PowerLaw { floor: 0.2, scale: 3.0, exponent: 0.5 },
            PowerLaw { floor: 0.0, scale: 1.0, exponent: 0.1 },
            PowerLaw { floor: 1.5, scale: 400.0, exponent: 1.5 },
        ] {
            let points = [100.0, 250.0, 500.0, 1000.0].map(|rows| (rows, law.at(rows)));
            let found = PowerLaw::fit(&points);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-4 * b.max(0.01);
            assert!(
                near(found.exponent, law.exponent) && near(found.at(2000.0), law.at(2000.0)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn errors_that_do_not_fall_have_no_scale_and_no_floor_is_below_zero() {
        let rising = PowerLaw::fit(&[(10.0, 0.1), (20.0, 0.2), (40.0, 0.3)]);
        assert!(rising.scale == 0.0 && (rising.at(80.0) - 0.2).abs() < 1e-12, "{rising:?}");
        // Straight down to 0: without the bound the floor would be −0.1.
        let steep = PowerLaw::fit(&[(10.0, 0.3), (20.0, 0.2), (40.0, 0.05)]);
        assert!(steep.floor >= 0.0 && steep.at(80.0) > 0.0 && steep.at(80.0) < 0.1, "{steep:?}");
        // Losses below 0 have any floor.
        let negative = PowerLaw::fit(&[(10.0, 0.0), (20.0, -0.5), (40.0, -0.75)]);
        assert!((negative.floor - -1.0).abs() < 1e-3, "{negative:?}");
    }

    fn curve(values: &[&[f64]]) -> LearningCurve {
        let point = |(i, values): (usize, &&[f64])| CurvePoint {
            fraction: 0.125 * f64::from(1_u32 << i),
            rows: Some(100 << i),
            trials: values.len(),
            values: values.iter().zip(1..).map(|(value, seed)| ((Some(seed), None), *value)).collect(),
        };
        let points = values.iter().enumerate().map(point).collect();
        LearningCurve { set: Vec::new(), points, fit: Err(String::new()) }
    }

    #[test]
    fn twice_the_data_have_an_interval_over_seeds() {
        // 0.25 + 2.5 / √rows, each seed as much above or below everywhere.
        let at = |rows: f64| 0.25 + 2.5 / rows.sqrt();
        let rows = [100.0, 200.0, 400.0, 800.0];
        let values: Vec<Vec<f64>> =
            rows.iter().map(|n| [-0.01, 0.0, 0.01].map(|by| at(*n) + by).to_vec()).collect();
        let values: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        let fit = curve(&values).fit(false).unwrap();
        assert!((fit.doubled - at(1600.0)).abs() < 1e-4 && (fit.now - at(800.0)).abs() < 1e-12, "{fit:?}");
        // All of one seed is one draw of 27: the ends are those of −0.01 and 0.01.
        let (low, high) = fit.interval.unwrap();
        assert!(
            (low - (at(1600.0) - 0.01)).abs() < 1e-4 && (high - (at(1600.0) + 0.01)).abs() < 1e-4,
            "{fit:?}"
        );
        // As accuracies the same, upside down.
        let inverted: Vec<Vec<f64>> =
            values.iter().map(|all| all.iter().map(|x| 1.0 - x).collect()).collect();
        let inverted: Vec<&[f64]> = inverted.iter().map(Vec::as_slice).collect();
        let accuracy = curve(&inverted).fit(true).unwrap();
        assert!((accuracy.doubled - (1.0 - fit.doubled)).abs() < 1e-9);
        let (worst, best) = accuracy.interval.unwrap();
        assert!((worst - (1.0 - high)).abs() < 1e-9 && (best - (1.0 - low)).abs() < 1e-9);
        // Two seeds give no interval, two fractions no curve.
        let two: Vec<&[f64]> = values.iter().map(|all| &all[..2]).collect();
        assert_eq!(curve(&two).fit(false).unwrap().interval, None);
        assert!(curve(&values[..2]).fit(false).unwrap_err().contains("2 have"));
        // A seed that diverged with one fraction is in no draw.
        assert_eq!(curve(&[values[0], values[1], values[2], &values[3][..2]]).fit(false).unwrap().repeats, 2);
    }

    #[test]
    fn values_without_a_trend_are_not_fitted() {
        for values in [[0.5, 0.5, 0.5, 0.5], [0.3, 0.4, 0.5, 0.6], [0.5, 0.3, 0.6, 0.4]] {
            let values: Vec<[f64; 1]> = values.iter().map(|value| [*value]).collect();
            let values: Vec<&[f64]> = values.iter().map(<[f64; 1]>::as_slice).collect();
            let why = curve(&values).fit(false).unwrap_err();
            assert!(why.contains("steadily better"), "{why}");
        }
    }
}
