//! A text a line with its label in the same line.

use std::path::Path;

use super::start::Start;
use super::{InspectOptions, Inspection, TaskHint, labelled, plain};
use crate::data::columns::Column;
use crate::data::error::{DataError, listed};
use crate::data::sources::labelled::arff;
use crate::data::sources::labelled::inline::{self, InlineLabels};
use crate::data::sources::labelled::{Format, LabelledSpec};
use crate::number;
use crate::protocol::ColumnFound;

/// Looks at a file with labels of fastText.
pub(super) fn fasttext(
    path: &Path,
    start: &Start,
    options: &InspectOptions,
) -> Result<Inspection, DataError> {
    let encoding = options.encoding.unwrap_or_default();
    let whole = Start::read(path, super::ENOUGH)?;
    let text = whole.encoding(options.encoding).lossy(whole.head.whole_lines()).into_owned();
    let multi_label = inline::fasttext(&inline::lines_of(&text)).unwrap_or_default();
    let spec = LabelledSpec {
        path: path.into(),
        format: Some(Format::FastText),
        multi_label,
        encoding,
        ..LabelledSpec::default()
    };
    let facts = vec![("labels".to_owned(), "marked by __label__, as fastText has them".to_owned())];
    let facts = if multi_label { Vec::new() } else { facts };
    labelled::inspect(
        super::beside(spec),
        "a text a line, with labels of fastText",
        facts,
        Vec::new(),
        start.size,
    )
}

/// Looks at a file whose lines begin or end with a label; where that is in doubt and no task is set, the doubt names the flag.
pub(super) fn inline(
    path: &Path,
    start: &Start,
    options: &InspectOptions,
) -> Result<Option<Inspection>, DataError> {
    let encoding = options.encoding.unwrap_or_default();
    let Some(found) = inline::detect(path, encoding)? else { return Ok(None) };
    let InlineLabels { format, separator, labels, certain, header } = found;
    let (place, verb) = match format {
        Format::LabelLast => ("behind", "end"),
        _ => ("before", "begin"),
    };
    if !certain && options.task != Some(TaskHint::Classify) {
        let inspection = plain::inspect(path, options.encoding, false)?;
        let names = listed(labels.iter().map(String::as_str));
        let header = match header {
            true => "; the first line looks like a header, which is a text too unless it is deleted",
            false => "",
        };
        let doubt = format!(
            "all lines {verb} with one of {names}: with --task classify that is the label of each, with --task language it is one \
             text to continue{header}"
        );
        return Ok(Some(Inspection { detected: Err(doubt), ..inspection }));
    }
    let spec = LabelledSpec {
        path: path.into(),
        format: Some(format),
        delimiter: separator,
        encoding,
        ..LabelledSpec::default()
    };
    let between = separator.map_or_else(|| "a blank".to_owned(), |separator| format!("“{separator}”"));
    let facts = vec![("labels".to_owned(), format!("{place} each text, {between} between"))];
    let kind = format!("a text a line, its label {place} it");
    labelled::inspect(super::beside(spec), &kind, facts, Vec::new(), start.size).map(Some)
}

/// Why a file that is neither a table nor has labels in its lines cannot be classified.
pub(super) const NO_LABELS: &str = "--task classify finds no labels: it is no table of two columns or more, and no few labels stand before or \
     behind the texts of its lines; put a label and a tab before each text, or the labels into a file beside it, NAME.labels";

/// Looks at an ARFF file.
pub(super) fn arff(path: &Path, start: &Start, options: &InspectOptions) -> Result<Inspection, DataError> {
    let spec = LabelledSpec {
        path: path.into(),
        format: Some(Format::Arff),
        text: options.text.clone(),
        label: options.label.clone(),
        encoding: options.encoding.unwrap_or_default(),
        ..LabelledSpec::default()
    };
    // The header is ASCII as a rule, whatever the texts are.
    let attributes = arff::attributes(path, start.encoding(options.encoding))?;
    let roles = arff::roles(&spec, &attributes)?;
    let name = |at: &usize| attributes.get(*at).map(|attribute| Column::Name(attribute.name.clone()));
    let labels = roles.labels.iter().filter_map(name);
    let spec = match roles.indicators {
        true => LabelledSpec { label_columns: labels.collect(), ..spec },
        false => LabelledSpec { label: labels.into_iter().next(), ..spec },
    };
    let spec = LabelledSpec { text: name(&roles.text), ..spec };
    let column = |(at, attribute): (usize, &arff::Attribute)| ColumnFound {
        name: attribute.name.clone(),
        role: match at {
            at if at == roles.text => "text",
            at if roles.labels.contains(&at) && roles.indicators => "labels",
            at if roles.labels.contains(&at) => "label",
            _ => "",
        }
        .into(),
        why: match &attribute.kind {
            arff::Kind::Text => "texts".into(),
            arff::Kind::Nominal(values) => number::counted(values.len(), "name"),
            arff::Kind::Other(kind) => kind.clone(),
        },
    };
    let columns = attributes.iter().enumerate().map(column).collect();
    labelled::inspect(super::beside(spec), "an ARFF file", Vec::new(), columns, start.size)
}
