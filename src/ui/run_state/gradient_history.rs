//! How the gradient through time has changed over training.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::thinned::Thinned;
use crate::metrics::half_life;
use crate::protocol::GradientProfile;

/// Rows at most: beyond that every second one is dropped.
const MOST_ROWS: usize = 256;
/// Positions of a row at most: of more, neighbours share one, which has the largest.
const MOST_POSITIONS: usize = 256;
/// Monitored batches of which a half-life is the median.
const BATCHES: usize = 9;

/// The gradient norms per unrolled step of one recurrent layer over training, in bounded memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GradientHistory {
    rows: Thinned<GradientRow, MOST_ROWS>,
    /// The last monitored batches.
    recent: VecDeque<Batch>,
    /// Positions of the whole profile.
    positions: usize,
    best: Option<Arc<GradientProfile>>,
}

/// What of a monitored batch a half-life over several is computed from.
#[derive(Debug, Clone, PartialEq)]
struct Batch {
    /// That of `‖∂L/∂h_t‖`; `None` without a clear slope.
    half_life: Option<f32>,
    /// `‖∂L/∂c_t‖` and `‖∂L/∂U_t‖`, fitted only where they are looked at.
    cell_state: Arc<[f32]>,
    kernel: Arc<[f32]>,
    /// The positions that have no part in it.
    padding: Arc<[bool]>,
}

/// One monitored step of a [`GradientHistory`].
#[derive(Debug, Clone, PartialEq)]
pub struct GradientRow {
    /// The step.
    pub step: u64,
    /// `‖∂L/∂h_t‖`, of long sequences the largest of each group of neighbouring positions.
    pub norms: Arc<[f32]>,
    /// Those of `norms` from the first to the last position that is not padding in most sequences of the batch.
    pub read: Range<usize>,
    /// The half-life over the last monitored batches; `None` unless most of them have a clear slope.
    pub half_life: Option<HalfLife>,
}

/// A half-life over several batches, in steps of time; negative where the norm grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfLife {
    /// The median.
    pub median: f32,
    /// The quartiles: half of the batches are between them.
    pub quartiles: [f32; 2],
    /// The number of batches with a clear slope.
    pub clear: usize,
    /// The number of batches.
    pub batches: usize,
}

impl GradientHistory {
    /// Adds the profile of the next monitored step.
    pub fn add(&mut self, profile: &GradientProfile) {
        self.recent.push_back(Batch {
            half_life: profile.half_life,
            cell_state: profile.cnorm.as_slice().into(),
            kernel: profile.kernel_norm.as_slice().into(),
            padding: profile.padding.as_slice().into(),
        });
        if self.recent.len() > BATCHES {
            self.recent.pop_front();
        }
        let group = profile.hnorm.len().div_ceil(MOST_POSITIONS).max(1);
        let largest = |norms: &[f32]| norms.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let row = GradientRow {
            step: profile.step,
            norms: profile.hnorm.chunks(group).map(largest).collect(),
            read: profile.first_position() / group..profile.last_position() / group + 1,
            half_life: HalfLife::over(self.recent.iter().map(|batch| batch.half_life)),
        };
        self.positions = profile.hnorm.len();
        self.rows.push(row);
    }

    /// Takes note that the latest monitored step is near the best checkpoint.
    pub fn set_best(&mut self, profile: &GradientProfile) {
        self.best = Some(Arc::new(profile.clone()));
    }

    /// The monitored steps, evenly spread, the first and the latest among them.
    pub fn rows(&self) -> &[GradientRow] {
        self.rows.items()
    }

    /// The half-life of `‖∂L/∂h_t‖` over the monitored batches up to `step`.
    pub fn half_life(&self, step: u64) -> Option<HalfLife> {
        let count = self.rows().partition_point(|row| row.step <= step);
        self.rows().get(count.checked_sub(1)?)?.half_life
    }

    /// That of `‖∂L/∂c_t‖` over the last monitored batches. Padding has no part in it.
    pub fn cell_state_half_life(&self) -> Option<HalfLife> {
        HalfLife::over(self.recent.iter().map(|batch| half_life(&batch.cell_state, &batch.padding)))
    }

    /// That of `‖∂L/∂U_t‖`, likewise.
    pub fn kernel_half_life(&self) -> Option<HalfLife> {
        HalfLife::over(self.recent.iter().map(|batch| half_life(&batch.kernel, &batch.padding)))
    }

    /// The step of the last monitored batch.
    pub fn latest(&self) -> Option<u64> {
        self.rows().last().map(|row| row.step)
    }

    /// The number of last batches that a half-life is computed from.
    pub fn batches(&self) -> usize {
        self.recent.len()
    }

    /// The number of positions of the whole profile.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// The profile of the last monitored step before the best checkpoint.
    pub fn best(&self) -> Option<&GradientProfile> {
        self.best.as_deref()
    }
}

impl HalfLife {
    /// Of those of several batches; `None` unless most of them have a clear slope.
    fn over(batches: impl Iterator<Item = Option<f32>>) -> Option<Self> {
        // A half-life near infinity is a slope near 0: the median is that of the slopes.
        let all: Vec<Option<f32>> = batches.map(|half_life| half_life.map(f32::recip)).collect();
        let mut slopes: Vec<f32> = all.iter().flatten().copied().collect();
        if slopes.is_empty() || slopes.len() * 2 <= all.len() {
            return None;
        }
        slopes.sort_by(f32::total_cmp);
        let last = slopes.len() - 1;
        let at = |share: f32| {
            slopes.get((share * last as f32).round() as usize).map_or(f32::NAN, |slope| 1.0 / slope)
        };
        let (median, quartiles) = (at(0.5), [at(0.75), at(0.25)]);
        Some(Self { median, quartiles, clear: slopes.len(), batches: all.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(step: u64, half_life: Option<f32>) -> GradientProfile {
        let hnorm = (0..600).map(|t| (t + step) as f32).collect();
        GradientProfile { step, layer: 1, hnorm, half_life, ..GradientProfile::default() }
    }

    #[test]
    fn rows_are_bounded_and_spread_over_the_whole_training_with_the_latest() {
        let mut history = GradientHistory::default();
        for step in 0..10_000 {
            history.add(&profile(step, None));
            let rows = history.rows();
            assert!(rows.len() <= MOST_ROWS, "{}", rows.len());
            assert_eq!((rows.first().unwrap().step, rows.last().unwrap().step), (0, step));
        }
        let steps: Vec<u64> = history.rows().iter().map(|row| row.step).collect();
        let gaps: Vec<u64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
        assert!(rows_are_wide(&history) && history.positions() == 600);
    }

    /// Three positions share one, which has the largest.
    fn rows_are_wide(history: &GradientHistory) -> bool {
        let first = &history.rows()[0].norms;
        first.len() == 200 && first[0] == 2.0 && first[199] == 599.0
    }

    #[test]
    fn a_half_life_is_the_median_of_the_last_batches_and_one_batch_does_not_move_it() {
        let mut history = GradientHistory::default();
        let of = |history: &GradientHistory| history.rows().last().unwrap().half_life;
        for (step, half_life) in [4.0, 4.5, 3.5, 4.0].into_iter().enumerate() {
            history.add(&profile(step as u64, Some(half_life)));
        }
        // A batch whose norm is nearly constant has a half-life of a million steps.
        history.add(&profile(4, Some(1e6)));
        let robust = of(&history).unwrap();
        assert!((robust.median - 4.0).abs() < 1e-3 && robust.quartiles[1] < 5.0, "{robust:?}");
        assert_eq!((robust.clear, robust.batches), (5, 5));
        history.add(&profile(5, None));
        let robust = of(&history).unwrap();
        assert_eq!((robust.clear, robust.batches), (5, 6));
        (6..14).for_each(|step| history.add(&profile(step, None)));
        assert_eq!(of(&history), None, "most batches have no clear slope");
    }
}
