use serde::{Deserialize, Serialize};

/// What more was measured of an epoch than loss and accuracy. Comes right before its [`super::EpochMetrics`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// From 1.
    pub epoch: usize,
    /// The epoch's last step.
    pub step: u64,
    /// What is finite of: `mae` and `rmse` for numbers, `perplexity` and `bits_per_token` for next-token models, each of the
    /// training data and, with `val_` before its name, of the validation data; `val_precision`, `val_recall` and `val_f1`
    /// (macro) for classes; `val_legal`, the share of steps with an allowed class, where a task leaves a choice.
    pub metrics: Vec<Metric>,
    /// Of the validation data, for up to [`Confusion::MOST`] classes.
    pub confusion: Option<Confusion>,
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `val_rmse`.
    pub name: String,
    /// Finite.
    pub value: f64,
}

/// How often each class was taken for each: rows are the true class, columns the predicted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Rows, and columns.
    pub classes: usize,
    /// Row-major `[true, predicted]`.
    pub counts: Vec<u64>,
}

impl Confusion {
    /// Classes for which a matrix is kept at most.
    pub const MOST: usize = 100;

    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts one row that is `class` and was taken for `predicted`. One that is no class of the matrix is left out.
    pub fn add(&mut self, class: usize, predicted: usize) {
        let inside = class < self.classes && predicted < self.classes;
        if let Some(count) = self.counts.get_mut(class * self.classes + predicted).filter(|_| inside) {
            *count += 1;
        }
    }

    /// Adds the counts of another of as many classes.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
    }

    /// How often `class` was taken for `predicted`.
    pub fn count(&self, class: usize, predicted: usize) -> u64 {
        let inside = class < self.classes && predicted < self.classes;
        self.counts.get(class * self.classes + predicted).filter(|_| inside).copied().unwrap_or(0)
    }

    /// How many rows are `class`.
    pub fn support(&self, class: usize) -> u64 {
        (0..self.classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Of what was taken for `class`, the share that is; 0 when nothing was.
    pub fn precision(&self, class: usize) -> f64 {
        share(self.count(class, class), (0..self.classes).map(|c| self.count(c, class)).sum())
    }

    /// Of what is `class`, the share that was taken for it; 0 when nothing is.
    pub fn recall(&self, class: usize) -> f64 {
        share(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall: `2·right/(2·right + wrongly taken for it + missed)`.
    pub fn f1(&self, class: usize) -> f64 {
        let right = self.count(class, class);
        let taken: u64 = (0..self.classes).map(|c| self.count(c, class)).sum();
        share(2 * right, taken + self.support(class))
    }

    /// The mean of `of` over the classes that occur, each counting alike: the macro average.
    pub fn mean(&self, of: impl Fn(&Self, usize) -> f64) -> f64 {
        let there: Vec<f64> =
            (0..self.classes).filter(|c| self.support(*c) > 0).map(|c| of(self, c)).collect();
        there.iter().sum::<f64>() / there.len().max(1) as f64
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True 0: 5 right, 1 taken for 1. True 1: 2 taken for 0, 3 right, 1 taken for 2. True 2: never there.
    fn matrix() -> Confusion {
        let mut matrix = Confusion::new(3);
        for (class, predicted, times) in [(0, 0, 5), (0, 1, 1), (1, 0, 2), (1, 1, 3), (1, 2, 1), (3, 0, 9)] {
            (0..times).for_each(|_| matrix.add(class, predicted));
        }
        matrix
    }

    #[test]
    fn shares_are_those_worked_out_by_hand() {
        let m = matrix();
        assert_eq!(m.counts, [5, 1, 0, 2, 3, 1, 0, 0, 0]);
        assert_eq!([m.support(0), m.support(1), m.support(2)], [6, 6, 0]);
        assert_eq!([m.precision(0), m.precision(1), m.precision(2)], [5.0 / 7.0, 0.75, 0.0]);
        assert_eq!([m.recall(0), m.recall(1), m.recall(2)], [5.0 / 6.0, 0.5, 0.0]);
        assert_eq!([m.f1(0), m.f1(1), m.f1(2)], [10.0 / 13.0, 0.6, 0.0]);
        assert!((m.mean(Confusion::f1) - (10.0 / 13.0 + 0.6) / 2.0).abs() < 1e-15);
    }

    #[test]
    fn parts_add_up() {
        let mut sum = matrix();
        sum.merge(&matrix());
        assert_eq!(sum.counts, [10, 2, 0, 4, 6, 2, 0, 0, 0]);
        assert_eq!((sum.precision(0), Confusion::new(0).mean(Confusion::f1)), (5.0 / 7.0, 0.0));
    }
}
