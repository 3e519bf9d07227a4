use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array2;

use super::encoder::Trace;
use super::holdout::Draw;
use super::label_counts::Tally;
use super::label_mixing::Mixture;
use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::quoted;
use crate::data::text::corpus::blank;
use crate::data::text::interner::print;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::tokens::for_each_token;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;

/// What may be held of a file while it goes by, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Words that are counted.
    pub words: usize,
    /// The words of texts that are held back.
    pub held: usize,
    /// Validation texts of their own, as they stand in their file: more are streamed.
    pub validation: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { words: 128 << 20, held: 128 << 20, validation: 128 << 20 }
    }
}

/// Labels at most, and bytes of all their names: with more, they are no names of classes.
const MOST_LABELS: usize = 1 << 16;
const MOST_LABEL_BYTES: usize = 16 << 20;
/// Training texts that are kept to be looked at, where no others are.
const HEAD: usize = 64;

/// The words of a text that stay in its row, a NUL between two; texts have none.
type Kept = Box<str>;

/// Goes through a file once: what words and labels there are, and what is held back.
pub(super) struct Survey<'a> {
    tokens: &'a TokenSpec,
    draw: Option<Draw>,
    pub tally: Tally,
    pub labels: Labels,
    pub held: Held,
    /// The first texts to learn from, with the numbers of their labels.
    head: Vec<(Kept, usize)>,
    pub trace: Trace,
    /// Texts to learn from.
    pub learnt: usize,
    pub mixture: Mixture,
    /// The prints of validation texts of their own, and whether each was met.
    pub met: HashMap<u64, bool>,
    skipped: usize,
    texts: usize,
    word: String,
    stopped: &'a AtomicBool,
}

impl<'a> Survey<'a> {
    pub fn new(
        tokens: &'a TokenSpec,
        draw: Option<Draw>,
        buffer: usize,
        room: Room,
        stopped: &'a AtomicBool,
    ) -> Self {
        Self {
            tokens,
            draw,
            tally: Tally::new(room.words),
            labels: Labels::default(),
            held: Held::new(room.held),
            head: Vec::new(),
            trace: Trace::default(),
            learnt: 0,
            mixture: Mixture::new(buffer),
            met: HashMap::new(),
            skipped: 0,
            texts: 0,
            word: String::new(),
            stopped,
        }
    }

    /// The first texts to learn from; `class_of` has the class of each label by its number.
    pub fn head(&self, vocabulary: &Vocabulary, class_of: &[u32]) -> Result<Dataset, DataError> {
        let head = self.head.iter().map(|(kept, label)| (kept, *label));
        Ok(encoded(head, self.head.len(), vocabulary, class_of, self.tokens)?.0)
    }

    /// What is held of the texts held back, and the share of their words that `vocabulary` does not have.
    pub fn held(&self, vocabulary: &Vocabulary, class_of: &[u32]) -> Result<(Dataset, f64), DataError> {
        let held = self.held.texts.iter().map(|text| (&text.kept, text.label));
        encoded(held, self.held.texts.len(), vocabulary, class_of, self.tokens)
    }

    fn kept(&mut self, text: &str) -> Kept {
        let mut words: Vec<String> = Vec::new();
        for_each_token(text, self.tokens.level, &mut self.word, |word| words.push(word.to_owned()));
        words.get(self.tokens.kept(words.len())).unwrap_or_default().join("\0").into()
    }
}

/// Texts as rows with classes.
fn encoded<'k>(
    texts: impl Iterator<Item = (&'k Kept, usize)>,
    count: usize,
    vocabulary: &Vocabulary,
    class_of: &[u32],
    tokens: &TokenSpec,
) -> Result<(Dataset, f64), DataError> {
    let mut rows: Array2<u32> = blank(count, tokens.length)?;
    let (mut classes, mut words, mut unknown) = (Vec::with_capacity(count), 0_usize, 0_usize);
    for (mut row, (kept, label)) in rows.rows_mut().into_iter().zip(texts) {
        let ids = kept.split('\0').filter(|_| !kept.is_empty());
        let ids: Vec<u32> = ids.map(|word| vocabulary.id(word).unwrap_or(Vocabulary::UNKNOWN)).collect();
        words += ids.len();
        unknown += ids.iter().filter(|id| **id == Vocabulary::UNKNOWN).count();
        row.iter_mut().zip(tokens.pad(&ids)).for_each(|(step, id)| *step = id);
        classes.push(class_of.get(label).copied().unwrap_or_default());
    }
    let data = Dataset { inputs: Inputs::Tokens(rows), targets: Targets::Classes(classes) };
    Ok((data, unknown as f64 / words.max(1) as f64))
}

impl Sink for Survey<'_> {
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError> {
        super::unless(self.stopped, path)?;
        self.texts += 1;
        let print = print(text);
        self.trace.add(print, label);
        let label = self.labels.number(label, path, line)?;
        if let Some(met) = self.met.get_mut(&print) {
            *met = true;
        }
        if let Some(rank) = self.draw.as_ref().and_then(|draw| draw.rank(print)) {
            if self.held.takes(rank) {
                let kept = self.kept(text);
                self.held.push(HeldText { rank, label, kept });
            }
            return Ok(());
        }
        self.learnt += 1;
        self.labels.learnt(label);
        self.mixture.add(label);
        if self.head.len() < HEAD {
            let kept = self.kept(text);
            self.head.push((kept, label));
        }
        for_each_token(text, self.tokens.level, &mut self.word, |word| self.tally.count(word));
        Ok(())
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn len(&self) -> usize {
        self.texts
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}

/// The labels of a file by number, in the order in which they came, with the training texts of each.
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
            let found = format!("one label more than {}, {}", number::count(number as u64), quoted(label));
            let expected = "the name of one of the classes; data.label names another column";
            return Err(DataError::content(path, line, found, expected));
        }
        self.numbers.insert(label.to_owned(), number);
        self.counts.push(0);
        Ok(number)
    }

    fn learnt(&mut self, number: usize) {
        if let Some(count) = self.counts.get_mut(number) {
            *count += 1;
        }
    }

    /// The labels in sorted order with their training texts, and the class of each number. Without `all` those alone that have a text.
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

/// Texts that are held back: all of them, or where there is no room for all those of the lowest ranks.
#[derive(Debug)]
pub(super) struct Held {
    texts: Vec<HeldText>,
    bytes: usize,
    most_bytes: usize,
    /// Ranks below it are held.
    below: f64,
    /// Texts held back, held or not.
    pub drawn: usize,
}

#[derive(Debug)]
struct HeldText {
    rank: f64,
    label: usize,
    kept: Kept,
}

impl HeldText {
    fn bytes(&self) -> usize {
        self.kept.len() + size_of::<Self>() + 16
    }
}

impl Held {
    fn new(most_bytes: usize) -> Self {
        Self { texts: Vec::new(), bytes: 0, most_bytes, below: 1.0, drawn: 0 }
    }

    /// Texts that are held.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// A text of this rank was held back; whether there is room for it.
    fn takes(&mut self, rank: f64) -> bool {
        self.drawn += 1;
        rank < self.below
    }

    fn push(&mut self, text: HeldText) {
        self.bytes += text.bytes();
        self.texts.push(text);
        while self.bytes > self.most_bytes && !self.texts.is_empty() {
            self.below /= 2.0;
            self.texts.retain(|text| text.rank < self.below);
            self.bytes = self.texts.iter().map(HeldText::bytes).sum();
        }
    }
}
