/// Sorted measured values, and their quantiles.
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

    /// The median.
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Where the median of all that could have been measured lies, with 95 % confidence or more, if these are a random part of it: between
    /// the values of two ranks, whatever their distribution (the sign test's interval). `None` for fewer than six values.
    pub fn median_interval(&self) -> Option<(f64, f64)> {
        let n = self.0.len();
        // Of n values k lie below the median with probability C(n, k)/2ⁿ; left out are as many at either end as come to 2.5 % at most.
        let mut term = -(n as f64) * std::f64::consts::LN_2;
        let (mut below, mut left_out) = (0.0, 0);
        for k in 0..n {
            below += term.exp();
            if below > 0.025 {
                break;
            }
            left_out = k + 1;
            term += ((n - k) as f64 / (k + 1) as f64).ln();
        }
        let low = left_out.checked_sub(1)?;
        Some((*self.0.get(low)?, *self.0.get(n - 1 - low)?))
    }

    /// The number of values.
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
    fn the_interval_of_the_median_is_that_of_the_sign_test() {
        let ranks = |n: usize| Quantiles::new((1..=n).map(|i| i as f64).collect()).median_interval();
        // Conover, Practical Nonparametric Statistics: ranks r and n + 1 − r of the table for p = 0.5, 97.5 % on either side.
        assert_eq!(ranks(5), None);
        let table = [(6, 1.0), (9, 2.0), (10, 2.0), (20, 6.0), (25, 8.0), (100, 40.0)];
        for (n, low) in table {
            assert_eq!(ranks(n), Some((low, n as f64 + 1.0 - low)), "{n}");
        }
        let (low, high) = ranks(10_000).unwrap();
        assert!((low - 4902.0).abs() <= 1.0 && (high - 5099.0).abs() <= 1.0, "{low} {high}");
    }
}
