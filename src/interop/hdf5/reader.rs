use std::cell::Cell;
use std::collections::BTreeMap;

use super::chunks::Chunked;
use super::datatype::{Datatype, elements, shape};
use super::fields::Fields;
use super::group::{UNDEFINED, members};
use super::header::{Message, messages};
use super::{Hdf5Error, SIGNATURE, attribute, filters};

/// Groups within groups at most.
const MAX_DEPTH: usize = 64;
/// The greatest size of a single dataset in bytes: 4 GB.
const MAX_BYTES: usize = 4_000_000_000;
/// Bytes that compressed data may have together, even in a short file: 1 GiB.
const MIN_INFLATED: u64 = 1 << 30;
/// How many times the length of the file they may have otherwise. Weights hardly become shorter by compression.
const MAX_RATIO: u64 = 4;

/// A file in memory.
#[derive(Debug)]
pub struct File<'a> {
    bytes: &'a [u8],
    root: u64,
    /// Bytes of datasets that may still be read: no more than the file has, however often it names the same data.
    budget: Cell<u64>,
    /// Bytes of strings that may still be read: no more than the file has either.
    texts: Cell<u64>,
    /// Bytes that data in chunks may still have without their compression.
    inflated: Cell<u64>,
}

/// An object of a file: a group or a dataset.
#[derive(Debug)]
pub struct Object<'f, 'a> {
    file: &'f File<'a>,
    path: String,
    messages: Vec<Message<'a>>,
}

/// The numbers of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub values: Vec<f32>,
}

impl<'a> File<'a> {
    /// Opens the file with these bytes.
    ///
    /// # Errors
    /// If it is no HDF5 file, or has other sizes of offsets than those of all current programs.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Hdf5Error> {
        let mut fields = Fields::new(bytes, 0);
        if fields.take(8).ok() != Some(&SIGNATURE[..]) {
            return Err(Hdf5Error::Signature);
        }
        let version = fields.byte()?;
        let (sizes, rest) = match version {
            0 | 1 => {
                fields.skip(4)?;
                let sizes = [fields.byte()?, fields.byte()?];
                fields.skip(if version == 1 { 13 } else { 9 })?;
                (sizes, 24)
            }
            2 | 3 => {
                let sizes = [fields.byte()?, fields.byte()?];
                fields.skip(1)?;
                (sizes, 16)
            }
            _ => return Err(Hdf5Error::unsupported(format!("a superblock of version {version}"))),
        };
        if sizes != [8, 8] {
            return Err(Hdf5Error::unsupported(format!(
                "offsets and lengths of {} and {} bytes",
                sizes[0], sizes[1]
            )));
        }
        if fields.address()? != 0 {
            return Err(Hdf5Error::unsupported("a block of the user before the data"));
        }
        // Extension or free space, end of file, driver; of version 0 also the name of the root.
        fields.skip(if version < 2 { rest + 8 } else { rest })?;
        let root = fields.address()?;
        let len = bytes.len() as u64;
        let inflated = len.saturating_mul(MAX_RATIO).max(MIN_INFLATED);
        Ok(Self { bytes, root, budget: Cell::new(len), texts: Cell::new(len), inflated: Cell::new(inflated) })
    }

    /// The root group.
    ///
    /// # Errors
    /// If its header is damaged.
    pub fn root(&self) -> Result<Object<'_, 'a>, Hdf5Error> {
        self.object(self.root, String::new())
    }

    fn object(&self, address: u64, path: String) -> Result<Object<'_, 'a>, Hdf5Error> {
        Ok(Object { file: self, path, messages: messages(self.bytes, address)? })
    }

    fn spend(&self, bytes: u64) -> Result<(), Hdf5Error> {
        spend(&self.budget, bytes, "datasets that are longer together than the file")
    }
}

/// Takes `bytes` from what is left of a limit; `what` is beyond it.
fn spend(left: &Cell<u64>, bytes: u64, what: &str) -> Result<(), Hdf5Error> {
    left.set(left.get().checked_sub(bytes).ok_or_else(|| Hdf5Error::damaged(0, what))?);
    Ok(())
}

impl<'f, 'a> Object<'f, 'a> {
    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a dataset.
    pub fn is_dataset(&self) -> bool {
        self.message(0x08).is_some()
    }

    fn message(&self, kind: u16) -> Option<Fields<'a>> {
        self.messages.iter().find(|message| message.kind == kind).map(|message| message.fields.clone())
    }

    fn wrong(&self, found: impl Into<String>, wanted: &'static str) -> Hdf5Error {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        Hdf5Error::Kind { path: path.into(), found: found.into(), wanted }
    }

    fn members(&self) -> Result<BTreeMap<String, u64>, Hdf5Error> {
        let found = if self.is_dataset() { "a dataset" } else { "an object of another kind" };
        members(self.file.bytes, &self.messages)?.ok_or_else(|| self.wrong(found, "a group"))
    }

    /// The names of the members of this group.
    ///
    /// # Errors
    /// If it is not a group, or damaged.
    pub fn names(&self) -> Result<Vec<String>, Hdf5Error> {
        Ok(self.members()?.into_keys().collect())
    }

    /// The object at `path` below this group, where names are separated by `/`.
    ///
    /// # Errors
    /// [`Hdf5Error::Missing`] with what there is instead.
    pub fn get(&self, path: &str) -> Result<Object<'f, 'a>, Hdf5Error> {
        let missing = |path: String, members: &BTreeMap<String, u64>| {
            let names: Vec<&str> = members.keys().map(String::as_str).take(20).collect();
            let near = if names.is_empty() { "nothing".into() } else { names.join(", ") };
            Hdf5Error::Missing { path, near }
        };
        let mut names = path.split('/').filter(|name| !name.is_empty()).take(MAX_DEPTH);
        let step = |object: &Self, name: &str| {
            let members = object.members()?;
            let path = format!("{}/{name}", object.path).trim_start_matches('/').to_owned();
            match members.get(name) {
                Some(address) => self.file.object(*address, path),
                None => Err(missing(path, &members)),
            }
        };
        let Some(first) = names.next() else { return self.file.object(self.file.root, self.path.clone()) };
        names.try_fold(step(self, first)?, |object, name| step(&object, name))
    }

    /// The object at `path`, `None` if there is none.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn find(&self, path: &str) -> Result<Option<Object<'f, 'a>>, Hdf5Error> {
        match self.get(path) {
            Ok(object) => Ok(Some(object)),
            Err(Hdf5Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The paths of all datasets below this group, from it on, in alphabetical order.
    ///
    /// # Errors
    /// If the file is damaged, or a group contains itself.
    pub fn datasets(&self) -> Result<Vec<String>, Hdf5Error> {
        let mut all = Vec::new();
        // Bytes of paths: a member has a header of 16 bytes at least, and a name.
        let mut left = self.file.bytes.len();
        self.walk("", 0, &mut left, &mut all)?;
        Ok(all)
    }

    fn walk(
        &self,
        prefix: &str,
        depth: usize,
        left: &mut usize,
        all: &mut Vec<String>,
    ) -> Result<(), Hdf5Error> {
        for (name, address) in self.members()? {
            *left = left.saturating_sub(16 + prefix.len() + name.len());
            if depth > MAX_DEPTH || *left == 0 {
                return Err(Hdf5Error::damaged(address, "a group that contains itself"));
            }
            let object = self.file.object(address, format!("{}/{name}", self.path))?;
            let path = format!("{prefix}{name}");
            if object.is_dataset() {
                all.push(path);
            } else if members(self.file.bytes, &object.messages)?.is_some() {
                object.walk(&format!("{path}/"), depth + 1, left, all)?;
            }
        }
        Ok(())
    }

    /// The strings of the attribute `name`; `None` if there is no such attribute.
    ///
    /// # Errors
    /// If the attribute is no string, or damaged.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<String>>, Hdf5Error> {
        for message in self.messages.iter().filter(|message| message.kind == 0x0c) {
            if attribute::name(message.fields.clone())? == name {
                let strings = attribute::strings(self.file.bytes, message.fields.clone(), |bytes| {
                    spend(&self.file.texts, bytes, "texts that are longer together than the file")
                })?;
                let wrong = || {
                    self.wrong(format!("an object whose attribute `{name}` is no text"), "one with a text")
                };
                return strings.map(Some).ok_or_else(wrong);
            }
        }
        // An attribute info message: attributes in a heap of their own.
        if let Some(mut info) = self.message(0x15) {
            info.skip(1)?;
            let flags = info.byte()?;
            info.skip(if flags & 1 != 0 { 2 } else { 0 })?;
            if info.address()? != UNDEFINED {
                return Err(Hdf5Error::unsupported("attributes in fractal heaps"));
            }
        }
        Ok(None)
    }

    /// The shape of this dataset; empty for a scalar.
    ///
    /// # Errors
    /// If it is no dataset, or damaged.
    pub fn shape(&self) -> Result<Vec<usize>, Hdf5Error> {
        shape(self.message(0x01).ok_or_else(|| self.wrong("no dataset", "a dataset"))?)
    }

    /// The numbers of this dataset.
    ///
    /// # Errors
    /// If it is no dataset of numbers, or damaged.
    pub fn dataset(&self) -> Result<Dataset, Hdf5Error> {
        let (Some(space), Some(kind), Some(layout)) =
            (self.message(0x01), self.message(0x03), self.message(0x08))
        else {
            return Err(self.wrong("no dataset", "a dataset"));
        };
        let (shape, kind, at) = (shape(space)?, Datatype::read(kind)?, layout.offset());
        let element = match &kind {
            Datatype::Other(what) => return Err(self.wrong(format!("a dataset of {what}"), "one of numbers")),
            kind => kind.size().unwrap_or(1),
        };
        let size = elements(&shape).and_then(|count| count.checked_mul(element));
        let size = size.filter(|size| *size <= MAX_BYTES);
        let size = size.ok_or_else(|| Hdf5Error::damaged(at, format!("a dataset of shape {shape:?}")))?;
        let bytes = if size == 0 { Vec::new() } else { self.data(layout, &shape, element, size)? };
        let values =
            kind.numbers(&bytes).ok_or_else(|| self.wrong("a dataset of texts", "one of numbers"))?;
        Ok(Dataset { shape, values })
    }

    /// The `size` bytes of the dataset.
    fn data(
        &self,
        mut layout: Fields<'a>,
        shape: &[usize],
        element: usize,
        size: usize,
    ) -> Result<Vec<u8>, Hdf5Error> {
        let at = layout.offset();
        let (version, class) = (layout.byte()?, layout.byte()?);
        let part = match (version, class) {
            (3 | 4, 0) => {
                let len = u64::from(layout.short()?);
                self.file.spend(len)?;
                layout.take(len)?
            }
            (3 | 4, 1) => {
                let (address, len) = (layout.address()?, layout.address()?);
                if address == UNDEFINED {
                    return Err(self.wrong("a dataset that was never written", "one with data"));
                }
                self.file.spend(len)?;
                Fields::part(self.file.bytes, address, len)?.rest()
            }
            (3, 2) => {
                let rank = usize::from(layout.byte()?);
                let address = layout.address()?;
                if rank != shape.len() + 1 {
                    return Err(Hdf5Error::damaged(
                        at,
                        format!("chunks with {rank} sizes of a dataset {shape:?}"),
                    ));
                }
                let chunk: Vec<usize> =
                    (1..rank).map(|_| Ok(layout.word()? as usize)).collect::<Result<_, Hdf5Error>>()?;
                if chunk.contains(&0) {
                    return Err(Hdf5Error::damaged(at, "chunks without elements"));
                }
                let filters = self.message(0x0b).map(filters::pipeline).transpose()?.unwrap_or_default();
                let chunked = Chunked { file: self.file.bytes, shape, chunk, element, filters };
                return chunked.read(address, |stored, inflated| {
                    self.file.spend(stored)?;
                    spend(&self.file.inflated, inflated, "compressed data that are too long together")
                });
            }
            _ => {
                return Err(Hdf5Error::unsupported(format!(
                    "a data layout of version {version}, class {class}"
                )));
            }
        };
        match part.len() == size {
            true => Ok(part.to_vec()),
            false => Err(Hdf5Error::damaged(at, format!("{} bytes of data, not {size}", part.len()))),
        }
    }
}
