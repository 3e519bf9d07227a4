//! Channels of a word: the word itself, its ending, its case.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::error::refuse;
use crate::data::text::interner::Words;
use crate::data::text::vocabulary::Vocabulary;

/// The default minimum frequency of an entry: entries that appear once are encoded as unknown, so that unknown is trained too.
pub(crate) const AT_LEAST: u64 = 2;

/// The entries of [`ChannelLevel::Case`].
const CASES: [&str; 8] =
    ["lower", "Capitalised", "UPPER", "miXed", "with-hyphen", "digits", "l3tters", "marks"];

/// A channel of every word: an item of `tokens.channels` in a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// The name under `inputs:` of layers; that of the level if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The feature of a word.
    pub level: ChannelLevel,
    /// The length of an ending in letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters: Option<usize>,
    /// The maximum number of entries, including padding and unknown; at least 3. Absent for `case`, whose entries are fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// The minimum frequency in the training data of an entry that is not unknown; 2 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
}

/// The feature of a word that a channel encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelLevel {
    /// The word, unchanged.
    Word,
    /// Its last letters in lower case, or the whole word if it is shorter.
    Ending,
    /// Its case: `lower`, `Capitalised`, `UPPER` (two letters or more), `miXed`, `with-hyphen`, `digits`, `l3tters` (digits
    /// with letters) or `marks` (neither letters nor digits).
    Case,
}

impl ChannelSpec {
    /// The name under `inputs:` of layers.
    pub fn name(&self) -> &str {
        match (&self.name, self.level) {
            (Some(name), _) => name,
            (None, ChannelLevel::Word) => "word",
            (None, ChannelLevel::Ending) => "ending",
            (None, ChannelLevel::Case) => "case",
        }
    }

    /// The maximum size of its vocabulary.
    pub fn size(&self) -> usize {
        match self.level {
            ChannelLevel::Case => CASES.len() + Vocabulary::FIRST as usize,
            ChannelLevel::Word | ChannelLevel::Ending => self.vocabulary.unwrap_or(0),
        }
    }

    /// The entry of `word`.
    pub(super) fn entry<'w>(&self, word: &'w str) -> Cow<'w, str> {
        match self.level {
            ChannelLevel::Word => word.into(),
            ChannelLevel::Ending => ending(word, self.letters.unwrap_or(0)).into(),
            ChannelLevel::Case => case(word).into(),
        }
    }

    /// Builds its vocabulary from the `words` of the training data.
    pub(super) fn vocabulary<'w>(&self, words: impl Iterator<Item = &'w str>) -> Vocabulary {
        if self.level == ChannelLevel::Case {
            return Vocabulary::of_symbols(&CASES);
        }
        let mut entries = Words::default();
        for word in words {
            entries.count(&self.entry(word));
        }
        let least = self.at_least.unwrap_or(AT_LEAST);
        let often = entries.iter().filter(|(_, _, count)| *count >= least);
        Vocabulary::of_counts(often.map(|(entry, _, count)| (entry, count)), self.size())
    }

    /// Checks the settings; an error is the field, what was found and what was expected.
    fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let Self { level, letters, vocabulary, at_least, .. } = self;
        let found = |number: Option<usize>| number.map_or("nothing".to_owned(), |number| number.to_string());
        let known = "nothing: the entries of `level: case` are fixed";
        match (level, letters, vocabulary, at_least) {
            (ChannelLevel::Case, Some(_), ..) => Err(("letters", found(*letters), known)),
            (ChannelLevel::Case, _, Some(_), _) => Err(("vocabulary", found(*vocabulary), known)),
            (ChannelLevel::Case, _, _, Some(least)) => Err(("at_least", least.to_string(), known)),
            (ChannelLevel::Word, Some(_), ..) => {
                Err(("letters", found(*letters), "nothing: `level: ending` has letters"))
            }
            (ChannelLevel::Ending, None | Some(0 | 21..), ..) => {
                Err(("letters", found(*letters), "the length of an ending, 1 to 20 letters"))
            }
            (ChannelLevel::Word | ChannelLevel::Ending, _, None | Some(0..=2), _) => {
                Err(("vocabulary", found(*vocabulary), "at least 3: padding and unknown are counted"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks the settings of `channels`.
///
/// # Errors
/// [`DataError::Setting`] for the first that is invalid.
pub(crate) fn check(channels: &[ChannelSpec]) -> Result<(), DataError> {
    for (i, channel) in channels.iter().enumerate() {
        let refuse = |field: &str, found: String, expected: &str| {
            refuse(format!("tokens.channels.{i}.{field}"), found, expected)
        };
        let name = channel.name();
        if channels.iter().take(i).any(|before| before.name() == name) {
            return refuse("name", format!("{name} a second time"), "a different name for each channel");
        }
        if name.is_empty() {
            return refuse("name", "nothing".into(), "a name for `inputs:` of layers");
        }
        channel.check().or_else(|(field, found, expected)| refuse(field, found, expected))?;
    }
    Ok(())
}

/// The last `letters` letters of a word in lower case, or the whole word.
fn ending(word: &str, letters: usize) -> String {
    let word = word.to_lowercase();
    let start = word.char_indices().rev().nth(letters.saturating_sub(1)).map_or(0, |(at, _)| at);
    word.get(start..).unwrap_or_default().to_owned()
}

/// The case of a word: one of [`CASES`].
fn case(word: &str) -> &'static str {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let (all, upper) = (letters().count(), letters().filter(|c| c.is_uppercase()).count());
    let [lower, capitalised, uppercase, mixed, hyphen, digits, alphanumeric, marks] = CASES;
    match word.contains(char::is_numeric) {
        true if all == 0 => digits,
        true => alphanumeric,
        false if all == 0 => marks,
        false if all > 1 && upper == all => uppercase,
        false if word.contains('-') => hyphen,
        false if upper == 0 => lower,
        false if upper == 1 && letters().next().is_some_and(char::is_uppercase) => capitalised,
        false => mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_one_of_the_fixed_cases() {
        for (word, expected) in [
            ("running", "lower"),
            ("Éric", "Capitalised"),
            ("I", "Capitalised"),
            ("ÉTÉ", "UPPER"),
            ("iPhone", "miXed"),
            ("McDonald", "miXed"),
            ("Co-op", "with-hyphen"),
            ("1,990", "digits"),
            ("1990s", "l3tters"),
            (":-)", "marks"),
            ("", "marks"),
        ] {
            assert_eq!(case(word), expected, "{word}");
        }
    }

    #[test]
    fn an_ending_is_lower_case_and_at_most_the_whole_word() {
        for (word, expected) in [("Running", "ing"), ("ÉTÉS", "tés"), ("Of", "of"), ("", "")] {
            assert_eq!(ending(word, 3), expected);
        }
    }
}
