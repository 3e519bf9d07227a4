//! `source: labelled`: texts with labels, in any of several file formats.

pub mod arff;
pub mod csv;
pub(crate) mod evaluation_set;
pub mod folder;
pub mod inline;
pub(crate) mod jsonl;
pub mod lines;
mod source;
pub(crate) mod split;
pub(crate) mod streamed;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::columns::{Column, ColumnSettings, MultiLabel};
use crate::data::error::DataError;
use crate::data::error::refuse;
use crate::data::files::encoding::{Encoding, TextError};
use crate::data::files::open;
use crate::data::files::sniff::{HEAD, Head};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::csv::CsvFile;
use crate::data::sources::labelled::streamed::Streaming;
use crate::data::text::corpus::Corpus;
use crate::data::text::label_set;
use crate::data::text::text_sink::Sink;
use crate::data::text::tokenizer::Tokenizer;

/// Labelled texts: a table, JSON lines, a file of texts with a file of labels, or a folder of classes.
///
/// Optional settings are detected from the data if absent. A file may be compressed with gzip.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledSpec {
    /// The file or folder with the training data.
    pub path: PathBuf,
    /// Its format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Which column (or JSON field) holds the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Column>,
    /// Which column (or JSON field) holds the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Column>,
    /// The delimiter of the columns of a table: one ASCII character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether fields of a table may be quoted with `"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoting: Option<bool>,
    /// Whether the first row of a table names its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The file with a label for each line of a file of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Whether a text has any number of labels: separated by `separator`, or a JSON list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multi_label: bool,
    /// The separator of the labels of a text; the most frequent of `|`, `;`, `,` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// Columns (or JSON fields) of 0 and 1, one for each of several labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_columns: Vec<Column>,
    /// The character encoding.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// Whether to skip and count invalid rows instead of returning the error of the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_bad_rows: bool,
    /// Whether texts are read into memory once or re-read from disk every epoch.
    #[serde(default, skip_serializing_if = "Streaming::is_auto")]
    pub stream: Streaming,
    /// The validation data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Instructions to obtain the data, shown when a file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// The file formats of labelled texts. A new one needs its reader in `labelled/`, its detection in `LabelledSpec::detect_format`, and
/// a name in [`DataSpec::read`](crate::data::DataSpec::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A table: RFC 4180, or with another delimiter, or without quotes.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// A text a line, with the labels in a separate file.
    Lines,
    /// A folder per class with a file per text, or a file per class with a text a line.
    Folder,
    /// A text a line, with labels of fastText in it, `__label__good`.
    FastText,
    /// A text a line, its label before it.
    #[serde(rename = "label-first")]
    LabelFirst,
    /// A text a line, its label behind it.
    #[serde(rename = "label-last")]
    LabelLast,
    /// An attribute-relation file of Weka.
    Arff,
}

impl Format {
    /// The names in a preset; each is also a `source:`.
    pub const NAMES: [&'static str; 8] =
        ["csv", "jsonl", "lines", "folder", "fasttext", "label-first", "label-last", "arff"];

    /// The formats in the order of [`NAMES`](Self::NAMES).
    const ALL: [Self; 8] = [
        Self::Csv,
        Self::Jsonl,
        Self::Lines,
        Self::Folder,
        Self::FastText,
        Self::LabelFirst,
        Self::LabelLast,
        Self::Arff,
    ];

    /// The format called `name`.
    pub fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().zip(Self::ALL).find(|(known, _)| **known == name).map(|(_, format)| format)
    }

    /// Its name in a preset.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().zip(Self::ALL).find(|(_, format)| *format == self).map_or("", |(name, _)| *name)
    }

    /// The format of the file at `path` whose lines have their labels in them, where data of the format `like` are expected there: a few lines
    /// may not show it by themselves. `None` for all other files.
    pub fn of_lines(path: &Path, like: Option<Self>) -> Option<Self> {
        let spec = LabelledSpec { path: path.into(), ..LabelledSpec::default() };
        match spec.detect_format().ok()? {
            found if found.is_inline() => Some(found),
            Self::Csv => {
                let (head, _) = Head::read(&mut open::text(path, None).ok()?, HEAD);
                like.filter(|like| like.is_inline() && !CsvFile(&spec).sample(&head).is_nearly_table())
            }
            _ => None,
        }
    }

    /// Whether every line has a text and its label.
    pub fn is_inline(self) -> bool {
        matches!(self, Self::FastText | Self::LabelFirst | Self::LabelLast)
    }
}

/// What weights do not learn from: `0.2`, `{folds: 10, fold: 1}` or `{path: test.csv}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Validation {
    /// A share of every class, sampled by the seed.
    Share(f64),
    /// One of several folds of every class, sampled by the seed.
    Fold {
        /// The number of folds.
        folds: usize,
        /// The fold held out, from 1.
        fold: usize,
    },
    /// A separate file or folder.
    Given(GivenValidation),
}

/// A separate file or folder of validation data; absent settings are those of the training data.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GivenValidation {
    /// The file or folder.
    pub path: PathBuf,
    /// Which column (or JSON field) holds the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Column>,
    /// Which column (or JSON field) holds the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Column>,
    /// The file with a label for each line of a file of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for Validation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            path: Option<PathBuf>,
            text: Option<Column>,
            label: Option<Column>,
            labels: Option<PathBuf>,
            folds: Option<usize>,
            fold: Option<usize>,
        }
        struct ValidationVisitor;

        impl<'de> Visitor<'de> for ValidationVisitor {
            type Value = Validation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as 0.1, {path: FILE}, or {folds: 10, fold: 1}")
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> Result<Validation, E> {
                Ok(Validation::Share(share))
            }

            fn visit_u64<E: de::Error>(self, share: u64) -> Result<Validation, E> {
                Ok(Validation::Share(share as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Validation, A::Error> {
                match Keys::deserialize(MapAccessDeserializer::new(map))? {
                    Keys { path: Some(path), text, label, labels, folds: None, fold: None } => {
                        Ok(Validation::Given(GivenValidation { path, text, label, labels }))
                    }
                    Keys { path: None, text: None, label: None, labels: None, folds, fold } => {
                        let missing = de::Error::missing_field;
                        let folds = folds.ok_or_else(|| missing("path"))?;
                        Ok(Validation::Fold { folds, fold: fold.ok_or_else(|| missing("fold"))? })
                    }
                    Keys { path: None, .. } => Err(de::Error::missing_field("path")),
                    Keys { .. } => Err(de::Error::custom("either a path or folds, not both")),
                }
            }
        }

        deserializer.deserialize_any(ValidationVisitor)
    }
}

/// The largest number of folds: that of the command line.
const MOST_FOLDS: usize = u16::MAX as usize;

impl Validation {
    /// The path of separate validation data.
    pub(crate) fn path_mut(&mut self) -> Option<&mut PathBuf> {
        if let Self::Given(given) = self { Some(&mut given.path) } else { None }
    }

    /// Checks the ranges of the settings.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        match *self {
            Self::Share(share) if !(share > 0.0 && share < 1.0) => {
                refuse("data.validation", share, "a share above 0 and below 1")
            }
            Self::Fold { folds: 0 | 1, .. } => {
                refuse("data.validation.folds", "fewer than two", "at least 2")
            }
            Self::Fold { folds, .. } if folds > MOST_FOLDS => {
                refuse("data.validation.folds", folds, format!("at most {MOST_FOLDS}"))
            }
            Self::Fold { folds, fold } if !(1..=folds).contains(&fold) => {
                refuse("data.validation.fold", fold, "a number from 1 to folds")
            }
            _ => Ok(()),
        }
    }
}

impl LabelledSpec {
    /// Whether a text may have several labels.
    pub fn is_multi_label(&self) -> bool {
        self.multi_label || !self.label_columns.is_empty()
    }

    /// Sets how the cells of the label hold several labels.
    pub fn set_multi_label(&mut self, found: Option<MultiLabel>) {
        self.multi_label = found.is_some();
        self.separator = match found {
            Some(MultiLabel::Separated(separator)) => Some(separator),
            Some(MultiLabel::List) | None => None,
        };
    }

    /// The settings that name columns.
    pub(crate) fn column_settings(&self) -> ColumnSettings<'_> {
        ColumnSettings {
            text: self.text.as_ref(),
            label: self.label.as_ref(),
            label_columns: &self.label_columns,
            header: self.header,
            named: false,
        }
    }

    /// A label as it is written, or several at once.
    pub(crate) fn label_of(&self, written: &str) -> Result<String, TextError> {
        if !self.is_multi_label() {
            return open::label(written).map(str::to_owned);
        }
        match label_set::list(written.trim()) {
            Some(labels) if self.separator.is_none() => {
                let labels = labels.iter().map(|label| open::label(label)).collect::<Result<Vec<_>, _>>()?;
                Ok(label_set::join(labels.into_iter()))
            }
            _ if written.trim().is_empty() => Ok(String::new()),
            None if self.separator.is_none() && label_set::is_other_list(written) => Err(TextError {
                lines: 0,
                found: format!("{} for several labels", crate::data::error::quoted(written)),
                expected: "a list of the names of labels: ['a', 'b']".into(),
            }),
            _ => open::label(written).map(str::to_owned),
        }
    }

    /// Checks the settings themselves.
    pub(crate) fn check_settings(&self) -> Result<(), DataError> {
        if let Some(c) = self.delimiter.filter(|c| !c.is_ascii() || matches!(c, '"' | '\r' | '\n' | '\0')) {
            return refuse(
                "data.delimiter",
                format!("{c:?}"),
                "one ASCII character, no quote and no line end",
            );
        }
        if self.stream == (Streaming::Buffered { buffer: 0 }) {
            return refuse("data.stream.buffer", 0, "at least 1 row, or data.stream: false");
        }
        if self.is_multi_label() && !matches!(self.stream, Streaming::Auto | Streaming::Never) {
            let expected = "false: texts with several labels are read into memory";
            return refuse("data.stream", "texts with several labels", expected);
        }
        if self.separator.is_some() && !self.multi_label {
            let expected = "multi_label: true with it, for texts with several labels";
            return refuse("data.separator", "texts with one label each", expected);
        }
        if self.multi_label && !self.label_columns.is_empty() {
            let expected = "one of the two: labels are in one column, or have a column each";
            return refuse("data.label_columns", "multi_label beside it", expected);
        }
        if self.label_columns.len() == 1 || !self.label_columns.is_empty() && self.label.is_some() {
            let expected =
                "two columns or more, and no data.label; one column of 0 and 1 is a label of two classes";
            return refuse("data.label_columns", "one column, or data.label beside it", expected);
        }
        self.validation.as_ref().map_or(Ok(()), Validation::check)
    }

    /// The spec of separate validation data.
    pub fn of_validation(&self) -> Option<Self> {
        let Some(Validation::Given(given)) = &self.validation else { return None };
        let given = given.clone();
        Some(Self {
            path: given.path,
            text: given.text.or_else(|| self.text.clone()),
            label: given.label.or_else(|| self.label.clone()),
            labels: given.labels,
            validation: None,
            // The content of a folder determines its format.
            format: self.format.filter(|format| *format != Format::Folder),
            ..self.clone()
        })
    }

    /// Reads all texts at `path` into a corpus; `keep_texts` retains the original texts.
    pub(crate) fn read(
        &self,
        tokenizer: impl Into<Tokenizer>,
        keep_texts: bool,
        report: &ProgressSender,
    ) -> Result<Corpus, DataError> {
        let mut corpus = Corpus::new(tokenizer, keep_texts);
        self.read_into(&mut corpus, report)?;
        if self.is_multi_label() {
            corpus.split_labels(self.separator);
        }
        Ok(corpus)
    }

    /// Reads all texts at `path` into `into` and reports the progress.
    pub fn read_into(&self, into: &mut dyn Sink, report: &ProgressSender) -> Result<(), DataError> {
        report.start(&self.path);
        match self.detect_format()? {
            Format::Csv => CsvFile(self).read(into, report),
            Format::Jsonl => jsonl::read(self, into, report),
            Format::Lines => lines::read(self, into, report),
            Format::Arff => arff::read(self, into, report),
            format if format.is_inline() => inline::read(self, format, into, report),
            Format::Folder if self.is_multi_label() => {
                let expected = "a table, JSON lines, or lines with a file of labels";
                let found = "a folder, in which a text has one label";
                Err(DataError::content(&self.path, None, found, expected))
            }
            _ => folder::read(self, into, report),
        }
    }

    /// The format of the data at `path`: as specified, or else detected from its kind, its name and its first byte.
    pub fn detect_format(&self) -> Result<Format, DataError> {
        let kind = self.path.metadata().map_err(|e| DataError::read(&self.path, self.needs.as_deref(), e))?;
        if let Some(format) = self.format {
            return Ok(format);
        }
        if kind.is_dir() {
            return Ok(Format::Folder);
        }
        if self.labels.is_some() || lines::labels_beside(&self.path).is_some() {
            return Ok(Format::Lines);
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        if [".jsonl", ".ndjson", ".json"].iter().any(|end| name.ends_with(end)) {
            return Ok(Format::Jsonl);
        }
        let (head, failed) = Head::read(&mut open::text(&self.path, self.needs.as_deref())?, HEAD);
        let first = head.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') {
            return Ok(Format::Jsonl);
        }
        let text = self.encoding.lossy(head.whole_lines());
        if name.ends_with(".arff") || arff::is_arff(&text) {
            return Ok(Format::Arff);
        }
        if inline::fasttext(&inline::lines_of(&text)).is_some() {
            return Ok(Format::FastText);
        }
        // What is wrong with a table is reported by its reader.
        let sample = CsvFile(self).sample(&head);
        let is_header = sample.decoded(self.encoding).first().is_some_and(|first| {
            self.column_settings().are_named(&first.iter().map(String::as_str).collect::<Vec<_>>())
        });
        if failed.is_some() || self.has_layout() || sample.is_nearly_table() || is_header {
            return Ok(Format::Csv);
        }
        Ok(inline::detect(&self.path, self.encoding)?.map_or(Format::Csv, |found| found.format))
    }

    /// Whether settings say that it is a table.
    fn has_layout(&self) -> bool {
        self.text.is_some()
            || self.label.is_some()
            || !self.label_columns.is_empty()
            || self.delimiter.is_some()
            || self.quoting.is_some()
            || self.header.is_some()
    }
}
