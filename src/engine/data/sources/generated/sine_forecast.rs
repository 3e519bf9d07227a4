use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::rng::Rng;

/// The generated task `sine-forecast`: how does a noisy sum of waves continue?
///
/// ```text
/// x_t = a₁·sin(2πt/p₁ + φ₁) + a₂·sin(2πt/p₂ + φ₂) + noise·ε_t        t = 0 … length + horizon − 1, ε standard normal
/// ```
/// Amplitudes are uniform in [0.2, 0.6), periods in [8, 16) and [20, 60), phases in [0, 2π); every sequence has its own. The first
/// `length` values are the input, the `horizon` after them the targets, including their noise, as in a real series: no
/// forecast has a mean squared error below noise². Two baselines: to repeat the last value (persistence), and to predict 0, whose
/// error is the variance, `(E a₁² + E a₂²)/2 + noise² ≈ 0.173 + noise²`. The task is one of the exercises by which the field
/// introduces recurrent forecasting (so Géron 2019, "Hands-on machine learning", chapter 15). `[length, 1]` numbers →
/// `[horizon]` numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SineForecast {
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 for none.
    pub validation: usize,
    /// Time steps of the input.
    pub length: usize,
    /// Values to predict.
    pub horizon: usize,
    /// Standard deviation of the noise.
    pub noise: f64,
}

impl Default for SineForecast {
    fn default() -> Self {
        Self { train: 6000, validation: 1000, length: 50, horizon: 1, noise: 0.05 }
    }
}

impl Task for SineForecast {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        Form {
            inputs: InputForm::Real { time: self.length, features: 1 },
            targets: TargetForm::Real(self.horizon),
        }
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.length", self.length, 1..=10_000)?;
        check_range("data.horizon", self.horizon, 1..=1000)?;
        if (0.0..=10.0).contains(&self.noise) {
            return Ok(());
        }
        let (found, expected) = (self.noise.to_string(), "a standard deviation from 0 to 10".into());
        Err(DataError::Setting { field: "data.noise".into(), found, expected })
    }

    fn sequence(&self, _number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let waves = [(8.0, 16.0), (20.0, 60.0)].map(|(shortest, longest)| {
            let amplitude = 0.2 + 0.4 * rng.uniform();
            (amplitude, shortest + (longest - shortest) * rng.uniform(), TAU * rng.uniform())
        });
        for t in 0..self.length + self.horizon {
            let wave = |(amplitude, period, phase): (f64, f64, f64)| {
                amplitude * (TAU * t as f64 / period + phase).sin()
            };
            let value = waves.into_iter().map(wave).sum::<f64>() + self.noise * rng.normal();
            if t < self.length { &mut rows.numbers } else { &mut rows.outputs }.push(value as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::splits;
    use super::*;
    use crate::data::dataset::Targets;
    use crate::data::sources::generated::GeneratedSpec;

    fn series(noise: f64) -> Vec<Vec<f64>> {
        let task = SineForecast { train: 4000, validation: 1, length: 80, horizon: 3, noise };
        let (train, _) = splits(&GeneratedSpec::SineForecast(task), 2);
        let Targets::Real(targets) = &train.targets else { panic!("numbers") };
        assert_eq!(targets.ncols(), 3);
        let rows = train.inputs.real().unwrap();
        let rows = rows.outer_iter().zip(targets.rows());
        rows.map(|(input, target)| input.iter().chain(target).map(|x| f64::from(*x)).collect()).collect()
    }

    #[test]
    fn targets_continue_the_sequence() {
        // Two undamped waves obey a linear recurrence of order 4: x_t = a·(x_{t−1} + x_{t−3}) + b·x_{t−2} − x_{t−4}.
        for x in series(0.0) {
            let row = |t: usize| (x[t - 1] + x[t - 3], x[t - 2], x[t] + x[t - 4]);
            let (mut pp, mut pq, mut qq, mut py, mut qy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (p, q, y) in (4..80).map(row) {
                (pp, pq, qq, py, qy) = (pp + p * p, pq + p * q, qq + q * q, py + p * y, qy + q * y);
            }
            let det = pp * qq - pq * pq;
            let (a, b) = ((py * qq - qy * pq) / det, (qy * pp - py * pq) / det);
            for (p, q, y) in (80..83).map(row) {
                assert!((a * p + b * q - y).abs() < 0.02, "{a} {b}: {} and not {y}", a * p + b * q);
            }
        }
    }

    #[test]
    fn variance_and_noise_agree_with_the_docs() {
        let variance = |noise| {
            let all: Vec<f64> = series(noise).concat();
            all.iter().map(|x| x * x).sum::<f64>() / all.len() as f64
        };
        assert!((variance(0.0) - 0.1733).abs() < 0.01, "{}", variance(0.0));
        assert!((variance(0.5) - variance(0.0) - 0.25).abs() < 0.01);
    }
}
