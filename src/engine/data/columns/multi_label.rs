//! Detects columns that hold several labels per cell.

use std::collections::{HashMap, HashSet};

use crate::data::columns::{LONGEST_LABEL, MOST_CLASSES};
use crate::data::text::label_set::{SEPARATORS, is_other_list, json_list, list};

/// How the cells of a column hold several labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiLabel {
    /// Separated by this character.
    Separated(char),
    /// As a JSON list.
    List,
}

impl MultiLabel {
    /// Detects how `cells`, none of which is empty, hold several labels; `None` where they hold one each.
    pub fn detect(cells: &[&str]) -> Option<Self> {
        let lists: Option<Vec<Vec<String>>> = cells.iter().map(|cell| list(cell)).collect();
        if lists.as_ref().is_some_and(|lists| !are_sets(lists)) {
            return None;
        }
        // `[music]`, `[noise]`: a word in brackets may be a class.
        let is_word = |cell: &&str| json_list(cell).is_none() && !cell.contains(['\'', '"']);
        if lists.as_ref().is_some_and(|lists| lists.iter().all(|list| list.len() == 1))
            && cells.iter().any(is_word)
        {
            return None;
        }
        if let Some(lists) = lists {
            // Of many lists of words no two have a word in common.
            return recur(lists.iter().flatten().map(String::as_str)).then_some(Self::List);
        }
        SEPARATORS.into_iter().find(|separator| is_separated(cells, *separator)).map(Self::Separated)
    }
}

/// Whether these are a few short names, most of which occur more than once.
fn recur<'a>(parts: impl Iterator<Item = &'a str>) -> bool {
    let (mut names, mut all) = (HashSet::new(), 0);
    for part in parts {
        let short = part.chars().count() <= LONGEST_LABEL && part.split_whitespace().count() <= 4;
        if !short {
            return false;
        }
        all += 1;
        names.insert(part);
    }
    (2..=MOST_CLASSES).contains(&names.len()) && names.len() * 2 <= all
}

/// Whether no row has a part twice, and the rows differ in size: pairs such as `en,de` and rows such as `0,1,0` are one answer each.
fn are_sets(rows: &[Vec<String>]) -> bool {
    let mut sizes = rows.iter().map(Vec::len);
    let first = sizes.next();
    let twice = |parts: &Vec<String>| parts.iter().collect::<HashSet<_>>().len() < parts.len();
    (first == Some(1) || sizes.any(|size| Some(size) != first)) && !rows.iter().any(twice)
}

/// Whether `separator` separates labels, and is not part of a label's name (`Korea, Republic of`).
///
/// Labels occur alone or in other combinations, and at varying positions; half of a name never occurs without the other half.
fn is_separated(cells: &[&str], separator: char) -> bool {
    let parts_of = |cell: &'_ str| -> Vec<String> {
        cell.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let rows: Vec<Vec<String>> = cells.iter().map(|cell| parts_of(cell)).collect();
    // Lists and objects that are not understood.
    if cells.iter().any(|cell| is_other_list(cell)) {
        return false;
    }
    if !are_sets(&rows) || !recur(rows.iter().flatten().map(String::as_str)) {
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

    fn of(cells: &[&str]) -> Option<MultiLabel> {
        // As often as labels come.
        MultiLabel::detect(&cells.repeat(10))
    }

    #[test]
    fn labels_come_alone_and_in_other_company() {
        for separator in SEPARATORS {
            let cells =
                ["a;b", "a", "c;b", "b", "a;b;c"].map(|cell| cell.replace(';', &separator.to_string()));
            assert_eq!(of(&cells.each_ref().map(String::as_str)), Some(MultiLabel::Separated(separator)));
        }
        assert_eq!(
            of(&["rock, indie", "rock", "jazz, rock", "indie", "jazz"]),
            Some(MultiLabel::Separated(','))
        );
        // What stands between labels, not what is within them.
        let cells = ["Sci-Fi, Fantasy|Drama", "Drama", "Sci-Fi, Fantasy", "War|Drama", "War"];
        assert_eq!(of(&cells), Some(MultiLabel::Separated('|')));
        assert_eq!(of(&["1,2,3", "1,3", "2", "3,2"]), Some(MultiLabel::Separated(',')));
        assert_eq!(of(&["[\"a\", \"b\"]", "[]", "[\"b\"]", "[3]"]), Some(MultiLabel::List));
        assert_eq!(of(&["[\"a\"]", "[\"b\"]"]), Some(MultiLabel::List));
        assert_eq!(of(&["['a', 'b']", "[]", "['b']"]), Some(MultiLabel::List));
        assert_eq!(of(&["[0 1]", "[]", "[1]", "[2 1]"]), Some(MultiLabel::List));
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
            &["[music]", "[noise]"],
            &["AC/DC", "yes; no", "no"],
            &["{\"a\": 1}", "[[1], [2]]"],
            // As many each time, or one twice: pairs, votes, marks.
            &["en,de", "de,en", "en,fr", "fr,de"],
            &["yes; no", "no; yes", "yes; yes", "no"],
            &["0,1,0", "1,0,0", "0,0,1"],
            &["[0, 1, 0]", "[1, 0, 0]"],
            &["{'joy': 1, 'fear': 0}", "{'joy': 1}", "{'fear': 0}", "{'fear': 0, 'joy': 1}"],
        ] {
            assert_eq!(of(cells), None, "{cells:?}");
        }
        // Sentences: hardly a part comes twice.
        let texts: Vec<String> =
            (0..40).map(|n| format!("in {n}, it was, as I said in {}, good", n / 2)).collect();
        assert_eq!(MultiLabel::detect(&texts.iter().map(String::as_str).collect::<Vec<_>>()), None);
        let lists: Vec<String> = (0..40).map(|n| format!("[\"it{n}\", \"was{n}\"]")).collect();
        assert_eq!(MultiLabel::detect(&lists.iter().map(String::as_str).collect::<Vec<_>>()), None);
    }
}
