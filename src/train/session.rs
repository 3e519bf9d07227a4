use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;

use super::initial_network::InitialNetwork;
use super::memory::{MemoryError, MemoryEstimate, validation_batch};
use super::vectors;
use super::watch::Watch;
use crate::data::{
    self, BatchOrder, Batches, Context, Coverage, Data, DataError, Dataset, Forecasts, Form, Fraction,
    Opened, Sampler, Scale, StreamedSplit, TargetForm, UnknownWords, Vocabularies,
};
use crate::metrics::Task;
use crate::nn::Model;
use crate::number;
use crate::optim::Stopper;
use crate::preset::{RunSpec, check_fit};
use crate::protocol::{ClassCount, DataFacts, Monitor, ProbeChange, ProbeText, RunInfo, SeriesExcerpt};
use crate::step::Stepper;

/// The number of examples up to which texts can be added: each is evaluated, also in parts, at every monitored step.
const MOST_PROBES: usize = 32;
const TOO_MANY: &str = "there are 32 examples, the most that are watched";

/// The data, the network with its optimizer, and the instruments of a spec.
#[derive(Debug)]
pub struct Session {
    /// The spec.
    pub spec: RunSpec,
    /// The training data.
    pub train: Batches,
    /// The validation data.
    pub validation: Option<Batches>,
    /// The vocabularies of the training texts or of the task's symbols; `None` for numbers.
    pub vocabularies: Option<Vocabularies>,
    /// The label of each class; empty if targets are numbers.
    pub labels: Vec<String>,
    /// Labels that only the validation data have.
    pub(super) unseen: Vec<ClassCount>,
    /// The words of the validation texts that the vocabulary does not have.
    pub(super) unknown_words: Arc<UnknownWords>,
    /// The task of the network.
    pub(super) task: Task,
    /// The network, its weights and its optimizer.
    pub stepper: Stepper,
    pub(super) watch: Watch,
    /// The legal classes at each step of the validation data, if the task has several: bit sets `[sequence, time]`.
    pub(super) legal: Option<Array2<u32>>,
    /// The inverse transform and the truth of the validation data of a series.
    pub(super) forecasts: Option<Forecasts>,
    /// The scaling of numbers that are read from files.
    pub(super) scale: Option<Scale>,
    facts: DataFacts,
    /// Notes on the data for the user, in sentences.
    pub(super) notes: Vec<String>,
    /// The coverage of the vocabulary by the pretrained vectors of each Embedding.
    pub(super) coverages: Vec<Coverage>,
    /// A note on the trained network that the training starts from.
    pub(super) origin: Option<String>,
}

/// An error of preparing a session.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The data are missing or invalid.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data and the network do not fit together.
    #[error("{0}")]
    Task(String),
    /// There is too little memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The threads cannot be started.
    #[error("cannot start the trainer's threads")]
    Threads(#[from] std::io::Error),
}

impl Session {
    /// Reads the data and builds the network. `progress` receives progress messages.
    ///
    /// # Errors
    /// When data are missing or invalid, or do not fit the network.
    pub fn prepare(
        spec: RunSpec,
        threads: usize,
        progress: &mut dyn FnMut(String),
    ) -> Result<Self, PrepareError> {
        Self::prepare_unless(spec, None, threads, progress, &mut || false)
    }

    /// [`prepare`](Self::prepare), which ends with an error soon after `stop` returns true; of a training that goes on in the folder `resumed`.
    pub(super) fn prepare_unless(
        mut spec: RunSpec,
        resumed: Option<&Path>,
        threads: usize,
        progress: &mut dyn FnMut(String),
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Self, PrepareError> {
        // A spec from `preset::load` has been checked, others may be invalid.
        let model = spec.model().map_err(|e| PrepareError::Task(e.to_string()))?;
        let clip = spec.train.optimizer.clip().map_err(|e| PrepareError::Task(e.to_string()))?;
        // Before data are read, which fill memory themselves, and after, when their number is known.
        MemoryEstimate::new(&spec, &model).check(threads)?;
        let streams = if model.is_stateful() { spec.train.batch_size } else { 1 };
        let initial = InitialNetwork::of(&spec, resumed).map_err(PrepareError::Task)?;
        if let (Some(from), Some(weights)) =
            (&mut spec.from, initial.as_ref().and_then(InitialNetwork::fingerprint))
        {
            // The run is reproduced from these weights, also when the other run has gone on.
            from.weights = Some(weights);
        }
        let reads_vectors = spec.from.as_ref().is_none_or(|from| from.extend_vocabulary > 0);
        if reads_vectors {
            vectors::check(&spec)?;
        }
        let (tokens, seed) = (spec.tokens.as_ref(), spec.train.seed);
        let known = initial.as_ref().map(|initial| &initial.known);
        let fraction = Fraction::new(spec.train.fraction);
        let context = Context {
            tokens,
            seed,
            streams,
            known,
            fraction,
            may_stream: true,
            progress: &mut *progress,
            stop,
        };
        let Opened { data, train: streamed_train, validation: streamed_validation } =
            data::open(&spec.data, context)?;
        let reread = [streamed_train.is_some(), streamed_validation.is_some()];
        MemoryEstimate::with_data(&spec, &model, &data, reread).check(threads)?;
        let mut form = spec.form();
        match &mut form.targets {
            TargetForm::Classes(labels) | TargetForm::Labels(labels) => *labels = Some(data.labels.clone()),
            TargetForm::Steps(labels) => labels.clone_from(&data.labels),
            TargetForm::Next | TargetForm::Real(_) => {}
        }
        let model = if spec.units_follow_classes {
            spec.set_units(&form);
            spec.model().map_err(|e| PrepareError::Task(e.to_string()))?
        } else {
            model
        };
        check_fit(&form, &model).map_err(|e| {
            let (what, labels) = (crate::error::chain(&e), named(&data.labels));
            PrepareError::Task(format!("{what}{labels}{}", new_output(&spec, &form)))
        })?;
        let task = spec.task(&model);
        let model =
            model.with_class_weights(spec.train.class_weights(&data.labels).map_err(PrepareError::Task)?);
        let mut stepper = Stepper::new(model, &spec.train.optimizer, clip, spec.train.seed, threads)?;
        let coverages = match reads_vectors {
            true => vectors::initialize(&spec, &data, &mut stepper, progress)?,
            false => Vec::new(),
        };
        let overlap = initial.as_ref().and_then(|initial| initial.overlap.clone());
        let origin = initial.map(|initial| initial.apply(&spec, &mut stepper)).transpose();
        let origin = origin.map_err(PrepareError::Task)?.flatten();
        let tokens = spec.token_spec();
        let watch = Watch::new(&spec.watch, tokens.as_ref(), (&data, spec.train.batch_size), &stepper);
        let watch = watch.with_samples(&spec, data.vocabularies.as_ref().map(Vocabularies::first));
        let unmasked = data.unmasked().filter(|_| !stepper.model().has_mask());
        let Data {
            train,
            validation,
            vocabularies,
            labels,
            unseen,
            unknown_words,
            facts,
            mut notes,
            forecasts,
            scale,
        } = data;
        notes.extend(unmasked.into_iter().chain(overlap));
        let legal = validation.as_ref().and_then(|data| spec.data.source().legal(data));
        let (model, seed, batch_size) = (stepper.model(), spec.train.seed, spec.train.batch_size);
        let size = validation_batch(batch_size, model);
        let in_order = |data: Dataset| {
            let sampler = Sampler::new(seed, data.len(), size).unshuffled();
            Batches::InMemory { data, sampler }
        };
        let validation = match streamed_validation {
            Some(split) => {
                Some(streamed(split, BatchOrder { batch_size: size, seed: None, by_length: false }))
            }
            None => validation.map(in_order),
        };
        let train = match streamed_train {
            Some(split) => streamed(split, training_order(model, batch_size, seed)),
            None => {
                let shuffled = Sampler::new(seed, train.len(), batch_size);
                // A carried state belongs to the sequence at the same position of the next batch.
                let sampler = match model {
                    model if model.is_stateful() => shuffled.unshuffled(),
                    model if model.has_mask() => shuffled.by_length(train.lengths()),
                    _ => shuffled,
                };
                Batches::InMemory { data: train, sampler }
            }
        };
        Ok(Self {
            train,
            validation,
            vocabularies,
            labels,
            unseen,
            unknown_words,
            task,
            stepper,
            watch,
            legal,
            forecasts,
            scale,
            facts,
            notes,
            coverages,
            origin,
            spec,
        })
    }

    /// Adds a text to the probes; returns it as encoded.
    ///
    /// # Errors
    /// Why that is not possible, in words.
    pub(super) fn add_probe(&mut self, text: &str) -> Result<ProbeText, &'static str> {
        let (tokens, known) = (self.spec.token_spec(), &self.vocabularies);
        if self.watch.probes().len() >= MOST_PROBES {
            return Err(TOO_MANY);
        }
        let (Some(tokens), Some(known)) = (tokens, known) else { return Err("the network reads no texts") };
        self.watch.add_probe(text, (known, &tokens), &self.stepper).ok_or("the other probes are no texts")
    }

    /// Checks that batches may have another number of sequences.
    ///
    /// # Errors
    /// Why they may not, in words.
    pub(super) fn check_batch_size(&self, batch_size: usize) -> Result<(), String> {
        let sequences = self.train.len();
        let why = if self.stepper.model().is_stateful() {
            "a layer is stateful: its states belong to the sequences at the same places of the next batch"
                .into()
        } else if batch_size > sequences {
            format!("there are {} sequences, and a batch has no more", number::count(sequences as u64))
        } else {
            let needs = MemoryEstimate::of_batch(&self.spec, self.stepper.model(), batch_size, sequences);
            match needs.check(self.stepper.threads()) {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            }
        };
        Err(format!("the batch size is not changed to {batch_size}: {why}"))
    }

    /// Sets the rates of dropout to those of the spec again.
    pub(super) fn restore_dropout(&mut self) {
        // The model was made of the same spec.
        self.spec.model().into_iter().for_each(|model| self.stepper.restore_dropout(model));
    }

    /// Adds a probe once more with a change; returns it as encoded.
    ///
    /// # Errors
    /// Why that is not possible, in words.
    pub(super) fn vary_probe(&mut self, probe: usize, change: &ProbeChange) -> Result<ProbeText, String> {
        if self.watch.probes().len() >= MOST_PROBES {
            return Err(TOO_MANY.into());
        }
        let Some(known) = &self.vocabularies else { return Err("the network reads no tokens".into()) };
        let tokens = self.spec.token_spec();
        self.watch.vary_probe(probe, change, (known, tokens.as_ref()), &self.stepper)
    }

    /// The tokens, or time steps, of `sequences`, padding counted.
    pub(super) fn tokens(&self, sequences: usize) -> u64 {
        sequences as u64 * self.facts.length.max(1) as u64
    }

    /// The rows of a series to show forecasts against.
    pub(super) fn series(&self) -> Option<&SeriesExcerpt> {
        self.facts.series.as_deref()
    }

    /// The metric that decides which epoch is the best.
    fn monitor(&self) -> Monitor {
        let stopper = Stopper::new(self.spec.train.early_stopping.as_ref(), self.validation.is_some());
        let best = stopper.watched();
        Monitor { metric: best.monitor().to_owned(), higher_is_better: best.higher_is_better() }
    }

    /// The facts of the whole run.
    pub fn info(&self, folder: &Path) -> RunInfo {
        RunInfo {
            name: self.spec.name.clone(),
            title: self.spec.title.clone(),
            about: self.spec.about.clone(),
            folder: folder.to_owned(),
            model: self.stepper.model().table().clone(),
            data: self.facts.clone(),
            probes: self.watch.probes().to_vec(),
            epochs: self.spec.train.epochs,
            // Those of the preset, also where a command has changed them, which is an event of its own.
            steps_per_epoch: self.train.len().div_ceil(self.spec.train.batch_size.max(1)),
            batch_size: self.spec.train.batch_size,
            watch_every: self.spec.watch.every,
            pace: None,
            task: self.task,
            loss: self.spec.train.loss.name().into(),
            optimizer: self.spec.train.optimizer.name().into(),
            seed: self.spec.train.seed,
            threads: self.stepper.threads(),
            monitor: Some(self.monitor()),
        }
    }
}

/// The order of streamed training texts: that of texts in memory.
fn training_order(model: &Model, batch_size: usize, seed: u64) -> BatchOrder {
    let seed = (!model.is_stateful()).then_some(seed);
    BatchOrder { batch_size, seed, by_length: seed.is_some() && model.has_mask() }
}

/// A streamed split in `order`.
fn streamed(mut split: Box<dyn StreamedSplit>, order: BatchOrder) -> Batches {
    split.set_order(order);
    Batches::Streamed(split)
}

/// How a network for two classes gets a new output layer for more of them.
fn new_output(spec: &RunSpec, form: &Form) -> String {
    let is_new = spec.from.as_ref().is_some_and(|from| from.new_labels);
    match (&form.targets, spec.model.len().checked_sub(1)) {
        (TargetForm::Classes(Some(labels)), Some(last))
            if is_new && labels.len() > 2 && spec.train.loss.loss.is_binary() =>
        {
            format!(
                "; the new output layer has both with --set train.loss=sparse_categorical_crossentropy --set model.{last}.activation=softmax"
            )
        }
        _ => String::new(),
    }
}

/// The first labels in parentheses; empty without labels.
fn named(labels: &[String]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let more = if labels.len() > 5 { ", …" } else { "" };
    let first: Vec<&str> = labels.iter().take(5).map(String::as_str).collect();
    format!(" (classes: {}{more})", first.join(", "))
}
