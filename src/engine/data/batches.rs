use std::fmt::Debug;

use crate::data::dataset::sampler::Sampler;
use crate::data::dataset::{Batch, Dataset};
use crate::data::error::DataError;

/// The order of the sequences of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOrder {
    /// Sequences of a batch, at least 1.
    pub batch_size: usize,
    /// The seed of shuffling; `None` for the order of the file.
    pub seed: Option<u64>,
    /// Whether batches are sorted by descending length: see [`Sampler::by_length`].
    pub by_length: bool,
}

/// A split that is re-read from its file every epoch.
pub trait StreamedSplit: Debug + Send {
    /// Sets the order of later epochs.
    fn set_order(&mut self, order: BatchOrder);

    /// Sets the number of sequences of a batch of later epochs.
    fn set_batch_size(&mut self, batch_size: usize);

    /// The number of sequences.
    fn len(&self) -> usize;

    /// Whether there are no sequences.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of batches of an epoch; the last may be smaller.
    fn batches(&self) -> usize;

    /// Fills `into` with a batch of an epoch; fast for the batch after the one filled last.
    ///
    /// # Errors
    /// When the file can no longer be read, or has changed.
    fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError>;
}

/// A split as batches, in memory or streamed.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a training has two of them")]
pub enum Batches {
    /// In memory.
    InMemory {
        /// The data.
        data: Dataset,
        /// The order.
        sampler: Sampler,
    },
    /// Re-read from disk every epoch.
    Streamed(Box<dyn StreamedSplit>),
}

impl Batches {
    /// The number of sequences.
    pub fn len(&self) -> usize {
        match self {
            Self::InMemory { data, .. } => data.len(),
            Self::Streamed(streamed) => streamed.len(),
        }
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of batches of an epoch; the last may be smaller.
    pub fn batches(&self) -> usize {
        match self {
            Self::InMemory { sampler, .. } => sampler.batches(),
            Self::Streamed(streamed) => streamed.batches(),
        }
    }

    /// Sets the number of sequences of a batch, between two epochs.
    pub fn set_batch_size(&mut self, batch_size: usize) {
        match self {
            Self::InMemory { sampler, .. } => sampler.set_batch_size(batch_size),
            Self::Streamed(streamed) => streamed.set_batch_size(batch_size),
        }
    }

    /// Fills `into` with a batch of an epoch; streamed data are fastest in order.
    ///
    /// # Errors
    /// When a streamed file cannot be read or has changed; never for data in memory.
    pub fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError> {
        match self {
            Self::InMemory { data, sampler } => {
                into.fill(data, sampler.batch(epoch, batch).iter().copied());
                Ok(())
            }
            Self::Streamed(streamed) => streamed.fill(epoch, batch, into),
        }
    }
}
