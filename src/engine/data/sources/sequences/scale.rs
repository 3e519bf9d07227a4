use serde::{Deserialize, Serialize};

use crate::data::sources::series::SeriesFacts;

/// The scaling of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scaling {
    /// Each feature to mean 0 and deviation 1 over all steps of the training data.
    #[default]
    Standard,
    /// Unscaled.
    None,
}

/// The scale of each feature, or variable of a series: `s = (x − mean)/deviation`. Fitted to the training data, and saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The mean of each feature.
    pub mean: Vec<f64>,
    /// The standard deviation of each feature; above 0.
    #[serde(rename = "std", alias = "deviation")]
    pub deviation: Vec<f64>,
    /// Facts of the file of a series; absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesFacts>,
}

impl Scale {
    /// The identity.
    pub(super) fn none(features: usize) -> Self {
        Self { mean: vec![0.0; features], deviation: vec![1.0; features], series: None }
    }

    /// Fits the scale to all steps of `sequences`, `[time, features]` each. A constant feature gets deviation 1.
    pub(super) fn fit<'s>(sequences: impl Iterator<Item = &'s [f32]> + Clone, features: usize) -> Self {
        let sum = |of: &dyn Fn(usize, f64) -> f64| {
            let (mut sums, mut steps) = (vec![0.0; features], 0_usize);
            for step in sequences.clone().flat_map(|values| values.chunks_exact(features.max(1))) {
                steps += 1;
                let values = step.iter().enumerate().map(|(feature, x)| of(feature, f64::from(*x)));
                sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
            }
            sums.iter_mut().for_each(|sum| *sum /= steps.max(1) as f64);
            sums
        };
        let mean = sum(&|_, x| x);
        let variance = sum(&|feature, x| (x - mean.get(feature).copied().unwrap_or(0.0)).powi(2));
        let deviation = |variance: f64| {
            let deviation = variance.sqrt();
            if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }
        };
        let deviation = variance.into_iter().map(deviation).collect();
        Self { mean, deviation, series: None }
    }

    /// Whether it is valid for `features` features.
    pub fn fits(&self, features: usize) -> bool {
        let deviations = self.deviation.iter().all(|d| d.is_finite() && *d > 0.0);
        self.mean.len() == features && self.deviation.len() == features && deviations
    }

    /// Writes the scaled `values`, `[time, features]`, to the beginning of `row`. A step of zeros would be mistaken for padding: its first
    /// number becomes the smallest positive number.
    pub(super) fn apply(&self, values: &[f32], row: &mut [f32]) {
        let features = self.mean.len().max(1);
        for (to, from) in row.chunks_exact_mut(features).zip(values.chunks_exact(features)) {
            let scales = self.mean.iter().zip(&self.deviation);
            for ((to, x), (mean, deviation)) in to.iter_mut().zip(from).zip(scales) {
                *to = ((f64::from(*x) - mean) / deviation) as f32;
            }
            if to.iter().all(|x| *x == 0.0)
                && let Some(first) = to.first_mut()
            {
                *first = f32::MIN_POSITIVE;
            }
        }
    }
}
