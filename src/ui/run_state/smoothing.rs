//! Exponential smoothing, computed for every level at full rate, so that downsampling never moves a drawn point.

/// The decay factor β of each level.
pub(super) const FACTORS: [f64; 4] = [0.6, 0.9, 0.97, 0.99];

/// The level of smoothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smoothing(usize);

impl Default for Smoothing {
    /// 0.9: removes the noise of single batches and keeps the shape of an epoch.
    fn default() -> Self {
        Self(2)
    }
}

impl Smoothing {
    /// No smoothing.
    pub const OFF: Self = Self(0);

    /// The next stronger level.
    pub fn more(self) -> Self {
        Self((self.0 + 1).min(FACTORS.len()))
    }

    /// The next weaker level.
    pub fn less(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The decay factor β: 0 without smoothing.
    pub fn factor(self) -> f64 {
        self.level().and_then(|level| FACTORS.get(level)).copied().unwrap_or(0.0)
    }

    /// Index in the smoothed values; `None` without smoothing.
    pub(super) fn level(self) -> Option<usize> {
        self.0.checked_sub(1)
    }
}

/// The running exponential means of one series: `m ← β·m + (1 − β)·x`, read as `m / (1 − βⁿ)` so that the start
/// is not pulled towards 0 (the bias correction of Kingma & Ba 2015, section 3).
#[derive(Debug, Clone)]
pub(super) struct Ema {
    means: [f64; FACTORS.len()],
    powers: [f64; FACTORS.len()],
}

impl Ema {
    pub(super) const fn new() -> Self {
        Self { means: [0.0; FACTORS.len()], powers: [1.0; FACTORS.len()] }
    }

    /// The means after one more finite value.
    pub(super) fn push(&mut self, value: f64) -> [f64; FACTORS.len()] {
        let mut debiased = [0.0; FACTORS.len()];
        let state = self.means.iter_mut().zip(&mut self.powers);
        for (((mean, power), factor), out) in state.zip(FACTORS).zip(&mut debiased) {
            *mean = factor * *mean + (1.0 - factor) * value;
            *power *= factor;
            *out = *mean / (1.0 - *power);
        }
        debiased
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_what_it_is_from_the_first_point() {
        let mut ema = Ema::new();
        for _ in 0..1000 {
            assert!(ema.push(0.7).iter().all(|m| (m - 0.7).abs() < 1e-12));
        }
    }

    #[test]
    fn levels_go_from_none_to_the_strongest_and_stop_there() {
        let up: Vec<f64> =
            (0..7).scan(Smoothing::OFF, |s, _| Some(std::mem::replace(s, s.more()).factor())).collect();
        assert_eq!(up, [0.0, 0.6, 0.9, 0.97, 0.99, 0.99, 0.99]);
        assert_eq!(Smoothing::OFF.less(), Smoothing::OFF);
        assert_eq!(Smoothing::OFF.more().less(), Smoothing::OFF);
    }
}
