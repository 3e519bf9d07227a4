/// The errors of forecasts in the units of the series, summed for each target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForecastErrors {
    targets: Vec<TargetErrors>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct TargetErrors {
    name: String,
    /// Σ e²
    squared: f64,
    /// Σ |e|
    absolute: f64,
    count: f64,
}

/// A forecast that needs no network, and its errors on the same windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// `last`: the last known value repeated; `seasonal`: the value one season earlier.
    pub name: &'static str,
    /// Its errors.
    pub errors: ForecastErrors,
}

impl ForecastErrors {
    /// Nothing summed yet, for targets of these names.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let target = |name: &str| TargetErrors { name: name.to_owned(), ..TargetErrors::default() };
        Self { targets: names.map(target).collect() }
    }

    /// Adds the `error` (forecast − actual) of the target number `target`.
    pub fn add(&mut self, target: usize, error: f64) {
        if let Some(sums) = self.targets.get_mut(target) {
            sums.squared += error * error;
            sums.absolute += error.abs();
            sums.count += 1.0;
        }
    }

    /// The name, the root mean squared error and the mean absolute error of every target.
    pub fn all(&self) -> impl ExactSizeIterator<Item = (&str, f64, f64)> {
        self.targets
            .iter()
            .map(|sums| (sums.name.as_str(), (sums.squared / sums.count).sqrt(), sums.absolute / sums.count))
    }
}
