//! The words of texts that a vocabulary does not have.

/// What the tokens of encoded texts are that have the id [`UNKNOWN`](super::vocabulary::Vocabulary::UNKNOWN), for people who read the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownWords {
    words: Vec<Box<str>>,
    /// Of every such token its word, by its place in `words`, one text after the other.
    places: Vec<u32>,
    /// Where in `places` each text ends.
    ends: Vec<usize>,
}

impl UnknownWords {
    /// Adds a word; returns its place, by which texts name it.
    pub fn add_word(&mut self, word: &str) -> u32 {
        self.words.push(word.into());
        (self.words.len() - 1) as u32
    }

    /// Adds a text by the places of its unknown words, in their order.
    pub fn add_text(&mut self, places: impl Iterator<Item = u32>) {
        self.places.extend(places);
        self.ends.push(self.places.len());
    }

    /// The unknown words of the text with number `text`, in their order; none where they were not kept.
    pub fn of(&self, text: usize) -> impl Iterator<Item = &str> {
        let start = text.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(text).copied().unwrap_or(start);
        let places = self.places.get(start..end).unwrap_or_default();
        places.iter().filter_map(|place| self.words.get(*place as usize).map(AsRef::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::text::corpus::Corpus;
    use crate::data::text::tokenizer::Level;
    use crate::data::text::tokens::{Side, TokenSpec};
    use crate::data::text::unseen::Unseen;
    use crate::data::text::vocabulary::Vocabulary;

    #[test]
    fn each_unknown_token_of_an_encoded_text_has_its_word() {
        let mut corpus = Corpus::new(Level::Word, false);
        for text in ["a good film by Kurosawa", "bad", "Ozu , Kurosawa and Ozu : good"] {
            corpus.push(text, "film");
        }
        let vocabulary = Vocabulary::build(["a good bad film by"], 20);
        // The last four tokens of a text are read.
        let spec = TokenSpec {
            level: Level::Word,
            ngrams: 1,
            vocabulary: 20,
            length: 4,
            padding: Side::Pre,
            truncating: Side::Pre,
            channels: Vec::new(),
        };
        let words = |corpus: &Corpus| {
            let unknown = corpus.unknown_words(&vocabulary, &spec);
            let (data, _) =
                corpus.encode(&["film".into()], &vocabulary, &spec, &mut Unseen::default()).unwrap();
            let ids = data.inputs.tokens().unwrap();
            let of = |(text, ids): (usize, ndarray::ArrayView1<'_, u32>)| {
                let words: Vec<String> = unknown.of(text).map(str::to_owned).collect();
                assert_eq!(ids.iter().filter(|id| **id == Vocabulary::UNKNOWN).count(), words.len());
                words.join(" ")
            };
            ids.rows().into_iter().enumerate().map(of).collect::<Vec<_>>()
        };
        assert_eq!(words(&corpus), ["kurosawa", "", "kurosawa and ozu"]);
        // A part of the texts keeps the numbers of all words.
        assert_eq!(words(&corpus.subset(&[2, 1])), ["kurosawa and ozu", ""]);
        assert_eq!(UnknownWords::default().of(3).count(), 0);
    }
}
