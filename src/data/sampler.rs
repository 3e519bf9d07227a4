use std::ops::Range;

use ndarray::Array2;

use super::Dataset;
use crate::rng::Rng;

/// The order in which epochs see the training sequences, cut in batches.
///
/// An epoch's order hangs on the seed and the epoch's number alone, so that a run can go on from any batch of any epoch.
#[derive(Debug, Clone)]
pub struct Sampler {
    seed: u64,
    batch_size: usize,
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Sampler {
    /// Batches of `batch_size` (at least 1) out of `sequences` many.
    pub fn new(seed: u64, sequences: usize, batch_size: usize) -> Self {
        Self { seed, batch_size: batch_size.max(1), epoch: None, order: (0..sequences).collect() }
    }

    /// Batches of an epoch; the last may be smaller than the others.
    pub fn batches(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// The sequences of one batch, counted from 0; none beyond the epoch's last batch.
    pub fn batch(&mut self, epoch: u64, batch: usize) -> &[usize] {
        if self.epoch != Some(epoch) {
            self.order.iter_mut().zip(0..).for_each(|(slot, sequence)| *slot = sequence);
            Rng::new(self.seed, "order", epoch).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        self.order.get(in_order(batch, self.batch_size, self.order.len())).unwrap_or_default()
    }
}

/// The places of batch number `batch` when `sequences` many are read in order, as validation does: empty past the end.
pub fn in_order(batch: usize, batch_size: usize, sequences: usize) -> Range<usize> {
    let start = batch.saturating_mul(batch_size).min(sequences);
    start..start.saturating_add(batch_size).min(sequences)
}

/// What a step sees. One batch is filled over and over; after the largest has been in it, filling allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Ids `[batch, time]`.
    pub tokens: Array2<u32>,
    /// The class of each sequence.
    pub classes: Vec<u32>,
}

impl Batch {
    /// Becomes the `sequences` of `data`, in that order; numbers that `data` does not have are left out.
    pub fn fill(&mut self, data: &Dataset, sequences: impl IntoIterator<Item = usize>) {
        let (mut ids, _) = std::mem::take(&mut self.tokens).into_raw_vec_and_offset();
        ids.clear();
        self.classes.clear();
        let length = data.tokens.ncols();
        for sequence in sequences {
            let (Some(class), true) = (data.classes.get(sequence), sequence < data.tokens.nrows()) else {
                continue;
            };
            ids.extend(data.tokens.row(sequence));
            self.classes.push(*class);
        }
        self.tokens = Array2::from_shape_vec((self.classes.len(), length), ids).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn epoch(sampler: &mut Sampler, epoch: u64) -> Vec<usize> {
        (0..sampler.batches()).flat_map(|batch| sampler.batch(epoch, batch).to_vec()).collect()
    }

    #[test]
    fn an_epoch_sees_every_sequence_once_in_its_own_order() {
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
    fn a_run_can_go_on_from_any_batch() {
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

    #[test]
    fn a_batch_holds_the_rows_asked_for_in_the_same_memory() {
        let data = Dataset { tokens: array![[1, 2], [3, 4], [5, 6]], classes: vec![0, 1, 0] };
        let mut batch = Batch::default();
        batch.fill(&data, [2, 0, 1]);
        assert_eq!(batch.tokens, array![[5, 6], [1, 2], [3, 4]]);
        assert_eq!(batch.classes, [0, 0, 1]);
        let memory = (batch.tokens.as_ptr(), batch.classes.as_ptr());
        batch.fill(&data, [1]);
        assert_eq!((batch.tokens.clone(), batch.classes.clone()), (array![[3, 4]], vec![1]));
        batch.fill(&data, [0, 1, 2]);
        assert_eq!((batch.tokens.as_ptr(), batch.classes.as_ptr()), memory);
        batch.fill(&data, [1, 99]);
        assert_eq!(batch.tokens, array![[3, 4]]);
        batch.fill(&data, []);
        assert_eq!(batch.tokens.dim(), (0, 2));
    }
}
