use serde::{Deserialize, Serialize};

use super::ratio;

/// Whether a label with probability `p`, one of several a sequence may have, is predicted: above 0.5, as in Keras's
/// `binary_accuracy`.
pub fn is_predicted(p: f32) -> bool {
    p > 0.5
}

/// The counts of a multi-label classifier, label by label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// In the order of the labels.
    pub labels: Vec<LabelCount>,
    /// Sequences evaluated.
    pub sequences: u64,
    /// Sequences of which every label was predicted correctly.
    pub exact: u64,
}

/// The counts of one label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// Sequences that have it, predicted so.
    pub true_positives: u64,
    /// Sequences that do not have it, predicted to.
    pub false_positives: u64,
    /// Sequences that have it, predicted not to.
    pub false_negatives: u64,
}

impl LabelCount {
    /// Sequences that have it.
    pub fn support(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// TP/(TP + FP); 0 when it was never predicted.
    pub fn precision(self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// TP/(TP + FN); 0 when no sequence has it.
    pub fn recall(self) -> f64 {
        ratio(self.true_positives, self.support())
    }

    /// The harmonic mean of precision and recall, `2·TP/(2·TP + FP + FN)`.
    pub fn f1(self) -> f64 {
        ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }
}

impl std::iter::Sum for LabelCount {
    /// The counts of all together; their precision, recall and F1 are the micro averages.
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, count| Self {
            true_positives: sum.true_positives + count.true_positives,
            false_positives: sum.false_positives + count.false_positives,
            false_negatives: sum.false_negatives + count.false_negatives,
        })
    }
}

/// The macro average of `metric`: its unweighted mean over `counts`, 0 of none.
pub fn macro_average(
    counts: impl Iterator<Item = LabelCount> + Clone,
    metric: impl Fn(LabelCount) -> f64,
) -> f64 {
    let number = counts.clone().count().max(1);
    counts.map(metric).sum::<f64>() / number as f64
}

impl LabelCounts {
    /// Nothing counted yet, of so many labels.
    pub fn new(labels: usize) -> Self {
        Self { labels: vec![LabelCount::default(); labels], ..Self::default() }
    }

    /// Counts one sequence: for each label whether it has it, and whether that was predicted.
    pub fn add(&mut self, sequence: impl Iterator<Item = (bool, bool)>) {
        let mut exact = true;
        for (count, (has, predicted)) in self.labels.iter_mut().zip(sequence) {
            count.true_positives += u64::from(has && predicted);
            count.false_positives += u64::from(!has && predicted);
            count.false_negatives += u64::from(has && !predicted);
            exact &= has == predicted;
        }
        self.sequences += 1;
        self.exact += u64::from(exact);
    }

    /// The macro average of `metric`: its unweighted mean over the labels that occur.
    pub fn macro_average(&self, metric: impl Fn(LabelCount) -> f64) -> f64 {
        macro_average(self.labels.iter().copied().filter(|label| label.support() > 0), metric)
    }

    /// The sum over all labels; its precision, recall and F1 are the micro averages.
    pub fn total(&self) -> LabelCount {
        self.labels.iter().copied().sum()
    }

    /// The share of the sequences of which every label was predicted correctly.
    pub fn exact_match(&self) -> f64 {
        ratio(self.exact, self.sequences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_labels_are_counted_each_by_itself_and_total() {
        let mut counts = LabelCounts::new(3);
        for (has, predicted) in [([1, 1, 0], [1, 1, 0]), ([1, 0, 0], [0, 1, 0]), ([0, 1, 0], [0, 1, 0])] {
            counts.add(
                has.into_iter().zip(predicted).map(|(has, predicted): (u8, u8)| (has == 1, predicted == 1)),
            );
        }
        assert_eq!((counts.sequences, counts.exact), (3, 2));
        assert_eq!(
            counts.labels[0],
            LabelCount { true_positives: 1, false_positives: 0, false_negatives: 1 }
        );
        assert_eq!(
            counts.labels[1],
            LabelCount { true_positives: 2, false_positives: 1, false_negatives: 0 }
        );
        assert_eq!((counts.labels[0].precision(), counts.labels[0].recall()), (1.0, 0.5));
        // The third occurs nowhere: it does not count. (2/3 + 4/5)/2, and of all together 6/8.
        assert!((counts.macro_average(LabelCount::f1) - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-15);
        assert_eq!(counts.total().f1(), 0.75);
    }
}
