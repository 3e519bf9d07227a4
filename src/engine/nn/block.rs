use ndarray::{Array3, ArrayView2, ArrayView3};

use crate::kernel::{self, AlignedVec};

/// A tensor that passes between layers: `[time, batch, features]`, row-major, reused from step to step.
///
/// A vector per sequence is a block of one time step.
#[derive(Debug, Default, PartialEq)]
pub struct Block {
    data: AlignedVec,
    time: usize,
    batch: usize,
    features: usize,
}

impl Clone for Block {
    fn clone(&self) -> Self {
        Self { data: self.data.clone(), ..*self }
    }

    /// Copies shape and numbers; memory is reused.
    fn clone_from(&mut self, other: &Self) {
        self.reshape(other.time, other.batch, other.features);
        self.data.copy_from_slice(&other.data);
    }
}

impl Block {
    /// Gives the block a shape. Its numbers are unspecified afterwards; memory is reused, so the same shape again allocates nothing.
    pub fn reshape(&mut self, time: usize, batch: usize, features: usize) {
        let len = time * batch * features;
        if len > self.data.capacity() {
            // Nothing is to be copied.
            self.data = AlignedVec::new();
        }
        self.data.resize(len, 0.0);
        (self.time, self.batch, self.features) = (time, batch, features);
    }

    /// Gives the block a shape and every number the value 0.
    pub fn zeroed(&mut self, time: usize, batch: usize, features: usize) {
        self.reshape(time, batch, features);
        self.data.fill(0.0);
    }

    /// Time steps, sequences, features.
    pub fn dim(&self) -> (usize, usize, usize) {
        (self.time, self.batch, self.features)
    }

    /// Rows of `features` numbers: time × batch.
    pub fn rows(&self) -> usize {
        self.time * self.batch
    }

    /// All numbers, time step after time step.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All numbers, time step after time step.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The numbers of time step `t`: `[batch, features]`.
    pub fn step(&self, t: usize) -> &[f32] {
        let size = self.batch * self.features;
        &self.data[t * size..(t + 1) * size]
    }

    /// The numbers of time step `t`: `[batch, features]`.
    pub fn step_mut(&mut self, t: usize) -> &mut [f32] {
        let size = self.batch * self.features;
        &mut self.data[t * size..(t + 1) * size]
    }

    /// The numbers of row `row`, counted through all time steps.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.features..][..self.features]
    }

    /// [`Block::step`], or nothing where the block has no time steps.
    pub(super) fn part(&self, t: usize) -> &[f32] {
        if self.time == 0 { &[] } else { self.step(t) }
    }

    /// [`Block::step_mut`], or nothing where the block has no time steps.
    pub(super) fn part_mut(&mut self, t: usize) -> &mut [f32] {
        if self.time == 0 { &mut [] } else { self.step_mut(t) }
    }

    /// The time steps `range`, one after the other.
    pub fn steps(&self, range: std::ops::Range<usize>) -> &[f32] {
        let size = self.batch * self.features;
        &self.data[range.start * size..range.end * size]
    }

    /// The time steps `range`, one after the other.
    pub fn steps_mut(&mut self, range: std::ops::Range<usize>) -> &mut [f32] {
        let size = self.batch * self.features;
        &mut self.data[range.start * size..range.end * size]
    }

    /// Time step `from`, to be read while time step `to` is written.
    ///
    /// # Panics
    /// When both are the same.
    pub fn pair_mut(&mut self, from: usize, to: usize) -> (&[f32], &mut [f32]) {
        let size = self.batch * self.features;
        let (low, high) = self.data.split_at_mut(from.max(to) * size);
        let (below, above) = (&mut low[from.min(to) * size..][..size], &mut high[..size]);
        if from < to { (below, above) } else { (above, below) }
    }

    /// Bytes of memory in use, for the largest shape so far.
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<f32>()
    }

    /// `[time, batch, features]`.
    pub fn view(&self) -> ArrayView3<'_, f32> {
        ArrayView3::from_shape(self.dim(), &self.data)
            .unwrap_or_else(|_| unreachable!("a block holds its shape"))
    }

    /// `[batch, time, features]`, as at the public boundary.
    pub fn to_batch_major(&self) -> Array3<f32> {
        self.view().permuted_axes([1, 0, 2]).as_standard_layout().into_owned()
    }

    /// Copies a `[batch, time, features]` tensor.
    pub fn from_batch_major(&mut self, tensor: ArrayView3<'_, f32>) {
        let (batch, time, features) = tensor.dim();
        self.reshape(time, batch, features);
        for (to, from) in self.data.iter_mut().zip(tensor.permuted_axes([1, 0, 2]).iter()) {
            *to = *from;
        }
    }
}

/// Token ids: `[time, batch]`, row-major.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    data: Vec<u32>,
    batch: usize,
}

impl Ids {
    /// Copies the rows of a `[batch, time]` table.
    pub fn from_batch_major(&mut self, table: ArrayView2<'_, u32>) {
        let (batch, time) = table.dim();
        self.data.resize(time * batch, 0);
        self.batch = batch;
        for (row, sequence) in table.rows().into_iter().enumerate() {
            for (t, id) in sequence.iter().enumerate() {
                self.data[t * batch + row] = *id;
            }
        }
    }

    /// The ids of one time step, one a sequence.
    pub fn step(&self, t: usize) -> &[u32] {
        self.data.get(t * self.batch..(t + 1) * self.batch).unwrap_or_default()
    }

    /// All ids, time step after time step.
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// Sequences.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<u32>()
    }

    /// Time steps.
    pub fn time(&self) -> usize {
        self.data.len().checked_div(self.batch).unwrap_or(0)
    }
}

/// Which positions hold data: `[time, batch]`, `false` is padding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    data: Vec<bool>,
    batch: usize,
}

impl Mask {
    /// Marks the ids other than 0.
    pub fn of_ids(&mut self, ids: &Ids) {
        self.batch = ids.batch;
        self.data.clear();
        self.data.extend(ids.data.iter().map(|id| *id != 0));
    }

    /// Marks the steps of which not every feature is `padding`.
    pub fn of_steps(&mut self, steps: &Block, padding: f32) {
        self.batch = steps.batch;
        self.data.clear();
        let rows = steps.data.chunks_exact(steps.features.max(1));
        self.data.extend(rows.map(|row| row.iter().any(|x| *x != padding)));
    }

    /// Marks the steps that any of `masks` marks; one of a single step counts for all.
    pub fn of_any<'a>(&mut self, masks: impl Iterator<Item = &'a Self>) {
        self.data.clear();
        for mask in masks {
            if self.data.len() < mask.data.len() {
                let (step, batch) = (self.data.len(), mask.batch);
                self.data.resize(mask.data.len(), false);
                // What was of a single step is repeated.
                (step..mask.data.len()).for_each(|i| self.data[i] = step > 0 && self.data[i - batch]);
            }
            self.batch = mask.batch;
            let marks = mask.data.iter().cycle();
            self.data.iter_mut().zip(marks).for_each(|(mark, other)| *mark |= other);
        }
    }

    /// Time steps.
    pub fn time(&self) -> usize {
        self.data.len().checked_div(self.batch).unwrap_or(0)
    }

    /// Whether sequence `row` has data at time step `t`; of a mask of a single step, at any.
    pub fn marks(&self, t: usize, row: usize) -> bool {
        let at = t * self.batch + row;
        self.data.get(at).or_else(|| self.data.get(row)).is_none_or(|mark| *mark)
    }

    /// All marks, time step after time step.
    pub fn data(&self) -> &[bool] {
        &self.data
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<bool>()
    }

    /// How many positions hold data.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|m| **m).count()
    }

    /// The marks of time step `t`, one a sequence.
    pub fn step(&self, t: usize) -> &[bool] {
        &self.data[t * self.batch..(t + 1) * self.batch]
    }
}

/// Ids of which the bits are collected in one word.
const IDS: usize = 64;

/// Packs the lowest bits of the eight bytes of `word`, whose other bits must be 0, into the low byte. The product moves the bit of byte `i` to
/// bit `56 + i`; all partial products are bits of their own, so nothing carries.
fn low_bits(word: u64) -> u64 {
    word.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The distinct token ids of a shard, and where each position finds its own.
///
/// A batch has few distinct ids: whatever is linear in a token's vector is computed once for each of them, and their gradients are
/// summed before they go further back.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Each id once, in ascending order: tables and their gradients are read from end to end.
    distinct: Vec<u32>,
    /// The place of each position's id among `distinct`: `[time, batch]`.
    index: Vec<u32>,
    batch: usize,
    /// Of every id that is seen, its place among `distinct`.
    places: Vec<u32>,
    /// A byte for every id, 1 where it is seen: a byte is written without being read before, so that frequent ids do not wait for one
    /// another. All 0 between calls.
    seen: Vec<[u8; IDS]>,
}

impl Lookup {
    /// Collects the distinct ids of `ids`, all below `vocabulary`.
    pub fn of_ids(&mut self, ids: &Ids, vocabulary: usize) {
        self.places.resize(vocabulary, 0);
        self.seen.resize(vocabulary.div_ceil(IDS), [0; IDS]);
        let seen = self.seen.as_flattened_mut();
        for id in &ids.data {
            seen[*id as usize] = 1;
        }
        self.distinct.resize(ids.data.len().min(vocabulary), 0);
        let mut count = 0;
        for (group, seen) in self.seen.iter_mut().enumerate() {
            // One bit per id: where the inner loop ends is mispredicted once in 64 ids.
            let mut bits = 0;
            for (i, word) in seen.as_chunks::<8>().0.iter().enumerate() {
                bits |= low_bits(u64::from_le_bytes(*word)) << (8 * i);
            }
            *seen = [0; IDS];
            while bits != 0 {
                let id = group * IDS + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                self.distinct[count] = id as u32;
                self.places[id] = count as u32;
                count += 1;
            }
        }
        self.distinct.truncate(count);
        self.batch = ids.batch;
        self.index.clear();
        self.index.extend(ids.data.iter().map(|id| self.places[*id as usize]));
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        let all = [&self.distinct, &self.index, &self.places];
        let ids: usize = all.iter().map(|ids| ids.capacity() * size_of::<u32>()).sum();
        ids + self.seen.capacity() * size_of::<[u8; IDS]>()
    }

    /// Each id once, in ascending order.
    pub fn distinct(&self) -> &[u32] {
        &self.distinct
    }

    /// The place of each position's id among [`Lookup::distinct`]: `[time, batch]`.
    pub fn index(&self) -> &[u32] {
        &self.index
    }
}

/// A sequence of vectors of which many are the same: position `i` of `[time, batch]` has row `index[i]`.
#[derive(Debug, Clone, Copy)]
pub struct IndexedRows<'a> {
    /// Distinct vectors, `[1, rows, features]`.
    pub rows: &'a Block,
    lookup: &'a Lookup,
}

impl<'a> IndexedRows<'a> {
    /// `rows` has one for each of `lookup`'s distinct ids.
    pub fn new(rows: &'a Block, lookup: &'a Lookup) -> Self {
        Self { rows, lookup }
    }

    /// Which row each position has: `[time, batch]`.
    pub fn index(self) -> &'a [u32] {
        &self.lookup.index
    }

    /// Which row each sequence has at time step `t`.
    pub fn step(self, t: usize) -> &'a [u32] {
        &self.lookup.index[t * self.lookup.batch..(t + 1) * self.lookup.batch]
    }

    /// Which rows the time steps `range` hold.
    pub fn steps(self, range: std::ops::Range<usize>) -> &'a [u32] {
        &self.lookup.index[range.start * self.lookup.batch..range.end * self.lookup.batch]
    }

    /// Time steps, sequences, features.
    pub fn dim(self) -> (usize, usize, usize) {
        let batch = self.lookup.batch;
        (self.lookup.index.len().checked_div(batch).unwrap_or(0), batch, self.rows.dim().2)
    }

    /// Writes every position's vector to `out`.
    pub fn spread(self, out: &mut Block) {
        let (time, batch, features) = self.dim();
        out.reshape(time, batch, features);
        kernel::gather_rows(&mut out.data, &self.rows.data, self.index(), features);
    }

    /// Sums `from` `[time, batch, width]` over the positions that hold the same row: `[1, rows, width]`.
    pub fn gather(self, from: &Block, sums: &mut Block) {
        let width = from.features;
        sums.zeroed(1, self.rows.batch, width);
        kernel::scatter_add(&mut sums.data, self.index(), &from.data, width);
    }
}

/// An input of a layer.
#[derive(Debug, Clone, Copy)]
pub enum Signal<'a> {
    /// Token ids.
    Ids(&'a Ids),
    /// Numbers.
    Real(&'a Block),
    /// Numbers of which many are the same, for layers that [read rows](super::Layer::reads_rows).
    Rows(IndexedRows<'a>),
}

impl<'a> Signal<'a> {
    /// The numbers.
    ///
    /// # Panics
    /// When it is not a block: shapes were checked when the model was built, so that is a defect.
    pub fn real(self) -> &'a Block {
        match self {
            Self::Real(block) => block,
            Self::Ids(_) => unreachable!("ids reach an Embedding only"),
            Self::Rows(_) => unreachable!("rows reach layers that read them"),
        }
    }

    /// The ids.
    ///
    /// # Panics
    /// When it is numbers: shapes were checked when the model was built, so that is a defect.
    pub fn ids(self) -> &'a Ids {
        match self {
            Self::Ids(ids) => ids,
            Self::Real(_) | Self::Rows(_) => unreachable!("an Embedding reads ids only"),
        }
    }

    /// Time steps, sequences and features of numbers.
    pub fn dim(self) -> (usize, usize, usize) {
        match self {
            Self::Rows(rows) => rows.dim(),
            other => other.real().dim(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn every_position_finds_its_id_among_the_distinct_ones_also_in_the_next_batch() {
        let mut lookup = Lookup::default();
        // Some, of one group or several; all of a vocabulary, and one of it; none; of other vocabularies.
        for (table, vocabulary) in [
            (array![[130, 7, 0], [7, 64, 130]], 131),
            (array![[63, 64, 63], [1, 1, 130]], 131),
            (Array2::from_shape_fn((131, 2), |(i, t)| (130 - i * t) as u32), 131),
            (array![[77]], 131),
            (array![[], []], 131),
            (array![[127, 63, 0]], 128),
            (array![[4, 0]], 5),
        ] {
            let mut ids = Ids::default();
            ids.from_batch_major(table.view());
            lookup.of_ids(&ids, vocabulary);
            let mut distinct = ids.data().to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(lookup.distinct(), distinct);
            let found: Vec<u32> = lookup.index().iter().map(|place| distinct[*place as usize]).collect();
            assert_eq!(found, ids.data());
        }
    }
}
