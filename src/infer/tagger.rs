use std::ops::Range;
use std::path::Path;

use ndarray::{Array3, s};

use super::evaluation::{Sentences, Worst};
use super::network::{Network, damaged};
use super::{Evaluation, InferError, Mistake, most_likely};
use crate::data::{DataSpec, Targets, TokenSpec, Vocabularies, encode_sentences, split_words};
use crate::preset::RunSpec;
use crate::run::{checkpoint::Which, read_json};

/// Sentences whose answers are held at once.
const BLOCK: usize = 2048;

/// A trained network that tells the class of every word of a sentence.
#[derive(Debug)]
pub struct Tagger {
    pub(super) network: Network,
    tokens: TokenSpec,
    vocabularies: Vocabularies,
    labels: Vec<String>,
}

/// What a network told of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedSentence {
    /// Its words.
    pub words: Vec<TaggedWord>,
    /// In how many windows, each with as much before and behind a word as there is room for, it was read; 1 unless it is longer than
    /// what the network reads.
    pub windows: usize,
}

/// A word with what it was told to be.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedWord {
    /// As it was asked.
    pub word: String,
    /// Its likeliest class.
    pub tag: usize,
    /// The probability of that.
    pub probability: f32,
}

impl Tagger {
    pub(super) fn open(run: &Path, spec: RunSpec, which: Which) -> Result<Self, InferError> {
        let network = Network::open(run, spec, which)?;
        let labels = network.labels(run)?;
        let spec = &network.spec;
        let Some(tokens) = spec.token_spec() else {
            return Err(InferError::Task(format!("{}: spec.yaml has no tokens", run.display())));
        };
        let vocabularies: Vocabularies = read_json(run, "vocabulary.json")?;
        if let Some(what) = vocabularies.incompatibility(&tokens.sizes()) {
            return Err(damaged(run, "vocabulary.json", what));
        }
        Ok(Self { vocabularies, network, tokens, labels })
    }

    /// The classes in their order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Words of a sentence that the network reads at once.
    pub fn length(&self) -> usize {
        self.tokens.length
    }

    /// The words of a text, cut as [`split_words`] does by what the network knows.
    pub fn words(&self, text: &str) -> Vec<String> {
        let known = self.tokens.known_words(&self.vocabularies);
        split_words(text, |word| known.is_some_and(|known| known.id(word).is_some()))
    }

    /// What every word of every sentence is told to be.
    ///
    /// # Errors
    /// When the sentences do not fit into memory, or when a probability is not finite.
    pub fn tag<'s>(&self, sentences: &'s [Vec<String>]) -> Result<Vec<TaggedSentence>, InferError> {
        let cut: Vec<Vec<Window>> =
            sentences.iter().map(|words| windows(words.len(), self.tokens.length)).collect();
        let parts = |(words, windows): (&'s Vec<String>, &Vec<Window>)| -> Vec<Vec<&'s str>> {
            let part = |window: &Window| words.get(window.read.clone()).unwrap_or_default();
            windows.iter().map(|window| part(window).iter().map(String::as_str).collect()).collect()
        };
        let read: Vec<Vec<&str>> = sentences.iter().zip(&cut).flat_map(parts).collect();
        let mut told = Vec::with_capacity(read.len());
        for block in read.chunks(BLOCK) {
            let inputs = encode_sentences(&self.vocabularies, &self.tokens, block)?;
            let (output, _) = self.network.run(&inputs, 0..block.len(), None)?;
            told.extend(
                block.iter().enumerate().map(|(row, words)| most_likely_tags(&output, row, words.len())),
            );
        }
        let mut told = told.into_iter();
        let answer = |(words, windows): (&Vec<String>, &Vec<Window>)| {
            // All windows of a sentence are taken, also of one without words.
            let parts: Vec<_> = windows.iter().zip(told.by_ref()).collect();
            let tags = parts.into_iter().flat_map(|(window, tags)| {
                let from = window.answered.start - window.read.start;
                tags.into_iter().skip(from).take(window.answered.len())
            });
            let word = |(word, (tag, probability)): (&String, (usize, f32))| TaggedWord {
                word: word.clone(),
                tag,
                probability,
            };
            TaggedSentence { words: words.iter().zip(tags).map(word).collect(), windows: windows.len() }
        };
        Ok(sentences.iter().zip(&cut).map(answer).collect())
    }

    /// Evaluates the network on the run's validation sentences, or on all in the file `moved`, with `set` laid over the spec; lists at most
    /// `mistakes` mistakes. A sentence is read as in training, up to [`length`](Self::length).
    ///
    /// # Errors
    /// When the data are missing or wrong, have other tags, or when the run has no validation data.
    pub fn evaluate(
        &self,
        moved: Option<&Path>,
        set: &[String],
        mistakes: usize,
    ) -> Result<Evaluation, InferError> {
        let spec = self.network.spec_with(moved, set)?;
        let DataSpec::Tags(tags) = &spec.data else {
            let message = format!(
                "{}: this network tells the class of every word of a sentence",
                spec.data.source().description()
            );
            return Err(InferError::Task(message));
        };
        let known = (self.labels.as_slice(), &self.vocabularies, &self.tokens);
        let Some(found) = tags.evaluation_set(moved.is_some(), known)? else {
            let message = "the run has no validation data; name some with --data";
            return Err(InferError::Task(message.to_owned()));
        };
        let (mut evaluator, mut worst) = (self.network.evaluator(None), Worst::new(mistakes));
        for start in (0..found.words.len()).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(found.words.len());
            let (output, part) =
                self.network.run(&found.data.inputs, rows.clone(), Some(&found.data.targets))?;
            evaluator.add(part, self.network.params.regularization_loss());
            for (row, words) in found.words.iter().enumerate().skip(rows.start).take(rows.len()) {
                let Targets::Steps(truth) = &found.data.targets else { continue };
                let told = most_likely_tags(&output, row - start, words.len());
                let answers = told.into_iter().zip(truth.row(row)).zip(words);
                for (at, (((predicted, probability), actual), word)) in answers.enumerate() {
                    let actual = *actual as usize;
                    if let Some(confusion) = evaluator.confusion() {
                        confusion.add(actual, predicted);
                    }
                    if predicted != actual {
                        worst.add(f64::from(probability), || Mistake {
                            text: word.clone(),
                            sentence: Some((words.clone(), at)),
                            actual: vec![actual],
                            predicted: vec![predicted],
                            probability,
                        });
                    }
                }
            }
        }
        Ok(Evaluation {
            result: evaluator.result(),
            mistakes: worst.sorted(),
            source: found.source,
            sentences: Some(Sentences {
                count: found.words.len(),
                unread: found.truncated,
                length: self.tokens.length,
            }),
        })
    }
}

/// The likeliest class of each of the first `words` steps of a `row`, as far as it goes, and its probability.
fn most_likely_tags(output: &Array3<f32>, row: usize, words: usize) -> Vec<(usize, f32)> {
    let steps = output.slice(s![row, .., ..]);
    steps.rows().into_iter().take(words).map(|step| most_likely(step.iter().copied())).collect()
}

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// What is read.
    read: Range<usize>,
    /// For which of it the answer counts.
    answered: Range<usize>,
}

/// `words` in windows of `length`, each half as far on as the one before; in what two of them read, the first answers for the first half and
/// the second for the rest.
fn windows(words: usize, length: usize) -> Vec<Window> {
    let length = length.max(1);
    let last = words.saturating_sub(length);
    let mut starts: Vec<usize> = (0..last).step_by((length / 2).max(1)).collect();
    starts.push(last);
    let mut from = 0;
    let window = |(i, start): (usize, &usize)| {
        let read = *start..(start + length).min(words);
        let to = starts.get(i + 1).map_or(words, |next| (next + read.end).div_ceil(2));
        Window { read, answered: std::mem::replace(&mut from, to)..to }
    };
    starts.iter().enumerate().map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_answer_for_every_word_once_and_away_from_their_edges() {
        for words in 0..60 {
            for length in 1..12 {
                let windows = windows(words, length);
                let answered: Vec<usize> = windows.iter().flat_map(|w| w.answered.clone()).collect();
                assert_eq!(answered, (0..words).collect::<Vec<_>>(), "{words} {length}");
                for Window { read, answered } in &windows {
                    assert!(read.len() <= length && read.end <= words);
                    let margin = length / 4;
                    assert!(answered.start >= read.start + if read.start > 0 { margin } else { 0 });
                    assert!(answered.end + if read.end < words { margin } else { 0 } <= read.end);
                }
            }
        }
        assert_eq!(windows(3, 4), [Window { read: 0..3, answered: 0..3 }]);
        let two = [Window { read: 0..4, answered: 0..3 }, Window { read: 2..6, answered: 3..6 }];
        assert_eq!(windows(6, 4), two);
    }
}
