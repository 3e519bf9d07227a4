//! Token settings, and padding and truncation of ids to rows of a fixed length.

use std::fmt;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::error::refuse;
use crate::data::text::channels;
use crate::data::text::channels::ChannelSpec;
use crate::data::text::tokenizer::{Level, Tokenizer};

/// Settings of tokenization: `tokens:` in a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    /// The kind of token.
    #[serde(default)]
    pub level: Level,
    /// The largest number of neighbouring tokens that are a token together (Keras's `ngrams`); 1 for single tokens alone.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub ngrams: usize,
    /// The maximum size of the vocabulary, including padding and unknown (Keras's `max_tokens`); at least 3. 0 with channels.
    #[serde(default, skip_serializing_if = "is_none")]
    pub vocabulary: usize,
    /// Time steps of every row; at least 1.
    pub length: usize,
    /// The side on which short texts are padded.
    #[serde(default)]
    pub padding: Side,
    /// The side on which long texts are truncated.
    #[serde(default)]
    pub truncating: Side,
    /// The channels of every word of a tagger, each with its own vocabulary; the word alone if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<ChannelSpec>,
}

fn is_none(vocabulary: &usize) -> bool {
    *vocabulary == 0
}

fn single() -> usize {
    1
}

fn is_single(ngrams: &usize) -> bool {
    *ngrams == 1
}

/// The largest n-grams: longer ones hardly recur.
const MOST_NGRAMS: usize = 8;

/// Token settings of a preset, before defaults of the source are applied.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokenSpec {
    level: Option<Level>,
    ngrams: Option<usize>,
    #[serde(default)]
    vocabulary: VocabularySize,
    length: usize,
    padding: Option<Side>,
    truncating: Option<Side>,
    #[serde(default)]
    channels: Vec<ChannelSpec>,
}

/// The size of a vocabulary as a preset has it: `10000`, or `{at_least: 2}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VocabularySize {
    /// The number of entries, including padding and unknown.
    Entries(usize),
    /// All words that occur so often in the training data.
    AtLeast(u64),
}

impl Default for VocabularySize {
    fn default() -> Self {
        Self::Entries(0)
    }
}

impl<'de> Deserialize<'de> for VocabularySize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            at_least: u64,
        }
        struct SizeVisitor;

        impl<'de> Visitor<'de> for SizeVisitor {
            type Value = VocabularySize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of entries, or {at_least: 2} for all words that occur so often")
            }

            fn visit_u64<E: de::Error>(self, entries: u64) -> Result<VocabularySize, E> {
                let entries = usize::try_from(entries);
                entries
                    .map(VocabularySize::Entries)
                    .map_err(|_| E::custom("a number of entries that fits in memory"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<VocabularySize, A::Error> {
                match Keys::deserialize(MapAccessDeserializer::new(map))? {
                    Keys { at_least: 0 } => Err(de::Error::custom("at_least: found 0; expected 1 or more")),
                    Keys { at_least } => Ok(VocabularySize::AtLeast(at_least)),
                }
            }
        }

        deserializer.deserialize_any(SizeVisitor)
    }
}

/// The token settings that a source can use; the first of each is its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRules {
    /// The possible kinds of tokens.
    pub levels: &'static [Level],
    /// The sides on which sequences may be padded and truncated.
    pub sides: &'static [Side],
    /// Whether neighbouring tokens may be tokens together.
    pub ngrams: bool,
    /// Whether words may have channels.
    pub channels: bool,
    /// Why no others are possible, for error messages.
    pub reason: &'static str,
}

impl TokenRules {
    /// One target a text: both sides are possible.
    pub const TEXTS: Self = Self {
        levels: &[Level::Word, Level::Character],
        sides: &[Side::Pre, Side::Post],
        ngrams: true,
        channels: false,
        reason: "texts have words or characters",
    };
    /// The next token is predicted at every step.
    pub const LANGUAGE: Self = Self {
        levels: &[Level::Word, Level::Character],
        sides: &[Side::Post],
        ngrams: false,
        channels: false,
        reason: "a language model predicts a token at every step, beginning with the first",
    };
    /// A tag for every word of a sentence.
    pub const TAGS: Self = Self {
        levels: &[Level::Symbol],
        sides: &[Side::Post],
        ngrams: false,
        channels: true,
        reason: "a tagger predicts a tag for every word of the file, beginning with the first",
    };

    /// Checks that `tokens` are valid and that the source supports them.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first of them and what is allowed.
    pub fn check(&self, tokens: &TokenSpec) -> Result<(), DataError> {
        if !self.channels && !tokens.channels.is_empty() {
            let expected = "no such key: only `source: tags` has words in channels";
            return refuse("tokens.channels", "channels", expected);
        }
        tokens.check()?;
        if !self.ngrams && tokens.ngrams != 1 {
            return refuse("tokens.ngrams", tokens.ngrams, format!("no such key: {}", self.reason));
        }
        let expected = |names: Vec<&str>| format!("{}: {}", names.join(" or "), self.reason);
        if !self.levels.contains(&tokens.level) {
            let names = self.levels.iter().map(|level| level.name()).collect();
            return refuse("tokens.level", tokens.level.name(), expected(names));
        }
        for (field, side) in [("tokens.padding", tokens.padding), ("tokens.truncating", tokens.truncating)] {
            if !self.sides.contains(&side) {
                return refuse(
                    field,
                    side.name(),
                    expected(self.sides.iter().map(|side| side.name()).collect()),
                );
            }
        }
        Ok(())
    }
}

impl RawTokenSpec {
    /// The minimum number of occurrences of a word, where the vocabulary has all words with so many.
    pub fn at_least(&self) -> Option<u64> {
        match self.vocabulary {
            VocabularySize::AtLeast(least) => Some(least),
            VocabularySize::Entries(_) => None,
        }
    }

    /// Fills in the defaults of `rules`; the size of a vocabulary [`at_least`](Self::at_least) is that of its data, 0 here.
    pub fn resolve(self, rules: &TokenRules) -> TokenSpec {
        let level = self.level.or(rules.levels.first().copied()).unwrap_or_default();
        let side = |side: Option<Side>| side.or(rules.sides.first().copied()).unwrap_or_default();
        TokenSpec {
            level,
            ngrams: self.ngrams.unwrap_or(1),
            vocabulary: match self.vocabulary {
                VocabularySize::Entries(entries) => entries,
                VocabularySize::AtLeast(_) => 0,
            },
            length: self.length,
            padding: side(self.padding),
            truncating: side(self.truncating),
            channels: self.channels,
        }
    }

    /// Removes the settings that `rules` does not allow.
    #[must_use]
    pub fn allowed(self, rules: &TokenRules) -> Self {
        let side = |side: Option<Side>| side.filter(|side| rules.sides.contains(side));
        Self {
            level: self.level.filter(|level| rules.levels.contains(level)),
            ngrams: self.ngrams.filter(|_| rules.ngrams),
            padding: side(self.padding),
            truncating: side(self.truncating),
            ..self
        }
    }
}

/// A side of a sequence, named as in Keras's `pad_sequences`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The front.
    #[default]
    Pre,
    /// The end.
    Post,
}

impl Side {
    /// The name in presets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

impl TokenSpec {
    /// Checks the ranges of the settings.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a vocabulary of padding and unknown alone, a length of 0, or n-grams that are too long.
    pub fn check(&self) -> Result<(), DataError> {
        match self {
            Self { length: 0, .. } => refuse("tokens.length", 0, "at least 1"),
            Self { ngrams, .. } if !(1..=MOST_NGRAMS).contains(ngrams) => {
                refuse("tokens.ngrams", ngrams, format!("1 to {MOST_NGRAMS}; 1 has single tokens alone"))
            }
            Self { vocabulary: 1.., channels, .. } if !channels.is_empty() => {
                refuse("tokens.vocabulary", self.vocabulary, "nothing: every channel has its own")
            }
            Self { vocabulary: 0, channels, .. } if !channels.is_empty() => channels::check(channels),
            Self { vocabulary: 0..=2, .. } => {
                let found = match self.vocabulary {
                    0 => "nothing".to_owned(),
                    few => few.to_string(),
                };
                refuse("tokens.vocabulary", found, "at least 3: padding and unknown are counted")
            }
            _ => Ok(()),
        }
    }

    /// How texts are divided.
    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer { level: self.level, ngrams: self.ngrams }
    }

    /// The maximum size of the vocabulary, or of that of the first channel.
    pub fn size(&self) -> usize {
        self.channels.first().map_or(self.vocabulary, ChannelSpec::size)
    }

    /// That of symbols in rows of `length`, padded in front.
    pub fn symbols(length: usize) -> Self {
        Self {
            level: Level::Symbol,
            ngrams: single(),
            vocabulary: 0,
            length,
            padding: Side::default(),
            truncating: Side::default(),
            channels: Vec::new(),
        }
    }

    /// The name and the vocabulary size of each channel; a single one with an empty name if there are no channels.
    pub fn sizes(&self) -> Vec<(String, usize)> {
        if self.channels.is_empty() {
            return vec![(String::new(), self.vocabulary)];
        }
        self.channels.iter().map(|channel| (channel.name().to_owned(), channel.size())).collect()
    }

    /// The range of a sequence of `tokens` tokens that remains after truncation.
    pub fn truncated_range(&self, tokens: usize) -> Range<usize> {
        let cut = tokens.saturating_sub(self.length);
        match self.truncating {
            Side::Pre => cut..tokens,
            Side::Post => 0..tokens - cut,
        }
    }

    /// The time step of the first remaining token of a sequence of `tokens` tokens.
    pub fn first_step(&self, tokens: usize) -> usize {
        match self.padding {
            Side::Pre => self.length.saturating_sub(tokens),
            Side::Post => 0,
        }
    }

    /// Truncates or pads ids with 0 to a row of `length` ids, as Keras's `pad_sequences` does
    /// (`keras/src/utils/sequence_utils.py`).
    pub fn pad(&self, ids: &[u32]) -> Vec<u32> {
        let mut row = vec![0; self.length];
        let remaining = ids.get(self.truncated_range(ids.len())).unwrap_or_default();
        row.iter_mut().skip(self.first_step(ids.len())).zip(remaining).for_each(|(step, id)| *step = *id);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(padding: Side, truncating: Side) -> TokenSpec {
        TokenSpec {
            level: Level::Word,
            ngrams: 1,
            vocabulary: 10,
            length: 4,
            padding,
            truncating,
            channels: Vec::new(),
        }
    }

    #[test]
    fn rows_are_padded_and_truncated_as_by_pad_sequences() {
        let (short, long) = ([1, 2], [1, 2, 3, 4, 5, 6]);
        let rows = |padding, truncating| {
            let spec = spec(padding, truncating);
            [spec.pad(&short), spec.pad(&long), spec.pad(&[])]
        };
        let empty = vec![0; 4];
        assert_eq!(rows(Side::Pre, Side::Pre), [vec![0, 0, 1, 2], vec![3, 4, 5, 6], empty.clone()]);
        assert_eq!(rows(Side::Post, Side::Post), [vec![1, 2, 0, 0], vec![1, 2, 3, 4], empty]);
        assert_eq!(spec(Side::Pre, Side::Pre).first_step(1), 3);
        assert_eq!(spec(Side::Pre, Side::Pre).first_step(9), 0);
        assert_eq!(spec(Side::Post, Side::Pre).first_step(1), 0);
    }

    #[test]
    fn invalid_settings_are_errors() {
        let tiny = TokenSpec { vocabulary: 2, ..spec(Side::Pre, Side::Pre) };
        assert_eq!(
            tiny.check().unwrap_err().to_string(),
            "tokens.vocabulary: found 2; expected at least 3: padding and unknown are counted"
        );
        for ngrams in [0, 9] {
            let found = TokenSpec { ngrams, ..spec(Side::Pre, Side::Pre) };
            assert_eq!(
                found.check().unwrap_err().to_string(),
                format!("tokens.ngrams: found {ngrams}; expected 1 to 8; 1 has single tokens alone")
            );
        }
        let flat = TokenSpec { length: 0, ..spec(Side::Pre, Side::Pre) };
        assert_eq!(flat.check().unwrap_err().to_string(), "tokens.length: found 0; expected at least 1");
        assert!(spec(Side::Pre, Side::Pre).check().is_ok());
    }
}
