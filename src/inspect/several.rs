//! Whether the labels in a column are several at once.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::cells::{CLASSES, LABEL};
use super::start::Start;
use crate::data::error::DataError;
use crate::data::files::sniff::HEAD;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::label_set::{SEPARATORS, list};

/// Labels that stand in one column, several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Several {
    /// With this between them.
    Parted(char),
    /// As a list of JSON.
    Listed,
}

impl Several {
    /// How the labels in `cells`, none of which is empty, are several at once, if they are.
    pub fn of(cells: &[&str]) -> Option<Self> {
        let lists: Option<Vec<Vec<String>>> = cells.iter().map(|cell| list(cell)).collect();
        if lists.as_ref().is_some_and(|lists| !may_be_sets(lists)) {
            return None;
        }
        if let Some(lists) = lists {
            // Of many lists of words no two have a word in common.
            return come_again(lists.iter().flatten().map(String::as_str)).then_some(Self::Listed);
        }
        SEPARATORS.into_iter().find(|separator| is_parted(cells, *separator)).map(Self::Parted)
    }

    /// The same of a file with a label, or several, a line.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_lines(path: &Path) -> Result<Option<Self>, DataError> {
        let start = Start::read(path, HEAD)?;
        let text = String::from_utf8_lossy(start.whole_lines());
        let cells: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Ok(Self::of(&cells).filter(|found| *found != Self::Listed))
    }

    /// With what `found` says of the labels set in `spec`.
    pub fn set(found: Option<Self>, spec: LabelledSpec) -> LabelledSpec {
        let separator = match found {
            Some(Self::Parted(separator)) => Some(separator),
            Some(Self::Listed) | None => None,
        };
        LabelledSpec { multi_label: found.is_some(), separator, ..spec }
    }
}

/// Whether these are a few short names, most of which come more than once.
fn come_again<'a>(parts: impl Iterator<Item = &'a str>) -> bool {
    let (mut names, mut all) = (HashSet::new(), 0);
    for part in parts {
        let short = part.chars().count() <= LABEL && part.split_whitespace().count() <= 4;
        if !short {
            return false;
        }
        all += 1;
        names.insert(part);
    }
    (2..=CLASSES).contains(&names.len()) && names.len() * 2 <= all
}

/// Whether none has a part twice, and not all have as many: pairs such as `en,de` and rows such as `0,1,0` are one answer each.
fn may_be_sets(rows: &[Vec<String>]) -> bool {
    let mut sizes = rows.iter().map(Vec::len);
    let first = sizes.next();
    let twice = |parts: &Vec<String>| parts.iter().collect::<HashSet<_>>().len() < parts.len();
    (first == Some(1) || sizes.any(|size| Some(size) != first)) && !rows.iter().any(twice)
}

/// Whether `separator` stands between labels, and not within the name of one (`Korea, Republic of`).
///
/// Labels come alone or with others than before, and not always at the same place; half of a name never does without the other half.
fn is_parted(cells: &[&str], separator: char) -> bool {
    let parts_of = |cell: &'_ str| -> Vec<String> {
        cell.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let rows: Vec<Vec<String>> = cells.iter().map(|cell| parts_of(cell)).collect();
    if !may_be_sets(&rows) || !come_again(rows.iter().flatten().map(String::as_str)) {
        return false;
    }
    // `4,5` is a number to half of the world.
    let is_digits = |part: &String| part.bytes().all(|byte| byte.is_ascii_digit());
    if separator == ',' && rows.iter().all(|parts| parts.len() <= 2 && parts.iter().all(is_digits)) {
        return false;
    }
    let mut company: HashMap<&str, HashSet<&[String]>> = HashMap::new();
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut moves = false;
    for parts in &rows {
        for (at, part) in parts.iter().enumerate() {
            company.entry(part).or_default().insert(parts);
            moves |= *first.entry(part).or_insert(at) != at;
        }
    }
    let together = || rows.iter().filter(|parts| parts.len() > 1).flatten();
    let free =
        together().filter(|part| company.get(part.as_str()).is_some_and(|sets| sets.len() > 1)).count();
    let all = together().count();
    moves && all >= 4 && free * 10 >= all * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> Option<Several> {
        // As often as labels come.
        Several::of(&cells.repeat(10))
    }

    #[test]
    fn labels_come_alone_and_in_other_company() {
        for separator in SEPARATORS {
            let cells =
                ["a;b", "a", "c;b", "b", "a;b;c"].map(|cell| cell.replace(';', &separator.to_string()));
            assert_eq!(of(&cells.each_ref().map(String::as_str)), Some(Several::Parted(separator)));
        }
        assert_eq!(of(&["rock, indie", "rock", "jazz, rock", "indie", "jazz"]), Some(Several::Parted(',')));
        // What stands between labels, not what is within them.
        let cells = ["Sci-Fi, Fantasy|Drama", "Drama", "Sci-Fi, Fantasy", "War|Drama", "War"];
        assert_eq!(of(&cells), Some(Several::Parted('|')));
        assert_eq!(of(&["1,2,3", "1,3", "2", "3,2"]), Some(Several::Parted(',')));
        assert_eq!(of(&["[\"a\", \"b\"]", "[]", "[\"b\"]", "[3]"]), Some(Several::Listed));
        assert_eq!(of(&["[\"a\"]", "[\"b\"]"]), Some(Several::Listed));
    }

    #[test]
    fn a_class_may_have_any_name() {
        for cells in [
            &["Korea, Republic of", "Congo, Republic of", "France", "Korea", "Iran, Islamic Republic of"][..],
            &["good", "bad", "good, but dear", "bad, but cheap"],
            // A category and what is below it.
            &["sports, home", "sports, abroad", "politics, home", "politics, abroad"],
            &["4,5", "5,0", "3,5", "4,0", "5"],
            &["a", "b", "c"],
            &["a|b", "a"],
            &["AC/DC", "yes; no", "no"],
            &["{\"a\": 1}", "[[1], [2]]"],
            // As many each time, or one twice: pairs, votes, marks.
            &["en,de", "de,en", "en,fr", "fr,de"],
            &["yes; no", "no; yes", "yes; yes", "no"],
            &["0,1,0", "1,0,0", "0,0,1"],
            &["[0, 1, 0]", "[1, 0, 0]"],
        ] {
            assert_eq!(of(cells), None, "{cells:?}");
        }
        // Sentences: hardly a part comes twice.
        let texts: Vec<String> =
            (0..40).map(|n| format!("in {n}, it was, as I said in {}, good", n / 2)).collect();
        assert_eq!(Several::of(&texts.iter().map(String::as_str).collect::<Vec<_>>()), None);
        let lists: Vec<String> = (0..40).map(|n| format!("[\"it{n}\", \"was{n}\"]")).collect();
        assert_eq!(Several::of(&lists.iter().map(String::as_str).collect::<Vec<_>>()), None);
    }
}
