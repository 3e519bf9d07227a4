//! Sentences for people about what is unusual in labelled data.

use std::collections::BTreeMap;

use crate::data::error::quoted;
use crate::number;

/// If `shared` of `all` validation sequences, called `what`, also appear in the training data.
pub(crate) fn overlap_note(shared: usize, all: usize, what: &str) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    let mut note = format!("{} of {} {what} also appear in the training data", count(shared), count(all));
    if shared * 2 >= all {
        note += ": metrics say little about other data";
    }
    (shared > 0).then_some(note)
}

/// If `empty` of `all` texts have no token.
pub(crate) fn empty_note(empty: usize, all: usize) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    (empty > 0).then(|| {
        format!("{} of {} texts are empty: the network sees nothing but padding", count(empty), count(all))
    })
}

/// If `names`, each with its number of texts or words, differ by the case of their letters alone; `what` they are.
pub(crate) fn cased_note<'l>(names: impl Iterator<Item = (&'l str, usize)>, what: &str) -> Option<String> {
    let mut groups = BTreeMap::<String, Vec<(&str, usize)>>::new();
    names.for_each(|(name, count)| groups.entry(name.to_lowercase()).or_default().push((name, count)));
    let named = |group: &Vec<(&str, usize)>| {
        let each =
            |(name, count): &(&str, usize)| format!("{} ({})", quoted(name), number::count(*count as u64));
        group.iter().map(each).collect::<Vec<_>>().join(" and ")
    };
    let groups: Vec<String> = groups.values().filter(|group| group.len() > 1).take(4).map(named).collect();
    (!groups.is_empty()).then(|| {
        let groups = groups.join("; ");
        format!("{what} that differ by the case of their letters only are different ones: {groups}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unusual_is_said_with_numbers() {
        let cased = |names: &[(&'static str, usize)]| cased_note(names.iter().copied(), "labels");
        let said = cased(&[("Neg", 1), ("Pos", 20), ("neg", 3), ("other", 2), ("pos", 21)]).unwrap();
        assert!(
            said.ends_with("different ones: \"Neg\" (1) and \"neg\" (3); \"Pos\" (20) and \"pos\" (21)"),
            "{said}"
        );
        assert_eq!(cased(&[("a", 1), ("b", 2)]), None);
        assert_eq!(overlap_note(0, 9, "texts"), None);
        assert_eq!(overlap_note(1, 9, "texts").unwrap(), "1 of 9 texts also appear in the training data");
        assert!(overlap_note(9, 9, "texts").unwrap().ends_with("metrics say little about other data"));
        assert_eq!(empty_note(0, 3), None);
        assert!(empty_note(2, 3).unwrap().starts_with("2 of 3 texts are empty"));
    }
}
