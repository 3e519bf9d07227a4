use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array2;

use super::encoder::RowsFingerprint;
use super::holdout::Holdout;
use super::label_mixing::LabelMixing;
use super::word_counts::WordCounts;
use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::quoted;
use crate::data::text::corpus::blank;
use crate::data::text::interner::fingerprint;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokenizer::for_each_token;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;

/// Upper bounds of memory for a first pass, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryLimits {
    /// For counting words.
    pub words: usize,
    /// For held-out texts.
    pub held_out: usize,
    /// For a separate file of validation texts: a larger one is streamed.
    pub validation: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { words: 128 << 20, held_out: 128 << 20, validation: 128 << 20 }
    }
}

/// Upper bounds of the number of labels and of the bytes of their names: a column with more does not hold classes.
const MOST_LABELS: usize = 1 << 16;
const MOST_LABEL_BYTES: usize = 16 << 20;
/// Training texts that are stored for inspection.
const HEAD: usize = 64;

/// The words of a text that remain after truncation, joined by NUL, which no text contains.
type JoinedWords = Box<str>;

/// The first pass over a file: counts words and labels, and stores the held-out texts.
pub(super) struct FirstPass<'a> {
    tokens: &'a TokenSpec,
    holdout: Option<Holdout>,
    pub word_counts: WordCounts,
    pub labels: Labels,
    pub held_out: HeldOut,
    /// The first training texts, with the numbers of their labels.
    head: Vec<(JoinedWords, usize)>,
    pub fingerprint: RowsFingerprint,
    /// The number of training texts.
    pub train_texts: usize,
    pub label_mixing: LabelMixing,
    /// The fingerprints of the texts of a separate validation file, and whether each also appears in this file.
    pub shared: HashMap<u64, bool>,
    skipped: usize,
    texts: usize,
    word: String,
    stopped: &'a AtomicBool,
}

impl<'a> FirstPass<'a> {
    pub fn new(
        tokens: &'a TokenSpec,
        holdout: Option<Holdout>,
        buffer: usize,
        limits: MemoryLimits,
        stopped: &'a AtomicBool,
    ) -> Self {
        Self {
            tokens,
            holdout,
            word_counts: WordCounts::new(limits.words),
            labels: Labels::default(),
            held_out: HeldOut::new(limits.held_out),
            head: Vec::new(),
            fingerprint: RowsFingerprint::default(),
            train_texts: 0,
            label_mixing: LabelMixing::new(buffer),
            shared: HashMap::new(),
            skipped: 0,
            texts: 0,
            word: String::new(),
            stopped,
        }
    }

    /// The first training texts; `class_of` maps the number of a label to its class.
    pub fn head(&self, vocabulary: &Vocabulary, class_of: &[u32]) -> Result<Dataset, DataError> {
        let head = self.head.iter().map(|(words, label)| (words, *label));
        Ok(encoded(head, self.head.len(), vocabulary, class_of, self.tokens)?.0)
    }

    /// The stored held-out texts, and the share of their words that are not in `vocabulary`.
    pub fn held_out(&self, vocabulary: &Vocabulary, class_of: &[u32]) -> Result<(Dataset, f64), DataError> {
        let texts = self.held_out.texts.iter().map(|text| (&text.words, text.label));
        encoded(texts, self.held_out.texts.len(), vocabulary, class_of, self.tokens)
    }

    fn joined_words(&mut self, text: &str) -> JoinedWords {
        let mut words: Vec<String> = Vec::new();
        for_each_token(text, self.tokens.tokenizer(), &mut self.word, |word| words.push(word.to_owned()));
        words.get(self.tokens.truncated_range(words.len())).unwrap_or_default().join("\0").into()
    }
}

/// Encodes texts as rows with classes; also returns the share of unknown words.
fn encoded<'k>(
    texts: impl Iterator<Item = (&'k JoinedWords, usize)>,
    count: usize,
    vocabulary: &Vocabulary,
    class_of: &[u32],
    tokens: &TokenSpec,
) -> Result<(Dataset, f64), DataError> {
    let mut rows: Array2<u32> = blank(count, tokens.length)?;
    let (mut classes, mut words, mut unknown) = (Vec::with_capacity(count), 0_usize, 0_usize);
    for (mut row, (joined, label)) in rows.rows_mut().into_iter().zip(texts) {
        let ids = joined.split('\0').filter(|_| !joined.is_empty());
        let ids: Vec<u32> = ids.map(|word| vocabulary.id(word).unwrap_or(Vocabulary::UNKNOWN)).collect();
        words += ids.len();
        unknown += ids.iter().filter(|id| **id == Vocabulary::UNKNOWN).count();
        row.iter_mut().zip(tokens.pad(&ids)).for_each(|(step, id)| *step = id);
        classes.push(class_of.get(label).copied().unwrap_or_default());
    }
    let data = Dataset { inputs: Inputs::Tokens(rows), targets: Targets::Classes(classes) };
    Ok((data, unknown as f64 / words.max(1) as f64))
}

impl Sink for FirstPass<'_> {
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError> {
        super::check_stopped(self.stopped, path)?;
        self.texts += 1;
        let fingerprint = fingerprint(text);
        self.fingerprint.add(fingerprint, label);
        let label = self.labels.number(label, path, line)?;
        if let Some(shared) = self.shared.get_mut(&fingerprint) {
            *shared = true;
        }
        if let Some(rank) = self.holdout.as_ref().and_then(|holdout| holdout.rank(fingerprint)) {
            if self.held_out.accepts(rank) {
                let words = self.joined_words(text);
                self.held_out.push(HeldOutText { rank, label, words });
            }
            return Ok(());
        }
        self.train_texts += 1;
        self.labels.count(label);
        self.label_mixing.add(label);
        if self.head.len() < HEAD {
            let words = self.joined_words(text);
            self.head.push((words, label));
        }
        for_each_token(text, self.tokens.tokenizer(), &mut self.word, |word| self.word_counts.count(word));
        Ok(())
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn texts(&self) -> usize {
        self.texts
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}

/// The labels of a file, numbered in order of first appearance, with the number of training texts of each.
#[derive(Debug, Default)]
pub(super) struct Labels {
    numbers: HashMap<String, usize>,
    counts: Vec<usize>,
    bytes: usize,
}

impl Labels {
    fn number(&mut self, label: &str, path: &Path, line: Option<u64>) -> Result<usize, DataError> {
        if let Some(number) = self.numbers.get(label) {
            return Ok(*number);
        }
        let number = self.counts.len();
        self.bytes += label.len();
        if number >= MOST_LABELS || self.bytes > MOST_LABEL_BYTES {
            let found =
                format!("more than {} labels, the next is {}", number::count(number as u64), quoted(label));
            let expected = "the name of one of the classes; data.label names another column";
            return Err(DataError::content(path, line, found, expected));
        }
        self.numbers.insert(label.to_owned(), number);
        self.counts.push(0);
        Ok(number)
    }

    fn count(&mut self, number: usize) {
        if let Some(count) = self.counts.get_mut(number) {
            *count += 1;
        }
    }

    /// The labels in sorted order with their numbers of training texts, and the class of each label number. Unless `all`, labels without
    /// a training text are left out.
    pub fn classes(&self, all: bool) -> (Vec<(String, usize)>, Vec<u32>) {
        let count = |number: &usize| self.counts.get(*number).copied().unwrap_or_default();
        let mut classes: Vec<_> =
            self.numbers.iter().filter(|(_, number)| all || count(number) > 0).collect();
        classes.sort_unstable();
        let mut class_of = vec![0; self.counts.len()];
        for (class, (_, number)) in classes.iter().enumerate() {
            if let Some(slot) = class_of.get_mut(**number) {
                *slot = class as u32;
            }
        }
        (classes.into_iter().map(|(label, number)| (label.clone(), count(number))).collect(), class_of)
    }
}

/// Held-out texts: all of them, or those of the lowest ranks where not all fit into memory.
#[derive(Debug)]
pub(super) struct HeldOut {
    texts: Vec<HeldOutText>,
    bytes: usize,
    most_bytes: usize,
    /// Texts of a rank below it are stored.
    below: f64,
    /// The number of held-out texts, stored or not.
    pub total: usize,
}

#[derive(Debug)]
struct HeldOutText {
    rank: f64,
    label: usize,
    words: JoinedWords,
}

impl HeldOutText {
    fn bytes(&self) -> usize {
        self.words.len() + size_of::<Self>() + 16
    }
}

impl HeldOut {
    fn new(most_bytes: usize) -> Self {
        Self { texts: Vec::new(), bytes: 0, most_bytes, below: 1.0, total: 0 }
    }

    /// The number of stored texts.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Counts a held-out text of this rank; whether it is to be stored.
    fn accepts(&mut self, rank: f64) -> bool {
        self.total += 1;
        rank < self.below
    }

    fn push(&mut self, text: HeldOutText) {
        self.bytes += text.bytes();
        self.texts.push(text);
        while self.bytes > self.most_bytes && !self.texts.is_empty() {
            self.below /= 2.0;
            self.texts.retain(|text| text.rank < self.below);
            self.bytes = self.texts.iter().map(HeldOutText::bytes).sum();
        }
    }
}
