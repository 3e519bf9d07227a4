//! Labelled texts that are read anew every epoch, in memory that does not grow with the file.
//!
//! ```text
//! once         file ─→ Survey: words (Tally), labels, rows, what is held back ─→ Vocabulary, classes, Dataset of validation
//! every epoch  file ─→ Encoder: rows of ids ─→ Shuffle: a buffer ─→ batches ─→ bounded channel ─→ trainer
//!              └──────────────── a thread of its own ────────────────────┘
//! ```
//!
//! What comes when hangs on file, seed and epoch alone: one thread reads, and no draw asks a clock. A file that is no longer what it was
//! is an error, by its size, its time of change, and a print of all its rows.

mod encoder;
mod epoch_reader;
mod file_identity;
mod first_pass;
mod holdout;
mod label_counts;
mod label_mixing;
mod options;
mod shuffle;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView1, Axis};

use crate::data::batches::{BatchOrder, StreamedSplit};
use crate::data::dataset::Batch;
use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::error::quoted;
use crate::data::opened::{Data, Opened};
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::{LabelledSpec, Validation};
use crate::data::text::corpus::Corpus;
use crate::data::text::splits::shared_note;
use crate::data::text::text_sink::Sink as _;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};
pub(crate) use encoder::{Encoded, Encoder, Known, Part};
use epoch_reader::{Plan, Reading};
use file_identity::Stamp;
use first_pass::{Room, Survey};
use holdout::Draw;
pub use options::Streaming;

/// Bytes of text beyond which a file is streamed unless it is said otherwise: in memory it would take about half as much again.
const LARGE: u64 = 1 << 30;
/// Rows that a shuffle buffer holds, unless it is said otherwise …
const BUFFER: usize = 50_000;
/// … and they take more bytes than this.
const BUFFER_BYTES: usize = 256 << 20;
/// First texts of streamed validation data, to be looked at.
const HEAD: usize = 64;
/// Lack of variety within the buffer from which on it is told.
const POORLY_MIXED: f64 = 0.25;

/// In which order an epoch is read.
#[derive(Debug, Clone)]
struct Order {
    batches: BatchOrder,
    /// Rows of the shuffle buffer.
    buffer: usize,
}

/// Texts of a file, in batches, read from it anew every epoch.
#[derive(Debug)]
pub struct Streamed {
    plan: Arc<Plan>,
    order: Order,
    reading: Option<Reading>,
}

impl Streamed {
    fn new(plan: Plan) -> Self {
        let buffer = buffer(&plan.spec, &plan.known.tokens);
        let batches = BatchOrder { batch_size: 1, seed: None, by_length: false };
        Self { plan: Arc::new(plan), order: Order { batches, buffer }, reading: None }
    }
}

impl StreamedSplit for Streamed {
    fn set_order(&mut self, order: BatchOrder) {
        self.order.batches = BatchOrder { batch_size: order.batch_size.max(1), ..order };
    }

    fn len(&self) -> usize {
        self.plan.rows
    }

    fn batches(&self) -> usize {
        self.len().div_ceil(self.order.batches.batch_size)
    }

    fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError> {
        let is_next = |reading: &Reading| reading.epoch == epoch && reading.next == batch;
        let mut reading = match self.reading.take() {
            Some(reading) if is_next(&reading) => reading,
            other => {
                drop(other.map(Reading::end));
                Reading::start(&self.plan, &self.order, epoch)?
            }
        };
        while reading.next <= batch {
            if !reading.fill(self.plan.known.tokens.length, into) {
                // Fewer than there were.
                return reading.end().1.and(Err(self.plan.stamp.changed(None)));
            }
        }
        if reading.next < self.batches() {
            self.reading = Some(reading);
            return Ok(());
        }
        match reading.end() {
            (true, _) => Err(self.plan.stamp.changed(None)),
            (false, ended) => ended,
        }
    }
}

impl Drop for Streamed {
    /// Leaves no thread behind.
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.leave();
        }
    }
}

/// Ends reading where nobody waits for the data any more.
fn unless(stopped: &AtomicBool, path: &Path) -> Result<(), DataError> {
    match stopped.load(Ordering::Relaxed) {
        true => Err(DataError::read(path, None, io::ErrorKind::Interrupted.into())),
        false => Ok(()),
    }
}

/// Rows of the shuffle buffer.
fn buffer(spec: &LabelledSpec, tokens: &TokenSpec) -> usize {
    let row = tokens.length.saturating_mul(size_of::<u32>()).max(1);
    spec.stream.buffer().unwrap_or(BUFFER.min(BUFFER_BYTES / row)).max(1)
}

/// Whether the texts of `spec` are read anew every epoch: as it says, else where a file is large.
///
/// # Errors
/// When there is no such file.
pub(crate) fn is_wanted(spec: &LabelledSpec) -> Result<bool, DataError> {
    let large = |path: &Path| {
        file_identity::text_bytes(path)
            .map(|bytes| bytes > LARGE)
            .map_err(|e| DataError::read(path, spec.needs.as_deref(), e))
    };
    match spec.stream {
        Streaming::Never => Ok(false),
        // Which labels a text has is known after all texts are read.
        Streaming::Auto if spec.has_several() => Ok(false),
        Streaming::Always | Streaming::Buffered { .. } => Ok(true),
        Streaming::Auto => {
            Ok(large(&spec.path)? || spec.of_validation().map_or(Ok(false), |given| large(&given.path))?)
        }
    }
}

/// What validation texts are, before the training texts have been surveyed.
enum Given {
    None,
    Drawn(Draw),
    Held(Corpus),
    Streamed(LabelledSpec),
}

/// Surveys the texts of `spec`, to be streamed.
pub(crate) fn open(
    spec: &LabelledSpec,
    tokens: &TokenSpec,
    seed: u64,
    progress: &mut dyn FnMut(String),
    stop: &mut dyn FnMut() -> bool,
) -> Result<Opened, DataError> {
    let work = |report: &ProgressSender, stopped: &AtomicBool| {
        survey(spec, tokens, seed, Room::default(), (report, stopped))
    };
    crate::data::progress::run_with_progress(progress, stop, work)
}

fn survey(
    spec: &LabelledSpec,
    tokens: &TokenSpec,
    seed: u64,
    room: Room,
    (report, stopped): (&ProgressSender, &AtomicBool),
) -> Result<Opened, DataError> {
    let stamp = Stamp::new(spec)?;
    let given = match (&spec.validation, spec.of_validation()) {
        (None, _) => Given::None,
        (Some(drawn), None) => Given::Drawn(Draw::new(drawn, seed)),
        (Some(_), Some(given)) => {
            let needs = given.needs.as_deref();
            let bytes =
                file_identity::text_bytes(&given.path).map_err(|e| DataError::read(&given.path, needs, e))?;
            match bytes > room.validation {
                true => Given::Streamed(given),
                false => Given::Held(given.read(tokens.level, false, report)?),
            }
        }
    };
    let draw = if let Given::Drawn(draw) = &given { Some(draw.clone()) } else { None };
    let buffer = buffer(spec, tokens);
    let mut survey = Survey::new(tokens, draw.clone(), buffer, room, stopped);
    if let Given::Held(corpus) = &given {
        survey.met = corpus.prints().map(|(print, _)| (print, false)).collect();
    }
    spec.pour(&mut survey, report)?;
    stamp.check()?;

    let (classes, class_of) = survey.labels.classes(draw.is_some());
    if let [(label, _)] = classes.as_slice() {
        let found = format!("one label alone, {}", quoted(label));
        return Err(DataError::content(&spec.path, None, found, "at least two classes"));
    }
    if survey.learnt == 0 || (draw.is_some() && survey.held.drawn == 0) {
        let found = format!("{} texts", number::count(survey.len() as u64));
        return Err(DataError::content(
            &spec.path,
            None,
            found,
            "enough to hold some back: see data.validation",
        ));
    }
    let labels: Vec<String> = classes.iter().map(|(label, _)| label.clone()).collect();
    let frequent = survey.tally.most_frequent(tokens.vocabulary.saturating_sub(2));
    let frequent = frequent.iter().map(|(word, count)| (&**word, *count));
    let vocabulary = Vocabulary::of_counts(frequent, tokens.vocabulary);
    let mut notes = notes(spec, &mut survey, buffer);
    let known =
        Arc::new(Known { tokens: tokens.clone(), vocabulary: vocabulary.clone(), labels: labels.clone() });
    let part = draw.map_or(Part::Whole, Part::Learnt);
    let (trace, rows) = (survey.trace, survey.learnt);
    let train = Plan { spec: spec.clone(), known: Arc::clone(&known), part, stamp, trace, rows };

    let mut skipped = survey.skipped();
    let (mut validation, mut streamed) = (None, None);
    let (unknown, validated) = match given {
        Given::None => (unknown_share(&survey, &vocabulary), 0),
        Given::Drawn(_) => {
            let (data, share) = survey.held(&vocabulary, &class_of)?;
            (share, validation.insert(data).len())
        }
        Given::Held(corpus) => {
            let (data, share) = corpus.encode(&labels, &vocabulary, tokens)?;
            skipped += corpus.skipped;
            let met = |(print, _): &(u64, usize)| survey.met.get(print).copied().unwrap_or_default();
            notes.extend(shared_note(corpus.prints().filter(met).count(), corpus.len()));
            (share, validation.insert(data).len())
        }
        Given::Streamed(spec) => {
            let census = census(&spec, &known, (report, stopped))?;
            let told = (census.unknown, census.plan.rows);
            skipped += census.skipped;
            notes.push(format!("{} is read anew every time it is looked at", spec.path.display()));
            validation = Some(census.head);
            let split: Box<dyn StreamedSplit> = Box::new(Streamed::new(census.plan));
            streamed = Some(split);
            told
        }
    };
    let facts = DataFacts {
        source: spec.path.display().to_string(),
        train: rows,
        validation: validated,
        classes: classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
        vocabulary: vocabulary.len(),
        length: tokens.length,
        skipped,
        unknown,
    };
    let head = survey.head(&vocabulary, &class_of)?;
    let vocabularies = Some(vocabulary.into());
    let data = Data { validation, vocabularies, labels, notes, ..Data::of(head, facts) };
    Ok(Opened { data, train: Some(Box::new(Streamed::new(train))), validation: streamed })
}

/// The share of all words of the training texts that the vocabulary does not have.
fn unknown_share(survey: &Survey<'_>, vocabulary: &Vocabulary) -> f64 {
    let words = survey.tally.words();
    let known: u64 = vocabulary.learnt().map(|word| survey.tally.of(word)).sum();
    words.saturating_sub(known) as f64 / words.max(1) as f64
}

/// What people should know.
fn notes(spec: &LabelledSpec, survey: &mut Survey<'_>, buffer: usize) -> Vec<String> {
    let (path, count) = (spec.path.display(), |n: usize| number::count(n as u64));
    let mut notes = Vec::new();
    if spec.stream == Streaming::Auto {
        notes.push(format!(
            "{path} is large: it is read anew every epoch, and shuffled within {} rows (data.stream says otherwise)",
            count(buffer)
        ));
    }
    if survey.tally.missed() > 0 {
        notes.push(format!(
            "more different words than there is room to count: counts may be too small by {}",
            number::count(survey.tally.missed())
        ));
    }
    if survey.held.len() < survey.held.drawn {
        notes.push(format!(
            "of {} texts held back {} are in memory, drawn by the seed: these are measured",
            count(survey.held.drawn),
            count(survey.held.len())
        ));
    }
    let lacks = survey.mixture.lacks();
    if lacks > POORLY_MIXED {
        notes.push(format!(
            "{path} is sorted by label, more or less: within {} rows labels vary {} less than in all of it, and no batch will mix \
             them better; shuffle the file once, or raise data.stream.buffer",
            count(buffer),
            number::percent(lacks)
        ));
    }
    notes
}

/// Streamed validation texts, gone through once.
struct Census {
    plan: Plan,
    head: Dataset,
    unknown: f64,
    skipped: usize,
}

fn census(
    spec: &LabelledSpec,
    known: &Arc<Known>,
    (report, stopped): (&ProgressSender, &AtomicBool),
) -> Result<Census, DataError> {
    let stamp = Stamp::new(spec)?;
    let length = known.tokens.length;
    let (mut rows, mut head, mut classes) = (0, Array2::zeros((0, length)), Vec::new());
    let mut encoder = Encoder::new(known, &Part::Whole, |text: &Encoded<'_>| {
        rows += 1;
        unless(stopped, &spec.path)?;
        if classes.len() < HEAD && head.push(Axis(0), ArrayView1::from(text.row)).is_ok() {
            classes.push(text.class);
        }
        Ok(())
    });
    spec.pour(&mut encoder, report)?;
    stamp.check()?;
    let (trace, unknown, skipped) = (encoder.trace, encoder.unknown(), encoder.skipped());
    let plan = Plan { spec: spec.clone(), known: Arc::clone(known), part: Part::Whole, stamp, trace, rows };
    let head = Dataset { inputs: Inputs::Tokens(head), targets: Targets::Classes(classes) };
    Ok(Census { plan, head, unknown, skipped })
}

/// The part of a file of which `held_back` are held back, or all of it.
pub(crate) fn held_part(held_back: Option<&Validation>, seed: u64) -> Part {
    held_back.map_or(Part::Whole, |wanted| Part::Held(Draw::new(wanted, seed)))
}

#[cfg(test)]
mod tests;
