//! Labelled texts of both splits, and their encoding.

use std::collections::HashMap;
use std::path::Path;

use crate::data::dataset::Dataset;
use crate::data::error::{DataError, quoted};
use crate::data::fraction::Fraction;
use crate::data::known::Known;
use crate::data::opened::Data;
use crate::data::text::corpus::Corpus;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unknown_words::UnknownWords;
use crate::data::text::unseen::{Unseen, unseen_labels_note, unseen_note};
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

    /// Leaves out training texts; the classes stay.
    pub(crate) fn keep(self, fraction: Fraction, seed: u64) -> Self {
        if fraction.is_all() {
            return self;
        }
        let skipped = self.train.skipped;
        let mut train = self.train.subset(&fraction.rows(self.train.len(), seed));
        train.skipped = skipped;
        let counts: HashMap<&str, usize> = train.classes().into_iter().collect();
        let count = |label: &String| counts.get(label.as_str()).copied().unwrap_or(0);
        let classes = self.classes.iter().map(|(label, _)| (label.clone(), count(label))).collect();
        Self { train, classes, ..self }
    }

    /// Builds the vocabulary of the training texts, if none is `known`, and encodes all by `tokens`; `source` describes them.
    ///
    /// # Errors
    /// When there are fewer than two classes, or others than the known ones.
    pub(crate) fn encode(
        self,
        source: String,
        tokens: &TokenSpec,
        known: Option<&Known>,
        progress: &mut dyn FnMut(String),
    ) -> Result<Data, DataError> {
        let Self { train, validation, classes } = self;
        let several = train.is_multi_label();
        progress(format!("encoding {} texts", number::count(train.len() as u64)));
        let known_classes =
            known.map(|known| known.classes(Path::new(&source), &classes)).transpose()?.flatten();
        let too_few = match classes.as_slice() {
            _ if known_classes.is_some() => None,
            [] if train.is_multi_label() => Some("no label".to_owned()),
            [(label, _)] => Some(format!("a single label, {}", quoted(label))),
            _ => None,
        };
        if let Some(found) = too_few {
            let expected =
                if train.is_multi_label() { "at least two labels" } else { "at least two classes" };
            return Err(DataError::content(Path::new(&source), None, found, expected));
        }
        let mut notes = Vec::new();
        let classes: Vec<ClassCount> = match known_classes {
            Some((classes, note)) => {
                notes.extend(note);
                classes
            }
            None => classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
        };
        let labels: Vec<String> = classes.iter().map(|class| class.label.clone()).collect();
        let vocabulary = match known.and_then(|known| known.vocabulary(train.word_counts())) {
            Some((vocabulary, more)) => {
                notes.extend(more);
                vocabulary
            }
            None => train.vocabulary(tokens.vocabulary),
        };
        let (train_set, mut unknown) = train.encode(&labels, &vocabulary, tokens, &mut Unseen::default())?;
        let (mut validation_set, mut unseen) = (None, Unseen::default());
        let mut unknown_words = UnknownWords::default();
        if let Some(validation) = &validation {
            let (dataset, share) = validation.encode(&labels, &vocabulary, tokens, &mut unseen)?;
            (validation_set, unknown) = (Some(dataset), share);
            unknown_words = validation.unknown_words(&vocabulary, tokens);
        }
        let facts = DataFacts {
            source,
            train: train.len(),
            validation: validation_set.as_ref().map_or(0, Dataset::len),
            classes,
            vocabulary: vocabulary.len(),
            length: tokens.length,
            skipped: train.skipped + validation.as_ref().map_or(0, |corpus| corpus.skipped),
            unknown,
            ..DataFacts::default()
        };
        let vocabularies = Some(vocabulary.into());
        let unseen = unseen.counts();
        notes.extend(match several {
            true => unseen_labels_note(&unseen),
            false => unseen_note(&unseen, "label", "text"),
        });
        Ok(Data {
            validation: validation_set,
            vocabularies,
            labels,
            unseen,
            unknown_words: unknown_words.into(),
            notes,
            ..Data::of(train_set, facts)
        })
    }
}
