use std::borrow::Cow;

use crate::data::text::interner::WordTable;

/// Word frequencies, counted in bounded memory.
///
/// Where the table does not fit all different words, the rarest are evicted ("lossy counting", Manku & Motwani 2002): each time the table
/// is full, a bound is raised until at least half of the entries are at or below it, and these are removed. A word that is inserted after
/// that may have been counted and evicted up to that bound before. So counts are too small by at most [`WordCounts::missed`], and every
/// word that is more frequent than that has an entry.
#[derive(Debug)]
pub(super) struct WordCounts {
    counts: WordTable<WordCount>,
    /// The size of all entries.
    bytes: usize,
    most_bytes: usize,
    missed: u64,
    words: u64,
}

#[derive(Debug, Clone, Copy)]
struct WordCount {
    seen: u64,
    /// An upper bound of occurrences before its entry was inserted.
    before: u64,
}

impl WordCount {
    fn most(self) -> u64 {
        self.seen + self.before
    }
}

impl WordCounts {
    /// Creates an empty table of about `most_bytes` bytes at most.
    pub fn new(most_bytes: usize) -> Self {
        Self { counts: WordTable::default(), bytes: 0, most_bytes, missed: 0, words: 0 }
    }

    /// Counts a word.
    pub fn count(&mut self, word: &str) {
        self.words += 1;
        if let Some(count) = self.counts.get_mut(word) {
            count.seen += 1;
            return;
        }
        self.counts.insert(word, WordCount { seen: 1, before: self.missed });
        self.bytes += WordTable::<WordCount>::entry_size(word);
        while self.bytes > self.most_bytes && self.counts.len() > 0 {
            self.evict();
        }
    }

    /// Removes at least the rarer half of the entries.
    fn evict(&mut self) {
        let mut most: Vec<u64> = self.counts.values().map(|count| count.most()).collect();
        let middle = most.len() / 2;
        let bound = *most.select_nth_unstable(middle).1;
        self.missed = self.missed.max(bound);
        self.counts.retain(|count| count.most() > bound);
        let left = self.counts.iter_where(|_| true);
        self.bytes = left.map(|(word, _)| WordTable::<WordCount>::entry_size(&word)).sum();
    }

    /// An upper bound of how much a count is too small.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The total number of words counted.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// The `most` most frequent words, including ties with the last of them, with their counts.
    pub fn most_frequent(&self, most: usize) -> Vec<(Cow<'_, str>, u64)> {
        let mut counts: Vec<u64> = self.counts.values().map(|count| count.seen).collect();
        let least = match most.checked_sub(1) {
            None => u64::MAX,
            Some(last) if last >= counts.len() => 0,
            Some(last) => *counts.select_nth_unstable_by(last, |a, b| b.cmp(a)).1,
        };
        let frequent = self.counts.iter_where(|count| count.seen >= least);
        frequent.map(|(word, count)| (word, count.seen)).collect()
    }

    /// The count of `word`.
    pub fn of(&self, word: &str) -> u64 {
        self.counts.get(word).map_or(0, |count| count.seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn counts_are_exact_while_all_words_fit() {
        let mut counts = WordCounts::new(1 << 20);
        "not bad not good not".split(' ').for_each(|word| counts.count(word));
        let mut all = counts.most_frequent(9);
        all.sort_unstable();
        assert_eq!(all, [("bad".into(), 1), ("good".into(), 1), ("not".into(), 3)]);
        assert_eq!((counts.missed(), counts.words()), (0, 5));
        assert_eq!(counts.most_frequent(1), [("not".into(), 3)]);
        assert_eq!((counts.most_frequent(2).len(), counts.most_frequent(0).len()), (3, 0));
    }

    #[test]
    fn memory_is_bounded_and_frequent_words_stay() {
        let most = 100 * 128;
        let (mut counts, mut truth) = (WordCounts::new(most), HashMap::<String, u64>::new());
        let mut rng = Rng::new(1, "test", 0);
        for n in 0..50_000 {
            // Ten frequent words, and words that appear once.
            let often = format!("often{}", (rng.uniform().powi(2) * 10.0) as usize);
            for word in [often, format!("new{n}"), format!("a-new-and-long-word-{n}")] {
                counts.count(&word);
                *truth.entry(word).or_default() += 1;
                assert!(counts.bytes <= most);
            }
        }
        assert!(counts.missed() > 0);
        for (word, count) in &truth {
            let (seen, most) = (counts.of(word), counts.of(word) + counts.missed());
            assert!((seen..=most).contains(count), "{word}: {count} not in {seen}..={most}");
        }
        assert!((0..10).all(|n| counts.of(&format!("often{n}")) > counts.missed()));
    }

    #[test]
    fn a_word_longer_than_the_limit_is_evicted() {
        let mut counts = WordCounts::new(1000);
        counts.count(&"a".repeat(5000));
        assert_eq!((counts.counts.len(), counts.bytes, counts.missed()), (0, 0, 1));
    }
}
