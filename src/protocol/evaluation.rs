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
    /// (macro) for classes and for several labels at once, of these `val_f1_micro` too; `val_legal`, the share of steps with an allowed class, where a task leaves a choice.
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

/// Whether a sequence whose probability of a label, one of several at once, is `p` is told to have it: above 0.5, as in Keras's
/// `binary_accuracy`.
pub fn is_told(p: f32) -> bool {
    p > 0.5
}

/// How often each of several labels was told of a sequence, rightly and wrongly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// In the order of the labels.
    pub labels: Vec<LabelCount>,
    /// Sequences that were judged.
    pub sequences: u64,
    /// Those of which every label was told rightly.
    pub exact: u64,
}

/// How often one label was told, rightly and wrongly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// Sequences that have it and were told to.
    pub right: u64,
    /// Sequences that were told to have it and do not.
    pub wrong: u64,
    /// Sequences that have it and were not told to.
    pub missed: u64,
}

impl LabelCount {
    /// Sequences that have it.
    pub fn support(self) -> u64 {
        self.right + self.missed
    }

    /// Of the sequences that were told to have it, the share that has; 0 when none was.
    pub fn precision(self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// Of the sequences that have it, the share that was told to; 0 when none has.
    pub fn recall(self) -> f64 {
        share(self.right, self.support())
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(self) -> f64 {
        share(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }
}

impl LabelCounts {
    /// Nothing counted yet.
    pub fn new(labels: usize) -> Self {
        Self { labels: vec![LabelCount::default(); labels], ..Self::default() }
    }

    /// Counts one sequence with what it `has` and what it was `told` to have, label by label.
    pub fn add(&mut self, sequence: impl Iterator<Item = (bool, bool)>) {
        let mut exact = true;
        for (count, (has, told)) in self.labels.iter_mut().zip(sequence) {
            count.right += u64::from(has && told);
            count.wrong += u64::from(!has && told);
            count.missed += u64::from(has && !told);
            exact &= has == told;
        }
        self.sequences += 1;
        self.exact += u64::from(exact);
    }

    /// The mean of `of` over the labels that occur, each counting alike: the macro average.
    pub fn mean(&self, of: impl Fn(LabelCount) -> f64) -> f64 {
        let there = || self.labels.iter().filter(|label| label.support() > 0);
        there().map(|label| of(*label)).sum::<f64>() / there().count().max(1) as f64
    }

    /// All labels as if they were one, each sequence's label counting alike: the micro average is that of this.
    pub fn together(&self) -> LabelCount {
        self.labels.iter().fold(LabelCount::default(), |sum, label| LabelCount {
            right: sum.right + label.right,
            wrong: sum.wrong + label.wrong,
            missed: sum.missed + label.missed,
        })
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
    fn several_labels_are_counted_each_by_itself_and_together() {
        let mut counts = LabelCounts::new(3);
        for (has, told) in [([1, 1, 0], [1, 1, 0]), ([1, 0, 0], [0, 1, 0]), ([0, 1, 0], [0, 1, 0])] {
            counts.add(has.into_iter().zip(told).map(|(has, told): (u8, u8)| (has == 1, told == 1)));
        }
        assert_eq!((counts.sequences, counts.exact), (3, 2));
        assert_eq!(counts.labels[0], LabelCount { right: 1, wrong: 0, missed: 1 });
        assert_eq!(counts.labels[1], LabelCount { right: 2, wrong: 1, missed: 0 });
        assert_eq!((counts.labels[0].precision(), counts.labels[0].recall()), (1.0, 0.5));
        // The third occurs nowhere: it does not count. (2/3 + 4/5)/2, and of all together 6/8.
        assert!((counts.mean(LabelCount::f1) - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-15);
        assert_eq!(counts.together().f1(), 0.75);
    }

    #[test]
    fn parts_add_up() {
        let mut sum = matrix();
        sum.merge(&matrix());
        assert_eq!(sum.counts, [10, 2, 0, 4, 6, 2, 0, 0, 0]);
        assert_eq!((sum.precision(0), Confusion::new(0).mean(Confusion::f1)), (5.0 / 7.0, 0.0));
    }
}
