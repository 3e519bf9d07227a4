use std::cmp::Reverse;

use crossbeam_channel::{Receiver, Sender};

use super::Order;
use crate::data::dataset::TokenRows;
use crate::data::error::DataError;
use crate::data::text::corpus::blank;
use crate::rng::Rng;
use crate::sort::SmallSort as _;

/// The receiver of batches has been dropped.
pub(super) struct ClosedError;

/// Shuffles the rows of an epoch and sends them in batches.
///
/// The buffer is filled first; each further row replaces one chosen at random, which is sent, and the rest is sent shuffled at the end.
/// So every row is sent once, at most a buffer's length early, and if the buffer holds all rows every order is equally likely. The order
/// depends on seed and epoch alone.
pub(super) struct Shuffle<'a> {
    order: &'a Order,
    length: usize,
    rng: Rng,
    /// The buffer: rows of `length` ids, and their classes.
    ids: Vec<u32>,
    classes: Vec<u32>,
    batch: TokenRows,
    to: &'a Sender<TokenRows>,
    spare: &'a Receiver<TokenRows>,
}

impl<'a> Shuffle<'a> {
    /// Creates a shuffle for an epoch of `rows` rows of `length` ids.
    ///
    /// # Errors
    /// When memory for the buffer cannot be allocated.
    pub fn new(
        order: &'a Order,
        epoch: u64,
        (rows, length): (usize, usize),
        to: &'a Sender<TokenRows>,
        spare: &'a Receiver<TokenRows>,
    ) -> Result<Self, DataError> {
        let capacity = if order.batches.seed.is_some() { order.buffer.min(rows) } else { 0 };
        let (mut ids, _) = blank(capacity, length)?.into_raw_vec_and_offset();
        ids.clear();
        Ok(Self {
            order,
            length,
            rng: Rng::new(order.batches.seed.unwrap_or_default(), "stream", epoch),
            ids,
            classes: Vec::with_capacity(capacity),
            batch: TokenRows::default(),
            to,
            spare,
        })
    }

    /// Adds the next row of the file.
    pub fn put(&mut self, row: &[u32], class: u32) -> Result<(), ClosedError> {
        if self.order.batches.seed.is_none() {
            self.batch.push(row, class);
            return self.send_if_full();
        }
        if self.classes.len() < self.order.buffer {
            self.ids.extend_from_slice(row);
            self.classes.push(class);
            return Ok(());
        }
        let slot = self.rng.below(self.classes.len());
        self.copy_to_batch(slot);
        let place = slot * self.length;
        if let Some(stored) = self.ids.get_mut(place..place + self.length) {
            stored.copy_from_slice(row);
        }
        if let Some(stored) = self.classes.get_mut(slot) {
            *stored = class;
        }
        self.send_if_full()
    }

    /// Sends the rest after the last row of the file.
    pub fn end(&mut self) -> Result<(), ClosedError> {
        let mut left: Vec<usize> = (0..self.classes.len()).collect();
        self.rng.shuffle(&mut left);
        for slot in left {
            self.copy_to_batch(slot);
            self.send_if_full()?;
        }
        if self.batch.len() > 0 { self.send() } else { Ok(()) }
    }

    /// Copies the row in `slot` of the buffer into the batch.
    fn copy_to_batch(&mut self, slot: usize) {
        let place = slot * self.length;
        if let (Some(row), Some(class)) = (self.ids.get(place..place + self.length), self.classes.get(slot)) {
            self.batch.push(row, *class);
        }
    }

    fn send_if_full(&mut self) -> Result<(), ClosedError> {
        if self.batch.len() < self.order.batches.batch_size { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), ClosedError> {
        let mut next = self.spare.try_recv().unwrap_or_default();
        next.clear();
        if self.order.batches.by_length {
            let mut places: Vec<usize> = (0..self.batch.len()).collect();
            let length =
                |place: &usize| self.batch.row(*place, self.length).iter().filter(|id| **id != 0).count();
            places.small_sort_by_key(|place| Reverse(length(place)));
            for place in places {
                let class = self.batch.classes.get(place).copied().unwrap_or_default();
                next.push(self.batch.row(place, self.length), class);
            }
            std::mem::swap(&mut self.batch, &mut next);
            let batch = std::mem::replace(&mut self.batch, next);
            self.batch.clear();
            return self.to.send(batch).map_err(|_| ClosedError);
        }
        let batch = std::mem::replace(&mut self.batch, next);
        self.to.send(batch).map_err(|_| ClosedError)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::data::batches::BatchOrder;

    /// The rows `0..rows` as they are sent, batch by batch.
    fn out(rows: u32, order: &Order, epoch: u64) -> Vec<Vec<u32>> {
        let ((to, batches), (_back, spare)) = (unbounded(), unbounded());
        let mut shuffle = Shuffle::new(order, epoch, (rows as usize, 2), &to, &spare).unwrap();
        for row in 0..rows {
            assert!(shuffle.put(&[row, row % 2], row + 7).is_ok());
        }
        assert!(shuffle.end().is_ok());
        drop(shuffle);
        drop(to);
        let ids = |batch: TokenRows| {
            let firsts: Vec<u32> = batch.ids.chunks(2).map(|row| row[0]).collect();
            assert!(firsts.iter().zip(&batch.classes).all(|(row, class)| row + 7 == *class));
            firsts
        };
        batches.iter().map(ids).collect()
    }

    fn order(buffer: usize) -> Order {
        seeded(Some(1), buffer)
    }

    fn seeded(seed: Option<u64>, buffer: usize) -> Order {
        Order { batches: BatchOrder { seed, batch_size: 8, by_length: false }, buffer }
    }

    #[test]
    fn every_row_is_sent_once_for_any_buffer_size() {
        for buffer in [1, 2, 7, 50, 51, 1000] {
            let batches = out(50, &order(buffer), 1);
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8, 8, 8, 8, 2]);
            let mut rows = batches.concat();
            let early = rows.iter().enumerate().all(|(place, row)| (*row as usize) < place + buffer + 1);
            assert!(early, "{buffer}: {rows:?}");
            assert_eq!(rows.is_sorted(), buffer == 1);
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..50));
        }
    }

    #[test]
    fn order_depends_on_seed_and_epoch_and_is_file_order_without_a_seed() {
        let first = out(50, &order(20), 1);
        assert_eq!(first, out(50, &order(20), 1));
        assert_ne!(first, out(50, &order(20), 2));
        assert_ne!(first, out(50, &seeded(Some(2), 20), 1));
        assert!(out(50, &seeded(None, 20), 1).concat().into_iter().eq(0..50));
    }

    #[test]
    fn all_orders_are_equally_likely_if_the_buffer_holds_all_rows() {
        let mut seen = BTreeMap::<Vec<u32>, u32>::new();
        for epoch in 0..6000 {
            *seen.entry(out(3, &order(3), epoch).concat()).or_default() += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (900..1100).contains(count)), "{seen:?}");
    }

    #[test]
    fn sorting_by_length_preserves_the_rows_of_a_batch() {
        let mut by_length = order(20);
        by_length.batches.by_length = true;
        let (plain, sorted) = (out(50, &order(20), 1), out(50, &by_length, 1));
        for (mut plain, sorted) in plain.into_iter().zip(sorted) {
            // Row 0 is all padding, even rows have one token, odd rows two.
            let length = |row: &u32| usize::from(*row > 0) + usize::from(!row.is_multiple_of(2));
            assert!(sorted.windows(2).all(|two| length(&two[0]) >= length(&two[1])));
            plain.sort_by_key(|row| Reverse(length(row)));
            assert_eq!(plain, sorted);
        }
    }
}
