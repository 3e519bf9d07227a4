//! Labelled texts of both splits, and their encoding.

use std::path::Path;

use crate::data::dataset::Dataset;
use crate::data::error::{DataError, quoted};
use crate::data::opened::Data;
use crate::data::text::corpus::Corpus;
use crate::data::text::tokens::TokenSpec;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};

/// The texts of both splits.
pub(crate) struct TextSplits {
    pub train: Corpus,
    pub validation: Option<Corpus>,
    /// The labels, each with the number of its training texts.
    pub classes: Vec<(String, usize)>,
}

impl TextSplits {
    /// Splits whose classes are those of the training texts.
    pub(crate) fn new(train: Corpus, validation: Option<Corpus>) -> Self {
        let classes = train.classes().into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
        Self { train, validation, classes }
    }

    /// Builds the vocabulary of the training texts and encodes all by `tokens`; `source` describes them.
    ///
    /// # Errors
    /// When there are fewer than two classes, or a label of a validation text is not one of the training texts.
    pub(crate) fn encode(
        self,
        source: String,
        tokens: &TokenSpec,
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        let Self { train, validation, classes } = self;
        progress(format!("encoding {} texts", number::count(train.len() as u64)));
        let too_few = match classes.as_slice() {
            [] if train.is_multi_label() => Some("no label".to_owned()),
            [(label, _)] => Some(format!("a single label, {}", quoted(label))),
            _ => None,
        };
        if let Some(found) = too_few {
            let expected =
                if train.is_multi_label() { "at least two labels" } else { "at least two classes" };
            return Err(DataError::content(Path::new(&source), None, found, expected));
        }
        let labels: Vec<String> = classes.iter().map(|(label, _)| label.clone()).collect();
        let vocabulary = train.vocabulary(tokens.vocabulary);
        let (train_set, mut unknown) = train.encode(&labels, &vocabulary, tokens)?;
        let mut validation_set = None;
        if let Some(validation) = &validation {
            let (dataset, share) = validation.encode(&labels, &vocabulary, tokens)?;
            (validation_set, unknown) = (Some(dataset), share);
        }
        let facts = DataFacts {
            source,
            train: train.len(),
            validation: validation_set.as_ref().map_or(0, Dataset::len),
            classes: classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
            vocabulary: vocabulary.len(),
            length: tokens.length,
            skipped: train.skipped + validation.as_ref().map_or(0, |corpus| corpus.skipped),
            unknown,
        };
        let vocabularies = Some(vocabulary.into());
        Ok(Data { validation: validation_set, vocabularies, labels, ..Data::of(train_set, facts) })
    }
}

/// A note for the user if `shared` validation texts also appear in the training data.
pub(crate) fn shared_note(shared: usize, validation: usize) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    (shared > 0).then(|| {
        format!(
            "{} of {} validation texts also appear in the training data",
            count(shared),
            count(validation)
        )
    })
}
