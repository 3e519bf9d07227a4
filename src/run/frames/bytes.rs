//! Primitives of a payload: little-endian floats, integers in 7-bit groups (LEB128), strings; and the small values that
//! several kinds of frame share.

use crate::protocol::Direction;

/// Appends `x` in groups of 7 bits, lowest first; the high bit is set if more follow.
pub(crate) fn put_uint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Appends `x` with its sign in the lowest bit, so that small numbers are short.
pub(super) fn put_int(out: &mut Vec<u8>, x: i64) {
    put_uint(out, ((x << 1) ^ (x >> 63)) as u64);
}

pub(crate) fn put_f64(out: &mut Vec<u8>, x: f64) {
    out.extend_from_slice(&x.to_le_bytes());
}

pub(super) fn put_f32(out: &mut Vec<u8>, x: f32) {
    out.extend_from_slice(&x.to_le_bytes());
}

/// Appends the count, then the values.
pub(super) fn put_f32s(out: &mut Vec<u8>, values: &[f32]) {
    put_uint(out, values.len() as u64);
    values.iter().for_each(|x| put_f32(out, *x));
}

/// Appends the length in bytes, then the text.
pub(crate) fn put_str(out: &mut Vec<u8>, text: &str) {
    put_uint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends one byte: 0 for none, 1 forward, 2 backward.
pub(super) fn put_direction(out: &mut Vec<u8>, direction: Option<Direction>) {
    out.push(match direction {
        None => 0,
        Some(Direction::Forward) => 1,
        Some(Direction::Backward) => 2,
    });
}

/// Reads values from the front of a payload; `None` if it is too short or invalid. Memory is allocated only for bytes
/// that are present, so a hostile length allocates nothing.
pub(crate) struct PayloadReader<'a>(pub &'a [u8]);

impl<'a> PayloadReader<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn uint(&mut self) -> Option<u64> {
        let mut x = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // Only one bit of the tenth group fits.
            if shift == 63 && bits > 1 {
                return None;
            }
            x |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(x);
            }
        }
        None
    }

    pub fn int(&mut self) -> Option<i64> {
        let x = self.uint()?;
        Some((x >> 1) as i64 ^ -((x & 1) as i64))
    }

    pub fn count(&mut self) -> Option<usize> {
        self.uint()?.try_into().ok()
    }

    pub fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Option<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn f32s(&mut self) -> Option<Vec<f32>> {
        let count = self.count()?;
        let bytes = self.bytes(count.checked_mul(4)?)?;
        Some(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
    }

    pub fn str(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    pub fn direction(&mut self) -> Option<Option<Direction>> {
        match self.byte()? {
            0 => Some(None),
            1 => Some(Some(Direction::Forward)),
            2 => Some(Some(Direction::Backward)),
            _ => None,
        }
    }

    /// `N` values, after a byte whose bits mark those that are present.
    pub fn optional<const N: usize>(&mut self) -> Option<[Option<f64>; N]> {
        let flags = self.byte()?;
        let mut values = [None; N];
        for (i, value) in values.iter_mut().enumerate() {
            if flags >> i & 1 == 1 {
                *value = Some(self.f64()?);
            }
        }
        (u32::from(flags) >> N == 0).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size_come_back_and_small_ones_are_one_byte() {
        for x in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_uint(&mut out, x);
            assert_eq!((PayloadReader(&out).uint(), out.len() == 1), (Some(x), x < 128));
        }
    }

    #[test]
    fn integers_of_either_sign_come_back_and_small_ones_are_one_byte() {
        for x in [0, -1, 1, 63, -64, 64, -65, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_int(&mut out, x);
            assert_eq!((PayloadReader(&out).int(), out.len() == 1), (Some(x), (-64..64).contains(&x)));
        }
    }

    #[test]
    fn what_is_not_there_is_none() {
        assert_eq!(PayloadReader(&[0x80; 10]).uint(), None);
        assert_eq!(PayloadReader(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).uint(), None);
        assert_eq!(PayloadReader(&[0xff, 0xff, 0xff, 0xff, 15, 1, 2, 3]).f32s(), None);
        assert_eq!(PayloadReader(&[200, 1, b'a']).str(), None);
        assert_eq!(PayloadReader(&[1, 0xff]).str(), None);
    }
}
