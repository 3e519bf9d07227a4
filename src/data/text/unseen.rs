//! Labels of data to evaluate on that the training data have not.

use crate::data::error::quoted;
use crate::number;
use crate::protocol::ClassCount;

/// Collects labels that are not among those of the training data. Their classes are behind those of training, in order of appearance: no
/// network predicts them, so they count as wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unseen(Vec<ClassCount>);

impl Unseen {
    /// The class of `label`, an index into the sorted `labels` or behind them.
    pub fn class(&mut self, label: &str, labels: &[String]) -> u32 {
        self.class_of(label, labels, 1)
    }

    /// [`Self::class`] for a label of `count` sequences.
    pub fn class_of(&mut self, label: &str, labels: &[String], count: usize) -> u32 {
        if let Ok(class) = labels.binary_search_by(|known| known.as_str().cmp(label)) {
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

    /// The labels with their counts, in the order of their classes.
    pub fn counts(self) -> Vec<ClassCount> {
        self.0
    }
}

/// A sentence for people about labels that only the validation data have; `label` is what they are called, `subject` what has one.
pub(crate) fn unseen_note(unseen: &[ClassCount], label: &str, subject: &str) -> Option<String> {
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
