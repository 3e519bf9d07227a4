use std::path::Path;

use super::holdout::Holdout;
use crate::data::error::DataError;
use crate::data::text::interner::fingerprint;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokenizer::for_each_token;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unseen::Unseen;
use crate::data::text::vocabulary::Vocabulary;

/// Everything that encoding texts depends on.
#[derive(Debug, Clone)]
pub(crate) struct EncoderConfig {
    pub tokens: TokenSpec,
    pub vocabulary: Vocabulary,
    /// Sorted.
    pub labels: Vec<String>,
}

/// A text as the input of a network.
pub(crate) struct Encoded<'a> {
    /// The original text.
    pub text: &'a str,
    /// One id a step, `[length]`.
    pub row: &'a [u32],
    pub class: u32,
}

/// A fingerprint of texts and labels that depends on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowsFingerprint {
    texts: u64,
    hash: u64,
}

impl RowsFingerprint {
    /// Adds the next row; `text` is the fingerprint of its text.
    pub fn add(&mut self, text: u64, label: &str) {
        self.texts += 1;
        let both = text ^ fingerprint(label).rotate_left(32);
        self.hash = (self.hash.rotate_left(5) ^ both).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The texts of a source to be encoded.
#[derive(Debug, Clone)]
pub(crate) enum Subset {
    Whole,
    /// Those that are not held out.
    Train(Holdout),
    /// Those that are.
    HeldOut(Holdout),
}

impl Subset {
    fn has(&self, fingerprint: u64) -> bool {
        match self {
            Self::Whole => true,
            Self::Train(holdout) => holdout.rank(fingerprint).is_none(),
            Self::HeldOut(holdout) => holdout.rank(fingerprint).is_some(),
        }
    }
}

/// Encodes the texts of `subset` as rows of ids and passes each to `each`.
pub(crate) struct Encoder<'a, E> {
    config: &'a EncoderConfig,
    subset: &'a Subset,
    each: E,
    word: String,
    ids: Vec<u32>,
    row: Vec<u32>,
    /// Of all texts, in the subset or not.
    pub(super) fingerprint: RowsFingerprint,
    /// Labels that the training data have not.
    pub unseen: Unseen,
    /// Texts of the subset.
    pub encoded: usize,
    skipped: usize,
    /// The number of encoded words, and of those among them that are not in the vocabulary.
    words: u64,
    unknown: u64,
}

impl<'a, E: FnMut(&Encoded<'_>) -> Result<(), DataError>> Encoder<'a, E> {
    pub fn new(config: &'a EncoderConfig, subset: &'a Subset, each: E) -> Self {
        Self {
            config,
            subset,
            each,
            word: String::new(),
            ids: Vec::new(),
            row: vec![Vocabulary::PADDING; config.tokens.length],
            fingerprint: RowsFingerprint::default(),
            unseen: Unseen::default(),
            encoded: 0,
            skipped: 0,
            words: 0,
            unknown: 0,
        }
    }

    /// The share of encoded words that are not in the vocabulary.
    pub fn unknown(&self) -> f64 {
        self.unknown as f64 / self.words.max(1) as f64
    }

    fn encode(&mut self, text: &str) {
        let EncoderConfig { tokens, vocabulary, .. } = self.config;
        self.ids.clear();
        for_each_token(text, tokens.tokenizer(), &mut self.word, |word| {
            self.ids.push(vocabulary.id(word).unwrap_or(Vocabulary::UNKNOWN));
        });
        let ids = self.ids.get(tokens.truncated_range(self.ids.len())).unwrap_or_default();
        self.words += ids.len() as u64;
        self.unknown += ids.iter().filter(|id| **id == Vocabulary::UNKNOWN).count() as u64;
        self.row.fill(Vocabulary::PADDING);
        let steps = self.row.iter_mut().skip(tokens.first_step(self.ids.len()));
        steps.zip(ids).for_each(|(step, id)| *step = *id);
    }
}

impl<E: FnMut(&Encoded<'_>) -> Result<(), DataError>> Sink for Encoder<'_, E> {
    fn push(&mut self, text: &str, label: &str, _: &Path, _: Option<u64>) -> Result<(), DataError> {
        let fingerprint = fingerprint(text);
        self.fingerprint.add(fingerprint, label);
        if !self.subset.has(fingerprint) {
            return Ok(());
        }
        let class = self.unseen.class(label, &self.config.labels);
        self.encoded += 1;
        self.encode(text);
        (self.each)(&Encoded { text, row: &self.row, class })
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn texts(&self) -> usize {
        self.fingerprint.texts as usize
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}
