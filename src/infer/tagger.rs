use std::ops::Range;
use std::path::Path;

use ndarray::{Array3, s};

use super::evaluation::{Sentences, Worst};
use super::network::{Network, damaged};
use super::{Evaluation, InferError, Mistake, NetworkStream, most_likely};
use crate::data::{
    DataSpec, GivenValidation, Inputs, TagsSpec, Targets, TokenSpec, Validation, Vocabularies,
    encode_sentences, split_words, test_of,
};
use crate::preset::RunSpec;
use crate::run::{checkpoint::Which, read_json};

/// The number of sentences of a block.
const BLOCK: usize = 2048;

/// A trained network that predicts a tag for every word of a sentence.
#[derive(Debug)]
pub struct Tagger {
    pub(super) network: Network,
    tokens: TokenSpec,
    vocabularies: Vocabularies,
    labels: Vec<String>,
}

/// A sentence with predicted tags.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedSentence {
    /// Its words.
    pub words: Vec<TaggedWord>,
    /// The number of overlapping windows; 1 unless the sentence is longer than the network's input.
    pub windows: usize,
}

/// A word with its predicted tag.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedWord {
    /// The word.
    pub word: String,
    /// The most likely class.
    pub tag: usize,
    /// Its probability.
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

    /// The classes, in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The maximum number of words of a window.
    pub fn length(&self) -> usize {
        self.tokens.length
    }

    /// Splits a text into words with [`split_words`] and the network's vocabulary.
    pub fn words(&self, text: &str) -> Vec<String> {
        let known = self.tokens.known_words(&self.vocabularies);
        split_words(text, |word| known.is_some_and(|known| known.id(word).is_some()))
    }

    /// A stream of words for this network, before the first one.
    ///
    /// # Errors
    /// When the network reads other words than the present one, as in both directions, or several channels.
    pub fn stream(&self) -> Result<NetworkStream<'_>, InferError> {
        NetworkStream::new(&self.network)
    }

    /// Reads a further part of the text of `stream`; returns its words with their tags.
    ///
    /// # Errors
    /// When a probability is not finite.
    pub fn read_on(
        &self,
        stream: &mut NetworkStream<'_>,
        words: &[String],
    ) -> Result<TaggedSentence, InferError> {
        let mut tagged = Vec::with_capacity(words.len());
        // As many at a time as fit in a row.
        for some in words.chunks(self.tokens.length.max(1)) {
            let row = some.iter().map(String::as_str).collect();
            let Inputs::Tokens(ids) = encode_sentences(&self.vocabularies, &self.tokens, &[row])? else {
                continue;
            };
            for (word, id) in some.iter().zip(&ids) {
                let (tag, probability) = most_likely(stream.read(*id)?.iter().copied());
                tagged.push(TaggedWord { word: word.clone(), tag, probability });
            }
        }
        Ok(TaggedSentence { words: tagged, windows: 1 })
    }

    /// Predicts the tag of every word of every sentence.
    ///
    /// # Errors
    /// When the sentences do not fit into memory, or when a probability is not finite.
    pub fn tag<'s>(&self, sentences: &'s [Vec<String>]) -> Result<Vec<TaggedSentence>, InferError> {
        let cut: Vec<Vec<Window>> =
            sentences.iter().map(|words| windows(words.len(), self.tokens.length)).collect();
        let parts = |(words, windows): (&'s Vec<String>, &Vec<Window>)| -> Vec<Vec<&'s str>> {
            let part = |window: &Window| words.get(window.input.clone()).unwrap_or_default();
            windows.iter().map(|window| part(window).iter().map(String::as_str).collect()).collect()
        };
        let input: Vec<Vec<&str>> = sentences.iter().zip(&cut).flat_map(parts).collect();
        let mut predicted = Vec::with_capacity(input.len());
        for block in input.chunks(BLOCK) {
            let inputs = encode_sentences(&self.vocabularies, &self.tokens, block)?;
            let (output, _) = self.network.run(&inputs, 0..block.len(), None)?;
            predicted.extend(
                block.iter().enumerate().map(|(row, words)| most_likely_tags(&output, row, words.len())),
            );
        }
        let mut predicted = predicted.into_iter();
        let tagged = |(words, windows): (&Vec<String>, &Vec<Window>)| {
            // Every sentence has a window, even without words.
            let parts: Vec<_> = windows.iter().zip(predicted.by_ref()).collect();
            let tags = parts.into_iter().flat_map(|(window, tags)| {
                let from = window.used.start - window.input.start;
                tags.into_iter().skip(from).take(window.used.len())
            });
            let word = |(word, (tag, probability)): (&String, (usize, f32))| TaggedWord {
                word: word.clone(),
                tag,
                probability,
            };
            TaggedSentence { words: words.iter().zip(tags).map(word).collect(), windows: windows.len() }
        };
        Ok(sentences.iter().zip(&cut).map(tagged).collect())
    }

    /// Evaluates the network on the run's validation sentences, or on all in the file `moved`, with the overrides `set` of the spec; lists at
    /// most `mistakes` mistakes. Sentences are truncated to [`length`](Self::length), as in training.
    ///
    /// # Errors
    /// When the data are missing or invalid, have other tags, or when the run has no validation data.
    pub fn evaluate(
        &self,
        moved: Option<&Path>,
        set: &[String],
        mistakes: usize,
    ) -> Result<Evaluation, InferError> {
        let spec = self.network.spec_with(moved, set)?;
        let DataSpec::Tags(tags) = &spec.data else {
            let message = format!(
                "{}: this network predicts a tag for every word of a sentence",
                spec.data.source().description()
            );
            return Err(InferError::Task(message));
        };
        let own =
            Some(tags.path.as_path()).filter(|_| self.network.is_untrained() && tags.validation.is_none());
        let moved = moved.or(own);
        // Of a folder of training and test data the test data are evaluated, of others all data.
        let test = moved.and_then(test_of);
        let whole = moved.is_some() && test.is_none();
        let given =
            test.map(|path| Validation::Given(GivenValidation { path, ..GivenValidation::default() }));
        let tags = &TagsSpec { validation: given.or_else(|| tags.validation.clone()), ..tags.clone() };
        let known = (self.labels.as_slice(), &self.vocabularies, &self.tokens);
        let Some(found) = tags.evaluation_set(whole, self.network.spec.train.seed, known)? else {
            let message = "the run has no validation data; name some with --data";
            return Err(InferError::Task(message.to_owned()));
        };
        let unseen = found.unseen.iter().map(|unseen| unseen.label.as_str());
        let evaluator = self.network.evaluator(None);
        let mut evaluator = evaluator.with_chunks(self.labels.iter().map(String::as_str), unseen);
        let mut worst = Worst::new(mistakes);
        for start in (0..found.words.len()).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(found.words.len());
            let (output, part) =
                self.network.run(&found.data.inputs, rows.clone(), Some(&found.data.targets))?;
            evaluator.add(part, self.network.params.regularization_loss());
            for (row, words) in found.words.iter().enumerate().skip(rows.start).take(rows.len()) {
                let Targets::Steps(truth) = &found.data.targets else { continue };
                let predictions = most_likely_tags(&output, row - start, words.len());
                if let Some(chunks) = evaluator.chunks() {
                    let predicted: Vec<usize> = predictions.iter().map(|(class, _)| *class).collect();
                    let actual = truth.row(row).into_iter().take(predicted.len());
                    chunks.add(&actual.map(|class| *class as usize).collect::<Vec<_>>(), &predicted);
                }
                let compared = predictions.into_iter().zip(truth.row(row)).zip(words);
                for (at, (((predicted, probability), actual), word)) in compared.enumerate() {
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
            unseen: found.unseen,
            sentences: Some(Sentences {
                count: found.words.len(),
                truncated: found.truncated,
                length: self.tokens.length,
            }),
        })
    }
}

/// The most likely class and its probability for each of the first `words` steps of a `row`, as far as it reaches.
fn most_likely_tags(output: &Array3<f32>, row: usize, words: usize) -> Vec<(usize, f32)> {
    let steps = output.slice(s![row, .., ..]);
    steps.rows().into_iter().take(words).map(|step| most_likely(step.iter().copied())).collect()
}

/// A window of a sentence.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// The words of the window.
    input: Range<usize>,
    /// The words whose predictions are used.
    used: Range<usize>,
}

/// Divides `words` words into windows of `length` that overlap by half; the predictions for the overlap of two windows are those of the
/// first for its first half, and those of the second for the rest.
fn windows(words: usize, length: usize) -> Vec<Window> {
    let length = length.max(1);
    let last = words.saturating_sub(length);
    let mut starts: Vec<usize> = (0..last).step_by((length / 2).max(1)).collect();
    starts.push(last);
    let mut from = 0;
    let window = |(i, start): (usize, &usize)| {
        let input = *start..(start + length).min(words);
        let to = starts.get(i + 1).map_or(words, |next| (next + input.end).div_ceil(2));
        Window { input, used: std::mem::replace(&mut from, to)..to }
    };
    starts.iter().enumerate().map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_predicted_once_and_away_from_window_edges() {
        for words in 0..60 {
            for length in 1..12 {
                let windows = windows(words, length);
                let used: Vec<usize> = windows.iter().flat_map(|w| w.used.clone()).collect();
                assert_eq!(used, (0..words).collect::<Vec<_>>(), "{words} {length}");
                for Window { input, used } in &windows {
                    assert!(input.len() <= length && input.end <= words);
                    let margin = length / 4;
                    assert!(used.start >= input.start + if input.start > 0 { margin } else { 0 });
                    assert!(used.end + if input.end < words { margin } else { 0 } <= input.end);
                }
            }
        }
        assert_eq!(windows(3, 4), [Window { input: 0..3, used: 0..3 }]);
        let two = [Window { input: 0..4, used: 0..3 }, Window { input: 2..6, used: 3..6 }];
        assert_eq!(windows(6, 4), two);
    }
}
