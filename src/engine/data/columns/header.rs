//! Whether the first row of a table of texts is a header, unless `data.header` sets it. Series always have one, and tables of sequences
//! have numbers alone.

use std::collections::HashSet;

use crate::data::columns::{Column, ColumnSettings, DATE_NAMES, LABEL_NAMES, TEXT_NAMES, known_index};
use crate::data::sources::series::date::is_date;
use crate::data::sources::series::numbers::any_number;

/// The maximum number of characters, and of words, of a name that is known by nothing else.
const LONGEST_NAME: (usize, usize) = (30, 3);

/// Whether `first` is the header of the table with the other rows `rest`, all as long.
///
/// The first of these that applies decides. The label is known where it is set, and in a table of two columns.
///
/// 1. A column is set by its name, or the row has usual names of both text and label: a header.
/// 2. A number above numbers or a date above dates, in the column of the label where that is known: none. A number above classes
///    that recur, which does not recur itself, is a name.
/// 3. The row has a usual name: a header.
/// 4. The label is known: a header if the first one does not recur, nor a part of it, beside a short name.
/// 5. A name is empty: a header if it is that of the index that pandas writes; if the column is mostly empty, this says nothing.
/// 6. Words above numbers: a header.
/// 7. Short and different names do not recur in their columns, and one is above much longer texts: a header.
pub(super) fn is_header(first: &[String], rest: &[&Vec<String>], settings: &ColumnSettings<'_>) -> bool {
    let names: Vec<&str> = first.iter().map(String::as_str).collect();
    let knows = |known| known_index(&names, known).is_some();
    if settings.is_by_name()
        || knows(TEXT_NAMES) && (knows(LABEL_NAMES) || !settings.label_columns.is_empty())
    {
        return true;
    }
    let column = |at: usize| rest.iter().filter_map(move |row| row.get(at)).map(String::as_str);
    let is_numeric = |cell: &str| cell.parse::<f64>().is_ok() || any_number(cell).is_some() || is_date(cell);
    let above_numbers = |at: usize, percent: usize| {
        let (all, numbers) =
            column(at).fold((0, 0), |(all, n), cell| (all + 1, n + usize::from(is_numeric(cell))));
        all > 0 && numbers * 100 >= all * percent
    };
    let is_short = |at: usize| {
        let (characters, words) = LONGEST_NAME;
        let name = names.get(at).copied().unwrap_or_default();
        name.chars().count() <= characters && name.split_whitespace().count() <= words
    };
    let recurs = |at: usize| names.get(at).is_some_and(|name| column(at).any(|cell| cell == *name));
    let numeric = |at: usize| names.get(at).is_some_and(|name| is_numeric(name));
    // A number above words may be a name: pandas numbers columns without names, from 0.
    let is_value = |at: usize| numeric(at) && (rest.is_empty() || above_numbers(at, 50) || recurs(at));
    // Labels of one text, of which each may recur where all of them together do not.
    let part_recurs = |at: usize| {
        let parts =
            |cell: &str| cell.split(['|', ';', ',']).map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        let first = names.get(at).map(|name| parts(name)).unwrap_or_default();
        first.len() > 1 && {
            let below: HashSet<String> = column(at).flat_map(parts).collect();
            first.iter().any(|part| below.contains(part))
        }
    };
    let label = label(&names, rest, settings).filter(|_| rest.len() > 1);
    // Of classes that recur below it, a number that does not is a name, such as a year.
    let is_class = |at: usize| recurs(at) || column(at).collect::<HashSet<_>>().len() * 2 > rest.len();
    if label.map_or_else(|| (0..names.len()).any(is_value), |label| is_value(label) && is_class(label)) {
        return false;
    }
    if knows(TEXT_NAMES) || knows(LABEL_NAMES) || knows(DATE_NAMES) {
        return true;
    }
    if let Some(label) = label {
        return !recurs(label)
            && !part_recurs(label)
            && (0..names.len()).any(|at| at != label && is_short(at));
    }
    let (unnamed, named): (Vec<usize>, Vec<usize>) =
        (0..names.len()).partition(|at| names.get(*at).is_some_and(|name| name.is_empty()));
    let mostly_empty = |at: &usize| column(*at).filter(|cell| cell.is_empty()).count() * 2 >= rest.len();
    if rest.is_empty() || !unnamed.iter().all(mostly_empty) {
        return unnamed == [0] && !named.iter().any(|at| recurs(*at));
    }
    if named.iter().any(|at| !numeric(*at) && above_numbers(*at, 90)) {
        return true;
    }
    let is_name = |at: &usize| is_short(*at) && !recurs(*at);
    let different = named.iter().filter_map(|at| names.get(*at)).collect::<HashSet<_>>().len() == named.len();
    let above_texts = |at: &usize| {
        let below: usize = column(*at).map(|cell| cell.chars().count()).sum();
        below > 3 * rest.len() * names.get(*at).map_or(0, |name| name.chars().count())
    };
    rest.len() > 2 && different && named.iter().all(is_name) && named.iter().any(above_texts)
}

/// The index of the label, where it is known: as it is set; of two columns the one with fewer values, or the last.
fn label(names: &[&str], rest: &[&Vec<String>], settings: &ColumnSettings<'_>) -> Option<usize> {
    let index = |column: Option<&Column>| column.and_then(|column| column.index(names).ok());
    let values = |at: usize| {
        let cells = rest.iter().filter_map(|row| row.get(at)).map(String::as_str);
        cells.chain(names.get(at).copied()).collect::<HashSet<_>>().len()
    };
    index(settings.label).or_else(|| {
        let text = index(settings.text).map(|text| 1 - text.min(1));
        (names.len() == 2).then(|| text.unwrap_or_else(|| usize::from(values(1) <= values(0))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rows: &[&[&str]]) -> bool {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        let rest: Vec<&Vec<String>> = rows[1..].iter().collect();
        is_header(&rows[0], &rest, &ColumnSettings::default())
    }

    #[test]
    fn a_number_above_classes_that_recur_is_a_name_unless_it_recurs() {
        let texts = ["not bad", "not good", "fine", "awful"];
        let table = |first: &'static str| {
            let below = texts.iter().zip(["0", "1", "0", "1"]).map(|(text, label)| vec![*text, label]);
            [vec!["words", first]].into_iter().chain(below).collect::<Vec<_>>()
        };
        let header_of = |first| header(&table(first).iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(header_of("2019"));
        assert!(!header_of("1"));
    }

    #[test]
    fn a_first_row_of_text_and_a_rare_label_is_data() {
        let text = "the girl walked down the street and told the whole story of the film";
        let rows = [[text, "war|family"], [text, "war"], [text, "family|crime"], [text, "crime"]];
        assert!(!header(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>()));
        let rows = [[text, "card lost"], [text, "transfer"], [text, "transfer"], [text, "fees"]];
        assert!(!header(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>()));
        let rows = [["remark", "verdict"], [text, "transfer"], [text, "transfer"], [text, "fees"]];
        assert!(header(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>()));
    }

    #[test]
    fn a_date_above_dates_is_data() {
        assert!(!header(&[&["2024-01-01", "3.5"], &["2024-01-02", "3.75"], &["2024-01-03", "4.25"]]));
        assert!(header(&[&["date", "x"], &["2024-01-02", "3.75"], &["2024-01-03", "4.25"]]));
    }
}
