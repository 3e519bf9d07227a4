use std::fmt::Debug;

use crate::data::dataset::sampler::Sampler;
use crate::data::dataset::{Batch, Dataset};
use crate::data::error::DataError;

/// The order of the sequences of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOrder {
    /// Sequences of a batch, at least 1.
    pub batch_size: usize,
    /// Shuffles every epoch; `None` keeps the order of the file.
    pub seed: Option<u64>,
    /// Whether the longest sequences of a batch come first: see [`Sampler::by_length`].
    pub by_length: bool,
}

/// A split that is read from its file every epoch again.
pub trait StreamedSplit: Debug + Send {
    /// Sets the order of later epochs.
    fn set_order(&mut self, order: BatchOrder);

    /// Sequences of an epoch.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches of an epoch; the last may be smaller than the others.
    fn batches(&self) -> usize;

    /// Fills `into` with a batch of an epoch; quick where it is the one after the last that was filled.
    ///
    /// # Errors
    /// When the file can no longer be read, or has changed.
    fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError>;
}

/// A split as steps see it: batch after batch of an epoch, whether it is in memory or read anew every time.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a training has two of them")]
pub enum Batches {
    /// In memory.
    Held {
        /// All of it.
        data: Dataset,
        /// Its order.
        sampler: Sampler,
    },
    /// Read anew every epoch.
    Streamed(Box<dyn StreamedSplit>),
}

impl Batches {
    /// Sequences of an epoch.
    pub fn len(&self) -> usize {
        match self {
            Self::Held { data, .. } => data.len(),
            Self::Streamed(streamed) => streamed.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches of an epoch; the last may be smaller than the others.
    pub fn batches(&self) -> usize {
        match self {
            Self::Held { sampler, .. } => sampler.batches(),
            Self::Streamed(streamed) => streamed.batches(),
        }
    }

    /// Fills `into` with a batch of an epoch. Batches of an epoch are quickest one after the other.
    ///
    /// # Errors
    /// When a file cannot be read any more, or is no longer what it was. Never of what is in memory.
    pub fn fill(&mut self, epoch: u64, batch: usize, into: &mut Batch) -> Result<(), DataError> {
        match self {
            Self::Held { data, sampler } => {
                into.fill(data, sampler.batch(epoch, batch).iter().copied());
                Ok(())
            }
            Self::Streamed(streamed) => streamed.fill(epoch, batch, into),
        }
    }
}
