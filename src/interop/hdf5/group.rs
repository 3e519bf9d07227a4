//! The members of a group: links in its object header, or a symbol table.

use std::collections::{BTreeMap, BTreeSet};

use super::Hdf5Error;
use super::fields::Fields;
use super::header::Message;

/// The depth of the tree of a symbol table at most: each level has up to 32 times as many members.
const MAX_DEPTH: usize = 16;
/// The address of nothing.
pub(super) const UNDEFINED: u64 = u64::MAX;

/// The addresses of the members of the group with these messages, by their names; `None` if it is no group.
pub(super) fn members(
    file: &[u8],
    messages: &[Message<'_>],
) -> Result<Option<BTreeMap<String, u64>>, Hdf5Error> {
    let mut names = Names { members: BTreeMap::new(), left: file.len() };
    let mut is_group = false;
    for message in messages {
        let mut fields = message.fields.clone();
        match message.kind {
            0x02 => {
                is_group = true;
                dense(fields)?;
            }
            0x06 => {
                link(fields, &mut names)?;
            }
            0x11 => {
                is_group = true;
                let (tree, heap) = (fields.address()?, fields.address()?);
                let mut table = SymbolTable { file, heap: heap_data(file, heap)?, seen: BTreeSet::new() };
                table.node(tree, 0, &mut names)?;
            }
            _ => {}
        }
    }
    Ok((is_group || !names.members.is_empty()).then_some(names.members))
}

/// The members of a group, and how many bytes their names may have yet: no more than the file, even where they overlap in it.
struct Names {
    members: BTreeMap<String, u64>,
    left: usize,
}

impl Names {
    /// Counts a name of `len` bytes at `at`.
    fn spend(&mut self, len: usize, at: u64) -> Result<(), Hdf5Error> {
        // Each takes a byte for its end as well, or for its length.
        let left = self.left.checked_sub(len.saturating_add(1));
        self.left =
            left.ok_or_else(|| Hdf5Error::damaged(at, "names that are longer together than the file"))?;
        Ok(())
    }
}

/// Checks that no links are in a heap of their own: a link info message.
fn dense(mut fields: Fields<'_>) -> Result<(), Hdf5Error> {
    fields.skip(1)?;
    let flags = fields.byte()?;
    fields.skip(if flags & 1 != 0 { 8 } else { 0 })?;
    match fields.address()? {
        UNDEFINED => Ok(()),
        _ => Err(Hdf5Error::unsupported("links in fractal heaps (libver='latest')")),
    }
}

/// Adds the member of a link message, if the link is a hard one.
fn link(mut fields: Fields<'_>, names: &mut Names) -> Result<(), Hdf5Error> {
    fields.skip(1)?;
    let flags = fields.byte()?;
    let kind = if flags & 0x08 != 0 { fields.byte()? } else { 0 };
    fields.skip(if flags & 0x04 != 0 { 8 } else { 0 })?;
    fields.skip(if flags & 0x10 != 0 { 1 } else { 0 })?;
    let len = fields.number(1 << (flags & 3))?;
    let at = fields.offset();
    let bytes = fields.take(len)?;
    names.spend(bytes.len(), at)?;
    if kind == 0 {
        names.members.insert(text(bytes, at)?, fields.address()?);
    }
    Ok(())
}

/// The data of a local heap, where the names of a symbol table are.
fn heap_data(file: &[u8], address: u64) -> Result<Fields<'_>, Hdf5Error> {
    let mut fields = Fields::at(file, address)?;
    fields.signature(b"HEAP", "a local heap")?;
    fields.skip(4)?;
    let size = fields.address()?;
    fields.skip(8)?;
    Fields::part(file, fields.address()?, size)
}

struct SymbolTable<'a> {
    file: &'a [u8],
    heap: Fields<'a>,
    seen: BTreeSet<u64>,
}

impl SymbolTable<'_> {
    /// The members below the node of the tree at `address`.
    fn node(&mut self, address: u64, depth: usize, names: &mut Names) -> Result<(), Hdf5Error> {
        if depth > MAX_DEPTH || !self.seen.insert(address) {
            return Err(Hdf5Error::damaged(address, "a symbol table that contains itself"));
        }
        let mut fields = Fields::at(self.file, address)?;
        if fields.clone().take(4)? == b"SNOD" {
            return self.leaf(fields, names);
        }
        fields.signature(b"TREE", "a node of a symbol table")?;
        let kind = fields.byte()?;
        if kind != 0 {
            return Err(Hdf5Error::damaged(address, format!("a tree of kind {kind} as a symbol table")));
        }
        fields.skip(1)?;
        let count = fields.short()?;
        fields.skip(16)?;
        for _ in 0..count {
            fields.skip(8)?;
            let child = fields.address()?;
            self.node(child, depth + 1, names)?;
        }
        Ok(())
    }

    fn leaf(&self, mut fields: Fields<'_>, names: &mut Names) -> Result<(), Hdf5Error> {
        fields.skip(6)?;
        let count = fields.short()?;
        for _ in 0..count {
            let mut heap = self.heap.clone();
            heap.skip(fields.address()?)?;
            let address = fields.address()?;
            let cached = fields.word()?;
            fields.skip(20)?;
            let (at, bytes) = (heap.offset(), heap.rest());
            let Some(end) = bytes.iter().position(|byte| *byte == 0) else {
                return Err(Hdf5Error::damaged(at, "a name without an end"));
            };
            names.spend(end, at)?;
            // 2: a symbolic link.
            if cached != 2 {
                names.members.insert(text(&bytes[..end], at)?, address);
            }
        }
        Ok(())
    }
}

/// A name, which must be UTF-8.
pub(super) fn text(bytes: &[u8], at: u64) -> Result<String, Hdf5Error> {
    let text = std::str::from_utf8(bytes);
    Ok(text.map_err(|_| Hdf5Error::damaged(at, "a name or text that is not UTF-8"))?.to_owned())
}
