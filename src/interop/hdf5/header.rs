//! Object headers: the messages of an object.

use std::collections::BTreeSet;

use super::Hdf5Error;
use super::checksum::lookup3;
use super::fields::Fields;

/// A message continues in another block.
const CONTINUATION: u16 = 0x10;
/// The flag of a message whose data are shared with other objects.
const SHARED: u8 = 0x02;
/// The kinds of messages that may be shared with other objects: dataspace, datatype, fill value, filters, attribute.
const SHAREABLE: [u16; 5] = [0x01, 0x03, 0x05, 0x0b, 0x0c];

/// A message of an object header.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    /// Its kind.
    pub kind: u16,
    /// Its data.
    pub fields: Fields<'a>,
}

/// A block of messages: its address and its length.
type Span = (u64, u64);

/// All messages of the object header at `address`.
pub(super) fn messages(file: &[u8], address: u64) -> Result<Vec<Message<'_>>, Hdf5Error> {
    let mut fields = Fields::at(file, address)?;
    let second = fields.clone().take(4)? == b"OHDR";
    let (mut blocks, creation_order) =
        if second { version_2(file, fields)? } else { version_1(&mut fields)? };
    let (mut messages, mut next) = (Vec::new(), 0);
    let mut addresses: BTreeSet<u64> = blocks.iter().map(|(at, _)| *at).collect();
    let mut total = 0_u64;
    while let Some((at, len)) = blocks.get(next).copied() {
        next += 1;
        // Unless they overlap, blocks are no longer together than the file.
        total = total.saturating_add(len);
        if total > file.len() as u64 {
            return Err(Hdf5Error::damaged(at, "an object header that is longer than the file"));
        }
        let mut block = Fields::part(file, at, len)?;
        // Of version 1 a message has a header of 8 bytes, of version 2 one of 4, and 2 more with an order of creation.
        let least = match (second, creation_order) {
            (false, _) => 8,
            (true, false) => 4,
            (true, true) => 6,
        };
        while block.left() >= least {
            let kind = if second { u16::from(block.byte()?) } else { block.short()? };
            let len = u64::from(block.short()?);
            let flags = block.byte()?;
            block.skip(least as u64 - if second { 4 } else { 5 })?;
            let origin = block.offset();
            let mut data = Fields::new(block.take(len)?, origin);
            if kind == CONTINUATION {
                let (at, len) = (data.address()?, data.address()?);
                let block = if second { inner(file, at, len)? } else { (at, len) };
                if !addresses.insert(block.0) {
                    return Err(Hdf5Error::damaged(at, "an object header that continues in itself"));
                }
                blocks.push(block);
            } else if flags & SHARED != 0 && SHAREABLE.contains(&kind) {
                return Err(Hdf5Error::unsupported(
                    "messages that several objects share, such as named datatypes",
                ));
            } else {
                messages.push(Message { kind, fields: data });
            }
        }
    }
    Ok(messages)
}

fn version_1(fields: &mut Fields<'_>) -> Result<(Vec<Span>, bool), Hdf5Error> {
    let at = fields.offset();
    let version = fields.byte()?;
    if version != 1 {
        return Err(Hdf5Error::damaged(at, format!("an object header of version {version}")));
    }
    fields.skip(7)?;
    let size = u64::from(fields.word()?);
    fields.skip(4)?;
    Ok((vec![(fields.offset(), size)], false))
}

fn version_2(file: &[u8], mut fields: Fields<'_>) -> Result<(Vec<Span>, bool), Hdf5Error> {
    let start = fields.offset();
    fields.skip(5)?;
    let flags = fields.byte()?;
    fields.skip(if flags & 0x20 != 0 { 16 } else { 0 })?;
    fields.skip(if flags & 0x10 != 0 { 4 } else { 0 })?;
    let size = fields.number(1 << (flags & 3))?;
    let first = fields.offset();
    fields.skip(size)?;
    check(file, start, fields.offset() - start, &mut fields)?;
    Ok((vec![(first, size)], flags & 0x04 != 0))
}

/// The messages of a continuation block of version 2: between its signature and its checksum.
fn inner(file: &[u8], at: u64, len: u64) -> Result<Span, Hdf5Error> {
    let mut fields = Fields::at(file, at)?;
    fields.signature(b"OCHK", "a block of messages")?;
    let Some(inner) = len.checked_sub(8) else {
        return Err(Hdf5Error::damaged(at, format!("a block of messages of {len} bytes")));
    };
    fields.skip(inner)?;
    check(file, at, len - 4, &mut fields)?;
    Ok((at + 4, inner))
}

/// Compares the checksum that `fields` has next with that of the `len` bytes from `at` on.
fn check(file: &[u8], at: u64, len: u64, fields: &mut Fields<'_>) -> Result<(), Hdf5Error> {
    let covered = Fields::part(file, at, len)?.rest();
    let (found, wanted) = (lookup3(covered), fields.word()?);
    match found == wanted {
        true => Ok(()),
        false => Err(Hdf5Error::damaged(
            at,
            format!("the checksum is {found:08x}, not {wanted:08x} as the file says"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object header of version 1 whose blocks have the rest of the file, from one address after the other.
    #[test]
    fn blocks_that_overlap_are_refused() {
        let file = |count: u64, len: u64| {
            let size = 24 * count;
            let mut file = vec![1, 0, 1, 0, 1, 0, 0, 0];
            file.extend((size as u32).to_le_bytes());
            file.extend([0; 4]);
            for i in 0..count {
                file.extend([0x10, 0, 16, 0, 0, 0, 0, 0]);
                file.extend((16 + size + i).to_le_bytes());
                file.extend(len.to_le_bytes());
            }
            file.resize(file.len() + len as usize + count as usize, 0);
            file
        };
        assert_eq!(messages(&file(1, 16), 0).unwrap().len(), 2);
        let error = messages(&file(200, 400), 0).unwrap_err().to_string();
        assert!(error.contains("an object header that is longer than the file"), "{error}");
    }
}
