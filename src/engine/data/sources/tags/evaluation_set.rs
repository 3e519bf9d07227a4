use super::{TagsSpec, dataset};
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::sources::labelled::Validation;
use crate::data::text::conll::sentences;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unseen::Unseen;
use crate::data::text::vocabularies::Vocabularies;
use crate::protocol::ClassCount;

/// Tagged sentences for evaluation.
#[derive(Debug, Clone)]
pub struct TaggedSentences {
    /// All their words.
    pub words: Vec<Vec<String>>,
    /// The encoded sentences, with the tags.
    pub data: Dataset,
    /// The number of words lost by truncation.
    pub truncated: usize,
    /// The file.
    pub source: String,
    /// Tags that the training data have not, each with its number of words; their classes are behind those of the labels.
    pub unseen: Vec<ClassCount>,
}

impl TagsSpec {
    /// The validation sentences (or, if `whole`, all at its path), encoded by existing labels and vocabularies; `None` without
    /// validation data. `seed` is that of training, where the validation sentences are a part of the training file.
    ///
    /// # Errors
    /// As loading the training data.
    pub fn evaluation_set(
        &self,
        whole: bool,
        seed: u64,
        (labels, vocabularies, tokens): (&[String], &Vocabularies, &TokenSpec),
    ) -> Result<Option<TaggedSentences>, DataError> {
        let path = match &self.validation {
            _ if whole => &self.path,
            Some(Validation::Given(given)) => &given.path,
            Some(_) => &self.path,
            None => return Ok(None),
        };
        let text = self.text(path)?;
        let mut all = sentences(path, &text, self.tag.as_ref())?.all;
        if let Some(part) = self.validation.as_ref().filter(|_| !whole && self.given().is_none()) {
            (_, all) = self.split(all, part, seed)?;
        }
        let mut unseen = Unseen::default();
        let data = dataset(&all, labels, &mut unseen, vocabularies, tokens)?;
        let words: Vec<Vec<String>> =
            all.iter().map(|sentence| sentence.iter().map(|token| token.word.to_owned()).collect()).collect();
        unseen.check(path, all.iter().flatten().count(), labels)?;
        let truncated = words.iter().map(|words| words.len().saturating_sub(tokens.length)).sum();
        let (source, unseen) = (path.display().to_string(), unseen.counts());
        Ok(Some(TaggedSentences { words, data, truncated, source, unseen }))
    }
}
