//! Sentences of words → ids of every channel.

use std::borrow::Cow;

use crate::data::dataset::Inputs;
use crate::data::error::{DataError, quoted, refuse};
use crate::data::text::channels::{ChannelLevel, ChannelSpec};
use crate::data::text::corpus::blank;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabularies::Vocabularies;
use crate::data::text::vocabulary::Vocabulary;

impl TokenSpec {
    /// The channels, or a single channel of words if none are specified.
    fn effective_channels(&self) -> Cow<'_, [ChannelSpec]> {
        if !self.channels.is_empty() {
            return self.channels.as_slice().into();
        }
        let (level, vocabulary) = (ChannelLevel::Word, Some(self.vocabulary));
        vec![ChannelSpec { name: None, level, letters: None, vocabulary, at_least: None }].into()
    }

    /// The vocabulary of the channel of words; `None` if there are only endings and cases.
    pub fn known_words<'v>(&self, vocabularies: &'v Vocabularies) -> Option<&'v Vocabulary> {
        let channels = self.effective_channels();
        let words = channels.iter().find(|channel| channel.level == ChannelLevel::Word)?;
        vocabularies.of(words.name())
    }
}

/// Builds the vocabularies of all channels of `tokens` from the `words` of the training data.
pub(crate) fn vocabularies<'w>(
    tokens: &TokenSpec,
    words: impl Iterator<Item = &'w str> + Clone,
) -> Vocabularies {
    let named = !tokens.channels.is_empty();
    let channel = |channel: &ChannelSpec| {
        let name = if named { channel.name() } else { "" };
        (name.to_owned(), channel.vocabulary(words.clone()))
    };
    let all = Vocabularies::of_channels(tokens.effective_channels().iter().map(channel));
    all.unwrap_or_else(|| unreachable!("there is at least one channel"))
}

/// Encodes `sentences`, each a list of words: ids `[sentence, tokens.length]`, or `[sentence, channel, tokens.length]` with channels,
/// padded at the end.
///
/// # Errors
/// When a channel of `tokens` has no vocabulary, and when memory cannot be allocated.
pub fn encode_sentences(
    vocabularies: &Vocabularies,
    tokens: &TokenSpec,
    sentences: &[Vec<&str>],
) -> Result<Inputs, DataError> {
    let channels = tokens.effective_channels();
    let mut ids = blank(sentences.len().saturating_mul(channels.len()), tokens.length)?;
    for (c, channel) in channels.iter().enumerate() {
        let Some(vocabulary) = vocabularies.of(channel.name()) else {
            let found = format!("no vocabulary for the channel {}", quoted(channel.name()));
            return refuse("tokens.channels", found, "the channels of the trained network");
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
    Ok(Inputs::Channels(ids.unwrap_or_else(|_| unreachable!("a row for every channel of every sentence"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::tokenizer::Level;
    use crate::data::text::tokens::Side;

    fn spec(channels: &str) -> TokenSpec {
        let channels = serde_json::from_str(channels).unwrap();
        let (padding, truncating) = (Side::Post, Side::Post);
        TokenSpec { level: Level::Word, ngrams: 1, vocabulary: 0, length: 3, padding, truncating, channels }
    }

    const THREE: &str =
        r#"[{"level":"word","vocabulary":9},{"level":"ending","letters":3,"vocabulary":9},{"level":"case"}]"#;

    #[test]
    fn every_word_has_an_id_in_each_channel_and_rare_entries_are_unknown() {
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
        let message = encode_sentences(&other, &tokens, &[]).unwrap_err().to_string();
        assert!(message.contains("found no vocabulary for the channel \"ending\""), "{message}");
        let words = ["a", "a", "b"].into_iter();
        let plain = TokenSpec { vocabulary: 9, channels: Vec::new(), ..tokens };
        let known = vocabularies(&plain, words);
        assert_eq!(
            encode_sentences(&known, &plain, &[vec!["a", "b"]]).unwrap(),
            Inputs::Tokens(ndarray::array![[2, 1, 0]])
        );
    }

    #[test]
    fn errors_name_channel_and_field() {
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
