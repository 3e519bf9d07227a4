//! The memory of a training, estimated before it begins: an allocation that fails would end the program without a word.

use crate::data::InputForm;
use crate::memory::{self, Available};
use crate::nn::Model;
use crate::number;
use crate::preset::RunSpec;

/// Bytes that a training needs at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MemoryEstimate {
    /// The sequences of training and validation data.
    pub data: u64,
    /// Weights, their gradient and the optimizer's slots.
    pub weights: u64,
    /// Outputs, caches and gradients of a batch.
    pub batch: u64,
}

/// A training that needs more memory than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "training needs at least {} of memory (data {}, weights with gradient and optimizer {}, a batch of {batch_size} sequences {}), and {} \
     are available under {}; reduce train.batch_size, the length of sequences or the units of layers",
    number::bytes(needs.total()),
    number::bytes(needs.data),
    number::bytes(needs.weights),
    number::bytes(needs.batch),
    number::bytes(available.bytes),
    available.limit
)]
pub struct MemoryError {
    needs: MemoryEstimate,
    available: Available,
    batch_size: usize,
}

impl MemoryEstimate {
    /// Of training `spec` with `model`, as far as it is known before data are read: those of files are not.
    ///
    /// ```text
    /// data      sequences · time · channels or features · 4 bytes
    /// weights   (weights + gradient + slots) · 4 bytes
    /// batch     outputs, caches and gradients of every layer: see [`Model::activation_bytes`]
    /// ```
    /// Rather less than is needed than more: a training that fits is never refused.
    pub fn new(spec: &RunSpec, model: &Model) -> Self {
        let (train, validation) = spec.data.source().sizes();
        let form = spec.form();
        let step = match form.inputs {
            InputForm::Tokens { time, .. } => {
                product(&[time, spec.tokens.as_ref().map_or(1, |t| t.channels.len().max(1))])
            }
            InputForm::Real { time, features } => product(&[time, features]),
        };
        let sequences = (train as u64).saturating_add(validation as u64);
        let data = sequences.saturating_mul(step).saturating_mul(4);
        // Of files it is not known yet how many sequences there are.
        Self { data, ..Self::without_data(spec, model, train.max(1)) }
    }

    /// Of training `spec` with `model` once its `sequences` of training data are in memory.
    pub fn without_data(spec: &RunSpec, model: &Model, sequences: usize) -> Self {
        let rows = spec.train.batch_size.min(sequences);
        // Linear in the number of sequences; gates are recomputed where that takes less.
        let of_rows =
            |rows| model.activation_bytes(rows, 0, true).min(model.activation_bytes(rows, 0, false)) as u64;
        let (one, two) = (of_rows(1), of_rows(2));
        let more = two.saturating_sub(one).saturating_mul((rows as u64).saturating_sub(1));
        // It is exact within 10 %.
        let batch = one.saturating_add(more) / 10 * 9;
        let params =
            model.table().layers.iter().fold(0_u64, |sum, row| sum.saturating_add(row.params as u64));
        let frozen = model.table().frozen() as u64;
        let copies = 1 + spec.train.optimizer.slots() as u64;
        let weights =
            params.saturating_add((params.saturating_sub(frozen)).saturating_mul(copies)).saturating_mul(4);
        Self { data: 0, weights, batch }
    }

    /// Checks it against the memory that is available.
    ///
    /// # Errors
    /// When it is more.
    pub fn check(self, batch_size: usize) -> Result<(), MemoryError> {
        match memory::available() {
            Some(available) if self.total() > available.bytes => {
                Err(MemoryError { needs: self, available, batch_size })
            }
            _ => Ok(()),
        }
    }

    fn total(self) -> u64 {
        self.data.saturating_add(self.weights).saturating_add(self.batch)
    }
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
        // Embedding 120·16, SimpleRNN 24·(16 + 24 + 1), Dense 24 + 1; Adam has two slots.
        assert_eq!(small.weights, 4 * 4 * (120 * 16 + 24 * 41 + 25));
        assert_eq!(small.data, 4 * 120 * 16);
        let large = estimate(&["data.train=100", "data.validation=20", "train.batch_size=64"]);
        let ratio = large.batch as f64 / small.batch as f64;
        assert!((1.5..=2.0).contains(&ratio), "{small:?} {large:?}");
    }

    #[test]
    fn more_than_any_machine_has_is_refused_with_numbers() {
        let huge = estimate(&["data.train=100000", "tokens.length=1000000", "train.batch_size=100000"]);
        let message = huge.check(32).unwrap_err().to_string();
        assert!(message.contains("needs at least") && message.contains("train.batch_size"), "{message}");
    }
}
