use std::ops::Range;

use crate::rng::Rng;
use crate::sort::SmallSort as _;

/// The order of the training sequences in each epoch, divided into batches.
///
/// The order of an epoch depends on the seed and the epoch's number alone, so that a run can resume at any batch of any epoch; or it is
/// that of the data ([`Sampler::unshuffled`]).
#[derive(Debug, Clone)]
pub struct Sampler {
    /// The seed of shuffling, if any.
    seed: Option<u64>,
    batch_size: usize,
    epoch: Option<u64>,
    order: Vec<usize>,
    /// The length of every sequence, if batches are sorted by length.
    lengths: Vec<usize>,
}

impl Sampler {
    /// Creates a sampler of `sequences` sequences in batches of `batch_size` (at least 1).
    pub fn new(seed: u64, sequences: usize, batch_size: usize) -> Self {
        let order = (0..sequences).collect();
        Self { seed: Some(seed), batch_size: batch_size.max(1), epoch: None, order, lengths: Vec::new() }
    }

    /// Sorts each batch by descending length: neighbours then share most of their padding, which layers with a mask skip where all
    /// sequences of a shard are padded. `lengths` has an entry for every sequence.
    #[must_use]
    pub fn by_length(self, lengths: Vec<usize>) -> Self {
        Self { lengths, ..self }
    }

    /// Reads every epoch in the order of the data, like `shuffle=False` in Keras.
    #[must_use]
    pub fn unshuffled(self) -> Self {
        Self { seed: None, ..self }
    }

    /// Sets the number of sequences of a batch.
    pub fn set_batch_size(&mut self, batch_size: usize) {
        // Each batch may be sorted by itself.
        (self.batch_size, self.epoch) = (batch_size.max(1), None);
    }

    /// The number of batches of an epoch; the last may be smaller.
    pub fn batches(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// The indices of the sequences of batch `batch`, from 0; empty beyond the last batch.
    pub fn batch(&mut self, epoch: u64, batch: usize) -> &[usize] {
        if self.epoch != Some(epoch) {
            self.order.iter_mut().zip(0..).for_each(|(slot, sequence)| *slot = sequence);
            if let Some(seed) = self.seed {
                Rng::new(seed, "order", epoch).shuffle(&mut self.order);
            }
            if !self.lengths.is_empty() {
                let length = |sequence: &usize| self.lengths.get(*sequence).copied().unwrap_or(0);
                for batch in self.order.chunks_mut(self.batch_size) {
                    batch.small_sort_by_key(|sequence| std::cmp::Reverse(length(sequence)));
                }
            }
            self.epoch = Some(epoch);
        }
        self.order.get(in_order(batch, self.batch_size, self.order.len())).unwrap_or_default()
    }
}

/// The indices of batch `batch` of `sequences` sequences in order, as in validation; empty beyond the last batch.
pub fn in_order(batch: usize, batch_size: usize, sequences: usize) -> Range<usize> {
    let start = batch.saturating_mul(batch_size).min(sequences);
    start..start.saturating_add(batch_size).min(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(sampler: &mut Sampler, epoch: u64) -> Vec<usize> {
        (0..sampler.batches()).flat_map(|batch| sampler.batch(epoch, batch).to_vec()).collect()
    }

    #[test]
    fn an_epoch_has_every_sequence_once_in_its_own_order() {
        let mut sampler = Sampler::new(1, 103, 10);
        assert_eq!(sampler.batches(), 11);
        assert_eq!(
            (sampler.batch(1, 0).len(), sampler.batch(1, 10).len(), sampler.batch(1, 11).len()),
            (10, 3, 0)
        );
        let (first, second) = (epoch(&mut sampler, 1), epoch(&mut sampler, 2));
        assert_ne!(first, second);
        assert_ne!(first, epoch(&mut Sampler::new(2, 103, 10), 1));
        for mut order in [first, second] {
            order.sort_unstable();
            assert!(order.into_iter().eq(0..103));
        }
    }

    #[test]
    fn sorting_by_length_preserves_the_sequences_of_a_batch() {
        let lengths: Vec<usize> = (0..103).map(|i| i * 37 % 11).collect();
        let mut sorted = Sampler::new(1, 103, 10).by_length(lengths.clone());
        let mut plain = Sampler::new(1, 103, 10);
        for batch in 0..11 {
            let (sorted, mut plain) = (sorted.batch(2, batch).to_vec(), plain.batch(2, batch).to_vec());
            assert!(sorted.windows(2).all(|pair| lengths[pair[0]] >= lengths[pair[1]]));
            plain.sort_by_key(|i| std::cmp::Reverse(lengths[*i]));
            assert_eq!(sorted, plain);
        }
    }

    #[test]
    fn a_run_can_resume_at_any_batch() {
        let mut whole = Sampler::new(7, 50, 8);
        let expected: Vec<Vec<usize>> = (1..4)
            .flat_map(|e| (0..7).map(move |b| (e, b)))
            .map(|(e, b)| whole.batch(e, b).to_vec())
            .collect();
        let mut resumed = Sampler::new(7, 50, 8);
        assert_eq!(resumed.batch(3, 5), expected[2 * 7 + 5]);
        assert_eq!(resumed.batch(1, 2), expected[2]);
    }

    #[test]
    fn reading_in_order_covers_everything_and_ends() {
        let spans: Vec<_> = (0..4).map(|batch| in_order(batch, 4, 10)).collect();
        assert_eq!(spans, [0..4, 4..8, 8..10, 10..10]);
        assert!(in_order(usize::MAX, usize::MAX, 10).is_empty());
    }
}
