//! The memory of a training, estimated before it begins: an allocation that fails would end the program without a word.

use std::collections::HashSet;

use crate::data::{Data, InputForm, Inputs, TargetForm};
use crate::memory::{self, Available};
use crate::nn::{Model, Passes, Shape, ShardSize};
use crate::number;
use crate::preset::{Probes, RunSpec};
use crate::step::Split;

/// Sequences up to which sizes are counted exactly; more take as many times more, and no size exceeds 64 bits.
const COUNTED: usize = 1 << 16;

/// The threads of a run besides those that train: the main one, and those of signals, of progress lines or the screen, of the heartbeat, of the
/// recorder, of control and of a client.
const OTHER_THREADS: usize = 7;

/// Bytes that a training needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MemoryEstimate {
    /// The sequences of training and validation data.
    pub data: u64,
    /// Weights, their gradient, those of every shard, the optimizer's slots and copies.
    pub weights: u64,
    /// A batch, and its outputs, caches and gradients; likewise of validation and of the probes.
    pub batch: u64,
    /// The sequences of a batch in training and in validation.
    sequences: [usize; 2],
}

/// A training that needs more memory than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "training needs at least {} of memory (data {}, weights with gradient and optimizer {}, a batch of {} {}), and {} are available under \
     {}; reduce train.batch_size, the length of sequences or the units of layers",
    number::bytes(needs.total()),
    number::bytes(needs.data),
    number::bytes(needs.weights),
    batch(needs.sequences),
    number::bytes(needs.batch),
    number::bytes(available.bytes),
    available.limit
)]
pub struct MemoryError {
    needs: MemoryEstimate,
    available: Available,
}

/// The sizes of batches in words.
fn batch([train, validation]: [usize; 2]) -> String {
    let train_is_larger = format!("{train} sequences");
    if validation > train {
        format!("{train_is_larger}, and of {validation} in validation,")
    } else {
        train_is_larger
    }
}

/// The sequences of a training, as far as they are known.
struct Known<'a> {
    train: usize,
    validation: usize,
    /// The training sequences, where they are in memory.
    inputs: Option<&'a Inputs>,
}

impl Known<'_> {
    /// The number of distinct ids in the first `rows` training sequences; 0 if it is not known.
    fn distinct(&self, rows: usize) -> usize {
        let count = |channel| {
            let ids = self.inputs?.channel(channel)?;
            let ids = ids.outer_iter().take(rows).flat_map(|row| row.to_vec());
            Some(ids.collect::<HashSet<u32>>().len())
        };
        (0..).map_while(count).max().unwrap_or(0)
    }
}

impl MemoryEstimate {
    /// Of training `spec` with `model`, as far as it is known before data are read: those of files are not.
    ///
    /// ```text
    /// data      sequences · (time · channels or features, and targets) · 4 bytes
    /// weights   (weights · copies + gradient + slots + gradients of dense layers · shards) · 4 bytes
    /// batch     inputs, targets; of its shards outputs, caches and gradients: see [`Model::activation_bytes`]
    /// ```
    /// Both passes of training and the forward pass of validation share the buffers of shards, unless layers carry a state.
    pub fn new(spec: &RunSpec, model: &Model) -> Self {
        let (train, validation) = spec.data.source().sizes();
        let sequences = (train as u64).saturating_add(validation as u64);
        let data = sequences.saturating_mul(sequence_bytes(spec));
        // Of files it is not known yet how many sequences there are.
        let known = Known { train: train.max(1), validation, inputs: None };
        Self { data, ..Self::of(spec, model, &known) }
    }

    /// Of training `spec` with `model` once its `data` are in memory; `streamed` says which split is read while training: the training data,
    /// the validation data.
    pub fn with_data(spec: &RunSpec, model: &Model, data: &Data, streamed: [bool; 2]) -> Self {
        let [train, validation] = streamed;
        let validation_len = data.validation.as_ref().map_or(0, crate::data::Dataset::len);
        let known = Known {
            train: if train { usize::MAX } else { data.train.len() },
            validation: if validation { usize::MAX } else { validation_len },
            inputs: (!train).then_some(&data.train.inputs),
        };
        Self::of(spec, model, &known)
    }

    /// Of batches of another size, with `sequences` of training data, which are in memory.
    pub fn of_batch(spec: &RunSpec, model: &Model, batch_size: usize, sequences: usize) -> Self {
        let mut spec = spec.clone();
        spec.train.batch_size = batch_size;
        let batch = Self::of(&spec, model, &Known { train: sequences, validation: 0, inputs: None });
        Self { weights: 0, ..batch }
    }

    fn of(spec: &RunSpec, model: &Model, known: &Known<'_>) -> Self {
        let train = spec.train.batch_size.min(known.train);
        let validation = validation_batch(spec.train.batch_size, model).min(known.validation);
        let larger = train.max(validation) as u64;
        // A network with a single output also reads sequences cut after each of their tokens; of texts these are not more than their
        // characters.
        let prefixes = match (model.output(), spec.form().inputs) {
            (Shape::Vector { .. }, InputForm::Tokens { time, .. }) => {
                time.min(super::probes::Probes::MOST_PREFIXES)
            }
            _ => 0,
        };
        let probes = match &spec.watch.probes {
            // Each of the prefixes, and as often with a token hidden.
            Probes::First(count) => (*count).min(known.train).saturating_mul(1 + 2 * prefixes),
            Probes::Texts(texts) => texts.iter().map(|text| 1 + 2 * text.chars().count().min(prefixes)).sum(),
        };
        let probes = ShardSize {
            rows: probes.min(COUNTED),
            distinct: known.distinct(probes),
            recompute: false,
            passes: Passes::Evaluate,
        };
        let batch = shards(spec, model, known, [train, validation])
            .saturating_add(larger.saturating_mul(sequence_bytes(spec)))
            // Once as buffers and once as what is published.
            .saturating_add(2 * model.activation_bytes(&probes) as u64);
        let params =
            model.table().layers.iter().fold(0_u64, |sum, row| sum.saturating_add(row.params as u64));
        let learning = params.saturating_sub(model.table().frozen() as u64);
        // Those in use and, of tensors that have a constraint or do not learn, those before the update: all at most; the best.
        let restores =
            spec.train.early_stopping.as_ref().is_some_and(|stopping| stopping.restore_best_weights);
        let copies = 2 + u64::from(restores);
        let numbers = params
            .saturating_mul(copies)
            .saturating_add(learning.saturating_mul(1 + spec.train.optimizer.slots() as u64));
        let of_shards = Split::of(model, train).shards as u64 * model.shard_gradient_bytes() as u64;
        let packed = model.packed_bytes() as u64;
        let weights = numbers.saturating_mul(4).saturating_add(of_shards).saturating_add(packed);
        Self { data: 0, weights, batch, sequences: [train, validation] }
    }

    /// Checks it against the memory that is available to a training on so many `threads`.
    ///
    /// # Errors
    /// When it is more.
    pub fn check(self, threads: usize) -> Result<(), MemoryError> {
        match memory::available(threads + OTHER_THREADS) {
            Some(available) if self.total() > available.bytes => Err(MemoryError { needs: self, available }),
            _ => Ok(()),
        }
    }

    fn total(self) -> u64 {
        self.data.saturating_add(self.weights).saturating_add(self.batch)
    }
}

/// Bytes that a training of `spec` with `model` needs, as far as it is known before data are read.
///
/// # Errors
/// When it is more than is available to so many `threads`.
pub fn memory_needed(spec: &RunSpec, model: &Model, threads: usize) -> Result<u64, MemoryError> {
    let needs = MemoryEstimate::new(spec, model);
    needs.check(threads).map(|()| needs.total())
}

/// The sequences of a batch in validation: without gradients it can be larger, but not with a carried state.
pub(super) fn validation_batch(batch_size: usize, model: &Model) -> usize {
    if model.is_stateful() { batch_size } else { batch_size.max(256) }
}

/// Bytes of the shards of batches of these sizes, in training and in validation.
fn shards(spec: &RunSpec, model: &Model, known: &Known<'_>, [train, validation]: [usize; 2]) -> u64 {
    let time = spec.form().time();
    let bytes = |sequences: usize, passes: Passes| {
        let counted = sequences.min(COUNTED);
        let Split { shards, rows, budget } = Split::of(model, counted);
        let recompute = model.recurrent_bytes(rows.saturating_mul(time)) > budget;
        let size = ShardSize { rows, distinct: known.distinct(rows), recompute, passes };
        let more = sequences.div_ceil(counted.max(1)) as u64;
        (model.activation_bytes(&size) as u64).saturating_mul(shards as u64).saturating_mul(more)
    };
    let (trained, forward) = (bytes(train, Passes::Watch), bytes(train, Passes::Evaluate));
    let evaluated = bytes(validation, Passes::Evaluate);
    if model.is_stateful() {
        return trained.saturating_add(evaluated);
    }
    trained.saturating_sub(forward).saturating_add(forward.max(evaluated))
}

/// Bytes of a sequence with its target.
fn sequence_bytes(spec: &RunSpec) -> u64 {
    let form = spec.form();
    let input = match form.inputs {
        InputForm::Tokens { time, .. } => {
            product(&[time, spec.tokens.as_ref().map_or(1, |t| t.channels.len().max(1))])
        }
        InputForm::Real { time, features } => product(&[time, features]),
    };
    let target = match &form.targets {
        TargetForm::Classes(_) => 1,
        TargetForm::Steps(_) | TargetForm::Next => form.time() as u64,
        TargetForm::Real(outputs) => *outputs as u64,
        TargetForm::Labels(labels) => labels.as_ref().map_or(1, Vec::len) as u64,
    };
    input.saturating_add(target).saturating_mul(4)
}

fn product(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product, size| product.saturating_mul(*size as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Overrides, load};

    fn estimate(set: &[&str]) -> MemoryEstimate {
        let set = set.iter().map(|set| (*set).to_owned()).collect();
        let spec = load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
        MemoryEstimate::new(&spec, &spec.model().unwrap())
    }

    #[test]
    fn it_is_what_is_worked_out_by_hand() {
        let small = estimate(&["data.train=100", "data.validation=20"]);
        // Embedding 120·16, SimpleRNN 24·(16 + 24 + 1), Dense 24 + 1; Adam has two slots. Two of three shards' gradients, and two copies.
        // The recurrent kernel packed forward and backward, 24 units in two vectors of 16.
        let dense = 24 * 41 + 25;
        assert_eq!(small.weights, 4 * (5 * (120 * 16 + dense) + 2 * dense + 2 * 24 * 32));
        assert_eq!(small.data, 4 * 120 * (16 + 1));
        let large = estimate(&["data.train=100", "data.validation=20", "train.batch_size=64"]);
        let ratio = large.batch as f64 / small.batch as f64;
        // Its probes do not grow with it.
        assert!((1.25..=2.0).contains(&ratio), "{small:?} {large:?}");
    }

    #[test]
    fn more_than_any_machine_has_is_refused_with_numbers() {
        let huge = estimate(&["data.train=100000", "tokens.length=1000000", "train.batch_size=100000"]);
        let message = huge.check(1).unwrap_err().to_string();
        assert!(message.contains("needs at least") && message.contains("train.batch_size"), "{message}");
    }
}
