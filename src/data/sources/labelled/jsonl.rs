//! `format: jsonl`: a JSON object a line, one field with the text, one with the label.

use serde_json::{Map, Value};

use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::BadText;
use crate::data::files::open;
use crate::data::files::open::Lines;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::{Column, LABEL_NAMES, LabelledSpec, TEXT_NAMES, known_name};
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;

/// Adds the text and the label of every line that is not blank.
pub(crate) fn read(
    spec: &LabelledSpec,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let path = spec.path.as_path();
    let mut lines = Lines::open(path, spec.needs.as_deref(), spec.encoding)?;
    let mut first_bad = None;
    while let Some(line) = lines.next()? {
        let read = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => text_and_label(&line, spec),
            Err(bad) => Err(bad),
        };
        match read {
            Ok((text, label)) => into.push(&text, &label, path, Some(lines.number))?,
            Err(bad) if spec.skip_bad_rows => {
                into.skip();
                first_bad.get_or_insert_with(|| lines.wrong(bad));
            }
            Err(bad) => return Err(lines.wrong(bad)),
        }
        report.texts(path, into.len());
    }
    match first_bad {
        _ if into.len() > 0 => Ok(()),
        Some(error) => Err(error),
        None => Err(DataError::content(path, None, "an empty file", EXAMPLE)),
    }
}

const EXAMPLE: &str = r#"an object a line, such as {"text": "not bad", "label": "positive"}"#;

fn text_and_label(line: &str, spec: &LabelledSpec) -> Result<(String, String), BadText> {
    let bad = |found: String, expected: &'static str| BadText { lines: 0, found, expected: expected.into() };
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        let found = if line.trim_start().starts_with('{') { "broken JSON" } else { "no JSON object" };
        bad(format!("{found} at byte column {}", error.column().max(1)), EXAMPLE)
    })?;
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let field = |wanted: &Option<Column>, known, expected| {
        let name = match wanted {
            Some(Column::Name(name)) => Some(name.as_str()),
            Some(Column::Number(_)) => None,
            None => known_name(&names, known),
        };
        let value = name.and_then(|name| object.get(name));
        value.ok_or_else(|| bad(format!("the fields {}", listed(names.iter().copied())), expected))
    };
    let text = match field(&spec.text, TEXT_NAMES, "a field with the text; data.text names it")? {
        Value::String(text) if !text.contains('\0') => text.clone(),
        Value::String(text) => return Err(bad(format!("a NUL character in {}", quoted(text)), "text")),
        other => return Err(bad(format!("the text {}", quoted(&other.to_string())), "a text in quotes")),
    };
    if !spec.label_columns.is_empty() {
        let marked = spec.label_columns.iter().map(|column| {
            let value = field(&Some(column.clone()), &[], "the fields that data.label_columns names")?;
            let name = if let Column::Name(name) = column { name.as_str() } else { "" };
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            label_set::is_marked(name, &value).map(|marked| marked.then_some(name))
        });
        let marked = marked.collect::<Result<Vec<_>, _>>()?;
        return Ok((text, label_set::join(marked.into_iter().flatten())));
    }
    let label = match field(&spec.label, LABEL_NAMES, "a field with the label; data.label names it")? {
        Value::Array(labels) if spec.multi_label => {
            let label = |label: &Value| match label {
                Value::String(label) => open::label(label).map(str::to_owned),
                other => open::label(&other.to_string()).map(str::to_owned),
            };
            let labels = labels.iter().map(label).collect::<Result<Vec<_>, _>>()?;
            return Ok((text, label_set::join(labels.iter().map(String::as_str))));
        }
        Value::Null if spec.multi_label => String::new(),
        Value::String(label) => label.clone(),
        other @ (Value::Number(_) | Value::Bool(_)) => other.to_string(),
        other => {
            return Err(bad(
                format!("the label {}", quoted(&other.to_string())),
                if spec.multi_label { "labels" } else { "the name or number of a class" },
            ));
        }
    };
    Ok((text, spec.label_of(&label)?))
}
