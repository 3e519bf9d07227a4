//! `format: arff`: the attribute-relation files of Weka, where one attribute is a text and one its class.
//!
//! ```text
//! @relation reviews
//! @attribute text string
//! @attribute class {pos, neg}
//! @data
//! 'not bad, at all', pos
//! ```
//! Source: <https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/>.

use std::borrow::Cow;
use std::path::Path;

use crate::data::columns::{Column, ColumnError, LABEL_NAMES, TEXT_NAMES, known_index};
use crate::data::error::{DataError, listed, quoted};
use crate::data::files::encoding::{Encoding, TextError};
use crate::data::files::open::Lines;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::number;

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name as declared, without quotes.
    pub name: String,
    /// The values that it has.
    pub kind: Kind,
}

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Any text: `string`.
    Text,
    /// One of these.
    Nominal(Vec<String>),
    /// `numeric`, `date` and others.
    Other(String),
}

/// The columns of text and labels, by their indices.
#[derive(Debug, PartialEq, Eq)]
pub struct Roles {
    /// The column of the text.
    pub text: usize,
    /// The columns of the labels.
    pub labels: Vec<usize>,
    /// Whether `labels` are 0 and 1 for one of several labels each.
    pub indicators: bool,
}

/// Whether a file that begins so is an ARFF file.
pub(crate) fn is_arff(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('%'));
    first.is_some_and(|line| keyword(line, "@relation").is_some())
}

/// The attributes of the file at `path`.
///
/// # Errors
/// When it cannot be read, or an attribute is declared wrongly.
pub fn attributes(path: &Path, encoding: Encoding) -> Result<Vec<Attribute>, DataError> {
    header(&mut Lines::open(path, None, encoding)?, path)
}

/// Adds every row.
pub(crate) fn read(
    spec: &LabelledSpec,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let path = spec.path.as_path();
    let mut lines = Lines::open(path, spec.needs.as_deref(), spec.encoding)?;
    let attributes = header(&mut lines, path)?;
    let roles = roles(spec, &attributes)?;
    while let Some(line) = lines.next()? {
        let row = line.and_then(|line| match line.trim() {
            "" => Ok(None),
            line if line.starts_with('%') => Ok(None),
            line => text_and_label(line, spec, &attributes, &roles).map(Some),
        });
        match row {
            Ok(None) => {}
            Ok(Some((text, label))) => {
                into.push(&text, &label, path, Some(lines.number))?;
                report.texts(path, into.texts());
            }
            Err(_) if spec.skip_bad_rows => into.skip(),
            Err(TextError { found, expected, .. }) => {
                let expected = format!("{expected} (skip_bad_rows: true leaves such rows out)");
                return Err(DataError::content(path, Some(lines.number), found, expected));
            }
        }
    }
    match into.texts() {
        0 => Err(DataError::content(path, None, "no row", "a row per text after @data")),
        _ => Ok(()),
    }
}

/// Reads up to `@data`.
fn header(lines: &mut Lines<'_>, path: &Path) -> Result<Vec<Attribute>, DataError> {
    let mut attributes = Vec::new();
    while let Some(line) = lines.next()? {
        let line = match line {
            Ok(line) => line.into_owned(),
            Err(bad) => return Err(lines.wrong(bad)),
        };
        if keyword(line.trim(), "@data").is_some() {
            return Ok(attributes);
        }
        let Some(rest) = keyword(line.trim(), "@attribute") else { continue };
        match attribute(rest) {
            Some(attribute) => attributes.push(attribute),
            None => {
                let expected =
                    "@attribute NAME TYPE, such as @attribute text string or @attribute class {good, bad}";
                return Err(DataError::content(path, Some(lines.number), quoted(line.trim()), expected));
            }
        }
    }
    Err(DataError::content(path, None, "no @data", "@data before the rows of an ARFF file"))
}

/// What follows `word` at the beginning of a line, in upper or lower case.
fn keyword<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let (start, rest) = line.split_at_checked(word.len())?;
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (start.eq_ignore_ascii_case(word) && ends).then(|| rest.trim())
}

fn attribute(rest: &str) -> Option<Attribute> {
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let (name, kind) = match quote {
        Some(quote) => rest.get(1..)?.split_once(quote)?,
        None => rest.split_once([' ', '\t', '{']).map(|(name, kind)| {
            (
                name,
                if rest.get(name.len()..).is_some_and(|r| r.starts_with('{')) {
                    &rest[name.len()..]
                } else {
                    kind
                },
            )
        })?,
    };
    let kind = kind.trim();
    let kind = if let Some(values) = kind.strip_prefix('{') {
        let values = fields(values.trim_end().strip_suffix('}')?).ok()?;
        Kind::Nominal(values.into_iter().flatten().map(Cow::into_owned).collect())
    } else if kind.eq_ignore_ascii_case("string") {
        Kind::Text
    } else if kind.is_empty() {
        return None;
    } else {
        Kind::Other(kind.to_lowercase())
    };
    Some(Attribute { name: name.to_owned(), kind })
}

/// The fields of a row; `?` is none.
fn fields(line: &str) -> Result<Vec<Option<Cow<'_, str>>>, TextError> {
    let mut all = Vec::new();
    let mut rest = line.trim();
    loop {
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (field, after) = match quote {
            Some(quote) => {
                let (field, after) = unquoted(rest.get(1..).unwrap_or_default(), quote)?;
                (Some(Cow::Owned(field)), after.trim_start())
            }
            None => {
                let end = rest.find([',', '\t']).unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (Some(field.trim()).filter(|field| *field != "?").map(Cow::Borrowed), after)
            }
        };
        all.push(field);
        match after.strip_prefix([',', '\t']) {
            Some(more) => rest = more.trim_start(),
            None if after.trim().is_empty() => return Ok(all),
            None => {
                let found = format!("{} behind a closing quote", quoted(after.trim()));
                return Err(TextError { lines: 0, found, expected: "a comma".into() });
            }
        }
    }
}

/// The text up to `quote`, with what a backslash precedes, and the rest.
fn unquoted(text: &str, quote: char) -> Result<(String, &str), TextError> {
    let (mut field, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => field.push('\n'),
                Some('t') => field.push('\t'),
                Some('r') => field.push('\r'),
                Some(other) => field.push(other),
                None => break,
            },
            c if c == quote => return Ok((field, text.get(at + 1..).unwrap_or_default())),
            c => field.push(c),
        }
    }
    let found = "a quote that is never closed".to_owned();
    Err(TextError { lines: 0, found, expected: "a second quote before the line ends".into() })
}

/// The attributes of text and label: those that are set, else the only text or the one with a usual name, and the class with a usual name or
/// the last one.
///
/// # Errors
/// When there is no text or no class, or more than one.
pub fn roles(spec: &LabelledSpec, attributes: &[Attribute]) -> Result<Roles, DataError> {
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    let wrong = |found: String, expected: String| Err(DataError::content(&spec.path, None, found, expected));
    let set = |field: &str, column: &Column| match column.index(&names) {
        Ok(at) | Err(ColumnError::Ambiguous { first: at }) => Ok(at),
        Err(ColumnError::Missing) => {
            let found = format!("the attributes {}", listed(names.iter().copied()));
            let expected =
                format!("an attribute {} (`{field}` names another one)", quoted(&column.to_string()));
            Err(DataError::content(&spec.path, None, found, expected))
        }
    };
    let of = |is: &dyn Fn(&Kind) -> bool| -> Vec<usize> {
        let all = attributes.iter().zip(0..);
        all.filter(|(attribute, _)| is(&attribute.kind)).map(|(_, at)| at).collect()
    };
    let texts = of(&|kind| *kind == Kind::Text);
    let usual = |of: &[usize], known| known_index(&names, known).filter(|at| of.contains(at));
    let text = match (&spec.text, texts.as_slice()) {
        (Some(column), _) => set("text", column)?,
        (None, [only]) => *only,
        (None, []) => {
            let found = format!("an ARFF file without a text: {}", number::counted(names.len(), "attribute"));
            let expected = "an attribute of the type string; sequences of numbers are read from tables, a sequence a line, its class before \
                            the numbers, tabs between (see `unrolled help recordings`)";
            return wrong(found, expected.to_owned());
        }
        (None, several) => match usual(several, TEXT_NAMES) {
            Some(text) => text,
            None => {
                let texts = several.iter().filter_map(|at| names.get(*at).copied()).collect::<Vec<_>>();
                let found = format!("the texts {}", listed(texts.into_iter()));
                return wrong(found, "data.text to name one of them".to_owned());
            }
        },
    };
    if !spec.label_columns.is_empty() {
        let labels = spec.label_columns.iter().map(|column| set("label_columns", column));
        return Ok(Roles { text, labels: labels.collect::<Result<_, _>>()?, indicators: true });
    }
    let classes = of(&|kind| matches!(kind, Kind::Nominal(_)));
    let binary = |kind: &Kind| matches!(kind, Kind::Nominal(values) if values.iter().map(String::as_str).eq(["0", "1"]));
    let labels = match (&spec.label, classes.as_slice()) {
        (Some(column), _) => vec![set("label", column)?],
        (None, []) => {
            let found = "an ARFF file without a class".to_owned();
            return wrong(
                found,
                "an attribute of a few names, such as @attribute class {good, bad}".to_owned(),
            );
        }
        (None, several) if several.len() > 1 && of(&binary) == several => {
            return Ok(Roles { text, labels: several.to_vec(), indicators: true });
        }
        (None, several) => usual(several, LABEL_NAMES).or(several.last().copied()).into_iter().collect(),
    };
    Ok(Roles { text, labels, indicators: false })
}

/// The text of a row, and its label or its labels in one name.
fn text_and_label(
    line: &str,
    spec: &LabelledSpec,
    attributes: &[Attribute],
    roles: &Roles,
) -> Result<(String, String), TextError> {
    if line.starts_with('{') {
        let expected =
            "rows with all attributes: weka.filters.unsupervised.instance.SparseToNonSparse writes them";
        return Err(TextError { lines: 0, found: "a sparse row".into(), expected: expected.into() });
    }
    let fields = fields(line)?;
    if fields.len() != attributes.len() {
        let found = number::counted(fields.len(), "field");
        let expected =
            format!("{} as there are attributes; a text with a comma in it must be quoted", attributes.len());
        return Err(TextError { lines: 0, found, expected: expected.into() });
    }
    let field = |at: usize| fields.get(at).cloned().flatten();
    let text = field(roles.text).unwrap_or_default().into_owned();
    let name = |at: usize| attributes.get(at).map_or("", |attribute| attribute.name.as_str());
    if roles.indicators {
        let marked = roles.labels.iter().map(|at| {
            let marked = label_set::is_marked(name(*at), &field(*at).unwrap_or_default())?;
            Ok(marked.then_some(name(*at)))
        });
        let marked = marked.collect::<Result<Vec<_>, TextError>>()?;
        return Ok((text, label_set::join(marked.into_iter().flatten())));
    }
    let label = roles.labels.first().and_then(|at| field(*at)).unwrap_or_default();
    Ok((text, spec.label_of(&label)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "% reviews\n@RELATION 'some reviews'\n\n@attribute id numeric\n@attribute 'the text' string\n\
        @attribute class {pos,'not pos'}\n@DATA\n% a comment\n1, 'not bad, at \\'all\\'', pos\n2,\"bad\", 'not pos'\n";

    fn of(text: &str) -> Result<Vec<Attribute>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        attributes(file.path(), Encoding::Utf8).map_err(|error| error.to_string())
    }

    #[test]
    fn attributes_have_names_and_kinds() {
        let kinds: Vec<Kind> = of(FILE).unwrap().into_iter().map(|attribute| attribute.kind).collect();
        let classes = Kind::Nominal(vec!["pos".into(), "not pos".into()]);
        assert_eq!(kinds, [Kind::Other("numeric".into()), Kind::Text, classes]);
        assert_eq!(of("@relation x\n@attribute a{0,1}\n@data\n").unwrap()[0].name, "a");
        assert!(of("@relation x\n@attribute a\n@data\n").unwrap_err().contains(":2: found"));
        assert!(of("@relation x\n@attribute a string\n").unwrap_err().contains("no @data"));
        assert!(is_arff(FILE) && is_arff("@relation x\n") && !is_arff("@relations are hard\n"));
    }

    #[test]
    fn text_and_class_are_chosen_and_rows_divided() {
        let attributes = of(FILE).unwrap();
        let spec = LabelledSpec { path: "x.arff".into(), ..LabelledSpec::default() };
        let roles = roles(&spec, &attributes).unwrap();
        assert_eq!(roles, Roles { text: 1, labels: vec![2], indicators: false });
        let row = |line: &str| {
            text_and_label(line, &spec, &attributes, &roles)
                .map_err(|bad| format!("{}; {}", bad.found, bad.expected))
        };
        assert_eq!(row("1, 'not bad, at \\'all\\'', pos"), Ok(("not bad, at 'all'".into(), "pos".into())));
        assert_eq!(row("?,\"a\",'not pos'"), Ok(("a".into(), "not pos".into())));
        assert!(row("1,'a',?").unwrap_err().starts_with("an empty label"));
        assert!(row("1,a, b,pos").unwrap_err().starts_with("4 fields; 3 as there are attributes"));
        assert!(row("1,'a").unwrap_err().starts_with("a quote that is never closed"));
        assert!(row("{1 'a', 2 pos}").unwrap_err().starts_with("a sparse row"));
    }

    #[test]
    fn several_columns_of_0_and_1_are_labels_and_numbers_are_refused() {
        let spec = LabelledSpec { path: "x.arff".into(), ..LabelledSpec::default() };
        let many =
            of("@relation x\n@attribute t string\n@attribute a {0,1}\n@attribute b {0,1}\n@data\n").unwrap();
        assert_eq!(roles(&spec, &many).unwrap(), Roles { text: 0, labels: vec![1, 2], indicators: true });
        let numbers = of("@relation x\n@attribute a real\n@attribute class {0,1}\n@data\n").unwrap();
        let message = roles(&spec, &numbers).unwrap_err().to_string();
        assert!(
            message.contains("without a text: 2 attributes") && message.contains("tabs between"),
            "{message}"
        );
    }
}
