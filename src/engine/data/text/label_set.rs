//! Several labels of one text joined to one name, so that they can be read like a single label.

use serde_json::Value;

use crate::data::error::quoted;
use crate::data::files::encoding::TextError;

/// Precedes every label of a joined name; no label contains a control character.
const MARK: char = '\u{1f}';

/// The separators of labels in one field that are detected.
pub(crate) const SEPARATORS: [char; 3] = ['|', ';', ','];

/// Joins several labels to one name.
pub(crate) fn join<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for label in labels {
        name.push(MARK);
        name.push_str(label);
    }
    name
}

/// Parses a field of 0 or 1 in the column of `label`.
///
/// # Errors
/// When it is neither.
pub(crate) fn is_marked(label: &str, field: &str) -> Result<bool, TextError> {
    match field.trim().to_lowercase().as_str() {
        "1" | "1.0" | "true" => Ok(true),
        "0" | "0.0" | "false" => Ok(false),
        _ => Err(TextError {
            lines: 0,
            found: format!("{} in the column {}", quoted(field), quoted(label)),
            expected: "0 or 1".into(),
        }),
    }
}

/// Splits each of `names` into its labels, sorted and without duplicates: names of `join`, or else at `separator`, or at the most
/// frequent of `SEPARATORS`.
pub fn split<'a>(names: impl Iterator<Item = &'a str> + Clone, separator: Option<char>) -> Vec<Vec<String>> {
    let written = names.clone().filter(|name| !name.starts_with(MARK));
    let count = |separator: char| written.clone().filter(|name| name.contains(separator)).count();
    // The first of equally frequent ones.
    let commonest = SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator));
    let separator = separator.or(commonest.filter(|separator| count(*separator) > 0));
    names.map(|name| labels_of(name, separator)).collect()
}

/// Splits each of `names` at a separator that gives only labels among `known`; `None` if there is no such separator, or no name.
pub(crate) fn split_by_known<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    known: &[String],
) -> Option<Vec<Vec<String>>> {
    names.clone().next()?;
    let separators = [None].into_iter().chain(SEPARATORS.map(Some));
    let mut splits = separators.map(|separator| {
        let labels = names.clone().map(|name| labels_of(name, separator));
        labels.collect::<Vec<Vec<String>>>()
    });
    splits.find(|sets| sets.iter().flatten().all(|label| known.contains(label)))
}

/// The index of `name` in `labels`, which are sorted if they come from data; of a number also under another notation: `1.0` for `1`.
pub fn position(labels: &[String], name: &str) -> Option<usize> {
    let exact = labels.binary_search_by(|label| label.as_str().cmp(name)).ok();
    // Those of a network from elsewhere are in the order of its outputs.
    let exact = exact.or_else(|| labels.iter().position(|label| label == name));
    exact.or_else(|| {
        let number: f64 = name.trim().parse().ok().filter(|x: &f64| x.is_finite())?;
        let mut equal = (0..labels.len()).filter(|at| {
            labels.get(*at).is_some_and(|label| label.trim().parse().is_ok_and(|x: f64| x == number))
        });
        equal.next().filter(|_| equal.next().is_none())
    })
}

/// Parses a list of strings and numbers: of JSON, or as Python and NumPy display one: `['a', 'b']`, `['a' 'b']`, `[0 1]`, `{'a', 'b'}`,
/// `[a, b]`. `None` for anything else.
pub(crate) fn list(cell: &str) -> Option<Vec<String>> {
    json_list(cell).or_else(|| displayed_list(cell))
}

/// Whether a cell looks like a list or an object of JSON or Python that is no list of labels: of several values in brackets.
pub(crate) fn is_other_list(cell: &str) -> bool {
    let cell = cell.trim();
    let enclosed =
        cell.starts_with('[') && cell.ends_with(']') || cell.starts_with('{') && cell.ends_with('}');
    enclosed && cell.contains([',', ':']) && list(cell).is_none()
}

/// Parses a list as Python and NumPy display it.
fn displayed_list(cell: &str) -> Option<Vec<String>> {
    let cell = cell.trim();
    if matches!(cell, "set()" | "frozenset()") {
        return Some(Vec::new());
    }
    let cell = cell.strip_prefix("array(").map_or(cell, |rest| {
        let end = rest.rfind(']').map_or(rest.len(), |at| at + 1);
        rest.get(..end).unwrap_or(rest)
    });
    let (open, close) = (cell.chars().next()?, cell.chars().last()?);
    if !matches!((open, close), ('[', ']') | ('{', '}') | ('(', ')')) {
        return None;
    }
    let mut rest = cell.get(1..cell.len() - 1)?.trim();
    let (mut labels, mut commas, mut blanks) = (Vec::new(), 0, 0);
    let mut is_bare = true;
    while let Some(first) = rest.chars().next() {
        // NumPy 2 displays `np.str_('a')` and `np.int64(3)`.
        let scalar = rest.strip_prefix("np.").or_else(|| rest.strip_prefix("numpy."));
        if let Some((_, inner)) = scalar.and_then(|scalar| scalar.split_once('(')) {
            let (label, after) = match inner.chars().next()? {
                quote @ ('\'' | '"') => quoted_label(inner, quote)?,
                _ => inner.split_at_checked(inner.find(')')?).map(|(n, after)| (n.to_owned(), after))?,
            };
            labels.push(label);
            is_bare = false;
            rest = after.strip_prefix(')')?.trim_start();
            if let Some(more) = rest.strip_prefix(',') {
                commas += 1;
                rest = more.trim_start();
            } else if !rest.is_empty() {
                return None;
            }
            continue;
        }
        let after = if matches!(first, '\'' | '"') {
            let (label, after) = quoted_label(rest, first)?;
            is_bare = false;
            labels.push(label);
            after
        } else {
            let end = rest.find([',', ' ', '\n', '\t']).unwrap_or(rest.len());
            // Of several words only commas can be between labels.
            let end = match rest.get(..end)?.trim_end_matches('.').parse::<f64>() {
                Ok(_) => end,
                Err(_) => rest.find(',').unwrap_or(rest.len()),
            };
            let (word, after) = rest.split_at_checked(end)?;
            let word = word.trim();
            if word.is_empty() || word.contains(['[', ']', '{', '}', '(', ')', ':', '"', '\'']) {
                return None;
            }
            labels
                .push(word.strip_suffix('.').filter(|n| n.parse::<f64>().is_ok()).unwrap_or(word).to_owned());
            after
        };
        let next = after.trim_start();
        match next.strip_prefix(',') {
            Some(more) => {
                commas += 1;
                rest = more.trim_start();
            }
            None if next.is_empty() => rest = next,
            // Between quotes NumPy has a blank, or the end of a line.
            None if next.len() < after.len() => {
                blanks += 1;
                rest = next;
            }
            None => return None,
        }
    }
    // `(see below)` is no list.
    let is_list = (commas == 0 || blanks == 0) && !(open == '(' && is_bare && !labels.is_empty());
    is_list.then_some(labels)
}

/// Parses a label between quotes at the start of `text`, as Python escapes it; also returns what follows.
fn quoted_label(text: &str, quote: char) -> Option<(String, &str)> {
    let mut label = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => label.push(chars.next()?.1),
            _ if c == quote => return Some((label, text.get(at + c.len_utf8()..)?)),
            _ => label.push(c),
        }
    }
    None
}

/// Parses a JSON list of strings and numbers; `None` for anything else.
pub(crate) fn json_list(cell: &str) -> Option<Vec<String>> {
    let values: Vec<Value> = serde_json::from_str(cell).ok().filter(|_| cell.starts_with('['))?;
    let label = |value: Value| match value {
        Value::String(label) => Some(label),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    values.into_iter().map(label).collect()
}

/// The labels of one name, sorted and without duplicates.
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

    fn split_all(names: &[&str], separator: Option<char>) -> Vec<Vec<String>> {
        split(names.iter().copied(), separator)
    }

    #[test]
    fn the_most_frequent_separator_is_detected() {
        let expected = [vec!["a", "b, c"], vec!["b, c"], vec![], vec!["a"]];
        assert_eq!(
            split_all(&["b, c | a", "b, c", "", "a|a|"], None),
            split_all(&["a|b, c", "b, c", "", "a"], Some('|'))
        );
        assert_eq!(split_all(&["b, c | a", "b, c|", "", "a|a|"], None), expected);
        assert_eq!(split_all(&["a;b", "a"], None), [vec!["a", "b"], vec!["a"]]);
        assert_eq!(split_all(&["a b", "a"], None), [vec!["a b"], vec!["a"]]);
        assert_eq!(split_all(&["a b", "a"], Some(' ')), [vec!["a", "b"], vec!["a"]]);
    }

    #[test]
    fn known_labels_determine_the_separator() {
        let known = ["Sci-Fi, Fantasy", "drama"].map(str::to_owned);
        let sets = |names: &[&str]| split_by_known(names.iter().copied(), &known);
        let both = vec!["Sci-Fi, Fantasy".to_owned(), "drama".to_owned()];
        assert_eq!(
            sets(&["Sci-Fi, Fantasy", "drama"]),
            Some(vec![vec![both[0].clone()], vec![both[1].clone()]])
        );
        assert_eq!(sets(&["drama|Sci-Fi, Fantasy"]), Some(vec![both]));
        assert_eq!((sets(&["war"]), sets(&[])), (None, None));
    }

    #[test]
    fn a_json_list_in_a_cell_holds_labels() {
        let spec = crate::data::sources::labelled::LabelledSpec { multi_label: true, ..Default::default() };
        let read = |cell: &str| spec.label_of(cell).ok().unwrap();
        assert_eq!(read(r#" ["b, c", "a", 3]"#), join(["b, c", "a", "3"].into_iter()));
        assert_eq!(split_all(&[&read("[]"), &read(r#"["b", "a", "b"]"#)], None), [vec![], vec!["a", "b"]]);
        assert_eq!(read("[a, b]"), join(["a", "b"].into_iter()));
        // What is in brackets otherwise is never split at its commas.
        for cell in ["[[1], [2]]", "{'joy': 0.9, 'fear': 0.1}"] {
            assert!(spec.label_of(cell).is_err(), "{cell}");
        }
        let one = crate::data::sources::labelled::LabelledSpec { multi_label: false, ..spec.clone() };
        assert_eq!(one.label_of("[1]").ok().as_deref(), Some("[1]"));
    }

    #[test]
    fn lists_are_read_as_python_and_numpy_display_them() {
        for (cell, labels) in [
            ("['a', 'b']", &["a", "b"][..]),
            ("['a' 'b']", &["a", "b"]),
            ("['a'\n 'b c']", &["a", "b c"]),
            ("[\"it's\", 'b']", &["it's", "b"]),
            (r"['it\'s']", &["it's"]),
            ("[0 1]", &["0", "1"]),
            ("[0. 1.]", &["0", "1"]),
            ("[ 3  12]", &["3", "12"]),
            ("{'b', 'a'}", &["b", "a"]),
            ("{a,b}", &["a", "b"]),
            ("('a',)", &["a"]),
            ("array(['a', 'b'], dtype=object)", &["a", "b"]),
            ("[a, b c]", &["a", "b c"]),
            ("[]", &[]),
            ("set()", &[]),
            ("[np.str_('joy'), np.str_('fear, \\'x')]", &["joy", "fear, 'x"]),
            ("[np.int64(3), np.int64(12)]", &["3", "12"]),
            ("[numpy.str_('a')]", &["a"]),
            ("()", &[]),
        ] {
            assert_eq!(
                list(cell).as_deref(),
                Some(&labels.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>()[..]),
                "{cell}"
            );
        }
        for cell in [
            "a, b",
            "[a",
            "{'a': 1}",
            "{\"a\": 1}",
            "[[1], [2]]",
            "['a'b]",
            "['a', 'b' 'c']",
            "(a, b)",
            "['a",
            "[np.str_('a'",
            "[np.str_('a') 'b']",
            "",
        ] {
            assert_eq!(list(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_number_is_found_in_any_notation() {
        let labels = ["0", "1", "yes"].map(str::to_owned);
        assert_eq!(
            ["1", "1.0", "0.0", "1e0", "yes", "2", "2.0", "no"].map(|name| position(&labels, name)),
            [Some(1), Some(1), Some(0), Some(1), Some(2), None, None, None]
        );
        let unsorted = ["pos", "neg", "neutral"].map(str::to_owned);
        assert_eq!(
            ["neg", "neutral", "pos"].map(|name| position(&unsorted, name)),
            [Some(1), Some(2), Some(0)]
        );
        let twice = ["1", "1.0"].map(str::to_owned);
        assert_eq!((position(&twice, "1.0"), position(&twice, "1.00")), (Some(1), None));
    }

    #[test]
    fn joined_labels_round_trip() {
        let name = join(["x|y", "a,b"].into_iter());
        assert_eq!(split_all(&[&name, "", "c|d"], None), [vec!["a,b", "x|y"], vec![], vec!["c", "d"]]);
    }
}
