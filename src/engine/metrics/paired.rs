//! Paired comparisons of a metric: Student's t-test and Holm's correction.

use std::f64::consts::PI;

use crate::sort::SmallSort as _;

/// The probability that an interval contains the true difference.
pub const CONFIDENCE: f64 = 0.95;
/// Differences of this share of the values are rounding.
const ROUNDING: f64 = 1e-12;

/// The comparison of two paired samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// The number of pairs.
    pub pairs: usize,
    /// The mean of the differences.
    pub difference: f64,
    /// The ends of the interval that contains the true mean of the differences with the probability [`CONFIDENCE`].
    pub interval: (f64, f64),
    /// The two-sided p-value: the probability of a difference at least as large if there is none.
    pub p: f64,
}

/// Compares paired samples by Student's t-test, which assumes that the differences are drawn from one normal distribution; `None` for fewer
/// than two pairs. Differences that are all the same have p = 0, or 1 if they are 0.
///
/// Source: Student 1908; `scipy.stats.ttest_rel`.
pub fn paired_t(pairs: &[(f64, f64)]) -> Option<Paired> {
    let n = pairs.len();
    if n < 2 {
        return None;
    }
    let largest = pairs.iter().flat_map(|(a, b)| [a.abs(), b.abs()]).fold(0.0, f64::max);
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
    let difference = differences.iter().sum::<f64>() / n as f64;
    let squares: f64 = differences.iter().map(|d| (d - difference).powi(2)).sum();
    let error = (squares / (n as f64 - 1.0) / n as f64).sqrt();
    let freedom = n - 1;
    let is_rounding = |x: f64| x.abs() <= largest * ROUNDING;
    let p = match (is_rounding(difference), is_rounding(error)) {
        (true, true) => 1.0,
        (false, true) => 0.0,
        _ => t_two_sided(difference / error, freedom),
    };
    let half = t_quantile(freedom) * error;
    Some(Paired { pairs: n, difference, interval: (difference - half, difference + half), p })
}

/// The probability that |T| ≥ |t| for Student's distribution with `freedom` ≥ 1 degrees of freedom.
///
/// Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4, which are exact.
fn t_two_sided(t: f64, freedom: usize) -> f64 {
    let nu = freedom as f64;
    let angle = (t.abs() / nu.sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    // 1 + 1/2 cos² + 1·3/(2·4) cos⁴ + … or cos + 2/3 cos³ + 2·4/(3·5) cos⁵ + …
    let is_odd = freedom % 2 == 1;
    let (mut term, mut sum) = (if is_odd { cos } else { 1.0 }, 0.0);
    let first = if is_odd { 3 } else { 2 };
    for k in (first..=freedom).step_by(2) {
        sum += term;
        term *= (k as f64 - 1.0) / k as f64 * cos * cos;
    }
    let inside = if is_odd { 2.0 / PI * (angle + sin * sum) } else { sin * sum };
    (1.0 - inside).clamp(0.0, 1.0)
}

/// The t that |T| exceeds with the probability 1 − [`CONFIDENCE`].
pub(super) fn t_quantile(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1e3);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if t_two_sided(middle, freedom) > 1.0 - CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// Adjusts p-values for their number, so that the probability of one false finding or more stays that of a single test.
///
/// Source: Holm 1979; `statsmodels.stats.multitest.multipletests(method="holm")`.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.small_sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut adjusted, mut greatest) = (vec![1.0; p.len()], 0.0_f64);
    for (rank, i) in order.into_iter().enumerate() {
        greatest = greatest.max((p[i] * (p.len() - rank) as f64).min(1.0));
        adjusted[i] = greatest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 * b.abs().max(1e-3), "{a} is not {b}");
    }

    fn zip(a: &[f64], b: &[f64]) -> Vec<(f64, f64)> {
        a.iter().copied().zip(b.iter().copied()).collect()
    }

    #[test]
    fn tests_of_pairs_are_those_of_scipy() {
        // scipy 1: `stats.ttest_rel(a, b)` with `confidence_interval(0.95)`; even and odd degrees of freedom from 1 to 10.
        let eleven = [
            [3.1, 2.9, 3.3, 3.0, 2.8, 3.2, 3.1, 2.7, 3.4, 3.0, 2.95],
            [2.9, 2.95, 3.0, 2.9, 2.85, 3.0, 3.05, 2.6, 3.1, 2.9, 3.0],
        ];
        for (a, b, p, low, high) in [
            (
                &[0.9, 0.92, 0.91][..],
                &[0.5; 3][..],
                0.000_198_235_704_197_705_33,
                0.385_158_622_882_496_64,
                0.434_841_377_117_503_3,
            ),
            (
                &[0.9, 0.8, 0.85],
                &[0.84, 0.82, 0.8],
                0.355_496_613_364_509_66,
                -0.078_281_052_473_580_45,
                0.138_281_052_473_580_5,
            ),
            (
                &[0.812, 0.799, 0.831, 0.805],
                &[0.795, 0.801, 0.81, 0.788],
                0.083_007_864_831_092_32,
                -0.003_203_329_472_807_218_6,
                0.029_703_329_472_807_186,
            ),
            (
                &[1.5, 2.25, 3.0, 2.0, 1.75],
                &[1.25, 2.5, 2.75, 1.5, 1.0],
                0.144_703_998_606_330_46,
                -0.160_421_333_247_995_46,
                0.760_421_333_247_995_3,
            ),
            (
                &eleven[0],
                &eleven[1],
                0.019_369_614_572_148_73,
                0.021_732_234_066_998_868,
                0.196_449_584_114_819_36,
            ),
            (
                &[1.0, 2.0],
                &[0.5, 1.9],
                0.374_334_083_621_997_5,
                -2.241_240_947_234_938,
                2.841_240_947_234_938_5,
            ),
        ] {
            let paired = paired_t(&zip(a, b)).unwrap();
            close(paired.p, p);
            close(paired.interval.0, low);
            close(paired.interval.1, high);
        }
    }

    #[test]
    fn differences_that_are_all_the_same_are_certain_unless_they_are_0() {
        let paired = |a: &[f64], b: &[f64]| paired_t(&zip(a, b)).unwrap();
        assert_eq!(paired(&[1.0, 1.0, 1.0], &[0.5, 0.5, 0.5]).p, 0.0);
        assert_eq!(paired(&[0.3, 0.7, 0.1], &[0.3, 0.7, 0.1]).p, 1.0);
        // 0.1 + 0.2 is not 0.3: rounding is no difference.
        assert_eq!(paired(&[0.1 + 0.2, 0.1 + 0.2], &[0.3, 0.3]).p, 1.0);
        assert_eq!(paired_t(&[(1.0, 2.0)]), None);
    }

    #[test]
    fn holm_multiplies_the_smallest_most_and_keeps_the_order() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        // By hand: 4·0.005, 3·0.01, 2·0.03, and 0.04 at least as large.
        for (adjusted, expected) in adjusted.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            close(adjusted, expected);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
