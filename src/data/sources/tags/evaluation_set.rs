use super::{TagsSpec, dataset, sentences};
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::files::text_file;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabularies::Vocabularies;

/// Tagged sentences to judge a network by.
#[derive(Debug, Clone)]
pub struct TaggedSentences {
    /// Their words, all of them.
    pub words: Vec<Vec<String>>,
    /// The same as a network reads them, with the tags.
    pub data: Dataset,
    /// Words behind what the network reads of their sentences.
    pub unread: usize,
    /// Where they are from.
    pub source: String,
}

impl TagsSpec {
    /// The validation sentences (or, if `whole`, all that stand at its path) by labels and vocabularies that there are; none where there
    /// are no validation data.
    ///
    /// # Errors
    /// As reading for training; a tag that is not among `labels` is one.
    pub fn to_judge(
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
        let unread = words.iter().map(|words| words.len().saturating_sub(tokens.length)).sum();
        Ok(Some(TaggedSentences { words, data, unread, source: path.display().to_string() }))
    }
}
