use std::borrow::Cow;

use crate::data::text::interner::WordTable;

/// How often each word came, in bounded memory.
///
/// Where there are more different words than room, the rarest are forgotten ("lossy counting", Manku & Motwani 2002): each time the table
/// is full, a bound is raised so far that at least half of the entries may have come so seldom, and these go. A word that comes (again)
/// after that may have been forgotten that often before. So counts are too small by [`Tally::missed`] at most, and what came oftener is there.
#[derive(Debug)]
pub(super) struct Tally {
    counts: WordTable<Count>,
    /// Of all entries.
    bytes: usize,
    most_bytes: usize,
    missed: u64,
    words: u64,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    seen: u64,
    /// How often it may have come before it was seen, at most.
    before: u64,
}

impl Count {
    fn most(self) -> u64 {
        self.seen + self.before
    }
}

impl Tally {
    /// Of nothing yet, in about so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self { counts: WordTable::default(), bytes: 0, most_bytes, missed: 0, words: 0 }
    }

    /// A word came.
    pub fn count(&mut self, word: &str) {
        self.words += 1;
        if let Some(count) = self.counts.get_mut(word) {
            count.seen += 1;
            return;
        }
        self.counts.insert(word, Count { seen: 1, before: self.missed });
        self.bytes += WordTable::<Count>::room_of(word);
        while self.bytes > self.most_bytes && self.counts.len() > 0 {
            self.forget();
        }
    }

    /// Forgets the rarer half, at least.
    fn forget(&mut self) {
        let mut most: Vec<u64> = self.counts.values().map(|count| count.most()).collect();
        let middle = most.len() / 2;
        let bound = *most.select_nth_unstable(middle).1;
        self.missed = self.missed.max(bound);
        self.counts.retain(|count| count.most() > bound);
        let left = self.counts.iter_where(|_| true);
        self.bytes = left.map(|(word, _)| WordTable::<Count>::room_of(&word)).sum();
    }

    /// By how much a count may be too small.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Words so far, each time counted.
    pub fn words(&self) -> u64 {
        self.words
    }

    /// The `most` most frequent words, with all that came as often as the last of them, and how often each came.
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

    /// How often `word` came.
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
    fn what_fits_is_counted_exactly() {
        let mut tally = Tally::new(1 << 20);
        "not bad not good not".split(' ').for_each(|word| tally.count(word));
        let mut all = tally.most_frequent(9);
        all.sort_unstable();
        assert_eq!(all, [("bad".into(), 1), ("good".into(), 1), ("not".into(), 3)]);
        assert_eq!((tally.missed(), tally.words()), (0, 5));
        assert_eq!(tally.most_frequent(1), [("not".into(), 3)]);
        assert_eq!((tally.most_frequent(2).len(), tally.most_frequent(0).len()), (3, 0));
    }

    #[test]
    fn ever_new_words_take_no_more_room_and_frequent_ones_stay() {
        let most = 100 * 128;
        let (mut tally, mut truth) = (Tally::new(most), HashMap::<String, u64>::new());
        let mut rng = Rng::new(1, "test", 0);
        for n in 0..50_000 {
            // Ten words that come often, and one that never came.
            let often = format!("often{}", (rng.uniform().powi(2) * 10.0) as usize);
            for word in [often, format!("new{n}"), format!("a-new-and-long-word-{n}")] {
                tally.count(&word);
                *truth.entry(word).or_default() += 1;
                assert!(tally.bytes <= most);
            }
        }
        assert!(tally.missed() > 0);
        for (word, count) in &truth {
            let (seen, most) = (tally.of(word), tally.of(word) + tally.missed());
            assert!((seen..=most).contains(count), "{word}: {count} not in {seen}..={most}");
        }
        assert!((0..10).all(|n| tally.of(&format!("often{n}")) > tally.missed()));
    }

    #[test]
    fn a_word_that_is_longer_than_all_room_is_forgotten() {
        let mut tally = Tally::new(1000);
        tally.count(&"a".repeat(5000));
        assert_eq!((tally.counts.len(), tally.bytes, tally.missed()), (0, 0, 1));
    }
}
