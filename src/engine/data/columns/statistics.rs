//! Statistics of one column: what kind of values it holds.

use std::collections::HashSet;

use serde_json::Value;

use crate::data::columns::multi_label::MultiLabel;
use crate::data::columns::{LONGEST_LABEL, MOST_CLASSES};
use crate::data::sources::series::date::{Date, is_date};
use crate::data::sources::series::numbers::{any_number, is_missing};
use crate::data::text::label_set;

/// Statistics of the first cells of a column.
#[derive(Debug, Clone, Default)]
pub struct ColumnStatistics {
    /// The name in the header, or the key; else `column 3`.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// The number of different values.
    pub distinct: usize,
    /// Cells that are not empty.
    pub filled: usize,
    /// The mean length in characters.
    pub characters: f64,
    /// The mean number of words.
    pub words: f64,
    /// How its cells hold several labels.
    pub multi_label: Option<MultiLabel>,
    /// Whether it has a 0 (or `false`), and a 1 (or `true`); `None` where a cell is neither.
    pub indicator: Option<[bool; 2]>,
    /// Whether it counts the rows: whole numbers that rise by one.
    pub is_counter: bool,
    /// Whether it has times of day: `12:30`.
    pub is_time: bool,
    /// Whether its cells are numbers with signs between them, or a number with a short word, as a date is in many a form: `1990-IV`, `Week 1`.
    pub is_numbered: bool,
    /// Whether its cells are lists or objects of several values that give no labels: `[0, 1, 0]`, `{'joy': 0.9}`.
    pub is_other_lists: bool,
    longest: usize,
}

/// The kind of values in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Kind {
    /// No value.
    #[default]
    Empty,
    /// Dates that a series can have.
    Date,
    /// Dates in another form.
    OtherDate,
    /// Minimum, maximum, and whether all are whole numbers.
    Number(f64, f64, bool),
    /// Texts.
    Words,
    /// JSON that is neither text nor number.
    Nested,
}

impl ColumnStatistics {
    /// Computes the statistics of the cells of a column called `name`.
    pub fn new<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> Self {
        let all: Vec<&str> = cells.map(str::trim).collect();
        let cells: Vec<&str> = all.iter().copied().filter(|cell| !cell.is_empty()).collect();
        let Some(count) = Some(cells.len()).filter(|count| *count > 0) else {
            return Self { name, ..Self::default() };
        };
        // One in fifty may be a slip, or `NA`.
        let most =
            |right: &dyn Fn(&str) -> bool| cells.iter().filter(|cell| right(cell)).count() * 50 >= count * 49;
        // A column of numbers may lack many.
        let present: Vec<&str> = cells.iter().copied().filter(|cell| !is_missing(cell)).collect();
        let most_present = |right: &dyn Fn(&str) -> bool| {
            let number = present.iter().filter(|cell| right(cell)).count();
            present.len() * 2 > count && number * 50 >= present.len() * 49
        };
        let numbers = cells.iter().filter_map(|cell| any_number(cell));
        let (least, greatest) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), n| (a.min(n), b.max(n)));
        let is_number = |cell: &str| cell.parse::<f64>().is_ok() || any_number(cell).is_some();
        let is_compact = |cell: &str| cell.len() == 8 && Date::compact(cell).is_some();
        let kind = if cells.len() > 1 && cells.iter().all(|cell| is_compact(cell)) {
            Kind::Date
        } else if most(&is_number) || most_present(&is_number) {
            Kind::Number(
                least,
                greatest,
                cells.iter().all(|cell| cell.parse::<i64>().is_ok() || !is_number(cell)),
            )
        } else if most(&is_date) {
            Kind::Date
        } else if most(&is_other_date) {
            Kind::OtherDate
        } else if most(&|cell| cell.starts_with(['{', '[']) && serde_json::from_str::<Value>(cell).is_ok()) {
            Kind::Nested
        } else {
            Kind::Words
        };
        let mean = |of: &dyn Fn(&str) -> usize| {
            cells.iter().map(|cell| of(cell)).sum::<usize>() as f64 / count as f64
        };
        Self {
            name,
            kind,
            distinct: cells.iter().collect::<HashSet<_>>().len(),
            filled: count,
            characters: mean(&|cell| cell.chars().count()),
            words: mean(&|cell| cell.split_whitespace().count()),
            multi_label: MultiLabel::detect(&cells)
                .filter(|_| !matches!(kind, Kind::Number(..) | Kind::Date | Kind::OtherDate)),
            indicator: indicator(&all),
            is_counter: is_counter(&all),
            is_time: cells.iter().all(|cell| is_time(cell)),
            is_other_lists: most(&|cell| {
                let several = |cell: &str| {
                    cell.starts_with('[') && label_set::list(cell).is_some_and(|list| list.len() > 1)
                };
                label_set::is_other_list(cell) || several(cell)
            }) && MultiLabel::detect(&cells).is_none(),
            is_numbered: most(&is_numbered),
            longest: cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0),
        }
    }

    /// Whether it holds a few short values that recur.
    pub fn may_be_label(&self) -> bool {
        let whole = matches!(self.kind, Kind::Number(.., true) | Kind::Words);
        let few = (2..=MOST_CLASSES).contains(&self.distinct) && self.distinct * 2 <= self.filled;
        whole && few && self.longest <= LONGEST_LABEL && self.words <= 4.0
    }

    /// Whether it holds words that mostly differ.
    pub fn may_be_text(&self) -> bool {
        self.kind == Kind::Words && self.distinct * 2 > self.filled && self.multi_label.is_none()
    }
}

/// Whether whole numbers rise, nine of ten by one: rows may be left out.
fn is_counter(cells: &[&str]) -> bool {
    let Some(numbers) = cells.iter().map(|cell| cell.parse::<i64>().ok()).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let steps = || numbers.windows(2).map(|two| two[1].saturating_sub(two[0]));
    let ones = steps().filter(|step| *step == 1).count();
    numbers.len() > 2 && steps().all(|step| step > 0) && ones * 10 >= (numbers.len() - 1) * 9
}

/// Whether this is a time of day: `12:30`, `1:30:05 PM`.
fn is_time(cell: &str) -> bool {
    cell.contains(':') && is_date(&format!("2000-01-01 {cell}"))
}

/// Whether these are numbers with signs between them, or one number with a short word.
fn is_numbered(cell: &str) -> bool {
    const LONGEST_WORD: usize = 9;
    let mut words = cell.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let word = words.next();
    let numbers = cell.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
    let short = word.is_none_or(|word| word.chars().count() <= LONGEST_WORD && numbers == 1);
    let sign = |c: char| matches!(c, ' ' | '-' | '/' | '.' | ',' | ':' | '_' | '\'');
    short
        && words.next().is_none()
        && numbers > 0
        && cell.chars().all(|c| c.is_alphabetic() || c.is_ascii_digit() || sign(c))
}

/// Whether `cells` have a 0 and a 1, where all are one of them, as in a column for one of several labels.
fn indicator(cells: &[&str]) -> Option<[bool; 2]> {
    let marked = cells.iter().map(|cell| label_set::is_marked("", cell).ok());
    let marked: Vec<bool> = marked.collect::<Option<_>>()?;
    Some([false, true].map(|mark| marked.contains(&mark)))
}

/// Whether this is a date that no series can have: `1/31/49`, `Jan 31, 1949`.
fn is_other_date(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let day = text.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['.', '/', '-']).collect();
    let numbers = parts.len() == 3
        && parts.iter().all(|part| matches!(part.len(), 1..=4) && part.bytes().all(|b| b.is_ascii_digit()));
    let lower = text.to_ascii_lowercase();
    let named = text.chars().count() <= 30
        && text.bytes().any(|b| b.is_ascii_digit())
        && lower
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word.len() >= 3 && MONTHS.iter().any(|month| word.starts_with(month)));
    numbers || named
}
