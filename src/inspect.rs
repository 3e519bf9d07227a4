//! Detects what a file or folder of a user contains, from its beginning and with the readers of training.
//!
//! ```text
//! path ─ start: bytes, unpacked ─┬─ a table, JSON lines: columns ─┬─ text and label ─→ Texts
//!                                │                                └─ dates and numbers ─→ Series
//!      ├─ a folder of classes ───┼──────────────────────────────────────────────────────→ Texts
//!      └─ of recordings, archives ┼──────────────────────────────────────────────────────→ Sequences
//!                                ├─ a word and its tag a line ───────────────────────────→ Tags
//!                                ├─ a label before or behind each line, fastText ────────→ Texts
//!                                └─ else, where it looks like prose ─────────────────────→ Text
//! ```

mod columns;
mod draft;
mod labelled;
mod lines;
mod measure;
mod plain;
mod prose;
mod sequences;
mod series;
mod start;
mod tags;

use std::path::Path;

pub use draft::draft;

use crate::data::beside::{Beside, divided_folder};
use crate::data::columns::{Column, MultiLabel};
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::files::{open, sniff};
use crate::data::sources::labelled::csv::CsvFile;
use crate::data::sources::labelled::lines as labels_of_lines;
use crate::data::sources::labelled::{Format, LabelledSpec};
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
    /// The column with the tag of a word.
    pub tag: Option<Column>,
    /// The minimum number of occurrences of a word of the vocabulary.
    pub at_least: Option<u64>,
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
    let inspection = look_at(path, options)?;
    let train = match &inspection.detected {
        Ok(DetectedData::Texts { spec, .. }) => &spec.path,
        Ok(DetectedData::Tags { spec, .. }) => &spec.path,
        Ok(DetectedData::Text { spec, .. }) => &spec.path,
        Ok(DetectedData::Sequences(_) | DetectedData::Series(_)) | Err(_) => return Ok(inspection),
    };
    let beside = Beside::of_any(train);
    Ok(with_test(inspection, &beside))
}

/// What `--task forecast` is for.
const FORECAST: &str =
    "--task forecast reads a table of numbers, with a date or without: write the columns into a CSV file";

fn look_at(path: &Path, options: &InspectOptions) -> Result<Inspection, DataError> {
    let kind = path.metadata().map_err(|error| DataError::read(path, None, error))?;
    let sequences = options.task.is_none_or(|task| task == TaskHint::Classify);
    if let Some((train, test)) = sequences::by_name(path).filter(|_| sequences) {
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
        Some(TaskHint::Language) => return plain::inspect(path, options.encoding, false),
        Some(TaskHint::Tag) => return tags::inspect(path, options),
        Some(TaskHint::Classify | TaskHint::Forecast) | None => {}
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let has_columns = options.text.is_some()
        || options.label.is_some()
        || options.date.is_some()
        || !options.values.is_empty();
    let spec = LabelledSpec {
        path: path.into(),
        text: options.text.clone(),
        label: options.label.clone(),
        encoding: options.encoding.unwrap_or_default(),
        ..LabelledSpec::default()
    };
    let forecast = options.task == Some(TaskHint::Forecast);
    let format = spec.detect_format()?;
    let is_tagged = options.tag.is_some() || ends(&[".conll", ".conllu", ".conllx", ".conllup"]);
    let refused = match format {
        Format::Jsonl if forecast => Some(("JSON lines", FORECAST)),
        Format::Arff if forecast => Some(("an ARFF file", FORECAST)),
        Format::Jsonl | Format::Arff => None,
        _ if is_tagged && forecast => Some(("words with their tags", FORECAST)),
        _ if is_tagged && options.task == Some(TaskHint::Classify) => Some((
            "words with their tags",
            "--task classify reads texts with a label each: --task tag learns the tags of the words",
        )),
        _ => None,
    };
    if let Some((found, expected)) = refused {
        return Err(DataError::content(path, None, found, expected));
    }
    match format {
        Format::Lines if !forecast => lines_with_labels(path, options, &start),
        Format::Jsonl => {
            let grid = TableSample::of_objects(path, &start, options)?;
            objects(path, &grid, &start, options)
        }
        Format::Arff => lines::arff(path, &start, options),
        Format::FastText if !has_columns && !forecast => lines::fasttext(path, &start, options),
        _ if is_tagged
            || !has_columns && options.task.is_none() && tags::is_tagged(path, &start, options) =>
        {
            tags::inspect(path, options)
        }
        format => {
            let sample = CsvFile(&spec).sample(&start.head);
            if format.is_inline()
                && !has_columns
                && !forecast
                && let Some(inspection) = lines::inline(path, &start, options)?
            {
                return Ok(inspection);
            }
            let is_named = has_columns || options.task.is_some() || ends(&[".csv", ".tsv"]);
            if !is_named && !sample.is_table() {
                return plain::inspect(path, options.encoding, true);
            }
            match table(path, &sample, &start, options) {
                // Lines of prose may have as many commas each by chance.
                Ok(Inspection { detected: Err(_), .. }) if !is_named && sample.delimiter == b',' => {
                    plain::inspect(path, options.encoding, true)
                }
                Ok(Inspection { findings, detected: Err(_) }) if is_without_labels(options, &sample) => {
                    Ok(Inspection { findings, detected: Err(lines::NO_LABELS.into()) })
                }
                inspection => inspection,
            }
        }
    }
}

/// Whether a text is to be classified that has neither columns nor labels.
fn is_without_labels(options: &InspectOptions, sample: &sniff::Sample) -> bool {
    options.task == Some(TaskHint::Classify)
        && !sample.is_table()
        && options.text.is_none()
        && options.label.is_none()
}

/// A file of texts with a file of labels beside it.
fn lines_with_labels(path: &Path, options: &InspectOptions, start: &Start) -> Result<Inspection, DataError> {
    let labels = labels_of_lines::labels_beside(path).unwrap_or_default();
    let multi_label = multi_label_lines(&labels)?;
    let labels = labels.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let encoding = options.encoding.unwrap_or_default();
    let mut spec =
        LabelledSpec { path: path.into(), format: Some(Format::Lines), encoding, ..LabelledSpec::default() };
    spec.set_multi_label(multi_label);
    let facts = vec![("labels".into(), labels)];
    let beside = Beside::of(path);
    let has_labels = |path: &Path| labels_of_lines::labels_beside(path).is_some();
    if beside.held_out().is_some_and(|path| has_labels(path)) {
        spec = labelled::validated(spec, &beside);
    }
    labelled::inspect(spec, "a text a line", facts, Vec::new(), start.size)
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
    let refused = match options.task {
        Some(TaskHint::Language) => Some("--task language reads one file: name a file of this folder"),
        Some(TaskHint::Forecast) => Some("--task forecast reads one table: name a file of this folder"),
        Some(TaskHint::Tag | TaskHint::Classify) | None => None,
    };
    if let Some(refused) = refused {
        return Err(DataError::content(path, None, "a folder", refused));
    }
    let divided = divided_folder(path);
    if options.task == Some(TaskHint::Tag) && divided.is_none() {
        let expected = "--task tag reads one file: name a file of this folder";
        return Err(DataError::content(path, None, "a folder", expected));
    }
    let Some(divided) = divided else {
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
    let (train, held_out) = (divided.train, divided.beside.held_out().cloned());
    if train.is_dir() && sequences::has_recordings(&train) {
        return sequences::inspect(&train, held_out);
    }
    if train.is_dir() {
        let spec =
            LabelledSpec { path: train, format: Some(Format::Folder), encoding, ..LabelledSpec::default() };
        let kind = "folders of classes, to train and to test";
        let inspection = labelled::inspect(
            labelled::validated(spec, &divided.beside),
            kind,
            Vec::new(),
            Vec::new(),
            None,
        )?;
        return Ok(with_test(inspection, &divided.beside));
    }
    look_at(&train, options)
}

/// With the test data that lie beside the training data, and whether they have to validate.
fn with_test(inspection: Inspection, beside: &Beside) -> Inspection {
    let Inspection { mut findings, detected } = inspection;
    let Some(test) = beside.test.as_ref().filter(|_| detected.is_ok() && findings.test.is_none()) else {
        return Inspection { findings, detected };
    };
    let name = test.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let validates = findings.facts.iter().any(|(fact, value)| fact == "validation" && value.contains(&name));
    if validates {
        findings.notes.push(format!(
            "only test data lie beside the training data: {name} validates, and the best epoch is chosen by it; with data.validation: 0.1 \
             it is left for unrolled evaluate"
        ));
    } else {
        findings.facts.push(("test".into(), format!("{name}, beside it, for unrolled evaluate")));
        findings.test = Some(test.clone());
    }
    Inspection { findings, detected }
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

/// With the data to validate on that lie beside the training data.
fn beside(spec: LabelledSpec) -> LabelledSpec {
    let beside = Beside::of(&spec.path);
    labelled::validated(spec, &beside)
}

#[cfg(test)]
mod tests;
