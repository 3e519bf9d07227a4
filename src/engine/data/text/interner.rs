//! String interning: distinct words with numbers and counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

type Table<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// The largest length in bytes of a word that is stored inline.
const SHORT: usize = 15;

/// A hash table keyed by words. Short words are stored inline as integers, so that a lookup reads a single place in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WordTable<V> {
    short: Table<u128, V>,
    long: Table<Box<str>, V>,
}

impl<V> Default for WordTable<V> {
    fn default() -> Self {
        Self { short: Table::default(), long: Table::default() }
    }
}

impl<V> WordTable<V> {
    pub fn get(&self, word: &str) -> Option<&V> {
        packed(word).map_or_else(|| self.long.get(word), |short| self.short.get(&short))
    }

    pub fn get_mut(&mut self, word: &str) -> Option<&mut V> {
        match packed(word) {
            Some(short) => self.short.get_mut(&short),
            None => self.long.get_mut(word),
        }
    }

    pub fn insert(&mut self, word: &str, value: V) {
        match packed(word) {
            Some(short) => self.short.insert(short, value),
            None => self.long.insert(word.into(), value),
        };
    }

    /// The number of words.
    pub fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.short.values().chain(self.long.values())
    }

    /// The words whose values satisfy `predicate`, in no particular order.
    pub fn iter_where(
        &self,
        predicate: impl Fn(&V) -> bool + Copy,
    ) -> impl Iterator<Item = (Cow<'_, str>, &V)> {
        let short = self.short.iter().filter(move |(_, value)| predicate(value));
        let long = self.long.iter().filter(move |(_, value)| predicate(value));
        let short = short.map(|(word, value)| (unpacked(*word), value));
        short.chain(long.map(|(word, value)| (Cow::Borrowed(&**word), value)))
    }

    /// Removes the words whose values do not satisfy `predicate`.
    pub fn retain(&mut self, predicate: impl Fn(&V) -> bool) {
        self.short.retain(|_, value| predicate(value));
        self.long.retain(|_, value| predicate(value));
    }

    /// The approximate bytes of `word` in a half-empty table, including the allocator's overhead.
    pub fn entry_size(word: &str) -> usize {
        match word.len() <= SHORT {
            true => 2 * size_of::<(u128, V)>(),
            false => 2 * size_of::<(Box<str>, V)>() + word.len() + 16,
        }
    }
}

/// Packs a short word into an integer: its bytes and their number.
fn packed(word: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes.get_mut(..word.len()).filter(|_| word.len() <= SHORT)?.copy_from_slice(word.as_bytes());
    bytes[SHORT] = word.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

/// The inverse of [`packed`].
fn unpacked(word: u128) -> Cow<'static, str> {
    let bytes = word.to_le_bytes();
    let bytes = bytes.get(..usize::from(bytes[SHORT])).unwrap_or_default();
    Cow::Owned(String::from_utf8_lossy(bytes).into_owned())
}

/// Distinct words, numbered in order of first appearance.
#[derive(Debug, Default, Clone)]
pub struct Words {
    numbers: Table<Box<str>, u32>,
    counts: Vec<u64>,
}

impl Words {
    /// Counts `word` and returns its number.
    pub fn count(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            let number = *number;
            self.increment(number);
            return number;
        }
        let number = self.counts.len() as u32;
        self.numbers.insert(word.into(), number);
        self.counts.push(1);
        number
    }

    /// The same words with the same numbers and counts of 0.
    pub fn uncounted(&self) -> Self {
        Self { numbers: self.numbers.clone(), counts: vec![0; self.counts.len()] }
    }

    /// Counts the word of this number.
    pub fn increment(&mut self, number: u32) {
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
    }

    /// The number of distinct words.
    pub fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// Every word with its number and count, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32, u64)> + Clone {
        self.numbers.iter().map(|(word, number)| {
            let count = self.counts.get(*number as usize).copied().unwrap_or_default();
            (&**word, *number, count)
        })
    }
}

/// A 64-bit fingerprint of a text without surrounding white space.
pub fn fingerprint(text: &str) -> u64 {
    fingerprint_of(text.trim().as_bytes())
}

/// A 64-bit fingerprint of bytes, equal on every platform.
pub(crate) fn fingerprint_of(bytes: &[u8]) -> u64 {
    let mut hasher = WordHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// Eight bytes at a time through a folded 64 × 64 → 128 bit product (as in wyhash, Wang 2019).
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WordHasher(u64);

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
        // The length distinguishes "a" from "a\0".
        let tail = rest.iter().fold(rest.len() as u64, |tail, byte| tail << 8 | u64::from(*byte));
        self.mix(tail);
    }

    fn write_u128(&mut self, number: u128) {
        self.mix(number as u64);
        self.mix((number >> 64) as u64);
    }

    // `str` hashes a terminator after its bytes, which `write` makes redundant.
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
    fn words_of_any_length_are_distinct() {
        let words: Vec<String> = (0..40).map(|n| "ä".repeat(n / 2) + &"b".repeat(n)).collect();
        let mut table = WordTable::default();
        words.iter().zip(0..).for_each(|(word, n)| table.insert(word, n));
        assert!(words.iter().zip(0..).all(|(word, n)| table.get(word) == Some(&n)));
        assert_eq!((table.len(), table.get("ä"), table.get(&"c".repeat(20))), (40, None, None));
        let mut all: Vec<_> = table.iter_where(|_| true).map(|(word, n)| (*n, word.into_owned())).collect();
        all.sort_unstable();
        assert!(all.into_iter().map(|(_, word)| word).eq(words.iter().cloned()));
        table.retain(|n: &u32| n.is_multiple_of(10));
        assert_eq!((table.len(), table.iter_where(|n| *n > 10).count()), (4, 2));
    }

    #[test]
    fn similar_words_have_different_hashes() {
        let hasher = BuildHasherDefault::<WordHasher>::default();
        let packed: HashSet<u64> =
            (0..100_000).filter_map(|n| Some(hasher.hash_one(packed(&format!("w{n}"))?))).collect();
        assert_eq!(packed.len(), 100_000);
        let low: HashSet<u64> = packed.iter().map(|hash| hash & 0xffff).collect();
        assert!(low.len() > 48_000, "{} of 65,536 buckets", low.len());
        let words: HashSet<String> =
            (0..100_000).map(|n| format!("w{n}")).chain((0..300).map(|n| "a".repeat(n))).collect();
        let all: HashSet<u64> = words.iter().map(|word| hasher.hash_one(word)).collect();
        assert_eq!(all.len(), words.len());
        let low_bits: HashSet<u64> = all.iter().map(|hash| hash & 0xffff).collect();
        assert!(low_bits.len() > 48_000, "{} of 65,536 buckets", low_bits.len());
    }
}
