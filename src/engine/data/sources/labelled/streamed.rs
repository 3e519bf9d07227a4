//! Labelled texts that are re-read from their file every epoch, in memory that does not grow with the file.
//!
//! ```text
//! once         file ─→ FirstPass: word counts, labels, rows, held-out texts ─→ Vocabulary, classes, validation Dataset
//! every epoch  file ─→ Encoder: rows of ids ─→ Shuffle: a buffer ─→ batches ─→ bounded channel ─→ trainer
//!              └──────────────────── reader thread ──────────────────────┘
//! ```
//!
//! The order of rows depends on file, seed and epoch alone: one thread reads, and no random choice depends on time. A file that changes
//! between epochs is an error, detected by its size, its modification time and a fingerprint of all its rows.

mod encoder;
mod epoch_reader;
mod file_identity;
mod first_pass;
mod holdout;
mod label_mixing;
mod options;
mod shuffle;
mod word_counts;

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
use crate::data::known::Known;
use crate::data::opened::{Data, Opened};
use crate::data::progress::ProgressSender;
use crate::data::source::Context;
use crate::data::sources::labelled::{LabelledSpec, Validation};
use crate::data::text::corpus::Corpus;
use crate::data::text::label_set;
use crate::data::text::notes::{cased_note, overlap_note};
use crate::data::text::text_sink::Sink as _;
use crate::data::text::tokens::TokenSpec;
use crate::data::text::unseen::{Unseen, unseen_note};
use crate::data::text::vocabulary::Vocabulary;
use crate::number;
use crate::protocol::{ClassCount, DataFacts};
pub(crate) use encoder::{Encoded, Encoder, EncoderConfig, Subset};
use epoch_reader::{EpochReader, Plan};
use file_identity::FileIdentity;
use first_pass::{FirstPass, MemoryLimits};
use holdout::Holdout;
pub use options::Streaming;

/// Bytes of text beyond which `stream: auto` streams a file: in memory it would take about one and a half times as much.
const LARGE: u64 = 1 << 30;
/// Rows of the shuffle buffer by default …
const BUFFER: usize = 50_000;
/// … as far as they fit into so many bytes.
const BUFFER_BYTES: usize = 256 << 20;
/// Texts at the beginning of streamed validation data that are stored for inspection.
const HEAD: usize = 64;
/// The missing variety of labels within the buffer above which the user is warned.
const POORLY_MIXED: f64 = 0.25;

/// The order of an epoch.
#[derive(Debug, Clone)]
struct Order {
    batches: BatchOrder,
    /// Rows of the shuffle buffer.
    buffer: usize,
}

/// Texts of a file, in batches, re-read from disk every epoch.
#[derive(Debug)]
pub struct Streamed {
    plan: Arc<Plan>,
    order: Order,
    reading: Option<EpochReader>,
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

    fn set_batch_size(&mut self, batch_size: usize) {
        self.order.batches.batch_size = batch_size.max(1);
    }

    fn len(&self) -> usize {
        self.plan.rows
    }

    fn batches(&self) -> usize {
        self.len().div_ceil(self.order.batches.batch_size)
    }

    fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError> {
        let is_next = |reading: &EpochReader| reading.epoch == epoch && reading.next == batch;
        let mut reading = match self.reading.take() {
            Some(reading) if is_next(&reading) => reading,
            other => {
                drop(other.map(EpochReader::end));
                EpochReader::start(&self.plan, &self.order, epoch)?
            }
        };
        while reading.next <= batch {
            if !reading.fill(self.plan.known.tokens.length, into) {
                // Fewer rows than in the first pass.
                return reading.end().1.and(Err(self.plan.identity.changed(None)));
            }
        }
        if reading.next < self.batches() {
            self.reading = Some(reading);
            return Ok(());
        }
        match reading.end() {
            (true, _) => Err(self.plan.identity.changed(None)),
            (false, ended) => ended,
        }
    }
}

impl Drop for Streamed {
    /// Joins the reader thread.
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abandon();
        }
    }
}

/// Returns an error of kind `Interrupted` once loading has been cancelled.
fn check_stopped(stopped: &AtomicBool, path: &Path) -> Result<(), DataError> {
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

/// Whether the texts of `spec` are streamed: as its `stream` specifies, or by the size of its files.
///
/// # Errors
/// When a file does not exist.
pub(crate) fn should_stream(spec: &LabelledSpec) -> Result<bool, DataError> {
    let large = |path: &Path| {
        file_identity::text_bytes(path)
            .map(|bytes| bytes > LARGE)
            .map_err(|e| DataError::read(path, spec.needs.as_deref(), e))
    };
    match spec.stream {
        Streaming::Never => Ok(false),
        // The separator of several labels is detected from all texts.
        Streaming::Auto if spec.is_multi_label() => Ok(false),
        Streaming::Always | Streaming::Buffered { .. } => Ok(true),
        Streaming::Auto => {
            Ok(large(&spec.path)? || spec.of_validation().map_or(Ok(false), |given| large(&given.path))?)
        }
    }
}

/// Where validation texts come from, before the first pass over the training texts.
enum ValidationTexts {
    None,
    HeldOut(Holdout),
    InMemory(Corpus),
    Streamed(LabelledSpec),
}

/// Makes the first pass over the texts of `spec` and returns splits that stream them.
pub(crate) fn open(
    spec: &LabelledSpec,
    tokens: &TokenSpec,
    context: Context<'_>,
) -> Result<Opened, DataError> {
    let Context { seed, known, progress, stop, .. } = context;
    let work = |report: &ProgressSender, stopped: &AtomicBool| {
        scan(spec, (tokens, known), seed, MemoryLimits::default(), (report, stopped))
    };
    crate::data::progress::run_with_progress(progress, stop, work)
}

fn scan(
    spec: &LabelledSpec,
    (tokens, trained): (&TokenSpec, Option<&Known>),
    seed: u64,
    limits: MemoryLimits,
    (report, stopped): (&ProgressSender, &AtomicBool),
) -> Result<Opened, DataError> {
    let identity = FileIdentity::new(spec)?;
    let given = match (&spec.validation, spec.of_validation()) {
        (None, _) => ValidationTexts::None,
        (Some(held_out), None) => ValidationTexts::HeldOut(Holdout::new(held_out, seed)),
        (Some(_), Some(given)) => {
            let needs = given.needs.as_deref();
            let bytes =
                file_identity::text_bytes(&given.path).map_err(|e| DataError::read(&given.path, needs, e))?;
            match bytes > limits.validation {
                true => ValidationTexts::Streamed(given),
                false => ValidationTexts::InMemory(given.read(tokens.tokenizer(), false, report)?),
            }
        }
    };
    let holdout = if let ValidationTexts::HeldOut(holdout) = &given { Some(holdout.clone()) } else { None };
    let buffer = buffer(spec, tokens);
    let mut first_pass = FirstPass::new(tokens, holdout.clone(), buffer, limits, stopped);
    if let ValidationTexts::InMemory(corpus) = &given {
        first_pass.shared = corpus.fingerprints().map(|(fingerprint, _)| (fingerprint, false)).collect();
    }
    spec.read_into(&mut first_pass, report)?;
    identity.check()?;

    let (classes, mut class_of) = first_pass.labels.classes(holdout.is_some());
    let known_classes = trained.map(|known| known.classes(&spec.path, &classes)).transpose()?.flatten();
    if let ([(label, _)], None) = (classes.as_slice(), &known_classes) {
        let found = format!("a single label, {}", quoted(label));
        return Err(DataError::content(&spec.path, None, found, "at least two classes"));
    }
    if first_pass.train_texts == 0 || (holdout.is_some() && first_pass.held_out.total == 0) {
        let found = format!("{} texts", number::count(first_pass.texts() as u64));
        return Err(DataError::content(
            &spec.path,
            None,
            found,
            "enough texts to hold some out: see data.validation",
        ));
    }
    let mut notes = notes(spec, &mut first_pass, buffer);
    let classes: Vec<ClassCount> = match known_classes {
        Some((known, note)) => {
            notes.extend(note);
            let names: Vec<String> = known.iter().map(|class| class.label.clone()).collect();
            let places =
                classes.iter().map(|(label, _)| label_set::position(&names, label).unwrap_or(0) as u32);
            let places: Vec<u32> = places.collect();
            class_of.iter_mut().for_each(|class| *class = places.get(*class as usize).copied().unwrap_or(0));
            known
        }
        None => classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
    };
    let labels: Vec<String> = classes.iter().map(|class| class.label.clone()).collect();
    let most = if trained.is_some() { usize::MAX } else { tokens.vocabulary.saturating_sub(2) };
    let frequent = first_pass.word_counts.most_frequent(most);
    let frequent = frequent.iter().map(|(word, count)| (&**word, *count));
    let vocabulary = match trained.and_then(|known| known.vocabulary(frequent.clone())) {
        Some((vocabulary, more)) => {
            notes.extend(more);
            vocabulary
        }
        None => Vocabulary::of_counts(frequent, tokens.vocabulary),
    };
    let known = Arc::new(EncoderConfig {
        tokens: tokens.clone(),
        vocabulary: vocabulary.clone(),
        labels: labels.clone(),
    });
    let subset = holdout.map_or(Subset::Whole, Subset::Train);
    let (fingerprint, rows) = (first_pass.fingerprint, first_pass.train_texts);
    let train = Plan { spec: spec.clone(), known: Arc::clone(&known), subset, identity, fingerprint, rows };

    let mut skipped = first_pass.skipped();
    let (mut validation, mut streamed, mut unseen) = (None, None, Unseen::default());
    let (unknown, validated) = match given {
        ValidationTexts::None => (unknown_share(&first_pass, &vocabulary), 0),
        ValidationTexts::HeldOut(_) => {
            let (data, share) = first_pass.held_out(&vocabulary, &class_of)?;
            (share, validation.insert(data).len())
        }
        ValidationTexts::InMemory(corpus) => {
            let (data, share) = corpus.encode(&labels, &vocabulary, tokens, &mut unseen)?;
            unseen.check(&spec.path, corpus.len(), &labels)?;
            skipped += corpus.skipped;
            let shared = |(fingerprint, _): &(u64, usize)| {
                first_pass.shared.get(fingerprint).copied().unwrap_or_default()
            };
            let shared = corpus.fingerprints().filter(shared).count();
            notes.extend(overlap_note(shared, corpus.len(), "validation texts"));
            (share, validation.insert(data).len())
        }
        ValidationTexts::Streamed(spec) => {
            let scan = scan_validation(&spec, &known, (report, stopped))?;
            let counts = (scan.unknown, scan.plan.rows);
            skipped += scan.skipped;
            unseen = scan.unseen;
            notes.push(format!("{} is re-read from disk at every validation", spec.path.display()));
            validation = Some(scan.head);
            let split: Box<dyn StreamedSplit> = Box::new(Streamed::new(scan.plan));
            streamed = Some(split);
            counts
        }
    };
    notes.extend(cased_note(classes.iter().map(|class| (class.label.as_str(), class.count)), "labels"));
    let facts = DataFacts {
        source: spec.path.display().to_string(),
        train: rows,
        validation: validated,
        classes,
        vocabulary: vocabulary.len(),
        length: tokens.length,
        skipped,
        unknown,
        ..DataFacts::default()
    };
    let unseen = unseen.counts();
    notes.extend(unseen_note(&unseen, "label", "text"));
    let head = first_pass.head(&vocabulary, &class_of)?;
    let vocabularies = Some(vocabulary.into());
    let data = Data { validation, vocabularies, labels, unseen, notes, ..Data::of(head, facts) };
    Ok(Opened { data, train: Some(Box::new(Streamed::new(train))), validation: streamed })
}

/// The share of all words of the training texts that the vocabulary does not have.
fn unknown_share(first_pass: &FirstPass<'_>, vocabulary: &Vocabulary) -> f64 {
    let words = first_pass.word_counts.words();
    let known: u64 = vocabulary.words().map(|word| first_pass.word_counts.of(word)).sum();
    words.saturating_sub(known) as f64 / words.max(1) as f64
}

/// Notes for the user.
fn notes(spec: &LabelledSpec, first_pass: &mut FirstPass<'_>, buffer: usize) -> Vec<String> {
    let (path, count) = (spec.path.display(), |n: usize| number::count(n as u64));
    let mut notes = Vec::new();
    if spec.stream == Streaming::Auto {
        notes.push(format!(
            "{path} is large: it is re-read from disk every epoch and shuffled within {} rows (data.stream changes that)",
            count(buffer)
        ));
    }
    if first_pass.word_counts.missed() > 0 {
        notes.push(format!(
            "more different words than fit into memory: counts may be too small by {}",
            number::count(first_pass.word_counts.missed())
        ));
    }
    if first_pass.held_out.len() < first_pass.held_out.total {
        notes.push(format!(
            "of {} held-out texts {} fit into memory, chosen at random by the seed: validation uses these",
            count(first_pass.held_out.total),
            count(first_pass.held_out.len())
        ));
    }
    let missing_variety = first_pass.label_mixing.missing_variety();
    if missing_variety > POORLY_MIXED {
        notes.push(format!(
            "{path} is nearly sorted by label: within {} rows labels vary {} less than in the whole file, and batches are no \
             better mixed; shuffle the file once, or raise data.stream.buffer",
            count(buffer),
            number::percent(missing_variety)
        ));
    }
    notes
}

/// The result of a first pass over streamed validation texts.
struct ValidationScan {
    plan: Plan,
    head: Dataset,
    unknown: f64,
    unseen: Unseen,
    skipped: usize,
}

fn scan_validation(
    spec: &LabelledSpec,
    known: &Arc<EncoderConfig>,
    (report, stopped): (&ProgressSender, &AtomicBool),
) -> Result<ValidationScan, DataError> {
    let identity = FileIdentity::new(spec)?;
    let length = known.tokens.length;
    let (mut rows, mut head, mut classes) = (0, Array2::zeros((0, length)), Vec::new());
    let mut encoder = Encoder::new(known, &Subset::Whole, |text: &Encoded<'_>| {
        rows += 1;
        check_stopped(stopped, &spec.path)?;
        if classes.len() < HEAD && head.push(Axis(0), ArrayView1::from(text.row)).is_ok() {
            classes.push(text.class);
        }
        Ok(())
    });
    spec.read_into(&mut encoder, report)?;
    identity.check()?;
    let (fingerprint, unknown, skipped) = (encoder.fingerprint, encoder.unknown(), encoder.skipped());
    let unseen = std::mem::take(&mut encoder.unseen);
    unseen.check(&spec.path, rows, &known.labels)?;
    let plan = Plan {
        spec: spec.clone(),
        known: Arc::clone(known),
        subset: Subset::Whole,
        identity,
        fingerprint,
        rows,
    };
    let head = Dataset { inputs: Inputs::Tokens(head), targets: Targets::Classes(classes) };
    Ok(ValidationScan { plan, head, unknown, unseen, skipped })
}

/// The texts of a file that `validation` holds out, or all of them.
pub(crate) fn validation_subset(validation: Option<&Validation>, seed: u64) -> Subset {
    validation.map_or(Subset::Whole, |validation| Subset::HeldOut(Holdout::new(validation, seed)))
}

#[cfg(test)]
mod tests;
