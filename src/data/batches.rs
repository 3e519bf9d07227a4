use crate::data::dataset::sampler::Sampler;
use crate::data::dataset::{Batch, Dataset};
use crate::data::error::DataError;
use crate::data::sources::labelled::streamed::Streamed;

/// A split as steps see it: batch after batch of an epoch, whether it is in memory or read anew every time.
#[derive(Debug)]
pub enum Batches {
    /// In memory.
    Held {
        /// All of it.
        data: Dataset,
        /// Its order.
        sampler: Sampler,
    },
    /// Read anew every epoch.
    Streamed(Streamed),
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
