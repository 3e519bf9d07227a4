//! What a trained network knows of its data: new data are read by its vocabulary, its labels and its scale.

use std::path::Path;

use crate::data::error::{DataError, listed, quoted, refuse};
use crate::data::sources::sequences::Scale;
use crate::data::text::label_set;
use crate::data::text::vocabularies::Vocabularies;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;
use crate::protocol::ClassCount;

/// Unknown words that are named in a note.
const NAMED: usize = 8;

/// The classes of a trained network with their numbers of sequences, and a note on those that the training data have not.
type KnownClasses = (Vec<ClassCount>, Option<String>);

/// The vocabulary, the labels and the scale of a trained network, which data to train it further are read by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The name of the network in messages: its run.
    pub name: String,
    /// Its vocabularies; without, they are made of the data.
    pub vocabularies: Option<Vocabularies>,
    /// New words of the training data that are appended to its vocabulary, at most: the most frequent ones.
    pub new_words: usize,
    /// Its labels in the order of its outputs; without, they are those of the data.
    pub labels: Option<Vec<String>>,
    /// Its scale; without, it is fitted to the data.
    pub scale: Option<Scale>,
}

impl Known {
    /// The only vocabulary, with the most frequent of the new words among `counts` appended, and notes for the user; `None` without a
    /// vocabulary.
    pub(crate) fn vocabulary<'w>(
        &self,
        counts: impl Iterator<Item = (&'w str, u64)> + Clone,
    ) -> Option<(Vocabulary, Vec<String>)> {
        let known = self.vocabularies.as_ref()?.first();
        let vocabulary = known.extended(counts.clone(), self.new_words);
        let mut notes = Vec::new();
        let added = vocabulary.len() - known.len();
        if added > 0 {
            let words: Vec<&str> = vocabulary.words().skip(known.words().count()).collect();
            notes.push(format!(
                "{} appended to the vocabulary of {}: {}",
                number::counted(added, "token"),
                self.name,
                listed(words.into_iter())
            ));
        }
        let more = "; --extend-vocabulary N appends the N most frequent ones";
        notes.extend(self.unknown_note(counts, &vocabulary).map(|note| note + more));
        Some((vocabulary, notes))
    }

    /// A note on the tokens of the training data that `vocabulary` has not.
    pub(crate) fn unknown_note<'w>(
        &self,
        counts: impl Iterator<Item = (&'w str, u64)>,
        vocabulary: &Vocabulary,
    ) -> Option<String> {
        let (mut all, mut unknown, mut words) = (0_u64, 0_u64, Vec::new());
        for (word, count) in counts {
            all += count;
            if vocabulary.id(word).is_none() && count > 0 {
                unknown += count;
                words.push((std::cmp::Reverse(count), word));
            }
        }
        words.sort_unstable();
        let share = number::percent(unknown as f64 / all.max(1) as f64);
        let first = words.iter().take(NAMED).map(|(count, word)| {
            let count = number::count(count.0);
            format!("{} ({count})", quoted(word))
        });
        let (first, more) = (first.collect::<Vec<_>>().join(", "), words.len().saturating_sub(NAMED));
        let more = if more > 0 { format!(" and {} more", number::count(more as u64)) } else { String::new() };
        (unknown > 0).then(|| {
            format!(
                "{share} of the tokens of the training data are not in the vocabulary of {} and are read as unknown: {first}{more}",
                self.name
            )
        })
    }

    /// The vocabularies of several channels; new words are appended to none.
    ///
    /// # Errors
    /// If new words are to be appended.
    pub(crate) fn channels(&self) -> Result<Option<Vocabularies>, DataError> {
        match (&self.vocabularies, self.new_words) {
            (None, _) => Ok(None),
            (Some(known), 0) => Ok(Some(known.clone())),
            (Some(_), words) => {
                let expected = "nothing: words in channels have several vocabularies, which stay as they are";
                refuse("from.extend_vocabulary", words, expected)
            }
        }
    }

    /// The labels with their numbers of sequences among the `found` ones of the training data at `path`, and a note on those that the data
    /// have not; `None` if the labels are those of the data.
    ///
    /// # Errors
    /// If the data have other labels.
    pub(crate) fn classes(
        &self,
        path: &Path,
        found: &[(String, usize)],
    ) -> Result<Option<KnownClasses>, DataError> {
        let Some(labels) = &self.labels else { return Ok(None) };
        let mut classes: Vec<ClassCount> =
            labels.iter().map(|label| ClassCount { label: label.clone(), count: 0 }).collect();
        let mut unknown = Vec::new();
        for (label, count) in found {
            match label_set::position(labels, label).and_then(|at| classes.get_mut(at)) {
                Some(class) => class.count += count,
                None => unknown.push(label.as_str()),
            }
        }
        if !unknown.is_empty() {
            return Err(self.other_labels(path, labels, &unknown));
        }
        let missing: Vec<&str> =
            classes.iter().filter(|class| class.count == 0).map(|class| class.label.as_str()).collect();
        let note = (!missing.is_empty()).then(|| {
            let (labels, have) = match missing.len() {
                1 => ("the label", "has no example"),
                _ => ("labels", "have no example"),
            };
            format!(
                "{labels} {} of {} {have} in the training data: training on makes such predictions rarer",
                listed(missing.iter().copied()),
                self.name
            )
        });
        Ok(Some((classes, note)))
    }

    fn other_labels(&self, path: &Path, labels: &[String], unknown: &[&str]) -> DataError {
        let hint = unknown.iter().find_map(|label| {
            let known = labels.iter().find(|known| known.eq_ignore_ascii_case(label))?;
            Some(format!("; write {} for {}", quoted(known), quoted(label)))
        });
        let name = &self.name;
        let found = match unknown {
            [one] => format!("the label {}, which {name} has not", quoted(one)),
            all => format!("{} labels that {name} has not, {}", all.len(), listed(all.iter().copied())),
        };
        let expected = format!(
            "some of its {} labels, {}{}; --new-labels replaces its output layer by one for the labels of these data",
            labels.len(),
            listed(labels.iter().map(String::as_str)),
            hint.unwrap_or_default()
        );
        DataError::content(path, None, found, expected)
    }

    /// The scale, which is for `features` numbers a step; `None` if it is fitted to the data.
    ///
    /// # Errors
    /// If it is for another number.
    pub(crate) fn scale(&self, field: &'static str, features: usize) -> Result<Option<Scale>, DataError> {
        let Some(scale) = &self.scale else { return Ok(None) };
        match scale.fits(features) {
            true => Ok(Some(scale.clone())),
            false => {
                let expected =
                    format!("{}, the numbers a step that {} was trained on", scale.mean.len(), self.name);
                refuse(field, features, expected)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(new_words: usize) -> Known {
        let labels = Some(["pos", "neg"].map(str::to_owned).to_vec());
        let vocabularies = Some(Vocabulary::of_symbols(&["good", "bad"]).into());
        Known { name: "runs/a".into(), vocabularies, new_words, labels, scale: None }
    }

    #[test]
    fn new_words_are_appended_behind_the_known_ones_and_the_rest_is_said_to_be_unknown() {
        let counts = [("bad", 9_u64), ("dull", 2), ("fine", 3), ("zen", 3), ("odd", 1)];
        let words = |new| known(new).vocabulary(counts.into_iter()).unwrap();
        let (vocabulary, notes) = words(0);
        assert_eq!(Vec::from(vocabulary), ["", "[UNK]", "good", "bad"]);
        assert_eq!(
            notes,
            [
                "50.0 % of the tokens of the training data are not in the vocabulary of runs/a and are read as unknown: \"fine\" (3), \"zen\" (3), \
             \"dull\" (2), \"odd\" (1); --extend-vocabulary N appends the N most frequent ones"
            ]
        );
        let (vocabulary, notes) = words(2);
        assert_eq!(Vec::from(vocabulary), ["", "[UNK]", "good", "bad", "zen", "fine"]);
        assert_eq!(notes[0], "2 tokens appended to the vocabulary of runs/a: \"zen\", \"fine\"");
        assert!(notes[1].starts_with("16.7 % of"), "{notes:?}");
        assert_eq!(
            words(9).1,
            ["4 tokens appended to the vocabulary of runs/a: \"zen\", \"fine\", \"dull\", \"odd\""]
        );
    }

    #[test]
    fn labels_keep_the_order_of_the_outputs_and_others_are_refused() {
        let found = |labels: &[(&str, usize)]| {
            let labels: Vec<_> = labels.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect();
            known(0).classes(Path::new("a.csv"), &labels)
        };
        let (classes, note) = found(&[("neg", 3), ("pos", 4)]).unwrap().unwrap();
        let classes: Vec<_> = classes.iter().map(|class| (&class.label[..], class.count)).collect();
        assert_eq!((classes, note), (vec![("pos", 4), ("neg", 3)], None));
        let (_, note) = found(&[("neg", 3)]).unwrap().unwrap();
        assert!(note.unwrap().starts_with("the label \"pos\" of runs/a has no example in the training data"));
        let message = found(&[("Neg", 3), ("neutral", 1)]).unwrap_err().to_string();
        assert_eq!(
            message,
            "a.csv: found 2 labels that runs/a has not, \"Neg\", \"neutral\"; expected some of its 2 labels, \"pos\", \"neg\"; write \"neg\" \
             for \"Neg\"; --new-labels replaces its output layer by one for the labels of these data"
        );
        assert!(Known { labels: None, ..known(0) }.classes(Path::new("a"), &[]).unwrap().is_none());
    }
}
