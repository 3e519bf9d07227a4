//! The period of a series.

use super::spacing::Spacing;

/// The maximum number of rows in which a season is searched, and of rows of a season.
const ROWS: usize = 20_000;
const LONGEST: usize = 1_200;
/// What the autocorrelation a season later is at least, and how far it is above its lowest value before.
const ALIKE: f64 = 0.3;
const ABOVE: f64 = 0.25;
/// How many standard errors, `1/√n` each, of the autocorrelation of white noise that is.
const ERRORS: f64 = 2.6;

/// The period of a series in rows, with the autocorrelation at that lag: the first high peak of the autocorrelation behind the first
/// place where it is low, once the straight line through the series is taken out. Missing values are interpolated.
///
/// ```text
/// r_k = Σ x_t x_{t+k} / Σ x_t²       t from 1 to n − k in the numerator, to n in the denominator
/// ```
///
/// It is the usual, biased estimate: the unbiased one, which divides by `n − k`, makes much of the few products of a long lag.
pub(super) fn season(series: &[f64], spacing: &Spacing) -> Option<(usize, f64)> {
    let rest = detrended(&interpolated(series.get(series.len().saturating_sub(ROWS)..).unwrap_or_default()));
    let most = (rest.len() / 2).min(LONGEST);
    let power: f64 = rest.iter().map(|x| x * x).sum();
    if most < 3 || power <= 0.0 || !power.is_finite() {
        return None;
    }
    let at = |lag: usize| rest.iter().zip(rest.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / power;
    let alike: Vec<f64> = (0..=most).map(at).collect();
    let least = ALIKE.max(ERRORS / (rest.len() as f64).sqrt());
    let low = (1..alike.len()).find(|lag| alike[*lag] < ALIKE.min(alike[1] / 2.0))?;
    let best = alike.iter().skip(low).copied().fold(f64::NEG_INFINITY, f64::max);
    let high = |lag: &usize| alike[*lag] >= least.max(0.9 * best);
    // Noise moves the peak of a long season by a few rows: of what is as high, what such series have by nature goes first.
    let natural = spacing.natural().iter().copied().find(|lag| (low..alike.len()).contains(lag) && high(lag));
    let rows = natural.or_else(|| {
        let first = (low..alike.len()).find(high)?;
        let hill = (first..alike.len()).take_while(high);
        hill.max_by(|a, b| alike[*a].total_cmp(&alike[*b]))
    })?;
    let lowest = alike.iter().take(rows).copied().fold(f64::INFINITY, f64::min);
    (alike[rows] - lowest >= ABOVE).then_some((rows, alike[rows]))
}

/// With straight lines through what is missing.
fn interpolated(series: &[f64]) -> Vec<f64> {
    let known: Vec<(usize, f64)> =
        series.iter().copied().enumerate().filter(|(_, x)| x.is_finite()).collect();
    let mut all = series.to_vec();
    for two in known.windows(2) {
        let ((from, a), (to, b)) = (two[0], two[1]);
        for at in from + 1..to {
            if let Some(x) = all.get_mut(at) {
                *x = a + (b - a) * (at - from) as f64 / (to - from) as f64;
            }
        }
    }
    all.retain(|x| x.is_finite());
    all
}

/// Without the straight line that lies nearest.
fn detrended(series: &[f64]) -> Vec<f64> {
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count.max(1.0);
    let middle = (count - 1.0) / 2.0;
    let time = |at: usize| at as f64 - middle;
    let spread: f64 = (0..series.len()).map(|at| time(at) * time(at)).sum();
    let slope = series.iter().enumerate().map(|(at, x)| time(at) * (x - mean)).sum::<f64>() / spread.max(1.0);
    series.iter().enumerate().map(|(at, x)| x - mean - slope * time(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::spacing::Unit;
    use super::*;

    fn spacing(unit: Unit) -> Spacing {
        Spacing { unit, usual: 1.0, gaps: 0, before: String::new() }
    }

    #[test]
    fn a_season_is_found_under_trend_and_noise_and_none_in_noise_alone() {
        let mut rng = crate::rng::Rng::new(7, "season", 0);
        let mut noise = || rng.normal();
        let daily = spacing(Unit::Day);
        let wave = |rows: f64, t: usize| (t as f64 * std::f64::consts::TAU / rows).sin();
        let weekly: Vec<f64> =
            (0..300).map(|t| 0.1 * t as f64 + 2.0 * wave(7.0, t) + 0.5 * noise()).collect();
        assert_eq!(season(&weekly, &daily).map(|(rows, _)| rows), Some(7));
        let yearly: Vec<f64> = (0..2_000).map(|t| 4.0 * wave(365.0, t) + 2.0 * noise()).collect();
        assert_eq!(season(&yearly, &daily).map(|(rows, _)| rows), Some(365));
        assert_eq!(season(&(0..500).map(|_| noise()).collect::<Vec<_>>(), &daily), None);
        assert_eq!(season(&[1.0; 50], &daily), None);
        assert_eq!(season(&[], &daily), None);
    }

    #[test]
    fn the_lynx_come_every_ten_years() {
        // Lynx trapped in Canada, 1821 to 1934.
        let lynx = "269 321 585 871 1475 2821 3928 5943 4950 2577 523 98 184 279 409 2285 2685 3409 1824 409 151 45 68 213 546 1033 2129 \
            2536 957 361 377 225 360 731 1638 2725 2871 2119 684 299 236 245 552 1623 3311 6721 4254 687 255 473 358 784 1594 1676 2251 \
            1426 756 299 201 229 469 736 2042 2811 4431 2511 389 73 39 49 59 188 377 1292 4031 3495 587 105 153 387 758 1307 3465 6991 \
            6313 3794 1836 345 382 808 1388 2713 3800 3091 2985 3790 374 81 80 108 229 399 1132 2432 3574 2935 1537 529 485 662 1000 \
            1590 2657 3396";
        let lynx: Vec<f64> = lynx.split_whitespace().map(|x| x.parse().unwrap()).collect();
        let (rows, alike) = season(&lynx, &spacing(Unit::Number)).unwrap();
        assert_eq!((rows, (alike * 100.0).round()), (10, 51.0));
    }

    #[test]
    fn short_noise_and_random_walks_have_no_season() {
        let mut found = [0, 0];
        for seed in 0..200 {
            let mut rng = crate::rng::Rng::new(seed, "season", 0);
            let noise: Vec<f64> = (0..[40, 100, 300][seed as usize % 3]).map(|_| rng.normal()).collect();
            let walk: Vec<f64> = noise
                .iter()
                .scan(0.0, |sum, x| {
                    *sum += x;
                    Some(*sum)
                })
                .collect();
            found[0] += usize::from(season(&noise, &spacing(Unit::Number)).is_some());
            found[1] += usize::from(season(&walk, &spacing(Unit::Number)).is_some());
        }
        assert!(found[0] <= 6 && found[1] <= 20, "{found:?}");
    }
}
