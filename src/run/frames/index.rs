use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::PayloadReader;
use super::{FRAME_TRAILER, FrameReader, HEADER, Kind};
use crate::run::RunError;

/// Bytes between two indexed frames: a seek reads at most this many superfluous bytes, plus one frame.
const SPACING: u64 = 64 * 1024;

/// Maps steps to offsets in a recording.
#[derive(Debug, Default, Clone)]
pub(in crate::run) struct Index {
    entries: Vec<Entry>,
    step: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Offset of a frame.
    offset: u64,
    /// The highest step of all frames before it.
    before: u64,
}

impl Index {
    /// Offset of the first frame of a recording.
    pub const START: u64 = HEADER as u64;

    /// Loads the index of an open recording: from its end, or by a scan of its complete frames.
    ///
    /// # Errors
    /// If it is not a recording; damage further on only ends the scan.
    pub fn load(path: &Path, file: &File) -> Result<Self, RunError> {
        let mut frames = FrameReader::new(path, file)?;
        if let Some(index) = Self::from_end(path, file) {
            return Ok(index);
        }
        let mut index = Self::default();
        loop {
            match frames.next() {
                Ok(Some(frame)) => index.add(frame.offset, frame.step),
                Ok(None) | Err(RunError::Damaged { .. }) => return Ok(index),
                Err(error) => return Err(error),
            }
        }
    }

    /// The index at the end of a finished recording.
    pub fn from_end(path: &Path, file: &File) -> Option<Self> {
        let end = file.metadata().ok()?.len();
        let mut own_offset = [0; 8];
        file.read_exact_at(&mut own_offset, end.checked_sub((8 + FRAME_TRAILER) as u64)?).ok()?;
        let mut frames = FrameReader::at(path, file, u64::from_le_bytes(own_offset)).ok()?;
        let frame = frames.next().ok()??;
        if frame.kind != Kind::Index {
            return None;
        }
        let (step, entries) = (frame.step, frame.payload.as_chunks::<16>().0);
        let entries = entries
            .iter()
            .filter_map(|bytes| {
                let mut take = PayloadReader(bytes);
                let mut next = || take.array().map(u64::from_le_bytes);
                Some(Entry { offset: next()?, before: next()? })
            })
            .collect();
        // An index followed by more frames does not cover them.
        (frames.trailing_bytes() == 0).then_some(Self { entries, step })
    }

    /// Adds the frame at `offset`, which belongs to `step`.
    pub fn add(&mut self, offset: u64, step: u64) {
        if self.entries.last().is_none_or(|last| offset >= last.offset + SPACING) {
            self.entries.push(Entry { offset, before: self.step });
        }
        self.step = self.step.max(step);
    }

    /// Returns the highest step of all frames.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Returns the offset of a frame such that no earlier frame belongs to `step` or a later one.
    pub fn offset_of(&self, step: u64) -> u64 {
        let behind = self.entries.partition_point(|entry| entry.before < step);
        self.entries.get(behind.saturating_sub(1)).map_or(Self::START, |entry| entry.offset)
    }

    /// Appends the payload of the index frame, which is at `own_offset`.
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
    fn no_frame_of_a_step_is_before_the_offset_found_for_it() {
        let mut index = Index::default();
        // A frame of 10 KB per step; now and then a probe of an earlier step arrives late.
        let frames: Vec<(u64, u64)> =
            (0..400).map(|i| (HEADER as u64 + i * 10_000, if i % 9 == 8 { i - 5 } else { i })).collect();
        frames.iter().for_each(|(offset, step)| index.add(*offset, *step));
        for step in [0, 1, 50, 199, 399, 400, 9_999] {
            let start = index.offset_of(step);
            assert!(frames.iter().all(|(offset, s)| *s < step || *offset >= start), "step {step}");
            let superfluous = frames.iter().filter(|(offset, s)| *offset >= start && *s < step).count();
            assert!(superfluous < 10, "{superfluous} superfluous frames read to find step {step}");
        }
        assert_eq!(Index::default().offset_of(7), HEADER as u64);
    }
}
