use super::Hdf5Error;

/// Reads the fields of a part of a file one after the other.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The offset in the file of the first byte, for messages.
    origin: u64,
}

impl<'a> Fields<'a> {
    /// The fields of `bytes`, which are at `origin` in the file.
    pub fn new(bytes: &'a [u8], origin: u64) -> Self {
        Self { bytes, at: 0, origin }
    }

    /// The fields of `file` from `at` on, to its end.
    pub fn at(file: &'a [u8], at: u64) -> Result<Self, Hdf5Error> {
        let rest = usize::try_from(at).ok().and_then(|at| file.get(at..));
        let rest = rest.ok_or_else(|| Hdf5Error::damaged(at, format!("the file ends at {}", file.len())))?;
        Ok(Self::new(rest, at))
    }

    /// `len` bytes of `file` from `at` on.
    pub fn part(file: &'a [u8], at: u64, len: u64) -> Result<Self, Hdf5Error> {
        Ok(Self::new(Self::at(file, at)?.take(len)?, at))
    }

    /// The offset in the file.
    pub fn offset(&self) -> u64 {
        self.origin + self.at as u64
    }

    /// The number of bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: u64) -> Result<&'a [u8], Hdf5Error> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let part = end.and_then(|end| self.bytes.get(self.at..end));
        let part = part.ok_or_else(|| {
            let what = format!("{len} bytes are needed, {} are left", self.left());
            Hdf5Error::damaged(self.offset(), what)
        })?;
        self.at += part.len();
        Ok(part)
    }

    /// Leaves `len` bytes out.
    pub fn skip(&mut self, len: u64) -> Result<(), Hdf5Error> {
        self.take(len).map(|_| ())
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// A little-endian number of `size` bytes, at most 8.
    pub fn number(&mut self, size: usize) -> Result<u64, Hdf5Error> {
        let bytes = self.take(size as u64)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A byte.
    pub fn byte(&mut self) -> Result<u8, Hdf5Error> {
        self.number(1).map(|byte| byte as u8)
    }

    /// A number of 2 bytes.
    pub fn short(&mut self) -> Result<u16, Hdf5Error> {
        self.number(2).map(|short| short as u16)
    }

    /// A number of 4 bytes.
    pub fn word(&mut self) -> Result<u32, Hdf5Error> {
        self.number(4).map(|word| word as u32)
    }

    /// An address, or a length: 8 bytes.
    pub fn address(&mut self) -> Result<u64, Hdf5Error> {
        self.number(8)
    }

    /// Reads `signature`, the first bytes of `what`.
    pub fn signature(&mut self, signature: &[u8], what: &str) -> Result<(), Hdf5Error> {
        let at = self.offset();
        match self.take(signature.len() as u64)? {
            found if found == signature => Ok(()),
            _ => {
                Err(Hdf5Error::damaged(at, format!("{what} should begin with {}", signature.escape_ascii())))
            }
        }
    }
}
