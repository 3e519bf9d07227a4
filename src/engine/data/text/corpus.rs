//! Labelled texts of one source, with words as numbers, before a vocabulary is built.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use ndarray::Array2;

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::text::interner::{Words, fingerprint};
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokenizer::{Tokenizer, for_each_token};
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unknown_words::UnknownWords;
use crate::data::text::unseen::Unseen;
use crate::data::text::vocabulary::Vocabulary;
use crate::memory;

/// The texts of one split as numbers of words; the original texts are stored only on request.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    words: Words,
    /// The words of all texts, one text after the other.
    numbers: Vec<u32>,
    /// Where in `numbers` each text ends.
    ends: Vec<usize>,
    /// The label of each text, in `labels`.
    label_of: Vec<u32>,
    labels: Vec<Label>,
    label_numbers: HashMap<String, u32>,
    /// The labels that each of `labels` combines, if texts may have several.
    sets: Option<Vec<Vec<String>>>,
    /// The separator of labels in one field, if specified.
    separator: Option<char>,
    word: String,
    tokenizer: Tokenizer,
    /// A fingerprint of each text.
    fingerprints: Vec<u64>,
    /// The original texts, if stored.
    pub texts: Option<Vec<String>>,
    /// The number of invalid rows skipped.
    pub skipped: usize,
}

/// A label, and its number of texts.
#[derive(Debug, Clone)]
struct Label {
    name: String,
    count: usize,
}

impl Corpus {
    /// Creates an empty corpus of tokens as `tokenizer` divides texts; `keep_texts` stores the original texts too.
    pub fn new(tokenizer: impl Into<Tokenizer>, keep_texts: bool) -> Self {
        Self { tokenizer: tokenizer.into(), texts: keep_texts.then(Vec::new), ..Self::default() }
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str, label: &str) {
        for_each_token(text, self.tokenizer, &mut self.word, |word| {
            self.numbers.push(self.words.count(word))
        });
        self.ends.push(self.numbers.len());
        self.fingerprints.push(fingerprint(text));
        if let Some(texts) = &mut self.texts {
            texts.push(text.to_owned());
        }
        let number = match self.label_numbers.get(label) {
            Some(number) => *number,
            None => {
                let number = self.labels.len() as u32;
                self.label_numbers.insert(label.into(), number);
                self.labels.push(Label { name: label.into(), count: 0 });
                number
            }
        };
        self.label_of.push(number);
        if let Some(label) = self.labels.get_mut(number as usize) {
            label.count += 1;
        }
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fingerprint of each text, and the number of its label in order of first appearance; 0 for all if texts may have several labels.
    pub fn fingerprints(&self) -> impl Iterator<Item = (u64, usize)> {
        let one = usize::from(self.sets.is_none());
        self.fingerprints.iter().copied().zip(self.label_of.iter().map(move |label| *label as usize * one))
    }

    /// Splits each label into several labels at `separator`, or at a detected one.
    pub fn split_labels(&mut self, separator: Option<char>) {
        self.separator = separator;
        self.sets = Some(label_set::split(self.labels.iter().map(|label| label.name.as_str()), separator));
    }

    /// Whether texts may have several labels.
    pub fn is_multi_label(&self) -> bool {
        self.sets.is_some()
    }

    /// The corpus of the texts with these indices, in this order.
    pub fn subset(&self, texts: &[usize]) -> Self {
        let (words, sets) = (self.words.uncounted(), self.sets.clone());
        let mut subset =
            Self { words, sets, separator: self.separator, tokenizer: self.tokenizer, ..Self::default() };
        subset.labels = self.labels.iter().map(|label| Label { count: 0, ..label.clone() }).collect();
        subset.texts = self.texts.is_some().then(Vec::new);
        for text in texts {
            let numbers = self.text(*text);
            numbers.iter().for_each(|number| subset.words.increment(*number));
            subset.numbers.extend_from_slice(numbers);
            subset.ends.push(subset.numbers.len());
            subset.fingerprints.extend(self.fingerprints.get(*text));
            subset.label_of.extend(self.label_of.get(*text));
            if let Some(label) =
                self.label_of.get(*text).and_then(|label| subset.labels.get_mut(*label as usize))
            {
                label.count += 1;
            }
            if let (Some(selected), Some(all)) = (&mut subset.texts, &self.texts) {
                selected.extend(all.get(*text).cloned());
            }
        }
        subset
    }

    /// The word numbers of a text.
    fn text(&self, text: usize) -> &[u32] {
        let start = text.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(text).copied().unwrap_or(start);
        self.numbers.get(start..end).unwrap_or_default()
    }

    /// The number of texts of `other` that also appear in this corpus.
    pub fn shared(&self, other: &Self) -> usize {
        let mine: HashSet<u64> = self.fingerprints.iter().copied().collect();
        other.fingerprints.iter().filter(|fingerprint| mine.contains(fingerprint)).count()
    }

    /// The classes: sorted labels, each with its number of texts.
    pub fn classes(&self) -> Vec<(&str, usize)> {
        if let Some(sets) = &self.sets {
            let mut counts = BTreeMap::new();
            let present = sets.iter().zip(&self.labels).filter(|(_, label)| label.count > 0);
            for (name, label) in present.flat_map(|(set, label)| set.iter().map(move |name| (name, label))) {
                *counts.entry(name.as_str()).or_default() += label.count;
            }
            return counts.into_iter().collect();
        }
        let mut classes: Vec<_> = self
            .labels
            .iter()
            .map(|label| (label.name.as_str(), label.count))
            .filter(|(_, n)| *n > 0)
            .collect();
        classes.sort_unstable();
        classes
    }

    /// Builds the vocabulary of these texts, of at most `size` entries.
    pub fn vocabulary(&self, size: usize) -> Vocabulary {
        Vocabulary::of_counts(self.word_counts(), size)
    }

    /// The words of these texts with their numbers of occurrences.
    pub fn word_counts(&self) -> impl Iterator<Item = (&str, u64)> + Clone {
        self.words.iter().map(|(word, _, count)| (word, count)).filter(|(_, count)| *count > 0)
    }

    /// The number of texts without a word.
    pub fn empty(&self) -> usize {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter(|(start, end)| start == *end).count()
    }

    /// The number of words that occur at least `least` times.
    pub fn words_at_least(&self, least: u64) -> usize {
        self.words.iter().filter(|(_, _, count)| *count >= least.max(1)).count()
    }

    /// Encodes the texts as rows of ids `[text, step]` with classes as indices into `labels` (sorted), or behind them where `labels` have
    /// not that one: those are collected in `unseen`. Also returns the share of encoded words that are not in `vocabulary`.
    ///
    /// # Errors
    /// Rows that do not fit in memory.
    pub fn encode(
        &self,
        labels: &[String],
        vocabulary: &Vocabulary,
        spec: &TokenSpec,
        unseen: &mut Unseen,
    ) -> Result<(Dataset, f64), DataError> {
        let targets = self.targets(labels, unseen);
        let mut id_of = vec![Vocabulary::UNKNOWN; self.words.distinct()];
        for (word, number, _) in self.words.iter() {
            if let (Some(slot), Some(id)) = (id_of.get_mut(number as usize), vocabulary.id(word)) {
                *slot = id;
            }
        }
        let mut tokens = blank(self.len(), spec.length)?;
        let (mut words, mut unknown) = (0_u64, 0_u64);
        for (i, mut row) in tokens.rows_mut().into_iter().enumerate() {
            let text = self.text(i);
            let numbers = text.get(spec.truncated_range(text.len())).unwrap_or_default();
            words += numbers.len() as u64;
            for (step, number) in row.iter_mut().skip(spec.first_step(text.len())).zip(numbers) {
                *step = id_of.get(*number as usize).copied().unwrap_or(Vocabulary::UNKNOWN);
                unknown += u64::from(*step == Vocabulary::UNKNOWN);
            }
        }
        let data = Dataset { inputs: Inputs::Tokens(tokens), targets };
        Ok((data, unknown as f64 / words.max(1) as f64))
    }

    /// The words of these texts, as far as [`encode`](Self::encode) reads them, that `vocabulary` does not have.
    pub fn unknown_words(&self, vocabulary: &Vocabulary, spec: &TokenSpec) -> UnknownWords {
        let mut unknown = UnknownWords::default();
        let mut place_of: Vec<Option<u32>> = vec![None; self.words.distinct()];
        let words = self.words.iter().filter(|(word, _, count)| *count > 0 && vocabulary.id(word).is_none());
        for (word, number, _) in words {
            if let Some(slot) = place_of.get_mut(number as usize) {
                *slot = Some(unknown.add_word(word));
            }
        }
        for text in (0..self.len()).map(|text| self.text(text)) {
            let read = text.get(spec.truncated_range(text.len())).unwrap_or_default();
            unknown.add_text(read.iter().filter_map(|number| *place_of.get(*number as usize)?));
        }
        unknown
    }

    /// The target of each text: its class as an index into `labels`, or a 0/1 vector of several labels.
    fn targets(&self, labels: &[String], unseen: &mut Unseen) -> Targets {
        // Labels without a text here, which appear in the other split alone, have no class.
        let present = |label: &Label| label.count > 0;
        let Some(guessed) = &self.sets else {
            let mut class = |label: &Label| unseen.class_of(&label.name, labels, label.count);
            let class_of = self.labels.iter().map(|label| if present(label) { class(label) } else { 0 });
            let class_of: Vec<u32> = class_of.collect();
            let classes = self.label_of.iter().filter_map(|number| class_of.get(*number as usize).copied());
            return Targets::Classes(classes.collect());
        };
        // The separator was detected from this file alone: known labels may show a better one.
        let names = self.labels.iter().filter(|_| self.separator.is_none()).map(|label| label.name.as_str());
        let known = label_set::split_by_known(names, labels);
        let sets = known.as_ref().unwrap_or(guessed);
        let classes = sets.iter().zip(&self.labels).map(|(set, label)| match present(label) {
            true => set.iter().map(|name| unseen.class_of(name, labels, label.count)).collect(),
            false => Vec::new(),
        });
        let classes: Vec<Vec<u32>> = classes.collect();
        let mut targets = Array2::zeros((self.len(), labels.len()));
        for (mut row, number) in targets.rows_mut().into_iter().zip(&self.label_of) {
            for class in classes.get(*number as usize).into_iter().flatten() {
                if let Some(target) = row.get_mut(*class as usize) {
                    *target = 1.0;
                }
            }
        }
        Targets::Labels(targets)
    }
}

impl Sink for Corpus {
    fn push(&mut self, text: &str, label: &str, _: &Path, _: Option<u64>) -> Result<(), DataError> {
        Self::push(self, text, label);
        Ok(())
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn texts(&self) -> usize {
        Self::len(self)
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}

/// Rows of padding.
pub(crate) fn blank(rows: usize, length: usize) -> Result<Array2<u32>, DataError> {
    let mut ids = Vec::new();
    let fits = |size: &usize| {
        let bytes = (*size as u64).saturating_mul(size_of::<u32>() as u64);
        memory::available(1).is_none_or(|available| bytes <= available.bytes)
    };
    let size = rows.checked_mul(length).filter(fits).filter(|size| ids.try_reserve_exact(*size).is_ok());
    let filled = size.and_then(|size| {
        ids.resize(size, Vocabulary::PADDING);
        Array2::from_shape_vec((rows, length), ids).ok()
    });
    filled.ok_or_else(|| DataError::Setting {
        field: "tokens.length".into(),
        found: length.to_string(),
        expected: format!("a length at which {rows} rows fit in memory"),
    })
}

#[cfg(test)]
impl Corpus {
    /// The words of every text, with its class.
    pub fn sentences(&self) -> Vec<(Vec<String>, u32)> {
        let mut names = vec![String::new(); self.words.distinct()];
        self.words.iter().for_each(|(word, number, _)| names[number as usize] = word.to_owned());
        let classes: Vec<&str> = self.classes().iter().map(|(label, _)| *label).collect();
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).map(|(start, end)| &self.numbers[start..*end]);
        texts
            .zip(&self.label_of)
            .map(|(text, label)| {
                let words = text.iter().map(|number| names[*number as usize].clone()).collect();
                let class = classes.binary_search(&self.labels[*label as usize].name.as_str()).unwrap();
                (words, class as u32)
            })
            .collect()
    }
}
