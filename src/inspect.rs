//! Detects what a file or folder of a user contains, from its beginning and with the readers of training.
//!
//! ```text
//! path ─ start: bytes, unpacked ─┬─ a table, JSON lines: columns ─┬─ text and label ─→ Texts
//!                                │                                └─ dates and numbers ─→ Series
//!      ├─ a folder of classes ───┼──────────────────────────────────────────────────────→ Texts
//!      └─ of recordings, archives ┼──────────────────────────────────────────────────────→ Sequences
//!                                ├─ a word and its tag a line ───────────────────────────→ Tags
//!                                └─ else ────────────────────────────────────────────────→ Text
//! ```

mod columns;
mod draft;
mod labelled;
mod measure;
mod plain;
mod sequences;
mod series;
mod start;
mod tags;

use std::path::Path;

pub use draft::draft;

use crate::data::columns::{Column, MultiLabel};
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::files::{open, sniff};
use crate::data::sources::labelled::csv::CsvFile;
use crate::data::sources::labelled::lines;
use crate::data::sources::labelled::{Format, LabelledSpec, test_beside, train_and_test};
use crate::data::sources::language::TextSpec;
use crate::data::sources::sequences::SequencesSpec;
use crate::data::sources::series::{DateOrder, Fill, SeriesSpec};
use crate::data::sources::tags::TagsSpec;
use crate::data::text::tokenizer::Level;
use crate::number;
use crate::protocol::Findings;
pub(crate) use columns::TableSample;
pub(crate) use start::Start;

/// The maximum number of bytes of text that are read.
pub(crate) const ENOUGH: usize = 48 << 20;

/// Settings of the user; what is not set is detected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InspectOptions {
    /// The task; detected if absent.
    pub task: Option<TaskHint>,
    /// The column with the text.
    pub text: Option<Column>,
    /// The column with the label.
    pub label: Option<Column>,
    /// The column of dates: its name or number, or those of several with a part of the date each, with commas between them.
    pub date: Option<String>,
    /// The columns of numbers that are forecast from, by name or number.
    pub values: Vec<String>,
    /// How gaps of a series are closed.
    pub fill: Option<Fill>,
    /// What the bytes mean.
    pub encoding: Option<Encoding>,
    /// The order of day and month in dates that end with the year.
    pub date_order: Option<DateOrder>,
    /// The decimal separator.
    pub decimal: Option<char>,
}

/// What is to be learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskHint {
    /// The class of a text.
    Classify,
    /// Forecasting a series of numbers.
    Forecast,
    /// The tag of every word.
    Tag,
    /// Language modelling of a text.
    Language,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// For people.
    pub findings: Findings,
    /// The data that a network can be trained on, or why nothing can be trained.
    pub detected: Result<DetectedData, String>,
}

/// What a network can be trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum DetectedData {
    /// Texts with a class each.
    Texts {
        /// Where they are. Validation data that lie beside them are in it, else none are.
        spec: LabelledSpec,
        /// What is one token: words, or characters where a text is hardly more than a word.
        level: Level,
        /// A short text of each of the first classes.
        examples: Vec<String>,
    },
    /// One long text.
    Text {
        /// Where it is.
        spec: TextSpec,
        /// Its first words.
        prime: String,
    },
    /// Sentences with a tag at every word.
    Tags {
        /// Where they are.
        spec: TagsSpec,
        /// Short sentences.
        examples: Vec<String>,
    },
    /// Sequences of numbers with a class each; with the validation data beside them, or a fifth of them for validation.
    Sequences(SequencesSpec),
    /// Numbers over time. The window is as long as a season, or as seems fit.
    Series(SeriesSpec),
}

/// Inspects the file or folder at `path`.
///
/// At most the first 48 MiB of text are read, so that it answers within a second or two.
///
/// # Errors
/// When nothing exists there, or it cannot be read: a pipe, an empty file, bytes that are not text.
pub fn inspect(path: &Path, options: &InspectOptions) -> Result<Inspection, DataError> {
    let kind = path.metadata().map_err(|error| DataError::read(path, None, error))?;
    if let Some((train, test)) = sequences::by_name(path).filter(|_| options.task.is_none()) {
        match sequences::inspect(&train, test) {
            // Texts may lie in files that are called as an archive's are.
            Err(_) if train.extension().is_none_or(|end| end != "ts") => {}
            inspection => return inspection,
        }
    }
    if kind.is_dir() {
        return folder(path, options);
    }
    let start = Start::read(path, sniff::HEAD)?;
    start.refuse_binary(path)?;
    match options.task {
        Some(TaskHint::Language) => return plain::inspect(path, options.encoding),
        Some(TaskHint::Tag) => return tags::inspect(path),
        Some(TaskHint::Classify | TaskHint::Forecast) | None => {}
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let has_columns = options.text.is_some() || options.label.is_some() || !options.values.is_empty();
    let found = LabelledSpec { path: path.into(), ..LabelledSpec::default() }.detect_format()?;
    match found {
        Format::Lines => {
            let labels = lines::labels_beside(path).unwrap_or_default();
            let multi_label = multi_label_lines(&labels)?;
            let labels = labels.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let encoding = options.encoding.unwrap_or_default();
            let mut spec =
                LabelledSpec { path: path.into(), format: Some(found), encoding, ..LabelledSpec::default() };
            spec.set_multi_label(multi_label);
            labelled::inspect(spec, "a text a line", vec![("labels".into(), labels)], Vec::new(), start.size)
        }
        Format::Jsonl => {
            let grid = TableSample::of_objects(path, &start, options)?;
            objects(path, &grid, &start, options)
        }
        _ if ends(&[".conll", ".conllu"]) || !has_columns && tags::is_tagged(path, &start) => {
            tags::inspect(path)
        }
        _ => {
            let spec = LabelledSpec {
                path: path.into(),
                text: options.text.clone(),
                label: options.label.clone(),
                ..LabelledSpec::default()
            };
            let spec = LabelledSpec { encoding: options.encoding.unwrap_or_default(), ..spec };
            let sample = CsvFile(&spec).sample(&start.head);
            let is_named = has_columns || options.task.is_some() || ends(&[".csv", ".tsv"]);
            if !is_named && !sample.is_table() {
                return plain::inspect(path, options.encoding);
            }
            match table(path, &sample, &start, options) {
                // Lines of prose may have as many commas each by chance.
                Ok(Inspection { detected: Err(_), .. }) if !is_named && sample.delimiter == b',' => {
                    plain::inspect(path, options.encoding)
                }
                inspection => inspection,
            }
        }
    }
}

/// How the lines of a file of labels hold several labels.
///
/// # Errors
/// When it cannot be read.
fn multi_label_lines(path: &Path) -> Result<Option<MultiLabel>, DataError> {
    let start = Start::read(path, sniff::HEAD)?;
    let text = String::from_utf8_lossy(start.head.whole_lines());
    let cells: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Ok(MultiLabel::detect(&cells).filter(|found| *found != MultiLabel::List))
}

/// An encoding for people.
pub(crate) fn encoding_fact(encoding: Encoding) -> String {
    match encoding {
        Encoding::Utf8 => "UTF-8".into(),
        other => format!("not UTF-8; read as {other}"),
    }
}

/// A folder of classes, or one with train and test data.
fn folder(path: &Path, options: &InspectOptions) -> Result<Inspection, DataError> {
    let encoding = options.encoding.unwrap_or_default();
    let Some((train, test)) = train_and_test(path) else {
        if sequences::has_recordings(path) {
            return sequences::inspect(path, None);
        }
        let spec = LabelledSpec {
            path: path.into(),
            format: Some(Format::Folder),
            encoding,
            ..LabelledSpec::default()
        };
        return labelled::inspect(spec, "a folder of classes", Vec::new(), Vec::new(), None);
    };
    if train.is_dir() && sequences::has_recordings(&train) {
        return sequences::inspect(&train, Some(test));
    }
    if train.is_dir() {
        let spec =
            LabelledSpec { path: train, format: Some(Format::Folder), encoding, ..LabelledSpec::default() };
        let kind = "folders of classes, to train and to test";
        return labelled::inspect(labelled::validated(spec, test), kind, Vec::new(), Vec::new(), None);
    }
    inspect(&train, options)
}

/// A table: of texts with labels, or of numbers with dates.
fn table(
    path: &Path,
    sample: &sniff::Sample,
    start: &Start,
    options: &InspectOptions,
) -> Result<Inspection, DataError> {
    let encoding = start.encoding(options.encoding);
    let sample = &sample.clone().spread(open::text(path, None)?);
    let mut grid = TableSample::of_table(path, sample, encoding, options)?;
    let delimiter = match sample.delimiter {
        b'\t' => "tabs".to_owned(),
        byte => format!("“{}”", char::from(byte)),
    };
    let kind = match grid.has_header() {
        true => "a table with a header",
        false => "a table without a header",
    };
    let facts = vec![("between columns".to_owned(), delimiter)];
    let forecast = match options.task {
        Some(task) => task == TaskHint::Forecast,
        None => !options.values.is_empty() || options.label.is_none() && grid.is_series(options),
    };
    if forecast {
        return series::inspect(path, kind, facts, &mut grid, options, start.size);
    }
    let encoding = options.encoding.unwrap_or_default();
    let spec =
        LabelledSpec { path: path.into(), format: Some(Format::Csv), encoding, ..LabelledSpec::default() };
    let header = Some(grid.has_header());
    let delimiter = Some(char::from(sample.delimiter)).filter(|c| *c != ',');
    let spec = LabelledSpec { header, delimiter, ..spec };
    match grid.texts(spec, options)? {
        Ok(spec) => labelled::inspect(beside(spec), kind, facts, grid.found(), start.size),
        Err(_) if options.task.is_none() && grid.is_numbers() => sequences::inspect(path, None),
        Err(doubt) => Ok(undecided(path, kind, facts, &grid, start, doubt)),
    }
}

/// JSON lines.
fn objects(
    path: &Path,
    grid: &TableSample,
    start: &Start,
    options: &InspectOptions,
) -> Result<Inspection, DataError> {
    let mut grid = grid.clone();
    let encoding = options.encoding.unwrap_or_default();
    let spec =
        LabelledSpec { path: path.into(), format: Some(Format::Jsonl), encoding, ..LabelledSpec::default() };
    match grid.texts(spec, options)? {
        Ok(spec) => labelled::inspect(beside(spec), "JSON lines", Vec::new(), grid.found(), start.size),
        Err(doubt) => Ok(undecided(path, "JSON lines", Vec::new(), &grid, start, doubt)),
    }
}

/// With the columns, and why nothing can be trained yet.
fn undecided(
    path: &Path,
    kind: &str,
    facts: Vec<(String, String)>,
    grid: &TableSample,
    start: &Start,
    doubt: String,
) -> Inspection {
    let mut facts = facts;
    facts.extend(start.size.map(|size| ("size".to_owned(), number::bytes(size))));
    let findings = Findings {
        path: path.into(),
        kind: kind.into(),
        rows: grid.rows(),
        unit: "rows".into(),
        more: grid.more,
        facts,
        columns: grid.found(),
        ..Findings::default()
    };
    Inspection { findings, detected: Err(doubt) }
}

/// With the test data that lie beside the training data.
fn beside(spec: LabelledSpec) -> LabelledSpec {
    match test_beside(&spec.path) {
        Some(test) => labelled::validated(spec, test),
        None => spec,
    }
}

#[cfg(test)]
mod tests;
