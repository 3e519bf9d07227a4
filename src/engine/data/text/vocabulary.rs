use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::data::text::interner::{WordTable, Words};
use crate::data::text::tokenizer::{Tokenizer, for_each_token, for_each_word};

/// The words of a network, by id: 0 is padding (`""`), 1 is every unknown word (`"[UNK]"`).
///
/// Serializes as the list of its words by id, like Keras's `get_vocabulary()`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Vocabulary {
    words: Vec<String>,
    ids: WordTable<u32>,
}

impl Vocabulary {
    /// The id of padding.
    pub const PADDING: u32 = 0;
    /// The id of every word that is not in the vocabulary.
    pub const UNKNOWN: u32 = 1;
    /// The id of the first word.
    pub const FIRST: u32 = 2;

    /// Builds the vocabulary of `texts`: at most `size` entries, including padding and unknown.
    ///
    /// The most frequent words come first, and among equally frequent ones the greater first by the order of their
    /// bytes, like `finalize_state` in `keras/src/layers/preprocessing/index_lookup.py`.
    pub fn build<'a>(texts: impl IntoIterator<Item = &'a str>, size: usize) -> Self {
        let (mut words, mut word) = (Words::default(), String::new());
        for text in texts {
            for_each_word(text, &mut word, |word| {
                words.count(word);
            });
        }
        Self::of_counts(words.iter().map(|(word, _, count)| (word, count)), size)
    }

    pub(crate) fn of_counts<W: Ord + Into<String>>(
        counts: impl Iterator<Item = (W, u64)>,
        size: usize,
    ) -> Self {
        let mut counts: Vec<_> = counts.map(|(word, count)| Reverse((count, word))).collect();
        let capacity = size.saturating_sub(2);
        if capacity < counts.len() {
            counts.select_nth_unstable(capacity);
            counts.truncate(capacity);
        }
        counts.sort_unstable();
        let words = counts.into_iter().map(|Reverse((_, word))| word.into());
        Self::of_words(["".to_owned(), "[UNK]".to_owned()].into_iter().chain(words).collect())
    }

    /// The vocabulary of a fixed set of symbols, with ids from [`Vocabulary::FIRST`] on.
    pub(crate) fn of_symbols(symbols: &[&str]) -> Self {
        Self::of_words(["", "[UNK]"].iter().chain(symbols).map(|word| (*word).to_owned()).collect())
    }

    /// The vocabulary with at most `most` further words behind its own: the most frequent among `counts`, in the order of
    /// [`Vocabulary::build`].
    pub(crate) fn extended<'w>(&self, counts: impl Iterator<Item = (&'w str, u64)>, most: usize) -> Self {
        let new = counts.filter(|(word, count)| *count > 0 && self.id(word).is_none());
        let new = Self::of_counts(new, most.saturating_add(2));
        Self::of_words(self.words.iter().cloned().chain(new.words.into_iter().skip(2)).collect())
    }

    fn of_words(words: Vec<String>) -> Self {
        let mut ids = WordTable::default();
        words.iter().zip(0..).skip(2).for_each(|(word, id)| ids.insert(word, id));
        Self { words, ids }
    }

    /// The number of entries, including padding and unknown.
    #[allow(clippy::len_without_is_empty, reason = "padding and unknown always exist")]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Why a network of `size` ids cannot use this vocabulary; `None` if it can.
    pub fn incompatibility(&self, size: usize) -> Option<String> {
        let entries = self.len();
        (entries > size).then(|| format!("{entries} entries; the network of spec.yaml reads {size}"))
    }

    /// The id of a token, if it is in the vocabulary.
    pub fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The words without padding and unknown.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(2).map(String::as_str)
    }

    /// The word of an id; `"[UNK]"` beyond the vocabulary.
    pub fn word(&self, id: u32) -> &str {
        self.words.get(id as usize).map_or("[UNK]", String::as_str)
    }

    /// The ids of the tokens of a text, neither truncated nor padded.
    pub fn encode(&self, text: &str, tokenizer: impl Into<Tokenizer>) -> Vec<u32> {
        let mut ids = Vec::new();
        for_each_token(text, tokenizer, &mut String::new(), |token| {
            ids.push(self.id(token).unwrap_or(Self::UNKNOWN));
        });
        ids
    }
}

impl From<Vocabulary> for Vec<String> {
    fn from(vocabulary: Vocabulary) -> Self {
        vocabulary.words
    }
}

impl TryFrom<Vec<String>> for Vocabulary {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        if !matches!(words.as_slice(), [padding, unknown, ..] if padding.is_empty() && unknown == "[UNK]") {
            return Err(r#"a vocabulary starts with "" and "[UNK]""#.into());
        }
        let count = words.len();
        let vocabulary = Self::of_words(words);
        if vocabulary.ids.len() + 2 != count {
            return Err("a vocabulary has every word once".into());
        }
        Ok(vocabulary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::tokenizer::Level;

    #[test]
    fn words_are_sorted_by_frequency_and_ties_descending() {
        let vocabulary = Vocabulary::build(["foo bar", "bar baz", "baz bada boom", "é É z"], 100);
        let words = Vec::from(vocabulary.clone());
        assert_eq!(words, ["", "[UNK]", "é", "baz", "bar", "z", "foo", "boom", "bada"]);
        assert_eq!(vocabulary.encode("Bar qux, BAZ!", Level::Word), [4, 1, 3]);
        assert_eq!([4, 1, 0, 99].map(|id| vocabulary.word(id)), ["bar", "[UNK]", "", "[UNK]"]);
    }

    #[test]
    fn the_size_counts_padding_and_unknown() {
        for (size, len) in [(0, 2), (2, 2), (3, 3), (5, 5), (6, 5)] {
            let vocabulary = Vocabulary::build(["c c c b b a"], size);
            assert_eq!(vocabulary.len(), len, "{size}");
            assert_eq!(vocabulary.id("c").is_some(), size > 2);
        }
    }

    #[test]
    fn symbols_are_not_normalized() {
        let vocabulary = Vocabulary::of_symbols(&["X", "x", "|"]);
        assert_eq!(vocabulary.encode(" X x\n| y", Level::Symbol), [2, 3, 4, 1]);
    }

    #[test]
    fn a_vocabulary_serializes_as_a_list_of_words_by_id() {
        let vocabulary = Vocabulary::build(["b a b"], 10);
        let file = serde_json::to_string(&vocabulary).unwrap();
        assert_eq!(file, r#"["","[UNK]","b","a"]"#);
        assert_eq!(serde_json::from_str::<Vocabulary>(&file).unwrap(), vocabulary);
        for broken in [r#"[]"#, r#"["a","b"]"#, r#"["","[UNK]","a","a"]"#, r#"["","[UNK]",3]"#] {
            assert!(serde_json::from_str::<Vocabulary>(broken).is_err(), "{broken}");
        }
    }
}
