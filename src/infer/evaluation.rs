//! How good a network is that tells classes or labels.

use ndarray::ArrayView1;

use crate::data::Targets;
use crate::protocol::{Confusion, LabelCounts, is_told};

/// How good a network is on some texts, sequences or words.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Mean cross-entropy, in nats, and what the size of the weights adds: the loss as training tells it.
    pub loss: f64,
    /// Share of the texts whose class was told; of several labels the share of all that were.
    pub accuracy: f64,
    /// What was told.
    pub told: Told,
    /// The wrong answers, most confident first.
    pub mistakes: Vec<Mistake>,
    /// What the texts are.
    pub source: String,
    /// Of which sentences, where every word has a class.
    pub sentences: Option<Sentences>,
}

/// The sentences whose words were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentences {
    /// How many.
    pub count: usize,
    /// Words behind what the network reads of a sentence: they were not judged, as in training.
    pub unread: usize,
    /// Words of a sentence that it reads.
    pub length: usize,
}

/// What was told of some texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// What class was taken for what.
    Classes(Confusion),
    /// How often each of several labels was told.
    Labels(LabelCounts),
}

/// A wrong answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The text, or what the sequence is called, or the word.
    pub text: String,
    /// The words among which that word stands, and its place there, from 0.
    pub sentence: Option<(Vec<String>, usize)>,
    /// Its class; its labels, where it may have several.
    pub truth: Vec<usize>,
    /// The class it was taken for, or the labels it was told to have.
    pub predicted: Vec<usize>,
    /// With this probability; of several labels that of what was most confidently wrong.
    pub probability: f32,
}

/// What one text is, what it was told to be, and how confidently.
type Wrong = (Vec<usize>, Vec<usize>, f32);

impl Told {
    /// Nothing yet, of so many classes or, if `several`, labels at once.
    pub(super) fn nothing(labels: usize, several: bool) -> Self {
        match several {
            true => Self::Labels(LabelCounts::new(labels)),
            false => Self::Classes(Confusion::new(labels)),
        }
    }

    /// Counts the text that the `row`-th of `targets` belongs to, and for which the network gave `output`; what was wrong, if it was.
    pub(super) fn add(
        &mut self,
        output: ArrayView1<'_, f32>,
        targets: &Targets,
        row: usize,
    ) -> Option<Wrong> {
        match (self, targets) {
            (Self::Classes(confusion), Targets::Classes(classes)) => {
                let truth = *classes.get(row)? as usize;
                let (predicted, probability) = likeliest(output.iter().copied());
                confusion.add(truth, predicted);
                (predicted != truth).then(|| (vec![truth], vec![predicted], probability))
            }
            (Self::Labels(counts), Targets::Labels(labels)) => {
                let has = labels.row(row);
                let both = || has.iter().map(|has| *has > 0.5).zip(output.iter().map(|p| is_told(*p)));
                counts.add(both());
                let sure = output.iter().map(|p| p.max(1.0 - p));
                let off = both().zip(sure).filter(|((has, told), _)| has != told).map(|(_, sure)| sure);
                let those = |which: fn((bool, bool)) -> bool| {
                    both().enumerate().filter(|(_, both)| which(*both)).map(|(label, _)| label).collect()
                };
                let wrong = |probability| (those(|(has, _)| has), those(|(_, told)| told), probability);
                off.reduce(f32::max).map(wrong)
            }
            // Data that ask for the other are refused before.
            _ => None,
        }
    }

    /// Texts, or words, that were judged.
    pub fn texts(&self) -> u64 {
        match self {
            Self::Classes(confusion) => confusion.counts.iter().sum(),
            Self::Labels(counts) => counts.sequences,
        }
    }
}

/// The worst of what was wrong, so many at most; of equals the first.
#[derive(Debug)]
pub(super) struct Worst<T> {
    most: usize,
    all: Vec<(f64, T)>,
}

impl<T> Worst<T> {
    /// None yet, of at most `most`.
    pub fn of(most: usize) -> Self {
        Self { most, all: Vec::new() }
    }

    /// Takes in what is wrong by so much, if it belongs there.
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

/// The class that is likeliest, of equals the first, and its probability.
pub fn likeliest(probabilities: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let all = probabilities.into_iter().enumerate();
    all.fold((0, f32::NEG_INFINITY), |best, (class, p)| if p > best.1 { (class, p) } else { best })
}
