//! `frames.bin`: every event of a run, framed and checksummed. All numbers are little-endian.
//!
//! ```text
//! file    = "unrolled" version:u32 frame*
//! frame   = length:u32 kind:u8 step:u64 payload crc:u32      length = bytes of payload, crc = CRC-32 of all before it
//! index   = (offset:u64 before:u64)* own_offset:u64          payload of the last frame of a file that was finished
//! ```
//!
//! `step` is the event's own step, or that of the latest event that has one. An entry of the index names a frame and
//! the highest step of all frames before it, so that what belongs to a step is found without reading from the start;
//! a file without an index (a live or crashed run) is scanned for one. A crash leaves at most one torn frame, at the end.
//! A whole frame of a kind that this version does not know is passed over: a later version may add kinds.

mod bytes;
mod event;
mod index;
mod instruments;
mod legacy;
mod probe;
mod thinning;
mod walk;
mod writer;

pub(super) use event::decode;
pub(super) use index::Index;
pub(super) use legacy::OldEvaluation;
pub(super) use walk::Walk;
pub(super) use writer::FramesWriter;

const MAGIC: [u8; 8] = *b"unrolled";
const VERSION: u32 = 1;
/// Bytes of the file's head: magic and version.
const HEAD: usize = 12;
/// Bytes of a frame before its payload: length, kind and step.
const FRAME_HEAD: usize = 13;
/// Bytes of a frame after its payload: the checksum.
const FRAME_TAIL: usize = 4;

/// The file's first bytes.
fn head() -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (magic, version) = head.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    version.copy_from_slice(&VERSION.to_le_bytes());
    head
}

/// What a frame holds. The numbers are part of the format; the `Old` kinds are read, and no longer written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prepared = 1,
    Status = 2,
    Step = 3,
    OldEpoch = 4,
    Gradient = 5,
    Probe = 6,
    Saved = 7,
    Log = 8,
    OldEvaluation = 9,
    Instruments = 10,
    Sample = 11,
    OldValidation = 12,
    Epoch = 13,
    Validation = 14,
    Index = 255,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        use Kind::{
            Epoch, Gradient, Index, Instruments, Log, OldEpoch, OldEvaluation, OldValidation, Prepared,
            Probe, Sample, Saved, Status, Step, Validation,
        };
        let all = [
            Prepared,
            Status,
            Step,
            OldEpoch,
            Gradient,
            Probe,
            Saved,
            Log,
            OldEvaluation,
            Instruments,
            Sample,
            OldValidation,
            Epoch,
            Validation,
            Index,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One whole frame, its checksum verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub offset: u64,
    pub kind: Kind,
    pub step: u64,
    pub payload: &'a [u8],
}
