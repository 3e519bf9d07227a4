//! `format: lines`: a text a line, with the labels in a separate file.

use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::error::shown;
use crate::data::files::open::Lines;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::LabelledSpec;
use crate::data::text::text_sink::Sink;
use crate::number;

/// The file of labels that belongs to `X.txt` by name: `X.labels`, `X.labels.txt` or `X.txt.labels`.
pub fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    let stem = path.file_stem()?.to_string_lossy();
    let names = [format!("{stem}.labels"), format!("{stem}.labels.txt"), format!("{name}.labels")];
    names.into_iter().map(|name| path.with_file_name(name)).find(|labels| labels.is_file() && labels != path)
}

/// Adds every line of `spec.path` with the line of the same number in the file of labels.
pub(crate) fn read(
    spec: &LabelledSpec,
    into: &mut dyn Sink,
    report: &ProgressSender,
) -> Result<(), DataError> {
    let path = spec.path.as_path();
    let Some(labels_path) = spec.labels.clone().or_else(|| labels_beside(path)) else {
        let expected = "a file of labels beside it, such as NAME.labels; data.labels names another one";
        return Err(DataError::content(path, None, "texts without labels", expected));
    };
    let needs = spec.needs.as_deref();
    let mut texts = Lines::open(path, needs, spec.encoding)?;
    let mut labels = Lines::open(&labels_path, needs, spec.encoding)?;
    loop {
        let line = texts.number + 1;
        let (text, label) = (texts.next()?, labels.next()?);
        let (text, label) = match (text, label) {
            (Some(text), Some(label)) => (text, label),
            (None, None) if line == 1 => {
                return Err(DataError::content(path, None, "an empty file", "a text a line"));
            }
            (None, None) => return Ok(()),
            (text, _) => {
                let (longer, shorter) = if text.is_some() {
                    (path, labels_path.as_path())
                } else {
                    (labels_path.as_path(), path)
                };
                let found = format!("more than the {} lines of {}", number::count(line - 1), shown(shorter));
                return Err(DataError::content(longer, Some(line), found, "as many labels as texts"));
            }
        };
        let label = label.and_then(|label| spec.label_of(&label));
        match (text, label) {
            (Ok(text), Ok(label)) => into.push(&text, &label, path, Some(line))?,
            (Err(_), _) | (_, Err(_)) if spec.skip_bad_rows => into.skip(),
            (Err(bad), _) => return Err(texts.wrong(bad)),
            (_, Err(bad)) => return Err(labels.wrong(bad)),
        }
        report.texts(path, into.texts());
    }
}
