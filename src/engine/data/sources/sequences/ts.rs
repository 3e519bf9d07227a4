//! Reads `.ts` files of the UEA archive and aeon: a header of `@` lines, then `@data` and a sequence a line: its dimensions separated by
//! `:`, the values of each by `,`, and the label last.

use std::path::Path;

use super::table::value;
use super::{Sequence, Sequences, SequencesSpec, gaps};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::text_file;
use crate::number;

/// The header before `@data`.
#[derive(Debug, Default)]
struct Header<'t> {
    dimensions: Option<usize>,
    /// The classes; empty if any are allowed.
    labels: Vec<&'t str>,
    /// Whether sequences have labels.
    labelled: bool,
    /// The line `@data`, from 1.
    data: usize,
}

/// Whether `text` starts like a `.ts` file.
pub(super) fn is_ts(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
    lines.find(|line| !line.starts_with(['#', '%'])).is_some_and(|line| line.starts_with('@'))
}

/// The number of dimensions of the file at `path`; `None` if it is not a `.ts` file.
pub(super) fn dimensions(path: &Path) -> Result<Option<usize>, DataError> {
    if super::audio::is_wav(path) {
        return Ok(None);
    }
    let text = text_file::read(path, None)?;
    if !is_ts(&text) {
        return Ok(None);
    }
    let head = head(path, &text)?;
    let first = text.lines().skip(head.data).find(|line| is_data(line)).unwrap_or_default();
    let parts = first.split(':').count();
    Ok(Some(head.dimensions.unwrap_or(parts - usize::from(head.labelled && parts > 1))))
}

/// Whether a line after `@data` is a sequence.
fn is_data(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn head<'t>(path: &Path, text: &'t str) -> Result<Header<'t>, DataError> {
    let mut head = Header::default();
    for (line, number) in text.lines().zip(1..) {
        let wrong = |found: String, expected: &str| {
            Err(DataError::content(path, Some(number as u64), found, expected))
        };
        let mut words = line.split_whitespace();
        let Some(name) = words.next().filter(|word| !word.starts_with(['#', '%'])) else { continue };
        if !name.starts_with('@') {
            return wrong(quoted(line.trim()), "a line that starts with @, or @data before the sequences");
        }
        let argument = words.next().unwrap_or_default();
        let is_true = argument.eq_ignore_ascii_case("true");
        match name.to_ascii_lowercase().as_str() {
            "@data" => {
                head.data = number;
                return Ok(head);
            }
            "@relation" | "@attribute" => {
                return wrong("an ARFF file".into(), "a .ts file or a table, which archives have as well");
            }
            "@timestamps" if is_true => {
                return wrong("time stamps".into(), "@timeStamps false: one value a step, evenly spaced");
            }
            "@targetlabel" if is_true => {
                return wrong(
                    "a number as the target of each sequence".into(),
                    "@classLabel true: a class for each",
                );
            }
            "@classlabel" => {
                head.labelled = is_true;
                head.labels = words.collect();
            }
            "@univariate" if is_true => head.dimensions = Some(1),
            "@dimension" | "@dimensions" => match argument.parse::<usize>() {
                Ok(dimensions @ 1..) => head.dimensions = Some(dimensions),
                _ => return wrong(format!("{name} {}", quoted(argument)), "a number from 1"),
            },
            _ => {}
        }
    }
    Err(DataError::content(path, None, "no line @data", "@data, and a sequence a line after it"))
}

/// Reads the sequences of `text`; `path` is for errors.
pub(super) fn read(spec: &SequencesSpec, path: &Path, text: &str) -> Result<Sequences, DataError> {
    let head = head(path, text)?;
    let mut found = Sequences::default();
    for (line, number) in text.lines().zip(1..).skip(head.data).filter(|(line, _)| is_data(line)) {
        let (values, label, missing) = sequence(spec.features, &head, line)
            .map_err(|(found, expected)| DataError::content(path, Some(number), found, expected))?;
        found.missing += missing;
        found.all.push(Sequence { values, label, file: path.to_owned(), line: Some(number) });
    }
    Ok(found)
}

/// Parses a sequence `[time, features]`, its label, and the number of missing values; an error is what was found, and what was expected.
fn sequence(
    features: usize,
    head: &Header<'_>,
    line: &str,
) -> Result<(Vec<f32>, String, usize), (String, String)> {
    let mut column = 1;
    let parts = line.split(':').map(|part| {
        let at = column;
        column += part.len() + 1;
        (at, part)
    });
    let mut parts: Vec<(usize, &str)> = parts.collect();
    let mut label = "";
    if head.labelled {
        let (column, text) = parts.pop().unwrap_or((1, ""));
        label = text.trim();
        if label.is_empty() {
            return Err((format!("no label at byte column {column}"), "the class, after the last :".into()));
        }
        if !head.labels.is_empty() && !head.labels.contains(&label) {
            let known = listed(head.labels.iter().copied());
            let found = format!("the label {} at byte column {column}", quoted(label));
            return Err((found, format!("one of @classLabel: {known}")));
        }
    }
    if head.dimensions.is_some_and(|dimensions| dimensions != parts.len()) {
        let expected = head.dimensions.unwrap_or(0);
        return Err((
            number::counted(parts.len(), "dimension"),
            format!("{expected}, as in the lines before @data"),
        ));
    }
    if parts.len() != features {
        let expected = format!("{features}, as in data.features; data.features: {} reads these", parts.len());
        return Err((number::counted(parts.len(), "dimension"), expected));
    }
    let (mut values, mut steps) = (Vec::new(), 0);
    for (dimension, (start, part)) in parts.iter().enumerate() {
        let mut column = *start;
        let mut count = 0;
        for field in part.split(',') {
            let text = field.trim();
            let at = column + field.len() - field.trim_start().len();
            column += field.len() + 1;
            let Some(x) = value(text).filter(|_| !text.is_empty()) else {
                let expected = if text.starts_with('(') {
                    "a number: time stamps are not read"
                } else {
                    "a number, or ? for one that is missing"
                };
                return Err((format!("{} at byte column {at}", quoted(text)), expected.into()));
            };
            if dimension == 0 {
                values.resize(values.len() + features, f32::NAN);
            }
            if let Some(to) = values.get_mut(count * features + dimension) {
                *to = x;
            }
            count += 1;
        }
        if dimension == 0 {
            steps = count;
        } else if count != steps {
            let found = format!("{} in dimension {}", number::counted(count, "value"), dimension + 1);
            return Err((found, format!("{steps}, as in its first dimension")));
        }
    }
    match gaps::fill(&mut values, features) {
        Some(Ok(missing)) => Ok((values, label.to_owned(), missing)),
        Some(Err(dimension)) => {
            Err((format!("no value in dimension {}", dimension + 1), "at least one number".into()))
        }
        None => Err(("a sequence without a value".into(), "at least one number".into())),
    }
}
