//! Resampling of sound.

use std::f64::consts::PI;

/// Zero crossings of the filter on either side.
const CROSSINGS: f64 = 16.0;
/// The share of the lower of both Nyquist frequencies that passes.
const PASSED: f64 = 0.95;

/// Converts sound from one sample rate to another by a windowed sinc:
///
/// ```text
/// y[n] = Σᵢ x[i]·h(p − i)      p = n·from/to
/// h(t) = c·sinc(c·t)·cos²(π·t/2w), 0 beyond |t| = w      c = 0.95·min(1, to/from)      w = 16/c
/// ```
/// `p` has `to/gcd` different fractional parts; the values of `h` for each are computed once, scaled to a sum of 1. Sound is 0 beyond its
/// ends.
#[derive(Debug)]
pub(super) struct Resampler {
    /// `from/gcd`: input samples that correspond to `up` output samples.
    down: usize,
    /// `to/gcd`.
    up: usize,
    /// Values of `h` for each fraction, `[up, taps]`; tap `k` of output `n` is on input `⌊p⌋ − reach + k`.
    filters: Vec<f32>,
    reach: usize,
}

impl Resampler {
    /// Creates a converter between two rates in Hz, both above 0.
    pub fn new(from: u32, to: u32) -> Self {
        let gcd = gcd(from, to).max(1);
        let (down, up) = ((from / gcd) as usize, (to / gcd) as usize);
        let cut = PASSED * (f64::from(to) / f64::from(from)).min(1.0);
        let width = CROSSINGS / cut;
        let reach = width.ceil() as usize;
        let tap = |t: f64| match t.abs() < width {
            true if t == 0.0 => 1.0,
            true => (PI * cut * t).sin() / (PI * cut * t) * (PI * t / (2.0 * width)).cos().powi(2),
            false => 0.0,
        };
        let mut filters = Vec::with_capacity(up * (2 * reach + 2));
        for phase in 0..up {
            let fraction = phase as f64 / up as f64;
            let taps: Vec<f64> =
                (0..2 * reach + 2).map(|k| tap(fraction + reach as f64 - k as f64)).collect();
            let sum: f64 = taps.iter().sum();
            filters.extend(taps.into_iter().map(|tap| (tap / sum) as f32));
        }
        Self { down, up, filters, reach }
    }

    /// Converts `sound` to the other rate.
    pub fn apply(&self, sound: &[f32]) -> Vec<f32> {
        let taps = 2 * self.reach + 2;
        let count = (sound.len() * self.up).div_ceil(self.down);
        let sample = |n: usize| {
            let (whole, phase) = (n * self.down / self.up, n * self.down % self.up);
            let filter = self.filters.get(phase * taps..(phase + 1) * taps).unwrap_or_default();
            // Samples before the first are 0.
            let before = self.reach.saturating_sub(whole);
            let from = (whole + before).saturating_sub(self.reach);
            let filter = filter.get(before..).unwrap_or_default();
            filter.iter().zip(sound.get(from..).unwrap_or_default()).map(|(h, x)| h * x).sum()
        };
        (0..count).map(sample).collect()
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (2.0 * PI * frequency * n as f64 / f64::from(rate)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_is_the_same_tone_at_any_rate() {
        for from in [8_000, 11_025, 22_050, 44_100, 48_000] {
            let resampled = Resampler::new(from, 16_000).apply(&tone(1_000.0, from, from as usize / 4));
            assert_eq!(resampled.len(), 4_000, "{from}");
            let expected = tone(1_000.0, 16_000, resampled.len());
            // The filter reaches beyond the ends of the tone.
            let worst =
                (100..resampled.len() - 100).map(|n| (resampled[n] - expected[n]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{from}: {worst}");
        }
    }

    #[test]
    fn frequencies_above_the_lower_nyquist_frequency_are_removed() {
        for frequency in [9_000.0, 12_000.0, 20_000.0] {
            let resampled = Resampler::new(48_000, 16_000).apply(&tone(frequency, 48_000, 12_000));
            let loudest = resampled[100..resampled.len() - 100].iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            // 50 decibels below.
            assert!(loudest < 0.00316, "{frequency}: {loudest}");
        }
        let same = tone(3_000.0, 16_000, 500);
        let through = Resampler::new(16_000, 16_000).apply(&same);
        let worst = (50..450).map(|n| (through[n] - same[n]).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "{worst}");
    }
}
