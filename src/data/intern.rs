//! Each distinct word once: its number, and how often it came.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by words, with a hasher that is quick on short keys.
pub(super) type WordMap<K> = HashMap<K, u32, BuildHasherDefault<WordHasher>>;

/// Distinct words, numbered in order of first appearance.
#[derive(Debug, Default, Clone)]
pub(super) struct Words {
    numbers: WordMap<Box<str>>,
    counts: Vec<u64>,
}

impl Words {
    /// The number of `word`, which has come once more.
    pub fn count(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            let number = *number;
            self.again(number);
            return number;
        }
        let number = self.counts.len() as u32;
        self.numbers.insert(word.into(), number);
        self.counts.push(1);
        number
    }

    /// The same words under the same numbers, none of which has come yet.
    pub fn uncounted(&self) -> Self {
        Self { numbers: self.numbers.clone(), counts: vec![0; self.counts.len()] }
    }

    /// The word of this number has come once more.
    pub fn again(&mut self, number: u32) {
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
    }

    /// Distinct words so far.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Every word with its number and count, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32, u64)> {
        self.numbers.iter().map(|(word, number)| {
            let count = self.counts.get(*number as usize).copied().unwrap_or_default();
            (&**word, *number, count)
        })
    }
}

/// A print of a text as it is but for white space around it: that of another text is another.
pub(super) fn print(text: &str) -> u64 {
    let mut hasher = WordHasher::default();
    hasher.write(text.trim().as_bytes());
    hasher.finish()
}

/// Eight bytes at a time through a folded 64 × 64 → 128 bit product (as in wyhash, Wang 2019).
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct WordHasher(u64);

impl WordHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0xa076_1d64_78bd_642f) * 0xe703_7ed1_a0b4_28db_u128;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        chunks.iter().for_each(|chunk| self.mix(u64::from_le_bytes(*chunk)));
        // the length keeps "a" and "a\0" apart
        let tail = rest.iter().fold(rest.len() as u64, |tail, byte| tail << 8 | u64::from(*byte));
        self.mix(tail);
    }

    // the mark that `str` puts after its bytes: `write` has told lengths apart already
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    #[test]
    fn words_are_numbered_by_first_appearance_and_counted() {
        let mut words = Words::default();
        let numbers: Vec<u32> = ["not", "bad", "not", "good", "not"].map(|w| words.count(w)).to_vec();
        assert_eq!(numbers, [0, 1, 0, 2, 0]);
        let mut all: Vec<_> = words.iter().collect();
        all.sort_unstable();
        assert_eq!(all, [("bad", 1, 1), ("good", 2, 1), ("not", 0, 3)]);
    }

    #[test]
    fn near_words_get_far_hashes() {
        let hasher = BuildHasherDefault::<WordHasher>::default();
        let words: HashSet<String> =
            (0..100_000).map(|n| format!("w{n}")).chain((0..300).map(|n| "a".repeat(n))).collect();
        let all: HashSet<u64> = words.iter().map(|word| hasher.hash_one(word)).collect();
        assert_eq!(all.len(), words.len());
        let low_bits: HashSet<u64> = all.iter().map(|hash| hash & 0xffff).collect();
        assert!(low_bits.len() > 48_000, "{} of 65,536 buckets", low_bits.len());
    }
}
