//! The envelope of a frame: length, kind, step and checksum around its payload.

use super::event::encode;
use super::{FRAME_HEADER, Kind};
use crate::protocol::Event;

/// Reserves the header of a frame whose payload is appended to `out` next; returns where it begins.
pub(super) fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER]);
    start
}

/// Completes the frame that began at `start`; returns its size in bytes, or `None`, without the frame, if its payload is too long.
pub(super) fn seal(out: &mut Vec<u8>, start: usize, kind: Kind, step: u64) -> Option<u64> {
    let Ok(length) = u32::try_from(out.len() - start - FRAME_HEADER) else {
        out.truncate(start);
        return None;
    };
    let [a, b, c, d] = length.to_le_bytes();
    let [s, t, u, v, w, x, y, z] = step.to_le_bytes();
    out[start..start + FRAME_HEADER].copy_from_slice(&[a, b, c, d, kind as u8, s, t, u, v, w, x, y, z]);
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
    Some((out.len() - start) as u64)
}

/// Returns `event` as a frame of its own step, or else of `latest`; `None` if it cannot be represented.
pub(in crate::run) fn frame(event: &Event, latest: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let start = begin(&mut out);
    let (kind, step) = encode(event, &mut out).ok()?;
    seal(&mut out, start, kind, step.unwrap_or(latest))?;
    Some(out)
}
