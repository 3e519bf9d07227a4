//! `frames.bin`: every event of a run, framed and checksummed. All numbers are little-endian.
//!
//! ```text
//! file    = "unrolled" version:u32 frame*
//! frame   = length:u32 kind:u8 step:u64 payload crc:u32      length = bytes of payload, crc = CRC-32 of all before it
//! index   = (offset:u64 before:u64)* own_offset:u64          payload of the last frame of a finished file
//! ```
//!
//! `step` is the event's own step, or that of the latest event that has one. An entry of the index holds the offset of a
//! frame and the highest step of all frames before it, so that a seek to a step need not read from the start; a file
//! without an index (a live or crashed run) is scanned to build one. A crash leaves at most one torn frame, at the end.
//! Frames of an unknown kind are skipped: a later version may add kinds. Where probes and distributions of weights were thinned, a frame of kind `Stride` has the
//! number of monitored steps from one recorded probe to the next, as u64.

pub(crate) mod bytes;
mod event;
mod file_at;
mod frame_reader;
mod framing;
mod index;
mod instruments;
mod legacy;
mod probe;
mod quantised;
mod stream;
mod thinning;
mod weights;
mod writer;

pub(super) use event::decode;
pub(super) use file_at::FileAt;
pub(super) use frame_reader::FrameReader;
pub(super) use framing::frame;
pub(super) use index::Index;
pub(super) use legacy::OldEvaluation;
pub use stream::FrameStream;
pub(super) use writer::FramesWriter;

const MAGIC: [u8; 8] = *b"unrolled";
const VERSION: u32 = 1;
/// Bytes of the file's header: magic and version.
pub(super) const HEADER: usize = 12;
/// Bytes of a frame before its payload: length, kind and step.
const FRAME_HEADER: usize = 13;
/// Bytes of a frame after its payload: the checksum.
const FRAME_TRAILER: usize = 4;

/// Returns the file's header.
fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (magic, version) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    version.copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// The kind of a frame's payload. The numbers are part of the format; the `Old` kinds are read, and no longer written.
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
    OldLearningRate = 15,
    Command = 16,
    Resumed = 17,
    ProbeAdded = 18,
    Alert = 19,
    Stride = 20,
    Weights = 21,
    Examples = 24,
    UnitResponse = 30,
    Neighbours = 31,
    Index = 255,
}

impl Kind {
    /// Whether its frames are events, and no pictures, of which a later one replaces an earlier.
    pub fn is_scalar(self) -> bool {
        !matches!(
            self,
            Self::Gradient
                | Self::Instruments
                | Self::Weights
                | Self::Probe
                | Self::OldEvaluation
                | Self::Stride
                | Self::Index
        )
    }

    /// Whether its frames are thinned where they would take too many bytes.
    fn is_thinned(self) -> bool {
        matches!(self, Self::Probe | Self::Weights)
    }

    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{
            Alert, Command, Epoch, Examples, Gradient, Index, Instruments, Log, Neighbours, OldEpoch,
            OldEvaluation, OldLearningRate, OldValidation, Prepared, Probe, ProbeAdded, Resumed, Sample,
            Saved, Status, Step, Stride, UnitResponse, Validation, Weights,
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
            OldLearningRate,
            Command,
            Resumed,
            ProbeAdded,
            Alert,
            Stride,
            Weights,
            Examples,
            UnitResponse,
            Neighbours,
            Index,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A complete frame whose checksum is verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub offset: u64,
    pub kind: Kind,
    pub step: u64,
    pub payload: &'a [u8],
}
