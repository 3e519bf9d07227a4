//! Attributes, and the strings of global heaps.

use super::Hdf5Error;
use super::datatype::{Datatype, elements, shape};
use super::fields::Fields;
use super::group::text;

/// The name of an attribute.
pub(super) fn name(fields: Fields<'_>) -> Result<String, Hdf5Error> {
    Ok(parts(fields)?.name)
}

/// The strings of an attribute; `None` if it has none. `spend` is called with the length of each before it is copied.
pub(super) fn strings(
    file: &[u8],
    fields: Fields<'_>,
    spend: impl Fn(u64) -> Result<(), Hdf5Error>,
) -> Result<Option<Vec<String>>, Hdf5Error> {
    let Parts { kind, count, mut data, .. } = parts(fields)?;
    match kind {
        Datatype::Text { size } if size > 0 => {
            let mut strings = Vec::new();
            for _ in 0..count {
                let (at, bytes) = (data.offset(), data.take(size as u64)?);
                let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                spend(size as u64)?;
                strings.push(text(&bytes[..end], at)?);
            }
            Ok(Some(strings))
        }
        Datatype::VariableText => {
            let mut strings = Vec::new();
            for _ in 0..count {
                let (len, collection, index) = (data.word()?, data.address()?, data.word()?);
                spend(u64::from(len))?;
                strings.push(heap_string(file, collection, index, u64::from(len))?);
            }
            Ok(Some(strings))
        }
        _ => Ok(None),
    }
}

struct Parts<'a> {
    name: String,
    kind: Datatype,
    /// Elements.
    count: usize,
    data: Fields<'a>,
}

fn parts(mut fields: Fields<'_>) -> Result<Parts<'_>, Hdf5Error> {
    let at = fields.offset();
    let version = fields.byte()?;
    if !(1..=3).contains(&version) {
        return Err(Hdf5Error::damaged(at, format!("an attribute of version {version}")));
    }
    let flags = fields.byte()?;
    if version > 1 && flags & 3 != 0 {
        return Err(Hdf5Error::unsupported("datatypes that several objects share"));
    }
    let sizes = [fields.short()?, fields.short()?, fields.short()?].map(u64::from);
    fields.skip(if version == 3 { 1 } else { 0 })?;
    let mut part = |size: u64| {
        let origin = fields.offset();
        let padded = if version == 1 { size.next_multiple_of(8) } else { size };
        let bytes = fields.take(padded)?;
        Ok(Fields::new(&bytes[..bytes.len().min(size as usize)], origin))
    };
    let [mut name, kind, space] = [part(sizes[0])?, part(sizes[1])?, part(sizes[2])?];
    let (at, bytes) = (name.offset(), name.rest());
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let name = text(&bytes[..end], at)?;
    let count = elements(&shape(space)?);
    let count = count.ok_or_else(|| Hdf5Error::damaged(at, "an attribute with too many elements"))?;
    Ok(Parts { name, kind: Datatype::read(kind)?, count, data: fields })
}

/// The object `index`, a string of `len` bytes, in the global heap at `collection`.
fn heap_string(file: &[u8], collection: u64, index: u32, len: u64) -> Result<String, Hdf5Error> {
    if len == 0 {
        return Ok(String::new());
    }
    let mut head = Fields::at(file, collection)?;
    head.signature(b"GCOL", "a global heap")?;
    head.skip(4)?;
    let size = head.address()?;
    let mut heap = Fields::part(file, collection, size)?;
    heap.skip(16)?;
    while heap.left() >= 16 {
        let (found, at) = (heap.short()?, heap.offset());
        heap.skip(6)?;
        let size = heap.address()?;
        if u32::from(found) == index {
            return text(heap.take(len.min(size))?, at);
        }
        if found == 0 {
            break;
        }
        // Objects are at multiples of 8.
        heap.skip(size.checked_next_multiple_of(8).unwrap_or(u64::MAX))?;
    }
    Err(Hdf5Error::damaged(collection, format!("a global heap without object {index}")))
}
