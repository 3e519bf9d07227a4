//! Data in chunks, which a tree finds.

use std::collections::BTreeSet;

use super::Hdf5Error;
use super::datatype::elements;
use super::fields::Fields;
use super::filters::{Filter, undo};

/// The depth of a tree at most.
const MAX_DEPTH: usize = 16;

/// A dataset in chunks.
#[derive(Debug)]
pub(super) struct Chunked<'a> {
    /// The file.
    pub file: &'a [u8],
    /// The shape of the dataset.
    pub shape: &'a [usize],
    /// The shape of a chunk.
    pub chunk: Vec<usize>,
    /// Bytes of an element.
    pub element: usize,
    /// What was done to chunks.
    pub filters: Vec<Filter>,
}

/// A chunk in the file.
struct Chunk {
    place: Vec<usize>,
    address: u64,
    size: u64,
    mask: u32,
}

impl Chunked<'_> {
    /// All bytes of the dataset whose tree is at `address`, row-major.
    ///
    /// # Errors
    /// Also if the chunks of the file do not cover the dataset; `spend` is called with the bytes that they take of the file, and those that they
    /// have without filters.
    pub fn read(
        &self,
        address: u64,
        spend: impl FnOnce(u64, u64) -> Result<(), Hdf5Error>,
    ) -> Result<Vec<u8>, Hdf5Error> {
        let mut chunks = Vec::new();
        self.node(address, 0, &mut BTreeSet::new(), &mut chunks)?;
        let wanted: Option<usize> = self
            .shape
            .iter()
            .zip(&self.chunk)
            .map(|(size, chunk)| size.div_ceil((*chunk).max(1)))
            .try_fold(1_usize, usize::checked_mul);
        let places: BTreeSet<&[usize]> = chunks.iter().map(|chunk| &chunk.place[..]).collect();
        if wanted != Some(places.len()) || places.len() != chunks.len() {
            let what = format!("{} chunks do not cover a dataset {:?}", chunks.len(), self.shape);
            return Err(Hdf5Error::damaged(address, what));
        }
        let bytes = |shape: &[usize]| elements(shape).and_then(|count| count.checked_mul(self.element));
        let (Some(size), Some(total)) = (bytes(&self.chunk), bytes(self.shape)) else {
            return Err(Hdf5Error::damaged(address, "a dataset that is too long"));
        };
        // zlib makes data at most 1032 times shorter: what chunks of this file can contain.
        let stored = chunks.iter().map(|chunk| chunk.size).fold(0, u64::saturating_add);
        if (total as u64).max(size as u64) > stored.saturating_mul(1032) {
            return Err(Hdf5Error::damaged(
                address,
                format!("{stored} bytes of chunks for a dataset of {total}"),
            ));
        }
        spend(stored, (size as u64).saturating_mul(chunks.len() as u64).max(total as u64))?;
        let mut all = vec![0; total];
        for Chunk { place, address, size: len, mask } in chunks {
            let stored = Fields::part(self.file, address, len)?.rest();
            let data = undo(&self.filters, mask, stored, (size, self.element), address)?;
            self.copy(&data, &place, &mut all);
        }
        Ok(all)
    }

    fn node(
        &self,
        address: u64,
        depth: usize,
        seen: &mut BTreeSet<u64>,
        chunks: &mut Vec<Chunk>,
    ) -> Result<(), Hdf5Error> {
        if depth > MAX_DEPTH || !seen.insert(address) {
            return Err(Hdf5Error::damaged(address, "a tree of chunks that contains itself"));
        }
        let mut fields = Fields::at(self.file, address)?;
        fields.signature(b"TREE", "a tree of chunks")?;
        let (kind, level, count) = (fields.byte()?, fields.byte()?, fields.short()?);
        if kind != 1 {
            return Err(Hdf5Error::damaged(address, format!("a tree of kind {kind} of chunks")));
        }
        fields.skip(16)?;
        for _ in 0..count {
            let (size, mask) = (u64::from(fields.word()?), fields.word()?);
            let mut place = Vec::with_capacity(self.shape.len());
            for (i, chunk) in self.chunk.iter().enumerate() {
                let at = usize::try_from(fields.address()?).unwrap_or(usize::MAX);
                if at % (*chunk).max(1) != 0 || at >= self.shape[i] {
                    return Err(Hdf5Error::damaged(address, format!("a chunk at {at} of axis {i}")));
                }
                place.push(at);
            }
            fields.skip(8)?;
            let child = fields.address()?;
            if level > 0 {
                self.node(child, depth + 1, seen, chunks)?;
            } else {
                chunks.push(Chunk { place, address: child, size, mask });
                // Each takes so many bytes of the file, unless nodes overlap.
                if chunks.len().saturating_mul(24 + 8 * self.shape.len()) > self.file.len() {
                    return Err(Hdf5Error::damaged(address, "more chunks than the file can contain"));
                }
            }
        }
        Ok(())
    }

    /// Copies the part of a chunk at `place` that is within the dataset to where it belongs.
    fn copy(&self, data: &[u8], place: &[usize], all: &mut [u8]) {
        let rank = self.chunk.len();
        let Some(last) = rank.checked_sub(1) else {
            return all.copy_from_slice(data);
        };
        let inside: Vec<usize> = (0..rank).map(|i| self.chunk[i].min(self.shape[i] - place[i])).collect();
        let mut index = vec![0; rank];
        loop {
            let row = |sizes: &[usize], at: &dyn Fn(usize) -> usize| {
                (0..rank).fold(0, |offset, i| offset * sizes[i] + at(i)) * self.element
            };
            let from = row(&self.chunk, &|i| index[i]);
            let to = row(self.shape, &|i| place[i] + index[i]);
            let len = inside[last] * self.element;
            all[to..to + len].copy_from_slice(&data[from..from + len]);
            // The next row: the last axis is copied as a whole.
            let Some(axis) = (0..last).rev().find(|i| index[*i] + 1 < inside[*i]) else { return };
            index[axis] += 1;
            index[axis + 1..].fill(0);
        }
    }
}
