use serde::{Deserialize, Serialize};

use super::ratio;

/// A confusion matrix: how many rows of each actual class were predicted as each class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Number of classes.
    pub classes: usize,
    /// Row-major `[actual, predicted]`.
    pub counts: Vec<u64>,
    /// Rows whose actual class is none of the matrix, by predicted class; empty where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<u64>,
}

impl Confusion {
    /// Classes up to which training counts a matrix after every epoch.
    pub const MAX_CLASSES: usize = 100;

    /// An empty matrix of so many classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], unseen: Vec::new() }
    }

    /// Counts one row. An actual class outside the matrix counts against the precision of the predicted one.
    pub fn add(&mut self, actual: usize, predicted: usize) {
        let inside = actual < self.classes && predicted < self.classes;
        if let Some(count) = self.counts.get_mut(actual * self.classes + predicted).filter(|_| inside) {
            *count += 1;
        } else if actual >= self.classes && predicted < self.classes {
            self.unseen.resize(self.classes, 0);
            self.unseen.iter_mut().skip(predicted).take(1).for_each(|count| *count += 1);
        }
    }

    /// Adds the counts of another matrix of the same size.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
        self.unseen.resize(self.unseen.len().max(other.unseen.len()), 0);
        self.unseen.iter_mut().zip(&other.unseen).for_each(|(sum, n)| *sum += n);
    }

    /// Rows of class `actual` that were predicted as `predicted`.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        let inside = actual < self.classes && predicted < self.classes;
        self.counts.get(actual * self.classes + predicted).filter(|_| inside).copied().unwrap_or(0)
    }

    /// Rows whose actual class is `class`.
    pub fn support(&self, class: usize) -> u64 {
        (0..self.classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Rows that were predicted as `class`.
    pub fn predicted(&self, class: usize) -> u64 {
        let known: u64 = (0..self.classes).map(|actual| self.count(actual, class)).sum();
        known + self.unseen.get(class).copied().unwrap_or(0)
    }

    /// True positives / predicted positives of `class`; 0 when nothing was predicted as it.
    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.predicted(class))
    }

    /// True positives / actual positives of `class`; 0 when there are none.
    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall: `2·TP/(2·TP + FP + FN)`.
    pub fn f1(&self, class: usize) -> f64 {
        let true_positives = self.count(class, class);
        ratio(2 * true_positives, self.predicted(class) + self.support(class))
    }

    /// The macro average of `metric`: its unweighted mean over the classes that occur.
    pub fn macro_average(&self, metric: impl Fn(&Self, usize) -> f64) -> f64 {
        let there: Vec<f64> =
            (0..self.classes).filter(|c| self.support(*c) > 0).map(|c| metric(self, c)).collect();
        there.iter().sum::<f64>() / there.len().max(1) as f64
    }

    /// The number of rows counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().chain(&self.unseen).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True 0: 5 right, 1 predicted as 1. True 1: 2 predicted as 0, 3 right, 1 predicted as 2. True 2: never there. Three of a fourth class,
    /// which the matrix has not, predicted as 0.
    fn matrix() -> Confusion {
        let mut matrix = Confusion::new(3);
        for (class, predicted, times) in [(0, 0, 5), (0, 1, 1), (1, 0, 2), (1, 1, 3), (1, 2, 1), (3, 0, 3)] {
            (0..times).for_each(|_| matrix.add(class, predicted));
        }
        matrix
    }

    #[test]
    fn shares_are_those_worked_out_by_hand() {
        let m = matrix();
        assert_eq!(m.counts, [5, 1, 0, 2, 3, 1, 0, 0, 0]);
        assert_eq!((m.unseen.as_slice(), m.total()), (&[3, 0, 0][..], 15));
        assert_eq!([m.support(0), m.support(1), m.support(2)], [6, 6, 0]);
        assert_eq!([m.precision(0), m.precision(1), m.precision(2)], [0.5, 0.75, 0.0]);
        assert_eq!([m.recall(0), m.recall(1), m.recall(2)], [5.0 / 6.0, 0.5, 0.0]);
        assert_eq!([m.f1(0), m.f1(1), m.f1(2)], [10.0 / 16.0, 0.6, 0.0]);
        assert!((m.macro_average(Confusion::f1) - (10.0 / 16.0 + 0.6) / 2.0).abs() < 1e-15);
    }

    #[test]
    fn parts_add_up() {
        let mut sum = matrix();
        sum.merge(&matrix());
        assert_eq!(sum.counts, [10, 2, 0, 4, 6, 2, 0, 0, 0]);
        assert_eq!((sum.precision(0), Confusion::new(0).macro_average(Confusion::f1)), (0.5, 0.0));
    }
}
