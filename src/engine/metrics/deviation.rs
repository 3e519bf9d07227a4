use super::paired::t_quantile;

/// The mean and the sample standard deviation of `values`, the latter with n − 1; no deviation of one value, nothing of none.
pub fn mean_and_deviation(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt())))
}

/// The ends of the interval that contains the true mean with the probability [`CONFIDENCE`](super::CONFIDENCE), if `values` are drawn from
/// one normal distribution; `None` for fewer than two.
///
/// Source: Student 1908; `scipy.stats.t.interval`.
pub fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let (mean, deviation) = mean_and_deviation(values)?;
    let n = values.len();
    let half = t_quantile(n.checked_sub(1).filter(|freedom| *freedom > 0)?) * deviation? / (n as f64).sqrt();
    Some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_student() {
        // scipy.stats.t.interval(0.95, 2, loc=3, scale=sem([1, 2, 6])): t = 4.302653, sem = 1.527525.
        let (low, high) = mean_interval(&[1.0, 2.0, 6.0]).unwrap();
        assert!((low - -3.572_411).abs() < 1e-5 && (high - 9.572_411).abs() < 1e-5, "{low} {high}");
        assert_eq!(mean_interval(&[3.0]), None);
        assert_eq!(mean_interval(&[2.0, 2.0]), Some((2.0, 2.0)));
    }

    #[test]
    fn a_deviation_needs_two_values() {
        assert_eq!(mean_and_deviation(&[]), None);
        assert_eq!(mean_and_deviation(&[3.0]), Some((3.0, None)));
        assert_eq!(mean_and_deviation(&[1.0, 2.0, 6.0]), Some((3.0, Some(7.0_f64.sqrt()))));
    }
}
