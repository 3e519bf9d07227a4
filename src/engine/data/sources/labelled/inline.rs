//! `format: fasttext`, `label-first`, `label-last`: a text a line, with its label in the same line.
//!
//! ```text
//! __label__good the soup was warm      fasttext, also with several labels
//! 1 the soup was warm                  label-first: SST, CR, MPQA, Subj and TREC as they are passed round
//! the soup was warm 1                  label-last
//! ```

mod detect;

use std::borrow::Cow;

use crate::data::error::DataError;
use crate::data::files::encoding::TextError;
use crate::data::files::open::{self, Lines};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::{Format, LabelledSpec};
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;

pub use detect::{InlineLabels, detect, fasttext, lines_of};

/// What every label begins with in the files of fastText (its default, `-label __label__`).
pub(crate) const PREFIX: &str = "__label__";

/// Adds every line that is not blank, in the form of `format`.
pub(crate) fn read(
    spec: &LabelledSpec,
    format: Format,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let path = spec.path.as_path();
    let separator = match (format, spec.delimiter) {
        (Format::FastText, _) => None,
        (_, Some(delimiter)) => Some(delimiter),
        (_, None) => detect(path, spec.encoding)?
            .filter(|found| found.format == format)
            .and_then(|found| found.separator),
    };
    let mut lines = Lines::open(path, spec.needs.as_deref(), spec.encoding)?;
    let mut first_bad = None;
    while let Some(line) = lines.next()? {
        let parsed = line.and_then(|line| match line.trim().is_empty() {
            true => Ok(None),
            false => {
                parse(&line, format, separator, spec).map(|(text, label)| Some((text.into_owned(), label)))
            }
        });
        match parsed {
            Ok(None) => {}
            Ok(Some((text, label))) => {
                into.push(&text, &label, path, Some(lines.number))?;
                report.texts(path, into.texts());
            }
            Err(bad) if spec.skip_bad_rows => {
                into.skip();
                first_bad.get_or_insert((lines.number, bad));
            }
            Err(TextError { found, expected, .. }) => {
                let expected = format!("{expected} (skip_bad_rows: true leaves such lines out)");
                return Err(DataError::content(path, Some(lines.number), found, expected));
            }
        }
    }
    match first_bad {
        _ if into.texts() > 0 => Ok(()),
        Some((line, TextError { found, expected, .. })) => Err(DataError::content(
            path,
            Some(line),
            format!("{found}, and no good line in {}", into.skipped()),
            expected,
        )),
        None => Err(DataError::content(path, None, "no text", "a text a line, with its label")),
    }
}

/// The text of a line, and its label or its labels in one name.
fn parse<'l>(
    line: &'l str,
    format: Format,
    separator: Option<char>,
    spec: &LabelledSpec,
) -> Result<(Cow<'l, str>, String), TextError> {
    if format == Format::FastText {
        return fasttext_line(line, spec.is_multi_label());
    }
    let (label, text) = divide(line.trim(), format == Format::LabelLast, separator);
    let label = match spec.multi_label {
        true => spec.label_of(label)?,
        false => open::label(label)?.to_owned(),
    };
    Ok((text.into(), label))
}

/// Divides a line into its label and its text, which is empty where there is nothing but the label.
fn divide(line: &str, last: bool, separator: Option<char>) -> (&str, &str) {
    let is_separator = |c: char| separator.map_or(c.is_whitespace(), |separator| c == separator);
    let parts = match last {
        false => line.split_once(is_separator),
        true => line.rsplit_once(is_separator).map(|(text, label)| (label, text)),
    };
    let (label, text) = parts.unwrap_or((line, ""));
    // `1 ||| text`.
    let text = text.trim();
    let bars = if last { text.strip_suffix("|||") } else { text.strip_prefix("|||") };
    (label.trim(), bars.unwrap_or(text).trim())
}

/// The words that begin with [`PREFIX`] are labels, wherever they are; all others are the text.
fn fasttext_line(line: &str, several: bool) -> Result<(Cow<'_, str>, String), TextError> {
    let wrong =
        |found: String, expected: &'static str| Err(TextError { lines: 0, found, expected: expected.into() });
    let words = || line.split_whitespace();
    let mut labels = Vec::new();
    for label in words().filter_map(|word| word.strip_prefix(PREFIX)) {
        labels.push(open::label(label)?);
    }
    let mut rest = line.trim();
    while let Some(after) = rest.strip_prefix(PREFIX) {
        rest = after.split_once(char::is_whitespace).map_or("", |(_, rest)| rest).trim_start();
    }
    // What stands between the words of the text is kept, unless labels do.
    let text: Cow<'_, str> = match rest.contains(PREFIX) {
        false => rest.into(),
        true => words().filter(|word| !word.starts_with(PREFIX)).collect::<Vec<_>>().join(" ").into(),
    };
    match labels.as_slice() {
        _ if several => Ok((text, label_set::join(labels.into_iter()))),
        [label] => Ok((text, (*label).to_owned())),
        [] => wrong("no label".into(), "a label before the text, such as __label__good"),
        labels => wrong(
            format!("{} labels", labels.len()),
            "one label; data.multi_label: true for texts with several",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_divided_at_the_first_or_the_last_separator() {
        let first = |line, separator| divide(line, false, separator);
        assert_eq!(first("1 not bad , at all", None), ("1", "not bad , at all"));
        assert_eq!(first("DESC:manner\tHow did\tit", None), ("DESC:manner", "How did\tit"));
        assert_eq!(first("0,well, not bad", Some(',')), ("0", "well, not bad"));
        assert_eq!(first("3 ||| well", None), ("3", "well"));
        assert_eq!(first("0", None), ("0", ""));
        assert_eq!(divide("well, not bad,0", true, Some(',')), ("0", "well, not bad"));
        assert_eq!(divide("well not bad  neg", true, None), ("neg", "well not bad"));
    }

    #[test]
    fn labels_of_fasttext_may_be_anywhere_and_several() {
        let one = |line: &str| {
            fasttext_line(line, false)
                .map(|(text, label)| (text.into_owned(), label))
                .map_err(|bad| format!("{}; {}", bad.found, bad.expected))
        };
        assert_eq!(one("__label__good  it  was"), Ok(("it  was".into(), "good".into())));
        assert_eq!(one("it was __label__good"), Ok(("it was".into(), "good".into())));
        assert!(one("it was").unwrap_err().starts_with("no label"));
        assert!(one("__label__a __label__b it").unwrap_err().contains("2 labels; one label"));
        assert!(one("__label__ it").unwrap_err().contains("an empty label"));
        let (text, labels) = fasttext_line("__label__a __label__b it was", true).ok().unwrap();
        assert_eq!((text.as_ref(), labels.as_str()), ("it was", "\u{1f}a\u{1f}b"));
        assert_eq!(fasttext_line("it was", true).ok().unwrap().1, "");
    }
}
