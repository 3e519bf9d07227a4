//! Labels of data to evaluate on that the training data have not.

use std::path::Path;

use crate::data::error::{DataError, listed, quoted};
use crate::data::text::label_set;
use crate::number;
use crate::protocol::ClassCount;

/// Collects labels that are not among those of the training data. Their classes are behind those of training, in order of appearance: no
/// network predicts them, so they count as wrong.
#[derive(Debug, Clone, Default)]
pub struct Unseen(Vec<ClassCount>);

impl Unseen {
    /// Those that were collected.
    pub fn of(counts: &[ClassCount]) -> Self {
        Self(counts.to_vec())
    }

    /// The class of `label`, an index into the sorted `labels` or behind them.
    pub fn class(&mut self, label: &str, labels: &[String]) -> u32 {
        self.class_of(label, labels, 1)
    }

    /// [`Self::class`] for a label of `count` sequences.
    pub fn class_of(&mut self, label: &str, labels: &[String], count: usize) -> u32 {
        if let Some(class) = label_set::position(labels, label) {
            return class as u32;
        }
        let at = self.0.iter().position(|unseen| unseen.label == label).unwrap_or_else(|| {
            self.0.push(ClassCount { label: label.to_owned(), count: 0 });
            self.0.len() - 1
        });
        if let Some(unseen) = self.0.get_mut(at) {
            unseen.count += count;
        }
        (labels.len() + at) as u32
    }

    /// Refuses data at `path` of which all `all` sequences have such labels: they are other labels, or written otherwise.
    ///
    /// # Errors
    /// With the labels, and how they are written in the training data.
    pub fn check(&self, path: &Path, all: usize, labels: &[String]) -> Result<(), DataError> {
        let count: usize = self.0.iter().map(|unseen| unseen.count).sum();
        if all == 0 || count < all {
            return Ok(());
        }
        let hint = self.0.iter().find_map(|unseen| {
            let known = labels.iter().find(|known| known.eq_ignore_ascii_case(&unseen.label))?;
            Some(format!("; write {} for {}", quoted(known), quoted(&unseen.label)))
        });
        let found = format!("only labels that the training data have not, {}", unseen_list(&self.0));
        let known = listed(labels.iter().map(String::as_str));
        let expected = format!("labels of the training data: {known}{}", hint.unwrap_or_default());
        Err(DataError::content(path, None, found, expected))
    }

    /// The labels with their counts, in the order of their classes.
    pub fn counts(self) -> Vec<ClassCount> {
        self.0
    }
}

/// A sentence for people about labels that only the validation data have; `label` is what they are called, `subject` what has one.
pub fn unseen_note(unseen: &[ClassCount], label: &str, subject: &str) -> Option<String> {
    let all: usize = unseen.iter().map(|unseen| unseen.count).sum();
    (all > 0).then(|| {
        let has = if all == 1 { "has" } else { "have" };
        format!(
            "{} of the validation data {has} a {label} that no training data have, and count as wrong: {}",
            number::counted(all, subject),
            unseen_list(unseen)
        )
    })
}

/// [`unseen_note`] where texts have several labels: the network has no output for these.
pub(crate) fn unseen_labels_note(unseen: &[ClassCount]) -> Option<String> {
    (!unseen.is_empty()).then(|| {
        format!(
            "labels that no training data have are in no metric of the validation data: {}",
            unseen_list(unseen)
        )
    })
}

/// `"B-LST" (3)`, at most eight of them.
pub(crate) fn unseen_list(unseen: &[ClassCount]) -> String {
    let listed = unseen.iter().take(8);
    let listed: Vec<String> = listed
        .map(|unseen| format!("{} ({})", quoted(&unseen.label), number::count(unseen.count as u64)))
        .collect();
    let more = unseen.len().saturating_sub(8);
    if more > 0 { format!("{} and {more} more", listed.join(", ")) } else { listed.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_written_otherwise_are_refused_with_a_hint_and_a_few_unseen_ones_are_counted() {
        let labels = ["0", "1"].map(str::to_owned);
        let mut unseen = Unseen::default();
        assert_eq!(["1", "x", "y", "x"].map(|label| unseen.class(label, &labels)), [1, 2, 3, 2]);
        assert!(unseen.check(Path::new("a.csv"), 4, &labels).is_ok());
        let note = unseen_note(&unseen.counts(), "label", "text").unwrap();
        assert_eq!(
            note,
            "3 texts of the validation data have a label that no training data have, and count as wrong: \"x\" (2), \"y\" (1)"
        );
        let mut unseen = Unseen::default();
        let labels = ["neg", "pos"].map(str::to_owned);
        unseen.class_of("POS", &labels, 5);
        let message = unseen.check(Path::new("a.csv"), 5, &labels).unwrap_err().to_string();
        assert_eq!(
            message,
            "a.csv: found only labels that the training data have not, \"POS\" (5); expected labels of the training data: \"neg\", \"pos\"; \
             write \"pos\" for \"POS\""
        );
        assert_eq!(unseen_note(&[], "label", "text"), None);
    }
}
