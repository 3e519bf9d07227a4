//! Sentences for people about what is unusual in labelled data.

use std::collections::BTreeMap;

use crate::data::error::quoted;
use crate::number;

/// If `shared` of `all` validation sequences, called `what`, also appear in the training data.
pub fn overlap_note(shared: usize, all: usize, what: &str) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    let mut note = format!("{} of {} {what} also appear in the training data", count(shared), count(all));
    if shared * 2 >= all {
        note += ": metrics say little about other data";
    }
    (shared > 0).then_some(note)
}

/// If `empty` of `all` texts have no token.
pub fn empty_note(empty: usize, all: usize) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    (empty > 0).then(|| {
        format!("{} of {} texts are empty: the network sees nothing but padding", count(empty), count(all))
    })
}

/// If `names`, each with its number of texts or words, differ by the case of their letters alone, or are the same number, as `1` and `1.0`;
/// `what` they are.
pub fn cased_note<'l>(names: impl Iterator<Item = (&'l str, usize)>, what: &str) -> Option<String> {
    let mut cased = BTreeMap::<String, Vec<(&str, usize)>>::new();
    let mut equal = cased.clone();
    for (name, count) in names {
        match number_of(name) {
            Some(number) => equal.entry(number).or_default().push((name, count)),
            None => cased.entry(name.to_lowercase()).or_default().push((name, count)),
        }
    }
    let named = |group: &Vec<(&str, usize)>| {
        let each =
            |(name, count): &(&str, usize)| format!("{} ({})", quoted(name), number::count(*count as u64));
        group.iter().map(each).collect::<Vec<_>>().join(" and ")
    };
    let said = |groups: BTreeMap<String, Vec<(&str, usize)>>, how: &str| {
        let groups: Vec<String> =
            groups.values().filter(|group| group.len() > 1).take(4).map(named).collect();
        (!groups.is_empty()).then(|| format!("{what} {how} are different ones: {}", groups.join("; ")))
    };
    let notes = [
        said(cased, "that differ by the case of their letters only"),
        said(equal, "that are the same number, written differently,"),
    ];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// The number that `name` is, in one form.
fn number_of(name: &str) -> Option<String> {
    let is_number = name.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let number = name.parse::<f64>().ok().filter(|number| is_number && number.is_finite())?;
    // So that -0 is 0.
    Some((number + 0.0).to_string())
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
        assert_eq!(cased(&[("a", 1), ("b", 2), ("1", 1), ("2", 3), ("-1", 2)]), None);
        let said = cased(&[("0", 1), ("0.0", 20), ("1", 3), ("1.0", 2)]).unwrap();
        assert_eq!(
            said,
            "labels that are the same number, written differently, are different ones: \"0\" (1) and \"0.0\" (20); \"1\" (3) and \"1.0\" (2)"
        );
        assert_eq!(overlap_note(0, 9, "texts"), None);
        assert_eq!(overlap_note(1, 9, "texts").unwrap(), "1 of 9 texts also appear in the training data");
        assert!(overlap_note(9, 9, "texts").unwrap().ends_with("metrics say little about other data"));
        assert_eq!(empty_note(0, 3), None);
        assert!(empty_note(2, 3).unwrap().starts_with("2 of 3 texts are empty"));
    }
}
