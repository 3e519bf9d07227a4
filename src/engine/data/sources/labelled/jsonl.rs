//! `format: jsonl`: a JSON object a line, one field with the text, one with the label.

use serde_json::{Map, Value};

use crate::data::columns::{Choice, Column, FirstRows, LABEL_NAMES, Labels, TEXT_NAMES, known_index};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::TextError;
use crate::data::files::open;
use crate::data::files::open::Lines;
use crate::data::files::sniff;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;

/// Adds the text and the label of every line that is not blank.
pub(crate) fn read(
    spec: &LabelledSpec,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let path = spec.path.as_path();
    let fields = Fields::choose(spec)?;
    let mut lines = Lines::open(path, spec.needs.as_deref(), spec.encoding)?;
    let mut first_bad = None;
    while let Some(line) = lines.next()? {
        let read = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => text_and_label(&line, spec, &fields),
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
        report.texts(path, into.texts());
    }
    match first_bad {
        _ if into.texts() > 0 => Ok(()),
        Some(error) => Err(error),
        None => Err(DataError::content(path, None, "an empty file", EXAMPLE)),
    }
}

const EXAMPLE: &str = r#"an object a line, such as {"text": "not bad", "label": "positive"}"#;

/// The fields with text and label that are chosen from the first lines, where they are not set.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub text: Option<String>,
    pub label: Option<String>,
    /// Whether several labels have a field of 0 and 1 each, which have to be set.
    indicators: bool,
}

impl Fields {
    /// Chooses the fields that `spec` leaves out.
    pub fn choose(spec: &LabelledSpec) -> Result<Self, DataError> {
        if spec.text.is_some() && (spec.label.is_some() || !spec.label_columns.is_empty()) {
            return Ok(Self::default());
        }
        let (lines, ..) = sniff::spread_lines(open::text(&spec.path, spec.needs.as_deref())?);
        // A line that is no object is an error where it is read.
        let objects = lines.iter().filter_map(|line| serde_json::from_str(&spec.encoding.lossy(line)).ok());
        let rows = FirstRows::of_objects(&objects.collect::<Vec<_>>());
        let names = rows.first_row();
        let label = spec.label.as_ref().or(spec.label_columns.first());
        let index = |column: Option<&Column>| match column {
            Some(column @ Column::Name(_)) => column.index(&names).map(Some),
            _ => Ok(None),
        };
        let (Ok(text), Ok(label)) = (index(spec.text.as_ref()), index(label)) else {
            return Ok(Self::default());
        };
        let name = |at: usize| names.get(at).map(|name| (*name).to_owned());
        Ok(match rows.choose(text, label) {
            Ok(Choice { text, labels: Labels::Column(label) }) => {
                Self { text: name(text), label: name(label), indicators: false }
            }
            Ok(Choice { text, labels: Labels::Indicators(_) }) => {
                Self { text: name(text), label: None, indicators: true }
            }
            Err(_) => Self::default(),
        })
    }
}

fn text_and_label(line: &str, spec: &LabelledSpec, fields: &Fields) -> Result<(String, String), TextError> {
    let bad =
        |found: String, expected: &'static str| TextError { lines: 0, found, expected: expected.into() };
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        let found = if line.trim_start().starts_with('{') { "broken JSON" } else { "no JSON object" };
        bad(format!("{found} at byte column {}", error.column().max(1)), EXAMPLE)
    })?;
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let field = |wanted: &Option<Column>, chosen: &Option<String>, known, expected| {
        let usual = || known_index(&names, known).and_then(|at| names.get(at).copied());
        let name = match (wanted, chosen) {
            (Some(Column::Name(name)), _) => Some(name.as_str()),
            (Some(Column::Number(_)), _) => None,
            // Lines may differ in the usual names.
            (None, Some(name)) if !object.contains_key(name) && known_index(&[name], known).is_some() => {
                usual()
            }
            (None, Some(name)) => Some(name.as_str()),
            (None, None) => usual(),
        };
        let value = name.and_then(|name| object.get(name));
        value.ok_or_else(|| bad(format!("the fields {}", listed(names.iter().copied())), expected))
    };
    let text = match field(&spec.text, &fields.text, TEXT_NAMES, "a field with the text; data.text names it")?
    {
        Value::String(text) if !text.contains('\0') => text.clone(),
        Value::String(text) => return Err(bad(format!("a NUL character in {}", quoted(text)), "text")),
        other => return Err(bad(format!("the text {}", quoted(&other.to_string())), "a text in quotes")),
    };
    if !spec.label_columns.is_empty() {
        let marked = spec.label_columns.iter().map(|column| {
            let value = field(&Some(column.clone()), &None, &[], "the fields that data.label_columns names")?;
            let name = if let Column::Name(name) = column { name.as_str() } else { "" };
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            label_set::is_marked(name, &value).map(|marked| marked.then_some(name))
        });
        let marked = marked.collect::<Result<Vec<_>, _>>()?;
        return Ok((text, label_set::join(marked.into_iter().flatten())));
    }
    let expected = match fields.indicators {
        false => "a field with the label; data.label names it",
        true => "data.label_columns to name those of 0 and 1, which a preset by `unrolled new` does",
    };
    let label = match field(&spec.label, &fields.label, LABEL_NAMES, expected)? {
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
