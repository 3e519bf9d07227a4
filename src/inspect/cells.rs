//! What is in one column.

use std::collections::HashSet;

use serde_json::Value;

use super::several::Several;
use crate::data::sources::series::written::{any_number, is_date};
use crate::data::text::label_set;
use crate::number;

/// Different values that a column of labels has, at most.
pub(super) const CLASSES: usize = 200;
/// Characters of a label, at most.
pub(super) const LABEL: usize = 60;

/// What is in a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    pub name: String,
    pub role: &'static str,
    pub kind: Kind,
    /// Different values.
    pub distinct: usize,
    /// Cells that hold something.
    pub filled: usize,
    pub characters: f64,
    pub words: f64,
    /// How it holds several labels at once.
    pub several: Option<Several>,
    /// Whether it has a 0 (or `false`), and a 1 (or `true`), where every row has one of them.
    pub marks: Option<[bool; 2]>,
    /// Whether its dates do not begin with the year.
    pub turned: bool,
    longest: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Kind {
    #[default]
    Empty,
    /// Dates that a series can have.
    Date,
    /// Dates in another form.
    OtherDate,
    /// From one to another; whether all are whole.
    Number(f64, f64, bool),
    Words,
    /// JSON that is neither text nor number.
    Nested,
}

impl Cells {
    /// Of the cells of a column called `name`.
    pub fn of<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> Self {
        let all: Vec<&str> = cells.map(str::trim).collect();
        let cells: Vec<&str> = all.iter().copied().filter(|cell| !cell.is_empty()).collect();
        let Some(count) = Some(cells.len()).filter(|count| *count > 0) else {
            return Self { name, ..Self::default() };
        };
        // One in fifty may be a slip, or `NA`.
        let most =
            |right: &dyn Fn(&str) -> bool| cells.iter().filter(|cell| right(cell)).count() * 50 >= count * 49;
        let numbers = cells.iter().filter_map(|cell| any_number(cell));
        let (least, greatest) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), n| (a.min(n), b.max(n)));
        let is_number = |cell: &str| cell.parse::<f64>().is_ok() || any_number(cell).is_some();
        let kind = if most(&is_number) {
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
            role: "",
            kind,
            distinct: cells.iter().collect::<HashSet<_>>().len(),
            filled: count,
            characters: mean(&|cell| cell.chars().count()),
            words: mean(&|cell| cell.split_whitespace().count()),
            several: Several::of(&cells)
                .filter(|_| !matches!(kind, Kind::Number(..) | Kind::Date | Kind::OtherDate)),
            marks: marks(&all),
            turned: kind == Kind::Date
                && cells.iter().all(|cell| cell.find(['-', '/', '.']).is_some_and(|at| at < 3)),
            longest: cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0),
        }
    }

    /// Whether a few short values come again and again.
    pub fn may_be_label(&self) -> bool {
        let whole = matches!(self.kind, Kind::Number(.., true) | Kind::Words);
        let few = (2..=CLASSES).contains(&self.distinct) && self.distinct * 2 <= self.filled;
        whole && few && self.longest <= LABEL && self.words <= 4.0
    }

    pub fn may_be_text(&self) -> bool {
        self.kind == Kind::Words && self.distinct * 2 > self.filled && self.several.is_none()
    }

    /// For people.
    pub fn why(&self) -> String {
        let different = |n: usize| format!("{} different values", number::count(n as u64));
        match self.kind {
            Kind::Empty => "nothing".into(),
            Kind::Date => "dates".into(),
            Kind::OtherDate => "dates in another form than 1949-01-31 or 31.01.1949".into(),
            _ if self.role == "labels" && self.marks.is_some() => "0 or 1".into(),
            _ if self.role == "labels" && self.several == Some(Several::Listed) => {
                "lists, several at once".into()
            }
            _ if self.role == "labels" => format!("{}, several at once", different(self.distinct)),
            Kind::Nested => "lists or objects".into(),
            Kind::Number(..) if self.role == "label" => different(self.distinct),
            Kind::Number(least, greatest, _) => {
                format!("numbers from {} to {}", amount(least), amount(greatest))
            }
            Kind::Words if self.role == "label" || self.distinct * 2 <= self.filled => {
                different(self.distinct)
            }
            Kind::Words if self.words < 1.5 => format!("a word, {:.0} characters", self.characters),
            Kind::Words => format!("{:.0} words on average", self.words),
        }
    }
}

/// Whether some of `cells` say no and some say yes, where all say one of them, as in a column for one of several labels.
fn marks(cells: &[&str]) -> Option<[bool; 2]> {
    let marked = cells.iter().map(|cell| label_set::is_marked("", cell).ok());
    let marked: Vec<bool> = marked.collect::<Option<_>>()?;
    Some([false, true].map(|mark| marked.contains(&mark)))
}

/// As short as it can be said: `104`, `0.25`.
fn amount(x: f64) -> String {
    if x == x.trunc() && x.abs() < 1e9 { format!("{x:.0}") } else { number::metric(x) }
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
