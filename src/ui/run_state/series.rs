//! A curve of any length in bounded memory that keeps its extremes.

use super::axis::{XAxis, XPosition};
use super::smoothing::{Ema, FACTORS, Smoothing};

/// Maximum number of buckets; when they are full, neighbours merge.
const CAPACITY: usize = 4096;

/// A metric over a run, downsampled to at most 4096 buckets of 2ᵏ points with their extremes.
///
/// Smoothing is computed at full rate before any thinning: a bucket carries the smoothed value of its last
/// point, so that thinning removes drawn points and moves none. Non-finite values are marked and touch neither
/// extremes nor means.
#[derive(Debug, Clone)]
pub struct Series {
    buckets: Vec<Bucket>,
    per_bucket: u64,
    ema: Ema,
    latest: [f64; FACTORS.len()],
    value: Option<f64>,
    /// Of all points.
    all: Summary,
}

/// Neighbouring points of a [`Series`].
#[derive(Debug, Clone, Copy)]
struct Bucket {
    last: XPosition,
    points: u64,
    summary: Summary,
}

/// Statistics of neighbouring points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Minimum of the finite values.
    pub min: f64,
    /// Maximum of the finite values.
    pub max: f64,
    /// Minimum of the positive values, the start of a logarithmic axis; infinite without any.
    pub least_positive: f64,
    /// Number of finite values.
    pub finite: u64,
    /// Whether any value was not finite.
    pub non_finite: bool,
    sum: f64,
    smoothed: [f64; FACTORS.len()],
}

impl Summary {
    /// Statistics of no points.
    pub const EMPTY: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        least_positive: f64::INFINITY,
        finite: 0,
        non_finite: false,
        sum: 0.0,
        smoothed: [0.0; FACTORS.len()],
    };

    /// Mean of the finite values; NaN without any.
    pub fn mean(&self) -> f64 {
        self.sum / self.finite as f64
    }

    /// The smoothed value at the last finite point; the mean without smoothing.
    pub fn smoothed(&self, smoothing: Smoothing) -> f64 {
        match smoothing.level().and_then(|level| self.smoothed.get(level)) {
            Some(value) if self.finite > 0 => *value,
            _ => self.mean(),
        }
    }

    fn push(&mut self, value: f64, smoothed: [f64; FACTORS.len()]) {
        if !value.is_finite() {
            self.non_finite = true;
            return;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value > 0.0 {
            self.least_positive = self.least_positive.min(value);
        }
        self.finite += 1;
        self.sum += value;
        self.smoothed = smoothed;
    }

    /// Merges the points that follow.
    fn extend(&mut self, later: &Self) {
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.least_positive = self.least_positive.min(later.least_positive);
        self.finite += later.finite;
        self.non_finite |= later.non_finite;
        self.sum += later.sum;
        if later.finite > 0 {
            self.smoothed = later.smoothed;
        }
    }
}

impl Default for Series {
    fn default() -> Self {
        Self::new()
    }
}

impl Series {
    /// A series without points.
    pub const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            per_bucket: 1,
            ema: Ema::new(),
            latest: [0.0; FACTORS.len()],
            value: None,
            all: Summary::EMPTY,
        }
    }

    /// Appends a point, whose position must not be before the previous one's.
    pub fn push(&mut self, place: XPosition, value: f64) {
        if value.is_finite() {
            self.latest = self.ema.push(value);
        }
        self.value = Some(value);
        self.all.push(value, self.latest);
        match self.buckets.last_mut() {
            Some(bucket) if bucket.points < self.per_bucket => {
                bucket.last = place;
                bucket.points += 1;
                bucket.summary.push(value, self.latest);
            }
            _ => {
                if self.buckets.len() == CAPACITY {
                    self.halve();
                }
                let mut summary = Summary::EMPTY;
                summary.push(value, self.latest);
                self.buckets.push(Bucket { last: place, points: 1, summary });
            }
        }
    }

    /// Merges neighbours; every bucket is full when this is called.
    fn halve(&mut self) {
        self.per_bucket *= 2;
        self.buckets = self
            .buckets
            .chunks(2)
            .filter_map(|pair| {
                let (first, rest) = pair.split_first()?;
                Some(rest.iter().fold(*first, |mut merged, later| {
                    merged.last = later.last;
                    merged.points += later.points;
                    merged.summary.extend(&later.summary);
                    merged
                }))
            })
            .collect();
    }

    /// Whether the series has no points.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Points per bucket: the resolution of what is drawn.
    pub fn points_per_bucket(&self) -> u64 {
        self.per_bucket
    }

    /// The drawn points: where each bucket ends, and its statistics.
    pub fn points(&self) -> impl Iterator<Item = (XPosition, &Summary)> {
        self.buckets.iter().map(|bucket| (bucket.last, &bucket.summary))
    }

    /// The latest value, finite or not.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// The latest value, smoothed unless it is not finite.
    pub fn reading(&self, smoothing: Smoothing) -> Option<f64> {
        let value = self.value?;
        let level = smoothing.level().and_then(|level| self.latest.get(level));
        Some(if value.is_finite() { level.copied().unwrap_or(value) } else { value })
    }

    /// The positions at which the first and the last bucket end.
    pub fn extent(&self) -> Option<(XPosition, XPosition)> {
        Some((self.buckets.first()?.last, self.buckets.last()?.last))
    }

    /// Statistics of all points from `from` to `to` (inclusive) on `axis`.
    pub fn within(&self, axis: XAxis, from: f64, to: f64) -> Summary {
        let within = |place: XPosition| (from..=to).contains(&place.on(axis));
        if self.extent().is_some_and(|(first, last)| within(first) && within(last)) {
            return self.all;
        }
        let mut all = Summary::EMPTY;
        for bucket in &self.buckets {
            if within(bucket.last) {
                all.extend(&bucket.summary);
            }
        }
        all
    }

    /// Statistics of the points from `from` to `to` (inclusive) on `axis`, in `width` columns of equal width.
    ///
    /// A bucket belongs to the column of its last point. If `from == to`, all belong to the first column.
    pub fn columns(&self, axis: XAxis, from: f64, to: f64, width: usize) -> Vec<Summary> {
        let mut columns = vec![Summary::EMPTY; width];
        let scale = if to > from { width as f64 / (to - from) } else { 0.0 };
        for bucket in &self.buckets {
            let x = bucket.last.on(axis);
            if (from..=to).contains(&x) {
                let column = (((x - from) * scale) as usize).min(width.saturating_sub(1));
                if let Some(column) = columns.get_mut(column) {
                    column.extend(&bucket.summary);
                }
            }
        }
        columns
    }

    /// The bucket nearest to `step`: the position of its end, and its statistics.
    pub fn nearest(&self, step: u64) -> Option<(XPosition, &Summary)> {
        let after = self.buckets.partition_point(|bucket| bucket.last.step < step);
        let around = [after.checked_sub(1), Some(after)];
        let candidates = around.into_iter().flatten().filter_map(|i| self.buckets.get(i));
        candidates
            .min_by_key(|bucket| bucket.last.step.abs_diff(step))
            .map(|bucket| (bucket.last, &bucket.summary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(step: u64) -> XPosition {
        XPosition { step, epoch: step as f64 / 100.0, seconds: step as f64 * 0.02 }
    }

    fn series(values: &[f64]) -> Series {
        let mut series = Series::new();
        (1..).zip(values).for_each(|(step, value)| series.push(place(step), *value));
        series
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![20 => -5.0..5.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(1e6), 1 => Just(0.0)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The reference keeps every point. Buckets hold whole groups of 2ᵏ points, so ranges end at groups.
        #[test]
        fn extremes_over_any_range_equal_those_of_all_points(
            values in prop::collection::vec(value(), 1..20_000), a in 0.0..1.0f64, b in 0.0..1.0f64,
        ) {
            let series = series(&values);
            let group = values.len().div_ceil(CAPACITY).next_power_of_two();
            let groups = values.len().div_ceil(group);
            let (a, b) = ((a.min(b) * groups as f64) as usize, (a.max(b) * groups as f64) as usize);
            let inside = &values[a * group..(b * group).min(values.len())];
            let finite = || inside.iter().copied().filter(|v| v.is_finite());
            let found = series.within(XAxis::Step, (a * group + 1) as f64, (b * group).min(values.len()) as f64);
            prop_assert_eq!(found.min, finite().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(found.max, finite().fold(f64::NEG_INFINITY, f64::max));
            prop_assert_eq!(found.finite, finite().count() as u64);
            prop_assert_eq!(found.non_finite, inside.iter().any(|v| !v.is_finite()));
            prop_assert_eq!(found.least_positive, finite().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min));
        }

        #[test]
        fn columns_together_are_the_whole_on_every_axis(
            values in prop::collection::vec(value(), 1..10_000), width in 1usize..200,
        ) {
            let series = series(&values);
            for axis in [XAxis::Step, XAxis::Epoch, XAxis::Time] {
                let (from, to) = series.extent().unwrap();
                let (from, to) = (from.on(axis), to.on(axis));
                let mut all = Summary::EMPTY;
                series.columns(axis, from, to, width).iter().for_each(|column| all.extend(column));
                let whole = series.within(axis, from, to);
                prop_assert_eq!((all.min, all.max, all.finite), (whole.min, whole.max, whole.finite));
                prop_assert_eq!(whole.finite, values.iter().filter(|v| v.is_finite()).count() as u64);
            }
        }

        #[test]
        fn smoothing_is_the_mean_weighted_by_powers_of_the_factor(values in prop::collection::vec(-5.0..5.0f64, 1..300)) {
            let series = series(&values);
            let mut smoothing = Smoothing::OFF.more();
            for _ in 0..4 {
                let weighted = |f: &dyn Fn(f64) -> f64| -> f64 {
                    values.iter().rev().enumerate().map(|(age, v)| smoothing.factor().powi(age as i32) * f(*v)).sum()
                };
                let expected = weighted(&|v| v) / weighted(&|_| 1.0);
                prop_assert!((series.reading(smoothing).unwrap() - expected).abs() < 1e-9);
                smoothing = smoothing.more();
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_a_spike_never_vanishes() {
        let mut values = vec![1.0; 300_000];
        values[123_456] = 77.0;
        let series = series(&values);
        assert!(series.buckets.len() <= CAPACITY);
        let columns = series.columns(XAxis::Step, 1.0, 300_000.0, 60);
        assert_eq!(columns.iter().filter(|column| column.max == 77.0).count(), 1);
    }

    #[test]
    fn smoothed_points_do_not_move_when_the_series_is_thinned() {
        let noisy = |step: u64| (step as f64 * 0.7).sin() + (step as f64 / 900.0).cos();
        let mut series = Series::new();
        let mut exact = vec![0.0];
        for step in 1..=50_000 {
            series.push(place(step), noisy(step));
            exact.push(series.reading(Smoothing::default()).unwrap());
        }
        for step in (1..=50_000).step_by(997) {
            let (at, summary) = series.nearest(step).unwrap();
            assert_eq!(summary.smoothed(Smoothing::default()), exact[at.step as usize]);
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_marked_and_disturbs_nothing() {
        let series = series(&[1.0, f64::NAN, 3.0]);
        let all = series.within(XAxis::Step, 1.0, 3.0);
        assert_eq!((all.min, all.max, all.mean(), all.non_finite), (1.0, 3.0, 2.0, true));
        let gap = series.columns(XAxis::Step, 1.0, 3.0, 3)[1];
        assert_eq!((gap.finite, gap.non_finite), (0, true));
        let broken = super::tests::series(&[1.0, f64::INFINITY]);
        assert_eq!(broken.reading(Smoothing::default()), Some(f64::INFINITY));
    }

    #[test]
    fn the_nearest_point_is_found() {
        let series = series(&[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(series.nearest(3).unwrap().0.step, 3);
        assert_eq!(series.nearest(99).unwrap().0.step, 4);
        assert_eq!(series.nearest(0).unwrap().0.step, 1);
        assert!(Series::new().nearest(1).is_none());
    }
}
