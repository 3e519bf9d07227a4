//! Datatypes and dataspaces.

use super::Hdf5Error;
use super::fields::Fields;

/// The axes of a dataset at most; HDF5's own limit.
const MAX_RANK: u8 = 32;

/// What the elements of a dataset or an attribute are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Datatype {
    /// IEEE numbers of 2, 4 or 8 bytes.
    Float {
        /// Bytes.
        size: usize,
    },
    /// Integers of 1 to 8 bytes.
    Integer {
        /// Bytes.
        size: usize,
        /// Whether they may be negative.
        signed: bool,
    },
    /// Strings of a fixed number of bytes.
    Text {
        /// Bytes.
        size: usize,
    },
    /// Strings in a global heap.
    VariableText,
    /// Another one, in words.
    Other(String),
}

impl Datatype {
    /// Reads a datatype.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Hdf5Error> {
        let class = fields.byte()? & 15;
        let bits = fields.number(3)?;
        let size = usize::try_from(fields.word()?).unwrap_or(usize::MAX);
        let big_endian = bits & 1 != 0;
        Ok(match class {
            0 | 1 if big_endian => Self::Other("numbers in big-endian order".into()),
            0 if matches!(size, 1 | 2 | 4 | 8) => Self::Integer { size, signed: bits & 8 != 0 },
            1 if ieee(size, &mut fields)? => Self::Float { size },
            3 => Self::Text { size },
            9 if bits & 15 == 1 => Self::VariableText,
            0 | 1 => Self::Other(format!("numbers of {size} bytes in an unusual form")),
            other => Self::Other(format!("elements of class {} ({other})", class_name(other))),
        })
    }

    /// Bytes of an element; `None` of an unknown one.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Float { size } | Self::Integer { size, .. } | Self::Text { size } => Some(*size),
            Self::VariableText => Some(16),
            Self::Other(_) => None,
        }
    }

    /// The numbers of `bytes`, in single precision; `None` if elements are no numbers.
    pub fn numbers(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks().0.iter().map(|element| f(*element)).collect()
        }
        Some(match *self {
            Self::Float { size: 4 } => each(bytes, f32::from_le_bytes),
            Self::Float { size: 8 } => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::Float { .. } => each(bytes, |b| half(u16::from_le_bytes(b))),
            Self::Integer { size, signed } => {
                let integer = |bytes: &[u8]| {
                    let number =
                        bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                    let shift = 64 - 8 * size;
                    if signed { ((number << shift) as i64 >> shift) as f32 } else { number as f32 }
                };
                bytes.chunks_exact(size).map(integer).collect()
            }
            Self::Text { .. } | Self::VariableText | Self::Other(_) => return None,
        })
    }
}

/// Whether a number has the fields of an IEEE number of `size` bytes.
fn ieee(size: usize, fields: &mut Fields<'_>) -> Result<bool, Hdf5Error> {
    let (_, bits) = (fields.short()?, fields.short()?);
    let found = [fields.byte()?, fields.byte()?, fields.byte()?, fields.byte()?].map(u32::from);
    let bias = fields.word()?;
    Ok(match size {
        2 => (bits, found, bias) == (16, [10, 5, 0, 10], 15),
        4 => (bits, found, bias) == (32, [23, 8, 0, 23], 127),
        8 => (bits, found, bias) == (64, [52, 11, 0, 52], 1023),
        _ => false,
    })
}

/// A number of half precision.
pub(in crate::interop) fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2_f32.powi(-14),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction) * 2_f32.powi(exponent - 15),
    }
}

fn class_name(class: u8) -> &'static str {
    const NAMES: [&str; 11] = [
        "integer",
        "float",
        "time",
        "string",
        "bit field",
        "opaque",
        "compound",
        "reference",
        "enumeration",
        "variable length",
        "array",
    ];
    NAMES.get(usize::from(class)).copied().unwrap_or("unknown")
}

/// The sizes of a dataspace; empty for a scalar, `[0]` for one without elements.
pub(super) fn shape(mut fields: Fields<'_>) -> Result<Vec<usize>, Hdf5Error> {
    let at = fields.offset();
    let (version, rank, _flags) = (fields.byte()?, fields.byte()?, fields.byte()?);
    let is_null = match version {
        1 => {
            fields.skip(5)?;
            false
        }
        2 => fields.byte()? == 2,
        _ => return Err(Hdf5Error::damaged(at, format!("a dataspace of version {version}"))),
    };
    if rank > MAX_RANK {
        return Err(Hdf5Error::damaged(at, format!("{rank} axes; HDF5 has {MAX_RANK} at most")));
    }
    if is_null {
        return Ok(vec![0]);
    }
    (0..rank).map(|_| Ok(usize::try_from(fields.address()?).unwrap_or(usize::MAX))).collect()
}

/// The number of elements of `shape`, if it can be counted.
pub(super) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_ieee_says() {
        let halves = [0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00].map(half);
        assert_eq!(halves, [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, 65504.0, f32::INFINITY]);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn integers_keep_their_sign() {
        let signed = Datatype::Integer { size: 2, signed: true };
        assert_eq!(signed.numbers(&[0xff, 0xff, 2, 0]), Some(vec![-1.0, 2.0]));
        let unsigned = Datatype::Integer { size: 1, signed: false };
        assert_eq!(unsigned.numbers(&[0xff]), Some(vec![255.0]));
    }
}
