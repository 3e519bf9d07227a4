use std::cmp::Reverse;

use crossbeam_channel::{Receiver, Sender};

use super::Order;
use crate::data::dataset::TokenRows;
use crate::data::error::DataError;
use crate::data::text::corpus::blank;
use crate::rng::Rng;

/// Nobody takes batches any more.
pub(super) struct Gone;

/// Puts rows in the order of an epoch and hands them on in batches.
///
/// As many rows as the buffer has room for are held; each further one takes the place of a row that is drawn and goes out, and what is left
/// at the end goes out shuffled. So every row goes out once, none earlier than by a buffer's length, and with room for all of them
/// every order is alike likely. Draws hang on seed and epoch alone.
pub(super) struct Shuffle<'a> {
    order: &'a Order,
    length: usize,
    rng: Rng,
    /// The buffer: rows of `length`, and their classes.
    ids: Vec<u32>,
    classes: Vec<u32>,
    batch: TokenRows,
    to: &'a Sender<TokenRows>,
    spare: &'a Receiver<TokenRows>,
}

impl<'a> Shuffle<'a> {
    /// For an epoch of so many `rows` of `length` ids.
    ///
    /// # Errors
    /// When there is no memory for the buffer.
    pub fn new(
        order: &'a Order,
        epoch: u64,
        (rows, length): (usize, usize),
        to: &'a Sender<TokenRows>,
        spare: &'a Receiver<TokenRows>,
    ) -> Result<Self, DataError> {
        let room = if order.batches.seed.is_some() { order.buffer.min(rows) } else { 0 };
        let (mut ids, _) = blank(room, length)?.into_raw_vec_and_offset();
        ids.clear();
        Ok(Self {
            order,
            length,
            rng: Rng::new(order.batches.seed.unwrap_or_default(), "stream", epoch),
            ids,
            classes: Vec::with_capacity(room),
            batch: TokenRows::default(),
            to,
            spare,
        })
    }

    /// The next row of the file.
    pub fn put(&mut self, row: &[u32], class: u32) -> Result<(), Gone> {
        if self.order.batches.seed.is_none() {
            self.batch.push(row, class);
            return self.full();
        }
        if self.classes.len() < self.order.buffer {
            self.ids.extend_from_slice(row);
            self.classes.push(class);
            return Ok(());
        }
        let slot = self.rng.below(self.classes.len());
        self.take(slot);
        let place = slot * self.length;
        if let Some(held) = self.ids.get_mut(place..place + self.length) {
            held.copy_from_slice(row);
        }
        if let Some(held) = self.classes.get_mut(slot) {
            *held = class;
        }
        self.full()
    }

    /// The file has ended.
    pub fn end(&mut self) -> Result<(), Gone> {
        let mut left: Vec<usize> = (0..self.classes.len()).collect();
        self.rng.shuffle(&mut left);
        for slot in left {
            self.take(slot);
            self.full()?;
        }
        if self.batch.len() > 0 { self.send() } else { Ok(()) }
    }

    /// Puts a copy of what the buffer has in `slot` into the batch.
    fn take(&mut self, slot: usize) {
        let place = slot * self.length;
        if let (Some(row), Some(class)) = (self.ids.get(place..place + self.length), self.classes.get(slot)) {
            self.batch.push(row, *class);
        }
    }

    fn full(&mut self) -> Result<(), Gone> {
        if self.batch.len() < self.order.batches.batch_size { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), Gone> {
        let mut next = self.spare.try_recv().unwrap_or_default();
        next.clear();
        if self.order.batches.by_length {
            let mut places: Vec<usize> = (0..self.batch.len()).collect();
            let length =
                |place: &usize| self.batch.row(*place, self.length).iter().filter(|id| **id != 0).count();
            places.sort_by_key(|place| Reverse(length(place)));
            for place in places {
                let class = self.batch.classes.get(place).copied().unwrap_or_default();
                next.push(self.batch.row(place, self.length), class);
            }
            std::mem::swap(&mut self.batch, &mut next);
            let batch = std::mem::replace(&mut self.batch, next);
            self.batch.clear();
            return self.to.send(batch).map_err(|_| Gone);
        }
        let batch = std::mem::replace(&mut self.batch, next);
        self.to.send(batch).map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::data::batches::BatchOrder;

    /// The rows `0..rows` as they go out, batch by batch.
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
    fn every_row_goes_out_once_whatever_the_buffer() {
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
    fn an_order_hangs_on_seed_and_epoch_and_without_a_seed_is_that_of_the_file() {
        let first = out(50, &order(20), 1);
        assert_eq!(first, out(50, &order(20), 1));
        assert_ne!(first, out(50, &order(20), 2));
        assert_ne!(first, out(50, &seeded(Some(2), 20), 1));
        assert!(out(50, &seeded(None, 20), 1).concat().into_iter().eq(0..50));
    }

    #[test]
    fn with_room_for_all_every_order_is_alike_likely() {
        let mut seen = BTreeMap::<Vec<u32>, u32>::new();
        for epoch in 0..6000 {
            *seen.entry(out(3, &order(3), epoch).concat()).or_default() += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (900..1100).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_batch_by_length_has_the_same_rows() {
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
