use ndarray::Array2;

use super::step::Stepper;
use super::vectors;
use super::watch::Watch;
use crate::data::{
    self, BatchOrder, Batches, Context, Coverage, Data, DataError, Dataset, Forecasts, Opened, Sampler,
    Scale, StreamedSplit, TargetForm, Vocabularies,
};
use crate::metrics::Task;
use crate::nn::Model;
use crate::preset::{RunSpec, check_fit};
use crate::protocol::{DataFacts, RunInfo};

/// A spec made real: data, a network with its optimizer, sequences to probe it with.
#[derive(Debug)]
pub struct Session {
    /// What was asked for.
    pub spec: RunSpec,
    /// What weights learn from.
    pub train: Batches,
    /// What they are measured on.
    pub validation: Option<Batches>,
    /// Of the training texts or the task's symbols; `None` where sequences are numbers.
    pub vocabularies: Option<Vocabularies>,
    /// The label of each class; none where targets are numbers.
    pub labels: Vec<String>,
    /// What the network does.
    pub(super) task: Task,
    /// The network at work.
    pub stepper: Stepper,
    pub(super) watch: Watch,
    /// Which classes are right at each step of the validation data, where the task leaves a choice: `[sequence, time]`, a bit a
    /// class.
    pub(super) legal: Option<Array2<u32>>,
    /// The validation data in the units of the series, where they are one.
    pub(super) forecasts: Option<Forecasts>,
    /// What numbers were scaled by, where they are read from files.
    pub(super) scale: Option<Scale>,
    facts: DataFacts,
    /// What people should know of the data, in sentences.
    pub(super) notes: Vec<String>,
    /// How much of the vocabulary the pretrained vectors of each Embedding know.
    pub(super) coverages: Vec<Coverage>,
}

/// Why a spec cannot be made real.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The data are not there, or not as they must be.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data do not fit the task.
    #[error("{0}")]
    Task(String),
    /// The system gave no threads.
    #[error("cannot start the trainer's threads")]
    Threads(#[from] std::io::Error),
}

impl Session {
    /// Reads the data and builds the network. `progress` is told in words what is being done.
    ///
    /// # Errors
    /// When data are missing or wrong, or do not fit the task.
    pub fn prepare(
        spec: RunSpec,
        threads: usize,
        progress: &mut dyn FnMut(String),
    ) -> Result<Self, PrepareError> {
        Self::prepare_unless(spec, threads, progress, &mut || false)
    }

    /// The same; where it takes long it ends with an error soon after `stop` says so.
    pub(super) fn prepare_unless(
        spec: RunSpec,
        threads: usize,
        progress: &mut dyn FnMut(String),
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Self, PrepareError> {
        // A spec from `preset::load` was checked; one made by hand may be wrong.
        let model = spec.model().map_err(|e| PrepareError::Task(e.to_string()))?;
        let clip = spec.train.optimizer.clip().map_err(|e| PrepareError::Task(e.to_string()))?;
        let streams = if model.is_stateful() { spec.train.batch_size } else { 1 };
        vectors::check(&spec)?;
        let (tokens, seed) = (spec.tokens.as_ref(), spec.train.seed);
        let context = Context { tokens, seed, streams, may_stream: true, progress: &mut *progress, stop };
        let Opened { data, train: streamed_train, validation: streamed_validation } =
            data::open(&spec.data, context)?;
        let mut form = spec.form();
        match &mut form.targets {
            TargetForm::Classes(labels) | TargetForm::Labels(labels) => *labels = Some(data.labels.clone()),
            TargetForm::Steps(labels) => labels.clone_from(&data.labels),
            TargetForm::Next | TargetForm::Real(_) => {}
        }
        check_fit(&form, &model)
            .map_err(|e| PrepareError::Task(format!("{}{}", crate::error::chain(&e), named(&data.labels))))?;
        let task = spec.task(&model);
        let model =
            model.with_class_weights(spec.train.class_weights(&data.labels).map_err(PrepareError::Task)?);
        let mut stepper = Stepper::new(model, &spec.train.optimizer, clip, spec.train.seed, threads)?;
        let coverages = vectors::begin(&spec, &data, &mut stepper, progress)?;
        let tokens = spec.token_spec();
        let watch = Watch::new(&spec.watch, tokens.as_ref(), &data, &stepper);
        let watch = watch.with_samples(&spec, data.vocabularies.as_ref().map(Vocabularies::first));
        let unmasked = data.unmasked().filter(|_| !stepper.model().has_mask());
        let Data { train, validation, vocabularies, labels, facts, mut notes, forecasts, scale } = data;
        notes.extend(unmasked);
        let legal = validation.as_ref().and_then(|data| spec.data.source().legal(data));
        let (model, seed, batch_size) = (stepper.model(), spec.train.seed, spec.train.batch_size);
        // Without gradients a batch can be larger; but a carried state goes from batch to batch as in training.
        let size = if model.is_stateful() { batch_size } else { batch_size.max(256) };
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
                // A carried state belongs to the sequence that stands at the same place of the next batch.
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
            task,
            stepper,
            watch,
            legal,
            forecasts,
            scale,
            facts,
            notes,
            coverages,
            spec,
        })
    }

    /// What holds for the whole run.
    pub fn info(&self, folder: &std::path::Path) -> RunInfo {
        RunInfo {
            name: self.spec.name.clone(),
            title: self.spec.title.clone(),
            about: self.spec.about.clone(),
            folder: folder.to_owned(),
            model: self.stepper.model().table().clone(),
            data: self.facts.clone(),
            probes: self.watch.probes().to_vec(),
            epochs: self.spec.train.epochs,
            steps_per_epoch: self.train.batches(),
            batch_size: self.spec.train.batch_size,
            watch_every: self.spec.watch.every,
            task: self.task,
            loss: self.spec.train.loss.name().into(),
            optimizer: self.spec.train.optimizer.name().into(),
            seed: self.spec.train.seed,
            threads: self.stepper.threads(),
        }
    }
}

/// The order in which `model` learns from streamed texts: that of those in memory.
fn training_order(model: &Model, batch_size: usize, seed: u64) -> BatchOrder {
    let seed = (!model.is_stateful()).then_some(seed);
    BatchOrder { batch_size, seed, by_length: seed.is_some() && model.has_mask() }
}

/// A streamed split in `order`.
fn streamed(mut split: Box<dyn StreamedSplit>, order: BatchOrder) -> Batches {
    split.set_order(order);
    Batches::Streamed(split)
}

/// The first of the labels, at the end of a sentence; nothing where there are none.
fn named(labels: &[String]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let more = if labels.len() > 5 { ", …" } else { "" };
    let first: Vec<&str> = labels.iter().take(5).map(String::as_str).collect();
    format!(" (classes: {}{more})", first.join(", "))
}
