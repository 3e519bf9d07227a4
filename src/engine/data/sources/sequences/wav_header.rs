//! Headers of WAV files that programs write before they know how long the recording is, or longer than usual.

/// Bytes at the start of a file among which its header is searched.
pub(super) const SEARCHED: usize = 1 << 16;
/// Sizes from here on say that nothing is known: `FFFFFFFF` of FFmpeg, `7FFFFFFF` and a little less of SoX.
const UNKNOWN: u32 = 0x7FFF_0000;
/// Codes of formats: integers, floats, and those that a longer header specifies.
const PLAIN: [u16; 2] = [1, 3];
const EXTENSIBLE: u16 = 0xFFFE;

/// A header that says how long the samples are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub bytes: Vec<u8>,
    /// The place of the first sample in the file.
    pub start: usize,
    /// The bytes of all samples.
    pub length: usize,
}

impl Header {
    /// The header in place of the one that starts `bytes`, the first of `total` in the file; `None` if that is right as it is, or not
    /// understood. Samples of unknown length reach to the end of the file.
    pub fn repaired(bytes: &[u8], total: u64) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let short = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let riff = word(4)?;
        let honest = u64::from(riff) + 8 == total || u64::from(riff) + 9 == total;
        let (mut at, mut format, mut odd) = (12, None, false);
        loop {
            let (name, size) = (bytes.get(at..at + 4)?, word(at + 4)?);
            let start = at + 8;
            match name {
                b"fmt " => format = Some((start, size)),
                b"data" => {
                    let (from, fmt_size) = format?;
                    let tag = short(from)?;
                    let rest = total.checked_sub(start as u64)?;
                    let is_unknown = size >= UNKNOWN && u64::from(size) > rest || size == 0 && !honest;
                    // The extension of a plain format has nothing that is needed.
                    let kept = match fmt_size {
                        16 | 18 => fmt_size,
                        _ if PLAIN.contains(&tag) && fmt_size > 16 => 16,
                        _ if tag == EXTENSIBLE && fmt_size > 40 => 40,
                        _ => fmt_size,
                    };
                    // The decoder does not skip the byte that pads a chunk of odd size.
                    if !is_unknown && kept == fmt_size && !odd {
                        return None;
                    }
                    let frame = u64::from(short(from + 12)?).max(1);
                    let length = if is_unknown { rest - rest % frame } else { u64::from(size) };
                    let length = u32::try_from(length).ok()?;
                    let format = bytes.get(from..from + kept as usize)?;
                    let all = 4 + 8 + kept + 8;
                    let mut header = Vec::new();
                    header.extend_from_slice(b"RIFF");
                    header.extend_from_slice(&all.checked_add(length)?.to_le_bytes());
                    header.extend_from_slice(b"WAVEfmt ");
                    header.extend_from_slice(&kept.to_le_bytes());
                    header.extend_from_slice(format);
                    header.extend_from_slice(b"data");
                    header.extend_from_slice(&length.to_le_bytes());
                    return Some(Self { bytes: header, start, length: length as usize });
                }
                _ => odd |= size % 2 == 1,
            }
            // Chunks start at even places.
            at = start.checked_add(size as usize)?.checked_add(size as usize % 2)?;
        }
    }
}
