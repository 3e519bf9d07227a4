//! What an evaluation of a classifier or tagger gives, and its worst mistakes.

use ndarray::ArrayView1;

use crate::data::Targets;
use crate::metrics::{EvaluationResult, is_predicted};

/// The evaluation of a classifier or tagger.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Metrics and counts.
    pub result: EvaluationResult,
    /// The wrong predictions, most confident first.
    pub mistakes: Vec<Mistake>,
    /// Where the data are from.
    pub source: String,
    /// Of a tagger.
    pub sentences: Option<Sentences>,
}

/// The sentences whose words were tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentences {
    /// How many.
    pub count: usize,
    /// Words beyond [`length`](Self::length) in their sentence: they were not evaluated, as in training.
    pub unread: usize,
    /// Words of a sentence that the network reads.
    pub length: usize,
}

/// A wrong prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The text, the name of the sequence, or the word.
    pub text: String,
    /// The sentence of that word, and its position there, from 0.
    pub sentence: Option<(Vec<String>, usize)>,
    /// Its class; its labels, where it may have several.
    pub actual: Vec<usize>,
    /// The predicted class or labels.
    pub predicted: Vec<usize>,
    /// The probability of the predicted class; of labels that of the most confident wrong one.
    pub probability: f32,
}

/// The actual and the predicted classes of a sequence, and the probability.
pub(super) type Wrong = (Vec<usize>, Vec<usize>, f32);

/// What is wrong with the `output` of a classifier for the `row`-th of the `targets`; `None` where it is right.
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
        // Data with other targets are refused before.
        _ => None,
    }
}

/// The worst of what was added, at most so many; of equals the first.
#[derive(Debug)]
pub(super) struct Worst<T> {
    most: usize,
    all: Vec<(f64, T)>,
}

impl<T> Worst<T> {
    /// None yet, of at most `most`.
    pub fn new(most: usize) -> Self {
        Self { most, all: Vec::new() }
    }

    /// Adds what is wrong by so much.
    pub fn add(&mut self, wrong: f64, what: impl FnOnce() -> T) {
        let place = self.all.partition_point(|(other, _)| other.total_cmp(&wrong).is_ge());
        if place < self.most {
            self.all.insert(place, (wrong, what()));
            self.all.truncate(self.most);
        }
    }

    /// The worst first.
    pub fn sorted(self) -> Vec<T> {
        self.all.into_iter().map(|(_, what)| what).collect()
    }
}

/// The most likely class, of equals the first, and its probability.
pub fn most_likely(probabilities: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let all = probabilities.into_iter().enumerate();
    all.fold((0, f32::NEG_INFINITY), |best, (class, p)| if p > best.1 { (class, p) } else { best })
}
