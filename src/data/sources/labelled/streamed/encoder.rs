use std::path::Path;

use super::holdout::Draw;
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::text::interner::print;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::tokens::for_each_token;
use crate::data::text::vocabulary::Vocabulary;

/// What texts are encoded by.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub tokens: TokenSpec,
    pub vocabulary: Vocabulary,
    /// Sorted.
    pub labels: Vec<String>,
}

/// A text as a network reads it.
pub(crate) struct Encoded<'a> {
    /// As it is written.
    pub text: &'a str,
    /// As many ids as a row has steps.
    pub row: &'a [u32],
    pub class: u32,
}

/// A print of texts with their labels in their order: other rows, or another order, are another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Trace {
    texts: u64,
    hash: u64,
}

impl Trace {
    /// `text` is the print of the next text.
    pub fn add(&mut self, text: u64, label: &str) {
        self.texts += 1;
        let both = text ^ print(label).rotate_left(32);
        self.hash = (self.hash.rotate_left(5) ^ both).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Which texts of a source are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Whole,
    /// What is not held back.
    Learnt(Draw),
    /// What is.
    Held(Draw),
}

impl Part {
    fn has(&self, print: u64) -> bool {
        match self {
            Self::Whole => true,
            Self::Learnt(draw) => draw.rank(print).is_none(),
            Self::Held(draw) => draw.rank(print).is_some(),
        }
    }
}

/// Makes rows of ids of the texts of `part`, and hands each on.
pub(crate) struct Encoder<'a, E> {
    known: &'a Known,
    part: &'a Part,
    each: E,
    word: String,
    ids: Vec<u32>,
    row: Vec<u32>,
    /// Of all texts, wanted or not.
    pub(super) trace: Trace,
    skipped: usize,
    /// Words of the wanted texts that stay in their rows, and those among them that the vocabulary does not have.
    kept: u64,
    unknown: u64,
}

impl<'a, E: FnMut(&Encoded<'_>) -> Result<(), DataError>> Encoder<'a, E> {
    pub fn new(known: &'a Known, part: &'a Part, each: E) -> Self {
        Self {
            known,
            part,
            each,
            word: String::new(),
            ids: Vec::new(),
            row: vec![Vocabulary::PADDING; known.tokens.length],
            trace: Trace::default(),
            skipped: 0,
            kept: 0,
            unknown: 0,
        }
    }

    /// The share of the words that the vocabulary does not have.
    pub fn unknown(&self) -> f64 {
        self.unknown as f64 / self.kept.max(1) as f64
    }

    fn encode(&mut self, text: &str) {
        let Known { tokens, vocabulary, .. } = self.known;
        self.ids.clear();
        for_each_token(text, tokens.level, &mut self.word, |word| {
            self.ids.push(vocabulary.id(word).unwrap_or(Vocabulary::UNKNOWN));
        });
        let kept = self.ids.get(tokens.kept(self.ids.len())).unwrap_or_default();
        self.kept += kept.len() as u64;
        self.unknown += kept.iter().filter(|id| **id == Vocabulary::UNKNOWN).count() as u64;
        self.row.fill(Vocabulary::PADDING);
        let steps = self.row.iter_mut().skip(tokens.first_step(self.ids.len()));
        steps.zip(kept).for_each(|(step, id)| *step = *id);
    }
}

impl<E: FnMut(&Encoded<'_>) -> Result<(), DataError>> Sink for Encoder<'_, E> {
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError> {
        let print = print(text);
        self.trace.add(print, label);
        if !self.part.has(print) {
            return Ok(());
        }
        let labels = &self.known.labels;
        let Ok(class) = labels.binary_search_by(|known| known.as_str().cmp(label)) else {
            let known = listed(labels.iter().map(String::as_str));
            let expected = format!("a label of the training data: {known}");
            return Err(DataError::content(path, line, format!("the label {}", quoted(label)), expected));
        };
        self.encode(text);
        (self.each)(&Encoded { text, row: &self.row, class: class as u32 })
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn len(&self) -> usize {
        self.trace.texts as usize
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}
