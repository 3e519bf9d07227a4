//! A sequence a row, as the UCR archive has them.

use std::path::Path;

use super::{Sequence, Sequences, SequencesSpec, gaps};
use crate::data::error::DataError;
use crate::data::error::quoted;

/// What stands between the values of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    Tab,
    Comma,
    Blanks,
}

impl Between {
    /// As it is in the first row.
    fn of(line: &str) -> Self {
        match line {
            _ if line.contains('\t') => Self::Tab,
            _ if line.contains(',') => Self::Comma,
            _ => Self::Blanks,
        }
    }

    /// The values of a row, each with the byte column in which it starts, from 1.
    fn values(self, line: &str) -> Vec<(usize, &str)> {
        let end = match self {
            Self::Tab => '\t',
            Self::Comma => ',',
            Self::Blanks => ' ',
        };
        let mut column = 1;
        let values = line.split(end).map(|value| {
            let at = column + value.len() - value.trim_start().len();
            column += value.len() + end.len_utf8();
            (at, value.trim())
        });
        values.filter(|(_, value)| self != Self::Blanks || !value.is_empty()).collect()
    }
}

/// A value; not a number where it is missing.
pub(super) fn value(text: &str) -> Option<f32> {
    if text.is_empty() || text == "?" || text.eq_ignore_ascii_case("nan") {
        return Some(f32::NAN);
    }
    text.parse::<f32>().ok().filter(|x| x.is_finite())
}

/// A label; whole numbers are written as such, however many digits follow their point.
fn label(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        _ => text.to_owned(),
    }
}

/// The rows of `text`, which is at `path`. A first row in which no value is a number names the columns.
pub(super) fn read(spec: &SequencesSpec, path: &Path, text: &str) -> Result<Sequences, DataError> {
    let wrong =
        |line, found: String, expected: &str| Err(DataError::content(path, Some(line), found, expected));
    if spec.features != 1 {
        let expected = format!("data.features: 1, not {}", spec.features);
        return Err(DataError::content(path, None, "a table, which has one number a step", expected));
    }
    let at = spec.label.unwrap_or(1) - 1;
    let (mut found, mut between) = (Sequences::default(), None);
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let first = between.is_none();
        let mut fields = between.get_or_insert_with(|| Between::of(line)).values(line);
        if at >= fields.len() || fields.len() < 2 {
            let expected = format!("a label in column {} and values beside it", at + 1);
            return wrong(number, format!("{} columns", fields.len()), &expected);
        }
        let (column, name) = fields.remove(at);
        if first && fields.iter().all(|(_, field)| value(field).is_none()) {
            continue;
        }
        if name.is_empty() || name.eq_ignore_ascii_case("nan") {
            return wrong(
                number,
                format!("no label at byte column {column}"),
                "the name or number of a class",
            );
        }
        let mut values = Vec::with_capacity(fields.len());
        for (column, field) in fields {
            let Some(x) = value(field) else {
                let found = format!("{} at byte column {column}", quoted(field));
                return wrong(number, found, "a number, or NaN or ? for one that is missing");
            };
            values.push(x);
        }
        match gaps::fill(&mut values, 1) {
            Some(Ok(missing)) => found.missing += missing,
            _ => return wrong(number, "a sequence without a value".into(), "at least one number"),
        }
        found.all.push(Sequence { values, label: label(name), file: path.to_owned(), line: Some(number) });
    }
    Ok(found)
}
