//! Sequences with what they should give: texts read or generated and tokenised, symbols and numbers generated; in batches.
//! Knows no model.
//!
//! ```text
//! DataSpec ─ csv | folder | word-order ─→ Corpus (words by number, two splits on two threads)
//!        │                                  ├─→ Vocabulary (of the training split)
//!        │  TokenSpec ──────────────────────┴─→ Dataset (Inputs, Targets) ─ Sampler ─→ Batch
//!        └─ the other generated tasks ─────────→ Dataset
//! ```

mod corpus;
mod csv;
mod dataset;
mod error;
mod folder;
mod form;
mod generated;
mod intern;
mod rows;
mod sampler;
mod spec;
mod tokens;
mod vocabulary;

use std::path::Path;
use std::sync::mpsc;
use std::{panic, thread};

use crate::number;
use crate::protocol::{ClassCount, DataFacts};
use corpus::Corpus;
use csv::CsvFile;
use error::quoted;

pub use dataset::{Batch, Dataset, Inputs, Targets};
pub use error::DataError;
pub use form::{Form, InputForm, TargetForm};
pub use generated::{
    AddingProblem, CopyMemory, FirstSymbol, GeneratedSpec, ReberGrammar, SineForecast, TemporalOrder,
    WordOrder,
};
pub use sampler::{Sampler, in_order};
pub use spec::{CsvSpec, CsvValidation, DataSpec, FolderSpec, FolderValidation, train_and_test};
pub use tokens::{Level, Side, TokenSpec};
pub use vocabulary::Vocabulary;

/// Everything a network is trained on.
#[derive(Debug, Clone)]
pub struct Data {
    /// What weights learn from.
    pub train: Dataset,
    /// What they are measured on, where the spec has it.
    pub validation: Option<Dataset>,
    /// Of the training texts, or of the task's symbols; `None` where sequences are numbers.
    pub vocabulary: Option<Vocabulary>,
    /// The label of each class: sorted where they come from files; none where targets are numbers.
    pub labels: Vec<String>,
    /// What to tell people of it.
    pub facts: DataFacts,
}

/// Reads or generates the data; of texts it builds the training texts' vocabulary and encodes all by `tokens`.
///
/// The result hangs on the files, the specs and (for generated data) `seed` alone. `progress` is told in words what is
/// being done; file names in them are foreign text.
///
/// # Errors
/// The first thing that is missing or wrong: see [`DataError`]. What is not there is told before anything is read. Both splits are
/// read before either's error is told; the training split's comes first.
pub fn load(
    spec: &DataSpec,
    tokens: Option<&TokenSpec>,
    seed: u64,
    progress: &mut dyn FnMut(String),
) -> Result<Data, DataError> {
    spec.check(tokens)?;
    if let DataSpec::Generated(generated) = spec
        && let Some(task) = generated.task()
    {
        progress(format!("making the sequences of {}", generated.name()));
        return Ok(generated::make(generated.name(), task, seed));
    }
    match tokens {
        Some(tokens) => texts(spec, tokens, seed, progress),
        None => unreachable!("checked above: texts come with tokens"),
    }
}

/// Labelled texts as rows of ids with classes.
fn texts(
    spec: &DataSpec,
    tokens: &TokenSpec,
    seed: u64,
    progress: &mut dyn FnMut(String),
) -> Result<Data, DataError> {
    let (train, validation) = splits(spec, seed, progress)?;
    progress(format!("encoding {} texts", number::count(train.len() as u64)));
    let classes = train.classes();
    if let [(label, _)] = classes.as_slice() {
        let found = format!("one label alone, {}", quoted(label));
        return Err(DataError::content(Path::new(&spec.source()), None, found, "at least two classes"));
    }
    let labels: Vec<String> = classes.iter().map(|(label, _)| (*label).to_owned()).collect();
    let vocabulary = train.vocabulary(tokens.vocabulary);
    let (train_set, mut unknown) = train.encode(&labels, &vocabulary, tokens)?;
    let mut validation_set = None;
    if let Some(validation) = &validation {
        let (dataset, share) = validation.encode(&labels, &vocabulary, tokens)?;
        (validation_set, unknown) = (Some(dataset), share);
    }
    let facts = DataFacts {
        source: spec.source(),
        train: train.len(),
        validation: validation_set.as_ref().map_or(0, Dataset::len),
        classes: classes
            .iter()
            .map(|(label, count)| ClassCount { label: (*label).into(), count: *count })
            .collect(),
        vocabulary: vocabulary.len(),
        length: tokens.length,
        skipped: train.skipped + validation.as_ref().map_or(0, |corpus| corpus.skipped),
        unknown,
    };
    Ok(Data { train: train_set, validation: validation_set, vocabulary: Some(vocabulary), labels, facts })
}

type Splits = (Corpus, Option<Corpus>);

fn splits(spec: &DataSpec, seed: u64, progress: &mut dyn FnMut(String)) -> Result<Splits, DataError> {
    match spec {
        DataSpec::Csv(spec) => {
            let train = CsvFile {
                path: &spec.path,
                text: &spec.text,
                label: &spec.label,
                skip_bad_rows: spec.skip_bad_rows,
                needs: spec.needs.as_deref(),
            };
            let validation = spec.validation.as_ref().map(|file| CsvFile {
                path: &file.path,
                text: file.text.as_deref().unwrap_or(train.text),
                label: file.label.as_deref().unwrap_or(train.label),
                ..train
            });
            there([Some(train.path), validation.map(|file| file.path)], train.needs)?;
            both(train, validation, |file, report| file.read(report), progress)
        }
        DataSpec::Folder(spec) => {
            let needs = spec.needs.as_deref();
            let validation = spec.validation.as_ref().map(|folder| folder.path.as_path());
            there([Some(spec.path.as_path()), validation], needs)?;
            both(spec.path.as_path(), validation, |path, report| folder::read(path, needs, report), progress)
        }
        DataSpec::Generated(spec) => {
            progress("making film remarks".into());
            Ok(spec.texts().map(|task| task.generate(seed)).unwrap_or_default())
        }
    }
}

/// Refuses a path at which nothing is: reading the one before it may take minutes.
fn there(paths: [Option<&Path>; 2], needs: Option<&str>) -> Result<(), DataError> {
    let found = |path: &Path| match path.metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(DataError::read(path, needs, error)),
    };
    paths.into_iter().flatten().try_for_each(found)
}

/// Tells the loading thread how far a reading thread is.
struct Report(mpsc::Sender<String>);

impl Report {
    /// Reading `path` starts.
    fn start(&self, path: &Path) {
        self.say(format!("reading {}", path.display()));
    }

    /// So many texts of `path` are read; a line for every ten thousand.
    fn texts(&self, path: &Path, texts: usize) {
        if texts.is_multiple_of(10_000) {
            self.say(format!("reading {}: {} texts", path.display(), number::count(texts as u64)));
        }
    }

    fn say(&self, line: String) {
        // a lost line of progress is no reason to stop
        let _ = self.0.send(line);
    }
}

/// Reads both splits, each on its own thread.
fn both<S: Copy + Send>(
    train: S,
    validation: Option<S>,
    read: impl Fn(S, &Report) -> Result<Corpus, DataError> + Sync,
    progress: &mut dyn FnMut(String),
) -> Result<Splits, DataError> {
    let (sender, messages) = mpsc::channel();
    let read = &read;
    thread::scope(|scope| {
        let start = |source| {
            let report = Report(sender.clone());
            scope.spawn(move || read(source, &report))
        };
        let (train, validation) = (start(train), validation.map(start));
        drop(sender);
        messages.iter().for_each(progress);
        let train = train.join().unwrap_or_else(|payload| panic::resume_unwind(payload))?;
        let validation = match validation {
            Some(thread) => Some(thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))?),
            None => None,
        };
        Ok((train, validation))
    })
}
