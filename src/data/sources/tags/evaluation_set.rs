use super::{TagsSpec, dataset, sentences};
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::files::text_file;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabularies::Vocabularies;

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
}

impl TagsSpec {
    /// The validation sentences (or, if `whole`, all at its path), encoded by existing labels and vocabularies; `None` without
    /// validation data.
    ///
    /// # Errors
    /// As loading the training data; also for a tag that is not among `labels`.
    pub fn evaluation_set(
        &self,
        whole: bool,
        (labels, vocabularies, tokens): (&[String], &Vocabularies, &TokenSpec),
    ) -> Result<Option<TaggedSentences>, DataError> {
        let given = self.validation.as_ref().map(|validation| &validation.path);
        let Some(path) = given.filter(|_| !whole).or(whole.then_some(&self.path)) else { return Ok(None) };
        let text = text_file::read(path, self.needs.as_deref())?;
        let all = sentences(path, &text)?;
        let data = dataset(path, &all, labels, vocabularies, tokens)?;
        let words: Vec<Vec<String>> =
            all.iter().map(|sentence| sentence.iter().map(|token| token.word.to_owned()).collect()).collect();
        let truncated = words.iter().map(|words| words.len().saturating_sub(tokens.length)).sum();
        Ok(Some(TaggedSentences { words, data, truncated, source: path.display().to_string() }))
    }
}
