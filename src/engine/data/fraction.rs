//! The part of the training data that is trained on.

use crate::rng::Rng;

/// How much of the training data is trained on: `train.fraction` in a preset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction(f64);

impl Fraction {
    /// All training data.
    pub const ALL: Self = Self(1.0);

    /// The share `fraction`, above 0 and at most 1.
    pub fn new(fraction: f64) -> Self {
        Self(fraction)
    }

    /// Whether nothing is left out.
    pub(crate) fn is_all(self) -> bool {
        self.0 >= 1.0
    }

    /// How many of `rows` are trained on: at least one, if there are any.
    pub(crate) fn of(self, rows: usize) -> usize {
        ((rows as f64 * self.0).round() as usize).clamp(1.min(rows), rows)
    }

    /// The numbers of those of `rows` rows that are trained on, in order: the first of all rows shuffled by `seed`, so that a smaller
    /// fraction is a part of a larger one.
    pub(crate) fn rows(self, rows: usize, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows).collect();
        if !self.is_all() {
            Rng::new(seed, "fraction", 0).shuffle(&mut order);
            order.truncate(self.of(rows));
            order.sort_unstable();
        }
        order
    }

    /// The items that are trained on, chosen as [`Self::rows`].
    pub(crate) fn keep<T>(self, items: Vec<T>, seed: u64) -> Vec<T> {
        if self.is_all() {
            return items;
        }
        let mut kept = self.rows(items.len(), seed).into_iter().peekable();
        let mut is_kept = |row: usize| kept.next_if_eq(&row).is_some();
        items.into_iter().enumerate().filter_map(|(row, item)| is_kept(row).then_some(item)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_fractions_are_parts_of_larger_ones() {
        let rows = |fraction, seed| Fraction::new(fraction).rows(1000, seed);
        let (tenth, quarter) = (rows(0.1, 1), rows(0.25, 1));
        assert_eq!((tenth.len(), quarter.len()), (100, 250));
        assert!(tenth.iter().all(|row| quarter.contains(row)));
        assert!(tenth.is_sorted() && quarter.iter().any(|row| *row > 900), "of all rows");
        assert_ne!(tenth, rows(0.1, 2));
        assert!(rows(1.0, 1).into_iter().eq(0..1000));
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(Fraction::new(0.1).keep(items.clone(), 1), tenth);
        assert_eq!(Fraction::ALL.keep(items.clone(), 1), items);
    }

    #[test]
    fn something_is_left_of_the_smallest_fraction() {
        assert_eq!([0, 1, 7, 200].map(|rows| Fraction::new(0.01).of(rows)), [0, 1, 1, 2]);
        assert_eq!(Fraction::new(0.999).of(10), 10);
    }
}
