//! Several labels of one text as one name, so that texts with several are read like those with one.

use serde_json::Value;

use crate::data::error::quoted;
use crate::data::files::encoding::BadText;

/// Starts such a name and parts its labels: no label has a control character.
const MARK: char = '\u{1f}';

/// What may stand between labels that are written in one field.
pub(crate) const SEPARATORS: [char; 3] = ['|', ';', ','];

/// The name for several labels at once.
pub(crate) fn join<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for label in labels {
        name.push(MARK);
        name.push_str(label);
    }
    name
}

/// Whether a field in the column of a label says that a text has it.
///
/// # Errors
/// When it says neither yes nor no.
pub(crate) fn is_marked(label: &str, field: &str) -> Result<bool, BadText> {
    match field.trim().to_lowercase().as_str() {
        "1" | "1.0" | "true" => Ok(true),
        "0" | "0.0" | "false" => Ok(false),
        _ => Err(BadText {
            lines: 0,
            found: format!("{} in the column {}", quoted(field), quoted(label)),
            expected: "0 or 1".into(),
        }),
    }
}

/// Each of `names` as its labels, sorted, each once: those of [`join`], or what `separator` parts; without one, whichever character
/// comes in most names.
pub(crate) fn part<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    separator: Option<char>,
) -> Vec<Vec<String>> {
    let written = names.clone().filter(|name| !name.starts_with(MARK));
    let count = |separator: char| written.clone().filter(|name| name.contains(separator)).count();
    // Of equals the first.
    let commonest = SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator));
    let separator = separator.or(commonest.filter(|separator| count(*separator) > 0));
    names.map(|name| labels_of(name, separator)).collect()
}

/// Each of `names` as its labels, all of which are among `known`, if there is a way to part them so; `None` where there is no name.
pub(crate) fn part_known<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    known: &[String],
) -> Option<Vec<Vec<String>>> {
    names.clone().next()?;
    let ways = [None].into_iter().chain(SEPARATORS.map(Some));
    let mut parted = ways.map(|separator| {
        let labels = names.clone().map(|name| labels_of(name, separator));
        labels.collect::<Vec<Vec<String>>>()
    });
    parted.find(|sets| sets.iter().flatten().all(|label| known.contains(label)))
}

/// The texts and numbers in a list of JSON; `None` for what is none, or has others in it.
pub(crate) fn list(cell: &str) -> Option<Vec<String>> {
    let values: Vec<Value> = serde_json::from_str(cell).ok().filter(|_| cell.starts_with('['))?;
    let label = |value: Value| match value {
        Value::String(label) => Some(label),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    values.into_iter().map(label).collect()
}

/// The labels in one name, sorted, each once.
fn labels_of(name: &str, separator: Option<char>) -> Vec<String> {
    let parts: Vec<&str> = match (name.strip_prefix(MARK), separator) {
        (Some(joined), _) => joined.split(MARK).collect(),
        (None, Some(separator)) => name.split(separator).map(str::trim).collect(),
        (None, None) => vec![name.trim()],
    };
    let mut labels: Vec<String> =
        parts.into_iter().filter(|label| !label.is_empty()).map(str::to_owned).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(names: &[&str], separator: Option<char>) -> Vec<Vec<String>> {
        part(names.iter().copied(), separator)
    }

    #[test]
    fn what_stands_between_labels_is_what_comes_most_often() {
        let expected = [vec!["a", "b, c"], vec!["b, c"], vec![], vec!["a"]];
        assert_eq!(
            parted(&["b, c | a", "b, c", "", "a|a|"], None),
            parted(&["a|b, c", "b, c", "", "a"], Some('|'))
        );
        assert_eq!(parted(&["b, c | a", "b, c|", "", "a|a|"], None), expected);
        assert_eq!(parted(&["a;b", "a"], None), [vec!["a", "b"], vec!["a"]]);
        assert_eq!(parted(&["a b", "a"], None), [vec!["a b"], vec!["a"]]);
        assert_eq!(parted(&["a b", "a"], Some(' ')), [vec!["a", "b"], vec!["a"]]);
    }

    #[test]
    fn known_labels_tell_what_parts_them() {
        let known = ["Sci-Fi, Fantasy", "drama"].map(str::to_owned);
        let sets = |names: &[&str]| part_known(names.iter().copied(), &known);
        let both = vec!["Sci-Fi, Fantasy".to_owned(), "drama".to_owned()];
        assert_eq!(
            sets(&["Sci-Fi, Fantasy", "drama"]),
            Some(vec![vec![both[0].clone()], vec![both[1].clone()]])
        );
        assert_eq!(sets(&["drama|Sci-Fi, Fantasy"]), Some(vec![both]));
        assert_eq!((sets(&["war"]), sets(&[])), (None, None));
    }

    #[test]
    fn a_list_of_json_in_a_cell_is_its_labels() {
        let spec = crate::data::sources::labelled::LabelledSpec { multi_label: true, ..Default::default() };
        let read = |cell: &str| spec.label_of(cell).ok().unwrap();
        assert_eq!(read(r#" ["b, c", "a", 3]"#), join(["b, c", "a", "3"].into_iter()));
        assert_eq!(parted(&[&read("[]"), &read(r#"["b", "a", "b"]"#)], None), [vec![], vec!["a", "b"]]);
        assert_eq!(read("[a, b]"), "[a, b]");
        let one = crate::data::sources::labelled::LabelledSpec { multi_label: false, ..spec.clone() };
        assert_eq!(one.label_of("[1]").ok().as_deref(), Some("[1]"));
    }

    #[test]
    fn joined_labels_come_apart_as_they_were_whatever_is_in_them() {
        let name = join(["x|y", "a,b"].into_iter());
        assert_eq!(parted(&[&name, "", "c|d"], None), [vec!["a,b", "x|y"], vec![], vec!["c", "d"]]);
    }
}
