use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::Take;
use super::{FRAME_TAIL, HEAD, Kind, Walk};
use crate::run::RunError;

/// Bytes between two frames that the index names: what a seek reads in vain at most, but for one frame.
const SPACING: u64 = 64 * 1024;

/// Where in a recording the steps are.
#[derive(Debug, Default)]
pub(in crate::run) struct Index {
    entries: Vec<Entry>,
    step: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where a frame begins.
    offset: u64,
    /// The highest step of all frames before it.
    before: u64,
}

impl Index {
    /// That of an open recording: read from its end, or made by a scan of what is whole.
    ///
    /// # Errors
    /// If it is no recording; damage further on only ends the scan.
    pub fn load(path: &Path, file: &File) -> Result<Self, RunError> {
        let mut walk = Walk::new(path, file)?;
        if let Some(index) = Self::at_end(path, file) {
            return Ok(index);
        }
        let mut index = Self::default();
        loop {
            match walk.next() {
                Ok(Some(frame)) => index.note(frame.offset, frame.step),
                Ok(None) | Err(RunError::Damaged { .. }) => return Ok(index),
                Err(error) => return Err(error),
            }
        }
    }

    fn at_end(path: &Path, file: &File) -> Option<Self> {
        let end = file.metadata().ok()?.len();
        let mut own_offset = [0; 8];
        file.read_exact_at(&mut own_offset, end.checked_sub((8 + FRAME_TAIL) as u64)?).ok()?;
        let mut walk = Walk::at(path, file, u64::from_le_bytes(own_offset)).ok()?;
        let frame = walk.next().ok()??;
        if frame.kind != Kind::Index {
            return None;
        }
        let (step, entries) = (frame.step, frame.payload.as_chunks::<16>().0);
        let entries = entries
            .iter()
            .filter_map(|bytes| {
                let mut take = Take(bytes);
                let mut next = || take.array().map(u64::from_le_bytes);
                Some(Entry { offset: next()?, before: next()? })
            })
            .collect();
        // An index that more frames follow does not know them.
        (walk.dropped() == 0).then_some(Self { entries, step })
    }

    /// Takes note of the frame that begins at `offset` and belongs to `step`.
    pub fn note(&mut self, offset: u64, step: u64) {
        if self.entries.last().is_none_or(|last| offset >= last.offset + SPACING) {
            self.entries.push(Entry { offset, before: self.step });
        }
        self.step = self.step.max(step);
    }

    /// The highest step of all frames.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// A frame's offset, so that no frame before it belongs to `step` or a later one.
    pub fn offset_of(&self, step: u64) -> u64 {
        let behind = self.entries.partition_point(|entry| entry.before < step);
        self.entries.get(behind.saturating_sub(1)).map_or(HEAD as u64, |entry| entry.offset)
    }

    /// Appends the payload of the frame that begins at `own_offset`.
    pub fn encode(&self, own_offset: u64, out: &mut Vec<u8>) {
        for x in self.entries.iter().flat_map(|entry| [entry.offset, entry.before]).chain([own_offset]) {
            out.extend_from_slice(&x.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_without_a_frame_of_it_left_behind() {
        let mut index = Index::default();
        // A frame of 10 KB a step; a probe of an earlier step comes late now and then.
        let frames: Vec<(u64, u64)> =
            (0..400).map(|i| (HEAD as u64 + i * 10_000, if i % 9 == 8 { i - 5 } else { i })).collect();
        frames.iter().for_each(|(offset, step)| index.note(*offset, *step));
        for step in [0, 1, 50, 199, 399, 400, 9_999] {
            let start = index.offset_of(step);
            assert!(frames.iter().all(|(offset, s)| *s < step || *offset >= start), "step {step}");
            let vain = frames.iter().filter(|(offset, s)| *offset >= start && *s < step).count();
            assert!(vain < 10, "{vain} frames read in vain to find step {step}");
        }
        assert_eq!(Index::default().offset_of(7), HEAD as u64);
    }
}
