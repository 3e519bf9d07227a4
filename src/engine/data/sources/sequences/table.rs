//! Reads tables of the UCR archive, a sequence a row.

use std::path::Path;

use super::{Sequence, Sequences, SequencesSpec, gaps};
use crate::data::error::DataError;
use crate::data::error::quoted;

/// The separator of the values of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Separator {
    Tab,
    Comma,
    Blanks,
}

impl Separator {
    /// Detects the separator from the first row.
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

/// Parses a value; NaN if it is missing.
pub(super) fn value(text: &str) -> Option<f32> {
    if text.is_empty() || text == "?" || text.eq_ignore_ascii_case("nan") {
        return Some(f32::NAN);
    }
    text.parse::<f32>().ok().filter(|x| x.is_finite())
}

/// The label of a field; integral numbers are written without a fraction.
fn label(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        _ => text.to_owned(),
    }
}

/// Reads the rows of `text`; `path` is for errors. A first row without numbers is a header.
pub(super) fn read(spec: &SequencesSpec, path: &Path, text: &str) -> Result<Sequences, DataError> {
    let wrong =
        |line, found: String, expected: &str| Err(DataError::content(path, Some(line), found, expected));
    if spec.features != 1 {
        let expected = format!("data.features: 1, not {}", spec.features);
        return Err(DataError::content(path, None, "a table, which has one number a step", expected));
    }
    let at = spec.label.unwrap_or(1) - 1;
    let (mut found, mut separator) = (Sequences::default(), None);
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let first = separator.is_none();
        let mut fields = separator.get_or_insert_with(|| Separator::of(line)).values(line);
        if at >= fields.len() || fields.len() < 2 {
            let expected = format!("a label in column {} and values in the others", at + 1);
            return wrong(number, crate::number::counted(fields.len(), "column"), &expected);
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
