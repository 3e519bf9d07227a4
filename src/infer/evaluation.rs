//! The results of evaluating a classifier or tagger, and the worst mistakes.

use ndarray::ArrayView1;

use crate::data::Targets;
use crate::metrics::{EvaluationResult, is_predicted};
use crate::protocol::ClassCount;

/// The evaluation of a classifier or tagger.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Metrics and counts.
    pub result: EvaluationResult,
    /// The wrong predictions, most confident first.
    pub mistakes: Vec<Mistake>,
    /// The path or description of the data.
    pub source: String,
    /// The sentences of a tagger.
    pub sentences: Option<Sentences>,
    /// Labels that the training data have not, each with its number of texts or words: they count as wrong. Their classes are behind those
    /// of the network.
    pub unseen: Vec<ClassCount>,
}

/// The sentences whose words were tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentences {
    /// The number of sentences.
    pub count: usize,
    /// The number of words beyond [`length`](Self::length) in their sentence, which are not evaluated, as in training.
    pub truncated: usize,
    /// The maximum number of words of a sentence.
    pub length: usize,
}

/// A wrong prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The text, the name of the sequence, or the word.
    pub text: String,
    /// The sentence of that word, and its position there, from 0.
    pub sentence: Option<(Vec<String>, usize)>,
    /// Its class, or its labels.
    pub actual: Vec<usize>,
    /// The predicted class or labels.
    pub predicted: Vec<usize>,
    /// The probability of the predicted class; of labels that of the most confident wrong one.
    pub probability: f32,
}

/// The actual and the predicted classes of a sequence, and the probability.
pub(super) type Wrong = (Vec<usize>, Vec<usize>, f32);

/// The mistake in the `output` of a classifier for the `row`-th of the `targets`; `None` if it is correct.
pub(super) fn wrong(output: ArrayView1<'_, f32>, targets: &Targets, row: usize) -> Option<Wrong> {
    match targets {
        Targets::Classes(classes) => {
            let actual = *classes.get(row)? as usize;
            let (predicted, probability) = most_likely(output.iter().copied());
            (predicted != actual).then(|| (vec![actual], vec![predicted], probability))
        }
        Targets::Labels(labels) => {
            let has = labels.row(row);
            let both = || has.iter().map(|has| *has > 0.5).zip(output.iter().map(|p| is_predicted(*p)));
            let confidence = output.iter().map(|p| p.max(1.0 - p));
            let wrong =
                both().zip(confidence).filter(|((has, predicted), _)| has != predicted).map(|(_, p)| p);
            let those = |which: fn((bool, bool)) -> bool| {
                both().enumerate().filter(|(_, both)| which(*both)).map(|(label, _)| label).collect()
            };
            let mistake = |p| (those(|(has, _)| has), those(|(_, predicted)| predicted), p);
            wrong.reduce(f32::max).map(mistake)
        }
        // Data with other targets have been rejected before.
        _ => None,
    }
}

/// Collects the worst items, at most `most`; the first of equal ones.
#[derive(Debug)]
pub(super) struct Worst<T> {
    most: usize,
    all: Vec<(f64, T)>,
}

impl<T> Worst<T> {
    /// Creates an empty collection of at most `most` items.
    pub fn new(most: usize) -> Self {
        Self { most, all: Vec::new() }
    }

    /// Adds an item with this error.
    pub fn add(&mut self, error: f64, item: impl FnOnce() -> T) {
        let place = self.all.partition_point(|(other, _)| other.total_cmp(&error).is_ge());
        if place < self.most {
            self.all.insert(place, (error, item()));
            self.all.truncate(self.most);
        }
    }

    /// The items, worst first.
    pub fn sorted(self) -> Vec<T> {
        self.all.into_iter().map(|(_, item)| item).collect()
    }
}

/// The most likely class (the first of equal ones) and its probability.
pub fn most_likely(probabilities: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let all = probabilities.into_iter().enumerate();
    all.fold((0, f32::NEG_INFINITY), |best, (class, p)| if p > best.1 { (class, p) } else { best })
}
