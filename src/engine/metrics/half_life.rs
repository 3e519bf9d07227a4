/// The least part of pairs of steps whose slopes have one sign, less those that have the other: Kendall's τ of norm and step.
const CLEAR: f64 = 0.5;

/// The number of steps back over which `hnorm` halves, or `None` without at least three usable steps or without a clear slope: where less
/// than three quarters of all pairs of steps agree on whether the norm fades.
///
/// `hnorm[t] ≈ a·2^(t/half_life)`: the slope `b` of `log2 hnorm` over `t` is the median of the slopes between all pairs
/// of steps (Theil 1950, Sen 1968; robust against a third of outliers), and `half_life = 1/b`: positive when the
/// gradient fades going back, negative when it grows. Zero and non-finite norms are left out, and so are the
/// steps whose `padding` is true: what is not read has no part in it. Long profiles are
/// thinned evenly to 128 steps first, which bounds the pairs.
pub fn half_life(hnorm: &[f32], padding: &[bool]) -> Option<f32> {
    let usable: Vec<(f64, f64)> = hnorm
        .iter()
        .enumerate()
        .filter(|(t, n)| n.is_finite() && **n > 0.0 && padding.get(*t) != Some(&true))
        .map(|(t, n)| (t as f64, f64::from(*n).log2()))
        .collect();
    if usable.len() < 3 {
        return None;
    }
    let points: Vec<(f64, f64)> = match usable.len() {
        n if n <= 128 => usable,
        n => (0..128).filter_map(|i| usable.get(i * (n - 1) / 127).copied()).collect(),
    };
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, a)| points.iter().skip(i + 1).map(move |b| (b.1 - a.1) / (b.0 - a.0)))
        .collect();
    let signs: f64 = slopes.iter().map(|slope| if *slope == 0.0 { 0.0 } else { slope.signum() }).sum();
    if signs.abs() < CLEAR * slopes.len() as f64 {
        return None;
    }
    let middle = slopes.len() / 2;
    let (_, slope, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
    (slope.abs() > 1e-9).then(|| (1.0 / *slope) as f32)
}

#[cfg(test)]
mod tests {
    use super::half_life;

    #[test]
    fn a_norm_that_halves_every_three_steps_has_half_life_three() {
        let fading: Vec<f32> = (0..40).map(|t| 2f32.powf(t as f32 / 3.0)).collect();
        let growing: Vec<f32> = fading.iter().rev().copied().collect();
        assert!((half_life(&fading, &[]).unwrap() - 3.0).abs() < 1e-3);
        assert!((half_life(&growing, &[]).unwrap() + 3.0).abs() < 1e-3);
    }

    #[test]
    fn spikes_zeros_and_masked_steps_do_not_move_the_half_life() {
        let mut norm: Vec<f32> = (0..300).map(|t| 2f32.powf(t as f32 / 10.0 - 20.0)).collect();
        (0..300).step_by(17).for_each(|t| norm[t] = 1e9);
        norm[4] = f32::NAN;
        norm[5] = 0.0;
        let masked: Vec<bool> = (0..300).map(|t| t < 40).collect();
        (0..40).for_each(|t| norm[t] = 7.0);
        assert!((half_life(&norm, &masked).unwrap() - 10.0).abs() < 0.3);
    }

    #[test]
    fn a_profile_that_rises_and_falls_has_no_clear_slope() {
        let bent: Vec<f32> = (0..32_i32).map(|t| 2f32.powf((t - 12).abs() as f32 / 4.0)).collect();
        assert_eq!(half_life(&bent, &[]), None);
        // Noise of the size of the whole slope.
        let noisy: Vec<f32> =
            (0..32).map(|t| 2f32.powf((t as f32 * 12.9898).sin() + t as f32 / 64.0)).collect();
        assert_eq!(half_life(&noisy, &[]), None);
    }

    #[test]
    fn a_flat_or_tiny_profile_has_none() {
        assert_eq!(half_life(&[1.0; 30], &[]), None);
        assert_eq!(half_life(&[1.0, 2.0], &[]), None);
        assert_eq!(half_life(&[0.0; 30], &[]), None);
    }
}
