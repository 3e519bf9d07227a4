//! The values of a setting on an axis, and in groups.

use crate::number;
use crate::sort::SmallSort as _;
use crate::ui::widget::ticks;

/// More different numbers than these are marked at round numbers instead of each.
const MOST_MARKS: usize = 8;
/// Groups into which numbers are put where there are more of them than have space.
const GROUPS: usize = 6;

/// How the values of a setting lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisScale {
    /// Numbers.
    Linear,
    /// Positive numbers by their logarithms.
    Log,
    /// Anything, in the order in which it appears.
    Category,
}

impl AxisScale {
    /// The scale for these values: logarithmic for positive numbers of which the greatest is eight times the least or more.
    pub fn of<'v>(values: impl Iterator<Item = &'v str>) -> Self {
        let mut span: Option<(f64, f64)> = None;
        for value in values {
            let Some(number) = parse(value) else { return Self::Category };
            let (low, high) = span.unwrap_or((number, number));
            span = Some((low.min(number), high.max(number)));
        }
        match span {
            Some((low, high)) if low > 0.0 && high / low >= 8.0 => Self::Log,
            Some(_) => Self::Linear,
            None => Self::Category,
        }
    }
}

fn parse(value: &str) -> Option<f64> {
    value.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The values of a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingAxis {
    scale: AxisScale,
    /// Different ones: numbers in ascending order, others in the order in which they appear.
    values: Vec<String>,
    /// The least and the greatest number, logarithms if the scale is.
    range: (f64, f64),
}

impl SettingAxis {
    /// An axis for `values`; one that does not suit `scale` makes all of them categories.
    pub fn new<'v>(scale: AxisScale, values: impl Iterator<Item = &'v str>) -> Self {
        let mut different: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for value in values {
            if seen.insert(value) {
                different.push(value.to_owned());
            }
        }
        let is_log = scale == AxisScale::Log;
        let numbers: Option<Vec<f64>> =
            different.iter().map(|value| parse(value).filter(|number| !is_log || *number > 0.0)).collect();
        let scale = if numbers.is_some() { scale } else { AxisScale::Category };
        if let Some(numbers) = numbers.filter(|_| scale != AxisScale::Category) {
            let mut pairs: Vec<(f64, String)> = numbers.into_iter().zip(different).collect();
            pairs.small_sort_by(|a, b| a.0.total_cmp(&b.0));
            // 0.10 and 0.1 are one.
            pairs.dedup_by(|a, b| a.0 == b.0);
            let end = |pair: Option<&(f64, String)>| {
                pair.map_or(0.0, |(number, _)| if is_log { number.ln() } else { *number })
            };
            let range = (end(pairs.first()), end(pairs.last()));
            return Self { scale, values: pairs.into_iter().map(|(_, value)| value).collect(), range };
        }
        Self { scale, range: (0.0, different.len().saturating_sub(1) as f64), values: different }
    }

    /// Where a value lies, from 0, the first, to 1, the last; `None` for one that is not on the axis.
    pub fn place(&self, value: &str) -> Option<f64> {
        let at = match self.scale {
            AxisScale::Category => self.values.iter().position(|known| known == value)? as f64,
            AxisScale::Linear => parse(value)?,
            AxisScale::Log => parse(value).filter(|number| *number > 0.0)?.ln(),
        };
        Some(self.share(at))
    }

    fn share(&self, at: f64) -> f64 {
        let (low, high) = self.range;
        if high > low { ((at - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Marks with their places: each value, or of many numbers about `most` round ones.
    pub fn marks(&self, most: usize) -> Vec<(f64, String)> {
        let is_category = self.scale == AxisScale::Category;
        if is_category || self.values.len() <= most.min(MOST_MARKS) {
            return self
                .values
                .iter()
                .filter_map(|value| Some((self.place(value)?, value.clone())))
                .collect();
        }
        let (low, high) = self.range;
        let ends = [self.values.first(), self.values.last()].into_iter().flatten();
        let ends = ends.filter_map(|value| Some((self.place(value)?, number::setting(parse(value)?))));
        let ten = std::f64::consts::LN_10;
        let between = match self.scale {
            AxisScale::Log => ticks::logarithmic(low / ten, high / ten, most),
            _ => ticks::linear(low, high, most),
        };
        let at = |at: f64| if self.scale == AxisScale::Log { at * ten } else { at };
        ends.chain(between.into_iter().map(|tick| (self.share(at(tick.at)), tick.text))).collect()
    }
}

/// The values of a setting in at most so many groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    axis: SettingAxis,
    /// The name of each group.
    pub labels: Vec<String>,
    /// Whether a group has several values.
    pub is_grouped: bool,
}

impl Levels {
    /// Each value of `axis`, or, if they are more than `most`, numbers in groups of equal width, and of categories the last ones together.
    pub fn new(axis: SettingAxis, most: usize) -> Self {
        let is_grouped = axis.values.len() > most.max(1);
        let labels = match axis.scale {
            _ if !is_grouped => axis.values.clone(),
            AxisScale::Category => {
                let kept = axis.values.iter().take(most.max(1) - 1).cloned();
                kept.chain(["others".to_owned()]).collect()
            }
            scale => {
                let groups = GROUPS.min(most.max(1));
                let (low, high) = axis.range;
                let end = |group: usize| low + (high - low) * group as f64 / groups as f64;
                let number = |at: f64| if scale == AxisScale::Log { at.exp() } else { at };
                let label = |group| {
                    let text = format!("{:.1e}", number(end(group)));
                    // Two digits tell groups apart.
                    number::setting(text.parse().unwrap_or_default()) + "…"
                };
                (0..groups).map(label).collect()
            }
        };
        Self { axis, labels, is_grouped }
    }

    /// The number of the group of a value.
    pub fn level(&self, value: &str) -> Option<usize> {
        let last = self.labels.len().checked_sub(1)?;
        let exact = || {
            self.axis
                .values
                .iter()
                .position(|known| known == value || parse(known).is_some_and(|a| parse(value) == Some(a)))
        };
        match self.axis.scale {
            AxisScale::Category => exact().map(|at| at.min(last)),
            _ if !self.is_grouped => exact(),
            _ => Some(((self.axis.place(value)? * self.labels.len() as f64) as usize).min(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[&'static str]) -> SettingAxis {
        SettingAxis::new(AxisScale::of(values.iter().copied()), values.iter().copied())
    }

    #[test]
    fn a_scale_is_logarithmic_for_wide_positive_numbers_and_words_are_categories() {
        assert_eq!(AxisScale::of(["0.1", "0.001"].into_iter()), AxisScale::Log);
        assert_eq!(AxisScale::of(["16", "32", "64"].into_iter()), AxisScale::Linear);
        assert_eq!(AxisScale::of(["0", "1000"].into_iter()), AxisScale::Linear);
        assert_eq!(AxisScale::of(["LSTM", "8"].into_iter()), AxisScale::Category);
        let log = axis(&["0.1", "0.001", "0.01"]);
        assert!((log.place("0.01").unwrap() - 0.5).abs() < 1e-9);
        assert_eq!(
            log.marks(5).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            ["0.001", "0.01", "0.1"]
        );
        let words = axis(&["LSTM", "GRU", "RNN"]);
        assert_eq!((words.place("GRU"), words.place("x")), (Some(0.5), None));
        // A single value is in the middle.
        assert_eq!(axis(&["4", "4.0"]).place("4"), Some(0.5));
    }

    #[test]
    fn many_numbers_are_put_into_groups_of_equal_width_on_the_scale() {
        let numbers: Vec<String> =
            (0..=60).map(|i| format!("{}", 10_f64.powf(-4.0 + f64::from(i) / 20.0))).collect();
        let axis = SettingAxis::new(AxisScale::Log, numbers.iter().map(String::as_str));
        let levels = Levels::new(axis.clone(), 10);
        assert_eq!(levels.labels, ["0.0001…", "0.00032…", "0.001…", "0.0032…", "0.01…", "0.032…"]);
        assert_eq!([0, 31, 60].map(|i| levels.level(&numbers[i])), [Some(0), Some(3), Some(5)]);
        assert!(axis.marks(4).iter().any(|(at, text)| text == "0.01" && (at - 2.0 / 3.0).abs() < 1e-6));
        let few = Levels::new(SettingAxis::new(AxisScale::Category, ["a", "b", "c", "d"].into_iter()), 3);
        assert_eq!(few.labels, ["a", "b", "others"]);
        assert_eq!(["a", "c", "d"].map(|value| few.level(value)), [Some(0), Some(2), Some(2)]);
        let same = Levels::new(super::tests::axis(&["0.10", "0.2"]), 3);
        assert_eq!((same.level("0.1"), same.level("0.3")), (Some(0), None));
    }
}
