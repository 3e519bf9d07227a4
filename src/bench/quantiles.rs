/// Measured values in order, to be asked for their median and spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles(Vec<f64>);

impl Quantiles {
    /// Of `values`, in any order.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which the share `q` (0 to 1) of all lies, between two of them in proportion (numpy's `quantile`); NaN of
    /// nothing.
    pub fn at(&self, q: f64) -> f64 {
        let place = q.clamp(0.0, 1.0) * self.0.len().saturating_sub(1) as f64;
        let value = |i: f64| self.0.get(i as usize).copied().unwrap_or(f64::NAN);
        let (low, high) = (value(place.floor()), value(place.ceil()));
        low + (high - low) * place.fract()
    }

    /// The middle.
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Where the median of all that could have been measured lies, with 95 % confidence, if these are a random part of it and not very
    /// few: the values at ranks `n/2 ± 1.96 √n/2`, whatever their distribution.
    pub fn median_interval(&self) -> (f64, f64) {
        let half = 0.98 / (self.0.len() as f64).sqrt();
        (self.at(0.5 - half), self.at(0.5 + half))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        let odd = Quantiles::new(vec![3.0, 1.0, 2.0]);
        assert_eq!([odd.at(0.0), odd.median(), odd.at(1.0)], [1.0, 2.0, 3.0]);
        let even = Quantiles::new(vec![4.0, 1.0, 3.0, 2.0]);
        // numpy.quantile([1, 2, 3, 4], [0.1, 0.5, 0.9])
        for (q, value) in [(0.1, 1.3), (0.5, 2.5), (0.9, 3.7)] {
            assert!((even.at(q) - value).abs() < 1e-12, "{q}: {}", even.at(q));
        }
        assert!(Quantiles::new(Vec::new()).median().is_nan());
    }

    #[test]
    fn more_values_make_the_interval_of_the_median_narrower() {
        let interval =
            |n: usize| Quantiles::new((0..=n).map(|i| i as f64 / n as f64).collect()).median_interval();
        // Ranks 50 ± 9.8 of 100 are 40 and 60 (a table of the sign test: 40 and 61 of 1 to 100).
        let (low, high) = interval(100);
        assert!((low - 0.4025).abs() < 1e-3 && (high - 0.5975).abs() < 1e-3, "{low} {high}");
        assert!((interval(10_000).0 - 0.4902).abs() < 1e-3);
        assert_eq!(interval(1), (0.0, 1.0), "no more than was seen");
    }
}
