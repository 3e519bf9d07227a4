//! What a network reads of a word besides the word: how it ends, how it is written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::data::dataset::Inputs;
use crate::data::error::DataError;
use crate::data::error::{quoted, refuse};
use crate::data::text::corpus::blank;
use crate::data::text::interner::Words;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabularies::Vocabularies;
use crate::data::text::vocabulary::Vocabulary;

/// How often an entry must come where nothing else is said: what comes once is read as unknown, so that the unknown is learnt too.
const AT_LEAST: u64 = 2;

/// Ways to write a word, all there are: see [`ChannelLevel::Case`].
const CASES: [&str; 8] =
    ["lower", "Capitalised", "UPPER", "miXed", "with-hyphen", "digits", "l3tters", "marks"];

/// One of the things that a network reads of every word: what a preset has in the list `tokens.channels`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSpec {
    /// What layers call it under `inputs:`; like its level when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What of a word it is.
    pub level: ChannelLevel,
    /// How many letters are an ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters: Option<usize>,
    /// Most entries, padding and unknown counted; at least 3. None of `case`, whose entries are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// How often an entry must come in training to be none of the unknown; 2 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
}

/// What of a word a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelLevel {
    /// The word as it stands.
    Word,
    /// Its last letters, lower case; all of a word that has no more.
    Ending,
    /// How it is written: `lower`, `Capitalised`, `UPPER` (two letters or more), `miXed`, `with-hyphen`, `digits`, `l3tters` (digits
    /// with letters) or `marks` (neither letters nor digits).
    Case,
}

impl ChannelSpec {
    /// What layers call it.
    pub fn name(&self) -> &str {
        match (&self.name, self.level) {
            (Some(name), _) => name,
            (None, ChannelLevel::Word) => "word",
            (None, ChannelLevel::Ending) => "ending",
            (None, ChannelLevel::Case) => "case",
        }
    }

    /// Entries of its vocabulary at most.
    pub fn size(&self) -> usize {
        match self.level {
            ChannelLevel::Case => CASES.len() + Vocabulary::FIRST as usize,
            ChannelLevel::Word | ChannelLevel::Ending => self.vocabulary.unwrap_or(0),
        }
    }

    /// The entry of `word`.
    fn entry<'w>(&self, word: &'w str) -> Cow<'w, str> {
        match self.level {
            ChannelLevel::Word => word.into(),
            ChannelLevel::Ending => ending(word, self.letters.unwrap_or(0)).into(),
            ChannelLevel::Case => case(word).into(),
        }
    }

    /// Its vocabulary, of the `words` of training.
    fn vocabulary<'w>(&self, words: impl Iterator<Item = &'w str>) -> Vocabulary {
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

    /// Whether it can be met; else the field, what was found and what was expected.
    fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let Self { level, letters, vocabulary, at_least, .. } = self;
        let found = |number: Option<usize>| number.map_or("nothing".to_owned(), |number| number.to_string());
        let known = "nothing: the ways to write a word are known";
        match (level, letters, vocabulary, at_least) {
            (ChannelLevel::Case, Some(_), ..) => Err(("letters", found(*letters), known)),
            (ChannelLevel::Case, _, Some(_), _) => Err(("vocabulary", found(*vocabulary), known)),
            (ChannelLevel::Case, _, _, Some(least)) => Err(("at_least", least.to_string(), known)),
            (ChannelLevel::Word, Some(_), ..) => {
                Err(("letters", found(*letters), "nothing: `level: ending` has letters"))
            }
            (ChannelLevel::Ending, None | Some(0 | 21..), ..) => {
                Err(("letters", found(*letters), "how many letters are an ending, 1 to 20"))
            }
            (ChannelLevel::Word | ChannelLevel::Ending, _, None | Some(0..=2), _) => {
                Err(("vocabulary", found(*vocabulary), "at least 3: padding and unknown are counted"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `channels` can be met.
///
/// # Errors
/// [`DataError::Setting`] with the first that cannot.
pub(crate) fn check(channels: &[ChannelSpec]) -> Result<(), DataError> {
    for (i, channel) in channels.iter().enumerate() {
        let refuse = |field: &str, found: String, expected: &str| {
            refuse(format!("tokens.channels.{i}.{field}"), found, expected)
        };
        let name = channel.name();
        if channels.iter().take(i).any(|before| before.name() == name) {
            return refuse("name", format!("{name} a second time"), "a name of its own for each channel");
        }
        if name.is_empty() {
            return refuse("name", "nothing".into(), "what layers call it");
        }
        channel.check().or_else(|(field, found, expected)| refuse(field, found, expected))?;
    }
    Ok(())
}

impl TokenSpec {
    /// What a network reads of every word: the channels, or the word alone where there are none.
    fn read(&self) -> Cow<'_, [ChannelSpec]> {
        if !self.channels.is_empty() {
            return self.channels.as_slice().into();
        }
        let (level, vocabulary) = (ChannelLevel::Word, Some(self.vocabulary));
        vec![ChannelSpec { name: None, level, letters: None, vocabulary, at_least: None }].into()
    }

    /// The words that a network of these `vocabularies` knows, whatever their channel is called; `None` where it reads only what words end
    /// with or how they are written.
    pub fn known_words<'v>(&self, vocabularies: &'v Vocabularies) -> Option<&'v Vocabulary> {
        let channels = self.read();
        let words = channels.iter().find(|channel| channel.level == ChannelLevel::Word)?;
        vocabularies.of(words.name())
    }
}

/// What a network that reads `tokens` knows of the `words` of training.
pub(crate) fn vocabularies<'w>(
    tokens: &TokenSpec,
    words: impl Iterator<Item = &'w str> + Clone,
) -> Vocabularies {
    let named = !tokens.channels.is_empty();
    let channel = |channel: &ChannelSpec| {
        let name = if named { channel.name() } else { "" };
        (name.to_owned(), channel.vocabulary(words.clone()))
    };
    let all = Vocabularies::of_channels(tokens.read().iter().map(channel));
    all.unwrap_or_else(|| unreachable!("there is the word at least"))
}

/// What a network of these `vocabularies` reads of `sentences`, each a list of words as they stand: `tokens.length` steps from the first
/// word on, filled up with padding.
///
/// # Errors
/// When a channel of `tokens` has no vocabulary, and when there is no memory for so many steps.
pub fn encode_sentences(
    vocabularies: &Vocabularies,
    tokens: &TokenSpec,
    sentences: &[Vec<&str>],
) -> Result<Inputs, DataError> {
    let channels = tokens.read();
    let mut ids = blank(sentences.len().saturating_mul(channels.len()), tokens.length)?;
    for (c, channel) in channels.iter().enumerate() {
        let Some(vocabulary) = vocabularies.of(channel.name()) else {
            let found = format!("no vocabulary for the channel {}", quoted(channel.name()));
            return refuse("tokens.channels", found, "those that the network has learnt from");
        };
        let rows = ids.rows_mut().into_iter().skip(c).step_by(channels.len());
        for (mut row, sentence) in rows.zip(sentences) {
            for (id, word) in row.iter_mut().zip(sentence) {
                *id = vocabulary.id(&channel.entry(word)).unwrap_or(Vocabulary::UNKNOWN);
            }
        }
    }
    if tokens.channels.is_empty() {
        return Ok(Inputs::Tokens(ids));
    }
    let shape = (sentences.len(), channels.len(), tokens.length);
    let ids = ids.into_shape_with_order(shape);
    Ok(Inputs::Channels(ids.unwrap_or_else(|_| unreachable!("as many rows as sentences have channels"))))
}

/// The last `letters` of a word in lower case, or all of it.
fn ending(word: &str, letters: usize) -> String {
    let word = word.to_lowercase();
    let start = word.char_indices().rev().nth(letters.saturating_sub(1)).map_or(0, |(at, _)| at);
    word.get(start..).unwrap_or_default().to_owned()
}

/// How a word is written: one of [`CASES`].
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
    use crate::data::text::tokens::{Level, Side};

    fn spec(channels: &str) -> TokenSpec {
        let channels = serde_json::from_str(channels).unwrap();
        let (padding, truncating) = (Side::Post, Side::Post);
        TokenSpec { level: Level::Word, vocabulary: 0, length: 3, padding, truncating, channels }
    }

    const THREE: &str =
        r#"[{"level":"word","vocabulary":9},{"level":"ending","letters":3,"vocabulary":9},{"level":"case"}]"#;

    #[test]
    fn a_word_is_written_in_one_of_the_known_ways() {
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
    fn an_ending_is_lower_case_and_a_short_word_all_of_itself() {
        for (word, expected) in [("Running", "ing"), ("ÉTÉS", "tés"), ("Of", "of"), ("", "")] {
            assert_eq!(ending(word, 3), expected);
        }
    }

    #[test]
    fn every_word_has_an_id_in_each_channel_and_what_came_once_is_unknown() {
        let tokens = spec(THREE);
        let words = ["the", "the", "King", "sing", "ring", "ring"];
        let known = vocabularies(&tokens, words.into_iter());
        let ids = encode_sentences(&known, &tokens, &[vec!["King", "the"], vec!["the"; 4]]).unwrap();
        let Inputs::Channels(ids) = ids else { panic!("channels") };
        let id = |channel: &str, entry: &str| known.of(channel).unwrap().id(entry).unwrap();
        let (the, he, ing) = (id("word", "the"), id("ending", "the"), id("ending", "ing"));
        let (lower, capitalised) = (id("case", "lower"), id("case", "Capitalised"));
        assert_eq!(
            ids,
            ndarray::array![
                [[Vocabulary::UNKNOWN, the, 0], [ing, he, 0], [capitalised, lower, 0]],
                [[the, the, the], [he, he, he], [lower, lower, lower]]
            ]
        );
        let other = Vocabularies::of_channels([("word".to_owned(), known.first().clone())]).unwrap();
        let told = encode_sentences(&other, &tokens, &[]).unwrap_err().to_string();
        assert!(told.contains("found no vocabulary for the channel \"ending\""), "{told}");
        let words = ["a", "a", "b"].into_iter();
        let plain = TokenSpec { vocabulary: 9, channels: Vec::new(), ..tokens };
        let known = vocabularies(&plain, words);
        assert_eq!(
            encode_sentences(&known, &plain, &[vec!["a", "b"]]).unwrap(),
            Inputs::Tokens(ndarray::array![[2, 1, 0]])
        );
    }

    #[test]
    fn what_cannot_be_met_is_told_by_channel_and_field() {
        let channels = [
            r#"[{"level":"word"}]"#,
            r#"[{"level":"case"},{"level":"case"}]"#,
            r#"[{"level":"ending","vocabulary":9}]"#,
            r#"[{"level":"word","letters":3,"vocabulary":9}]"#,
            r#"[{"level":"case","vocabulary":9}]"#,
            r#"[{"level":"case","at_least":9}]"#,
            r#"[{"level":"case","name":""}]"#,
        ];
        let entries = channels.map(|channels| (channels, spec(channels).check().unwrap_err()));
        assert!(spec(THREE).check().is_ok());
        let both = TokenSpec { vocabulary: 9, ..spec(THREE) };
        let both = ("vocabulary: 9 beside channels", both.check().unwrap_err());
        crate::messages::assert_messages("channels", entries.into_iter().chain([both]));
    }
}
