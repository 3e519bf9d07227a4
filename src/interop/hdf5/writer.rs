use std::collections::BTreeMap;

use super::SIGNATURE;
use super::checksum::lookup3;

/// The address of nothing.
const UNDEFINED: [u8; 8] = [0xff; 8];
/// The datatype of IEEE single precision, little-endian.
const F32: [u8; 20] = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
/// Bytes of the superblock.
const SUPERBLOCK: usize = 48;

/// What a file contains.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// A group: its members by their names.
    Group(BTreeMap<String, Item<'a>>),
    /// A tensor of single precision, row-major.
    Tensor {
        /// Its shape; empty for a scalar.
        shape: &'a [usize],
        /// Its numbers.
        values: &'a [f32],
    },
}

impl Default for Item<'_> {
    fn default() -> Self {
        Self::Group(BTreeMap::new())
    }
}

impl<'a> Item<'a> {
    /// The item at `path` below this group, where names are separated by `/`; groups that are missing are made.
    pub fn at(&mut self, path: &str) -> &mut Item<'a> {
        let mut item = self;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if let Self::Tensor { .. } = item {
                *item = Self::default();
            }
            let Self::Group(members) = item else { unreachable!("a group, as it has just become") };
            item = members.entry(name.to_owned()).or_default();
        }
        item
    }
}

/// The bytes of a file whose root is `root`: a function of names, shapes and numbers alone.
pub fn write(root: &Item<'_>) -> Vec<u8> {
    let mut file = vec![0; SUPERBLOCK];
    let root = put_item(&mut file, root);
    let mut superblock = SIGNATURE.to_vec();
    superblock.extend([2, 8, 8, 0]);
    superblock.extend(0_u64.to_le_bytes());
    superblock.extend(UNDEFINED);
    superblock.extend((file.len() as u64).to_le_bytes());
    superblock.extend(root.to_le_bytes());
    superblock.extend(lookup3(&superblock).to_le_bytes());
    file[..SUPERBLOCK].copy_from_slice(&superblock);
    file
}

/// Appends `bytes` at a multiple of 8, and returns where.
fn put(file: &mut Vec<u8>, bytes: impl IntoIterator<Item = u8>) -> u64 {
    file.resize(file.len().next_multiple_of(8), 0);
    let at = file.len();
    file.extend(bytes);
    at as u64
}

/// Appends an item after all that is below it, and returns the address of its header.
fn put_item(file: &mut Vec<u8>, item: &Item<'_>) -> u64 {
    let mut messages = Vec::new();
    match item {
        Item::Group(members) => {
            let mut info = vec![0, 0];
            info.extend([UNDEFINED, UNDEFINED].as_flattened());
            messages.push((0x02, info));
            messages.push((0x0a, vec![0, 0]));
            for (name, member) in members {
                let address = put_item(file, member);
                // A hard link: 2 bytes for the length of its name, which is UTF-8.
                let mut link = vec![1, 0x11, 1];
                link.extend((name.len() as u16).to_le_bytes());
                link.extend(name.as_bytes());
                link.extend(address.to_le_bytes());
                messages.push((0x06, link));
            }
        }
        Item::Tensor { shape, values } => {
            let data = put(file, values.iter().flat_map(|value| value.to_le_bytes()));
            let mut space = vec![2, shape.len() as u8, 0, u8::from(!shape.is_empty())];
            space.extend(shape.iter().flat_map(|size| (*size as u64).to_le_bytes()));
            let mut layout = vec![3, 1];
            layout.extend(data.to_le_bytes());
            layout.extend((size_of_val(*values) as u64).to_le_bytes());
            messages.extend([(0x01, space), (0x03, F32.to_vec()), (0x05, vec![3, 9]), (0x08, layout)]);
        }
    }
    put(file, header(&messages))
}

/// An object header of version 2.
fn header(messages: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let size: usize = messages.iter().map(|(_, data)| 4 + data.len()).sum();
    let mut header = b"OHDR\x02\x02".to_vec();
    header.extend((size as u32).to_le_bytes());
    for (kind, data) in messages {
        header.push(*kind);
        header.extend((data.len() as u16).to_le_bytes());
        header.push(0);
        header.extend(data);
    }
    header.extend(lookup3(&header).to_le_bytes());
    header
}
