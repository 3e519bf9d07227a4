use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::data::error::listed;
use crate::data::text::vocabulary::Vocabulary;

/// The vocabularies of a network: one, or one for each channel of its tokens, by the channel's name.
///
/// Serializes like [`Vocabulary`] if there is one, or else as a map from channel names to such lists, in the order of the channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabularies {
    first: (String, Vocabulary),
    further: Vec<(String, Vocabulary)>,
}

impl Vocabularies {
    /// One vocabulary a channel; `None` if there is no channel.
    pub(crate) fn of_channels(channels: impl IntoIterator<Item = (String, Vocabulary)>) -> Option<Self> {
        let mut channels = channels.into_iter();
        channels.next().map(|first| Self { first, further: channels.collect() })
    }

    /// The only one, or that of the first channel.
    pub fn first(&self) -> &Vocabulary {
        &self.first.1
    }

    /// That of the channel `name`; without channels, the only one.
    pub fn of(&self, name: &str) -> Option<&Vocabulary> {
        let found = self.all().find(|(channel, _)| channel == name || channel.is_empty());
        found.map(|(_, vocabulary)| vocabulary)
    }

    /// Why a network with these vocabulary `sizes` by channel cannot use these vocabularies; `None` if it can.
    pub fn incompatibility(&self, sizes: &[(String, usize)]) -> Option<String> {
        let described = |names: Vec<&str>| match names.as_slice() {
            [""] => "one vocabulary without channels".to_owned(),
            names => format!("vocabularies of the channels {}", listed(names.iter().copied())),
        };
        let (mut found, mut expected): (Vec<&str>, Vec<&str>) = (
            self.all().map(|(name, _)| name.as_str()).collect(),
            sizes.iter().map(|s| s.0.as_str()).collect(),
        );
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected {
            return Some(format!(
                "{}; the network of spec.yaml reads {}",
                described(found),
                described(expected)
            ));
        }
        sizes.iter().find_map(|(name, size)| self.of(name)?.incompatibility(*size))
    }

    fn all(&self) -> impl Iterator<Item = &(String, Vocabulary)> {
        [&self.first].into_iter().chain(&self.further)
    }
}

impl From<Vocabulary> for Vocabularies {
    fn from(vocabulary: Vocabulary) -> Self {
        Self { first: (String::new(), vocabulary), further: Vec::new() }
    }
}

impl Serialize for Vocabularies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.first {
            (name, only) if name.is_empty() => only.serialize(serializer),
            _ => serializer.collect_map(self.all().map(|(name, v)| (name, v))),
        }
    }
}

impl<'de> Deserialize<'de> for Vocabularies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VocabulariesVisitor;

        impl<'de> Visitor<'de> for VocabulariesVisitor {
            type Value = Vocabularies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of words, or one for each channel")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Vocabularies, A::Error> {
                Vocabulary::deserialize(SeqAccessDeserializer::new(words)).map(Vocabularies::from)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabularies, A::Error> {
                let mut channels = Vec::new();
                while let Some(channel) = map.next_entry()? {
                    channels.push(channel);
                }
                let none = || de::Error::invalid_length(0, &"at least one channel");
                Vocabularies::of_channels(channels).ok_or_else(none)
            }
        }

        deserializer.deserialize_any(VocabulariesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_serializes_as_a_list_and_channels_as_an_ordered_map() {
        let [words, endings] = [["the", "cat"], ["he", "at"]].map(|words| Vocabulary::of_symbols(&words));
        let several = [("word".to_owned(), words.clone()), ("ending".to_owned(), endings.clone())];
        let several = Vocabularies::of_channels(several).unwrap();
        for (vocabularies, file) in [
            (Vocabularies::from(words.clone()), r#"["","[UNK]","the","cat"]"#),
            (several.clone(), r#"{"word":["","[UNK]","the","cat"],"ending":["","[UNK]","he","at"]}"#),
        ] {
            assert_eq!(serde_json::to_string(&vocabularies).unwrap(), file);
            assert_eq!(serde_json::from_str::<Vocabularies>(file).unwrap(), vocabularies);
        }
        assert_eq!((several.first(), several.of("ending")), (&words, Some(&endings)));
        assert_eq!((several.of("case"), Vocabularies::from(words.clone()).of("word")), (None, Some(&words)));
        for (broken, expected) in [
            ("{}", "at least one channel"),
            ("3", "a list of words, or one for each channel"),
            (r#"["a"]"#, r#"a vocabulary starts with "" and "[UNK]""#),
            (r#"{"word":["a"]}"#, r#"a vocabulary starts with "" and "[UNK]""#),
        ] {
            let error = serde_json::from_str::<Vocabularies>(broken).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
