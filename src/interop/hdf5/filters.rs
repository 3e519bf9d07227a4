//! Filters of chunks: gzip, shuffle and checksums.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::Hdf5Error;
use super::fields::Fields;

/// A filter, in the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// zlib.
    Deflate,
    /// The first bytes of all elements, then the second ones, …
    Shuffle,
    /// A checksum of 4 bytes at the end, which is not compared.
    Fletcher32,
}

/// Reads a filter pipeline message.
pub(super) fn pipeline(mut fields: Fields<'_>) -> Result<Vec<Filter>, Hdf5Error> {
    let at = fields.offset();
    let (version, count) = (fields.byte()?, fields.byte()?);
    if !matches!(version, 1 | 2) {
        return Err(Hdf5Error::damaged(at, format!("filters of version {version}")));
    }
    fields.skip(if version == 1 { 6 } else { 0 })?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = fields.short()?;
        let name = if version == 1 || id >= 256 { fields.short()? } else { 0 };
        fields.skip(2)?;
        let values = fields.short()?;
        let padded = if version == 1 { u64::from(name).next_multiple_of(8) } else { u64::from(name) };
        fields.skip(padded + 4 * u64::from(values))?;
        fields.skip(if version == 1 && values % 2 == 1 { 4 } else { 0 })?;
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle,
            3 => Filter::Fletcher32,
            _ => return Err(Hdf5Error::unsupported(format!("the compression filter {id}"))),
        });
    }
    Ok(filters)
}

/// The `size` bytes of a chunk of elements of `element` bytes, from `stored`, which are at `at` in the file. `mask` has a bit for each filter
/// that was left out.
pub(super) fn undo(
    filters: &[Filter],
    mask: u32,
    stored: &[u8],
    (size, element): (usize, usize),
    at: u64,
) -> Result<Vec<u8>, Hdf5Error> {
    let mut bytes = stored.to_vec();
    for (i, filter) in filters.iter().enumerate().rev() {
        if mask >> i.min(31) & 1 != 0 {
            continue;
        }
        bytes = match filter {
            Filter::Deflate => {
                let mut inflated = Vec::new();
                // 4 more for a checksum that is still to be taken off.
                let limit = size as u64 + 4;
                let read = ZlibDecoder::new(&bytes[..]).take(limit).read_to_end(&mut inflated);
                read.map_err(|error| Hdf5Error::damaged(at, format!("compressed data: {error}")))?;
                inflated
            }
            Filter::Shuffle => unshuffle(&bytes, element),
            Filter::Fletcher32 => bytes[..bytes.len().saturating_sub(4)].to_vec(),
        };
    }
    match bytes.len() == size {
        true => Ok(bytes),
        false => Err(Hdf5Error::damaged(at, format!("a chunk of {} bytes, not {size}", bytes.len()))),
    }
}

fn unshuffle(bytes: &[u8], element: usize) -> Vec<u8> {
    let count = bytes.len() / element.max(1);
    let mut out = bytes.to_vec();
    for (i, to) in out[..count * element].iter_mut().enumerate() {
        *to = bytes[i % element * count + i / element];
    }
    out
}
