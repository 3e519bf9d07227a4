//! The columns of a table, or the keys of JSON lines: whether the first row names them, what they hold, which are text and label.
//!
//! ```text
//! first rows ─ header ─→ FirstRows: statistics of each column ─ choose ─→ Choice (text, label) or ColumnChoiceError
//! ```
//!
//! The reader of labelled texts and the inspection of files of unknown content use the same rules, so that they agree.

mod choose;
mod header;
mod multi_label;
mod statistics;

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use choose::{Choice, Labels};
pub use multi_label::MultiLabel;
pub use statistics::{ColumnStatistics, Kind};

/// Rows of a table, or JSON lines, from which the columns are chosen.
pub const SAMPLE_ROWS: usize = 500;
/// The maximum number of different values in a column of labels.
const MOST_CLASSES: usize = 200;
/// The maximum number of characters of a label.
const LONGEST_LABEL: usize = 60;

/// Usual names of the column with the text, best first.
pub const TEXT_NAMES: &[&str] =
    &["text", "sentence", "review", "content", "comment", "message", "tweet", "phrase", "document", "body"];
/// Usual names of the column with the label, best first.
pub const LABEL_NAMES: &[&str] =
    &["label", "class", "sentiment", "category", "target", "polarity", "rating", "stars", "labels", "tags"];
/// Usual names of a column of dates.
pub const DATE_NAMES: &[&str] = &["date", "datetime", "timestamp", "time", "month", "year", "day", "hour"];

/// The index of the first of `names` that is one of `known`, in upper or lower case; the best first.
pub fn known_index(names: &[&str], known: &[&str]) -> Option<usize> {
    known.iter().find_map(|known| names.iter().position(|name| name.trim().eq_ignore_ascii_case(known)))
}

/// A column by its name in the header, or by its number, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Column {
    /// From 1.
    Number(usize),
    /// The name in the header.
    Name(String),
}

impl Column {
    /// A column as a command line names it: by its number, or by its name.
    pub fn parse(text: &str) -> Self {
        match text.trim().parse() {
            Ok(number @ 1..) => Self::Number(number),
            _ => Self::Name(text.to_owned()),
        }
    }

    /// The name, or `column 3` where it has none.
    pub fn title(&self) -> String {
        match self {
            Self::Number(number) => numbered(*number),
            Self::Name(name) => name.clone(),
        }
    }

    /// Whether it is named as in a header: `column 3` and `3,4` say nothing of one.
    fn is_name(&self) -> bool {
        let is_number = |part: &str| number_of(part).is_some() || part.trim().parse::<usize>().is_ok();
        matches!(self, Self::Name(name) if !name.split(',').all(is_number))
    }

    /// The index of this column among columns with these names in the first row. What no column is called is a number: `column 3`; a
    /// number beyond the last column is a name: `2019`.
    ///
    /// # Errors
    /// When there is no such column, or more than one with the name.
    pub fn index(&self, names: &[&str]) -> Result<usize, ColumnError> {
        match self {
            Self::Number(number) => {
                let at = number.checked_sub(1).filter(|at| *at < names.len());
                let named = || names.iter().position(|name| *name == number.to_string());
                at.or_else(named).ok_or(ColumnError::Missing)
            }
            Self::Name(wanted) => {
                let mut all = names.iter().zip(0..).filter(|(name, _)| *name == wanted).map(|(_, at)| at);
                match (all.next(), all.next()) {
                    (Some(at), None) => Ok(at),
                    (Some(first), Some(_)) => Err(ColumnError::Ambiguous { first }),
                    (None, _) => {
                        let at = number_of(wanted).and_then(|number| number.checked_sub(1));
                        at.filter(|at| *at < names.len()).ok_or(ColumnError::Missing)
                    }
                }
            }
        }
    }
}

/// The name of a column without one, by its number from 1.
fn numbered(number: usize) -> String {
    format!("column {number}")
}

/// The number in such a name.
fn number_of(name: &str) -> Option<usize> {
    name.trim().strip_prefix("column ")?.parse().ok()
}

/// Why a column that is given cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnError {
    /// No column has this name or number.
    Missing,
    /// Several columns have this name.
    Ambiguous {
        /// The index of the first.
        first: usize,
    },
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnVisitor;

        impl<'de> Visitor<'de> for ColumnVisitor {
            type Value = Column;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name, or its number, from 1")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Column, E> {
                match usize::try_from(number) {
                    Ok(number @ 1..) => Ok(Column::Number(number)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Column, E> {
                Ok(Column::Name(name.into()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Column, A::Error> {
                Err(de::Error::custom(
                    "found a list; expected one column; columns of 0 and 1 for several labels belong under `label_columns`",
                ))
            }
        }

        deserializer.deserialize_any(ColumnVisitor)
    }
}

/// The settings that name columns; what is not set is chosen from the first rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ColumnSettings<'a> {
    /// The column of the text.
    pub text: Option<&'a Column>,
    /// The column of the label.
    pub label: Option<&'a Column>,
    /// Columns of 0 and 1, one per label.
    pub label_columns: &'a [Column],
    /// Whether the first row is a header.
    pub header: Option<bool>,
    /// Whether other columns are set by their names, such as that of dates.
    pub named: bool,
}

impl ColumnSettings<'_> {
    /// Whether `names` are a header that has the columns of text and label, by the names that are set or the usual ones.
    pub fn are_named(&self, names: &[&str]) -> bool {
        let has = |wanted: Option<&Column>, known| match wanted {
            Some(Column::Name(name)) => names.contains(&name.as_str()),
            Some(Column::Number(_)) => false,
            None => known_index(names, known).is_some(),
        };
        names.len() > 1 && has(self.text, TEXT_NAMES) && has(self.label, LABEL_NAMES)
    }

    /// Whether a column is set by its name.
    fn is_by_name(&self) -> bool {
        self.named
            || [self.text, self.label].into_iter().flatten().chain(self.label_columns).any(Column::is_name)
    }
}

/// The first rows of a table, or the first JSON lines, by column.
#[derive(Debug, Clone)]
pub struct FirstRows {
    /// Whether the first row of the table is a header. JSON lines have one.
    pub header: bool,
    /// Statistics of each column.
    pub columns: Vec<ColumnStatistics>,
    /// The number of rows, without the header.
    pub rows: usize,
    /// The first row, or the keys.
    first: Vec<String>,
}

impl FirstRows {
    /// Computes the statistics of the first `rows` of a table; `None` if there is none. Rows with other numbers of cells than the first
    /// are left out.
    pub fn of_table(rows: &[Vec<String>], settings: &ColumnSettings<'_>) -> Option<Self> {
        let (first, rest) = rows.split_first()?;
        let rest: Vec<&Vec<String>> = rest.iter().filter(|row| row.len() == first.len()).collect();
        let header = settings.header.unwrap_or_else(|| header::is_header(first, &rest, settings));
        let body = || rest.iter().copied().chain(Some(first).filter(|_| !header));
        let column = |at: usize| {
            let name = match first.get(at) {
                Some(name) if header && !name.is_empty() => name.clone(),
                _ => numbered(at + 1),
            };
            ColumnStatistics::new(name, body().filter_map(|row| row.get(at)).map(String::as_str))
        };
        let columns = (0..first.len()).map(column).collect();
        Some(Self { header, columns, rows: body().count(), first: first.clone() })
    }

    /// Computes the statistics of the keys of JSON objects.
    pub fn of_objects(objects: &[Map<String, Value>]) -> Self {
        let mut keys = Vec::<String>::new();
        for key in objects.iter().flat_map(Map::keys) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let cell = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let column = |key: &String| {
            let cells: Vec<String> = objects.iter().filter_map(|object| object.get(key)).map(cell).collect();
            ColumnStatistics::new(key.clone(), cells.iter().map(String::as_str))
        };
        let columns = keys.iter().map(column).collect();
        Self { header: true, columns, rows: objects.len(), first: keys }
    }

    /// The names for messages: `column 3` where a column has none.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The first row of the table, or the keys.
    pub fn first_row(&self) -> Vec<&str> {
        self.first.iter().map(String::as_str).collect()
    }

    /// The setting for the column at index `at`: its name if no other column has it, else its number.
    pub fn column(&self, at: usize) -> Column {
        let name = self.first.get(at).filter(|name| self.header && !name.is_empty());
        let name = name.filter(|name| self.first.iter().filter(|other| other == name).count() == 1);
        name.map_or(Column::Number(at + 1), |name| Column::Name(name.clone()))
    }
}
