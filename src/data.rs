//! Sequences with what they should give: texts read or generated and tokenised, symbols and numbers generated; in batches.
//! Knows no model.
//!
//! ```text
//! DataSpec ─ text (one long text, its next token asked for at every step) ─→ Dataset
//!        ├─ series (numbers over time) ─→ Dataset, and Forecasts: the way back to their units
//!        ├─ sequences (of vectors: time series, recordings; a class each) ─→ Dataset, Scale
//!        ├─ tags (a class at every word) ─→ Vocabularies (one a channel), Dataset
//!        ├─ labelled | word-order ─→ Corpus (words by number, two splits on two threads)
//!        │                                  ├─→ Vocabulary (of the training split)
//!        │  TokenSpec ──────────────────────┴─→ Dataset (Inputs, Targets) ─ Sampler ─→ Batch (either way: Batches)
//!        ├─ labelled, too large for memory ─→ Streamed: read anew every epoch ──────→ Batch
//!        └─ the other generated tasks ─────────→ Dataset
//! ```

mod batches;
pub(crate) mod dataset;
pub(crate) mod error;
pub(crate) mod files;
mod folds;
pub(crate) mod form;
pub(crate) mod progress;
pub(crate) mod sources;
mod spec;
pub(crate) mod text;

use std::path::Path;

use crate::number;
use crate::protocol::{ClassCount, DataFacts};
use error::quoted;
use progress::{ProgressSender, check_exists, read_splits};
use sources::labelled::{split, streamed};
use text::corpus::Corpus;

pub use batches::Batches;
pub use dataset::sampler::{Sampler, in_order};
pub use dataset::{Batch, Dataset, Inputs, Targets};
pub use error::DataError;
pub use files::encoding::Encoding;
pub use folds::check_folds;
pub use form::{Form, InputForm, TargetForm};
pub use sources::generated::{
    AddingProblem, CopyMemory, FirstSymbol, GeneratedSpec, ReberGrammar, SineForecast, TemporalOrder,
    WordOrder,
};
pub use sources::labelled::evaluation_set::{LabelledTexts, labelled_texts};
pub use sources::labelled::streamed::{Opened, Streamed, Streaming};
pub use sources::labelled::{
    Column, Format, GivenValidation, LabelledSpec, Validation, test_beside, train_and_test,
};
pub use sources::language::TextSpec;
pub use sources::sequences::{LabelledSequences, Scale, Scaling, SequencesSpec, Survey, archive, survey};
pub use sources::series::{Ahead, DateOrder, Forecasts, JudgedSeries, SeriesFacts, SeriesSpec};
pub use sources::tags::{TaggedSentences, TagsSpec, TagsValidation, split_words};
pub use spec::DataSpec;
pub use text::channels::{ChannelLevel, ChannelSpec, encode_sentences};
pub use text::tokens::{Level, RawTokenSpec, Side, TokenRules, TokenSpec};
pub use text::vectors::{Coverage, Vectors};
pub use text::vocabularies::Vocabularies;
pub use text::vocabulary::Vocabulary;

/// Everything a network is trained on.
#[derive(Debug, Clone)]
pub struct Data {
    /// What weights learn from.
    pub train: Dataset,
    /// What they are measured on, where the spec has it.
    pub validation: Option<Dataset>,
    /// Of the training texts, or of the task's symbols; `None` where sequences are numbers.
    pub vocabularies: Option<Vocabularies>,
    /// The label of each class: sorted where they come from files; none where targets are numbers.
    pub labels: Vec<String>,
    /// What to tell people of it.
    pub facts: DataFacts,
    /// What they should know beside, in sentences.
    pub notes: Vec<String>,
    /// The validation data in the units of the series, where they are one.
    pub forecasts: Option<Forecasts>,
    /// What numbers were scaled by, where they are read from files.
    pub scale: Option<Scale>,
}

impl Data {
    /// Training data of which `facts` tell, and nothing else.
    pub fn of(train: Dataset, facts: DataFacts) -> Self {
        Self {
            train,
            validation: None,
            vocabularies: None,
            labels: Vec::new(),
            facts,
            notes: Vec::new(),
            forecasts: None,
            scale: None,
        }
    }

    /// What to tell of sequences of several lengths, where no layer is told which of their steps are padding.
    pub fn unmasked(&self) -> Option<String> {
        let steps = |data: &Dataset| data.lengths().into_iter().min();
        // The windows of a series have no padding.
        let sequences = self.scale.is_some() && !self.labels.is_empty();
        let shortest = sequences.then(|| steps(&self.train)).flatten()?;
        (shortest < self.facts.length).then(|| {
            format!(
                "the shortest sequence has {} steps, and no layer is told that the zeros behind them are padding: \
                 begin with {{layer: Masking}}",
                number::count(shortest as u64)
            )
        })
    }
}

/// Reads or generates the data; of texts it builds the training texts' vocabulary and encodes all by `tokens`.
///
/// The result hangs on the files, the specs, (for generated data) `seed` and (for one long text) `streams` alone: how many sequences of a
/// batch go on in the next, each with what follows; 1 where none does. `progress` is told in words what is
/// being done; file names in them are foreign text.
///
/// # Errors
/// The first thing that is missing or wrong: see [`DataError`]. What is not there is told before anything is read. Both splits are
/// read before either's error is told; the training split's comes first.
pub fn load(
    spec: &DataSpec,
    tokens: Option<&TokenSpec>,
    seed: u64,
    streams: usize,
    progress: &mut dyn FnMut(String),
) -> Result<Data, DataError> {
    spec.check(tokens)?;
    if let DataSpec::Generated(generated) = spec
        && let Some(task) = generated.task()
    {
        progress(format!("making the sequences of {}", generated.name()));
        return Ok(sources::generated::make(generated.name(), task, seed));
    }
    if let DataSpec::Series(spec) = spec {
        return spec.load(progress);
    }
    if let DataSpec::Sequences(spec) = spec {
        return spec.load(seed, progress);
    }
    match (spec, tokens) {
        (DataSpec::Text(spec), Some(tokens)) => spec.load(tokens, streams, progress),
        (DataSpec::Tags(spec), Some(tokens)) => spec.load(tokens, progress),
        (_, Some(tokens)) => texts(spec, tokens, seed, progress),
        (_, None) => unreachable!("checked above: texts come with tokens"),
    }
}

/// As [`load`], but texts that are too many for memory are streamed: see [`LabelledSpec::stream`]. That takes its time with a large
/// file: it ends with an error soon after `stop` says so.
///
/// # Errors
/// As [`load`].
pub fn open(
    spec: &DataSpec,
    tokens: Option<&TokenSpec>,
    seed: u64,
    streams: usize,
    progress: &mut dyn FnMut(String),
    stop: &mut dyn FnMut() -> bool,
) -> Result<Opened, DataError> {
    spec.check(tokens)?;
    match (spec, tokens) {
        (DataSpec::Labelled(spec), Some(tokens)) if streamed::is_wanted(spec)? => {
            streamed::open(spec, tokens, seed, progress, stop)
        }
        _ => load(spec, tokens, seed, streams, progress).map(Opened::from),
    }
}

/// Labelled texts as rows of ids with classes.
fn texts(
    spec: &DataSpec,
    tokens: &TokenSpec,
    seed: u64,
    progress: &mut dyn FnMut(String),
) -> Result<Data, DataError> {
    let Splits { train, validation, classes } = splits(spec, tokens.level, seed, progress)?;
    progress(format!("encoding {} texts", number::count(train.len() as u64)));
    let too_few = match classes.as_slice() {
        [] if train.has_several() => Some("no label".to_owned()),
        [(label, _)] => Some(format!("one label alone, {}", quoted(label))),
        _ => None,
    };
    if let Some(found) = too_few {
        let expected = if train.has_several() { "at least two labels" } else { "at least two classes" };
        return Err(DataError::content(Path::new(&spec.source()), None, found, expected));
    }
    let labels: Vec<String> = classes.iter().map(|(label, _)| label.clone()).collect();
    let vocabulary = train.vocabulary(tokens.vocabulary);
    let (train_set, mut unknown) = train.encode(&labels, &vocabulary, tokens)?;
    let (mut validation_set, mut notes) = (None, Vec::new());
    if let Some(validation) = &validation {
        let (dataset, share) = validation.encode(&labels, &vocabulary, tokens)?;
        (validation_set, unknown) = (Some(dataset), share);
        if matches!(spec, DataSpec::Labelled(spec) if spec.has_several() && spec.of_validation().is_none()) {
            notes.push("validation texts are drawn at random: texts with several labels have no class to draw them by".into());
        }
        if matches!(spec, DataSpec::Labelled(_)) {
            notes.extend(shared_note(train.shared(validation), validation.len()));
        }
    }
    let facts = DataFacts {
        source: spec.source(),
        train: train.len(),
        validation: validation_set.as_ref().map_or(0, Dataset::len),
        classes: classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
        vocabulary: vocabulary.len(),
        length: tokens.length,
        skipped: train.skipped + validation.as_ref().map_or(0, |corpus| corpus.skipped),
        unknown,
    };
    let vocabularies = Some(vocabulary.into());
    Ok(Data { validation: validation_set, vocabularies, labels, notes, ..Data::of(train_set, facts) })
}

/// What is said where `shared` of so many validation texts are training texts too.
fn shared_note(shared: usize, validation: usize) -> Option<String> {
    let count = |n: usize| number::count(n as u64);
    let note = || {
        format!("{} of {} validation texts stand in the training data too", count(shared), count(validation))
    };
    (shared > 0).then(note)
}

struct Splits {
    train: Corpus,
    validation: Option<Corpus>,
    /// The labels that there are, with the training texts of each.
    classes: Vec<(String, usize)>,
}

impl Splits {
    /// The classes are those of the training data.
    fn of((train, validation): (Corpus, Option<Corpus>)) -> Self {
        let classes = train.classes().into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
        Self { train, validation, classes }
    }

    /// What is to be held back of `whole`, of which the classes are, also of one that no training text is left of.
    fn drawn(whole: &Corpus, held_back: &Validation, seed: u64) -> Self {
        let (train, held) = split::split(whole, held_back, seed);
        let (mut train, validation) = (whole.part(&train), whole.part(&held));
        train.skipped = whole.skipped;
        let counts = train.classes();
        let count = |label| counts.iter().find(|(l, _)| *l == label).map_or(0, |(_, count)| *count);
        let classes =
            whole.classes().into_iter().map(|(label, _)| (label.to_owned(), count(label))).collect();
        Self { validation: (validation.len() > 0).then_some(validation), train, classes }
    }
}

fn splits(
    spec: &DataSpec,
    level: Level,
    seed: u64,
    progress: &mut dyn FnMut(String),
) -> Result<Splits, DataError> {
    match spec {
        DataSpec::Labelled(spec) => {
            let validation = spec.of_validation();
            let given = validation.as_ref().map(|given| given.path.as_path());
            check_exists([Some(spec.path.as_path()), given], spec.needs.as_deref())?;
            let read = |spec: &LabelledSpec, report: &ProgressSender| spec.read(level, false, report);
            let (whole, validation) = read_splits(spec, validation.as_ref(), read, progress)?;
            match &spec.validation {
                Some(drawn) if validation.is_none() => {
                    let splits = Splits::drawn(&whole, drawn, seed);
                    let enough = splits.validation.is_some() && splits.train.len() > 0;
                    let found = || format!("{} texts", number::count(whole.len() as u64));
                    let expected = "enough to hold some back: see data.validation";
                    enough
                        .then_some(splits)
                        .ok_or_else(|| DataError::content(&spec.path, None, found(), expected))
                }
                _ => Ok(Splits::of((whole, validation))),
            }
        }
        DataSpec::Text(TextSpec { path, .. })
        | DataSpec::Series(SeriesSpec { path, .. })
        | DataSpec::Sequences(SequencesSpec { path, .. })
        | DataSpec::Tags(TagsSpec { path, .. }) => {
            unreachable!("{} holds no labelled texts", path.display())
        }
        DataSpec::Generated(spec) => {
            progress("making film remarks".into());
            Ok(Splits::of(spec.texts().map(|task| task.generate(seed)).unwrap_or_default()))
        }
    }
}
