//! Labelled texts → rows of token ids with classes: read or generated, tokenised, in batches. Knows no model.
//!
//! ```text
//! DataSpec ─ csv | folder | word_order ─→ Corpus (words by number, two splits on two threads)
//!                                           ├─→ Vocabulary (of the training split)
//! TokenSpec ────────────────────────────────┴─→ Dataset (ids [sequence, time], classes) ─ Sampler ─→ Batch
//! ```

mod corpus;
mod csv;
mod error;
mod folder;
mod intern;
mod rows;
mod sampler;
mod spec;
mod tokens;
mod vocabulary;
mod word_order;

use std::path::Path;
use std::sync::mpsc;
use std::{panic, thread};

use ndarray::Array2;

use crate::number;
use crate::protocol::{ClassCount, DataFacts};
use corpus::Corpus;
use csv::CsvFile;
use error::quoted;

pub use error::DataError;
pub use sampler::{Batch, Sampler, in_order};
pub use spec::{
    CsvSpec, CsvValidation, DataSpec, FolderSpec, FolderValidation, GeneratedSpec, Task, train_and_test,
};
pub use tokens::{Level, Side, TokenSpec};
pub use vocabulary::Vocabulary;

/// Everything a text classifier is trained on.
#[derive(Debug, Clone)]
pub struct TextData {
    /// What weights learn from.
    pub train: Dataset,
    /// What they are measured on, where the spec has it.
    pub validation: Option<Dataset>,
    /// Of the training texts.
    pub vocabulary: Vocabulary,
    /// The label of each class, sorted.
    pub labels: Vec<String>,
    /// What to tell people of it.
    pub facts: DataFacts,
}

/// Sequences with a class each.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Ids `[sequence, time]`.
    pub tokens: Array2<u32>,
    /// The class of each sequence: its place in [`TextData::labels`].
    pub classes: Vec<u32>,
}

impl Dataset {
    /// Sequences in it.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

/// Reads or generates the data, builds the vocabulary of the training texts and encodes all of it.
///
/// The result hangs on the files, the specs and (for generated data) `seed` alone. `progress` is told in words what is
/// being done; file names in them are foreign text.
///
/// # Errors
/// The first thing that is missing or wrong: see [`DataError`]. Both splits are read before either's error is told;
/// the training split's comes first.
pub fn load(
    spec: &DataSpec,
    tokens: &TokenSpec,
    seed: u64,
    progress: &mut dyn FnMut(String),
) -> Result<TextData, DataError> {
    tokens.check()?;
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
    Ok(TextData { train: train_set, validation: validation_set, vocabulary, labels, facts })
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
            both(train, validation, |file, report| file.read(report), progress)
        }
        DataSpec::Folder(spec) => {
            let needs = spec.needs.as_deref();
            let validation = spec.validation.as_ref().map(|folder| folder.path.as_path());
            both(spec.path.as_path(), validation, |path, report| folder::read(path, needs, report), progress)
        }
        DataSpec::Generated(spec) => {
            progress("making film remarks".into());
            word_order::generate(spec, seed)
        }
    }
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
