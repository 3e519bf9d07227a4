//! Opens text files, plain or gzip, and reads and decodes them line by line.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::data::error::{DataError, quoted};
use crate::data::files::encoding::{Encoding, TextError};

const BUFFER: usize = 1 << 18;
const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The maximum bytes of a line or row; a longer one is an error, which bounds the memory.
pub(crate) const LONGEST: usize = 16 << 20;

/// Opens the text at `path`, decompressed if it starts like gzip, without a byte-order mark; `needs` is the advice in the error if
/// there is no such file.
///
/// # Errors
/// For anything but a regular file: opening a pipe might block forever.
pub fn text(path: &Path, needs: Option<&str>) -> Result<Box<dyn BufRead>, DataError> {
    let failed = |error| DataError::read(path, needs, error);
    let kind = path.metadata().map_err(failed)?;
    if !kind.is_file() {
        let found = if kind.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(DataError::content(path, None, found, "a text file, plain or gzip"));
    }
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(failed)?);
    let magic = head(&mut file, GZIP.len()).map_err(failed)?;
    let is_gzip = magic == GZIP;
    let whole = Cursor::new(magic).chain(file);
    let mut text: Box<dyn BufRead> = match is_gzip {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))),
        false => Box::new(whole),
    };
    let mark = head(&mut text, BYTE_ORDER_MARK.len()).map_err(|error| broken(path, 1, error))?;
    let head = if mark == BYTE_ORDER_MARK { Vec::new() } else { mark };
    Ok(Box::new(Cursor::new(head).chain(text)))
}

/// Reads the next `size` bytes of a stream, fewer if it ends before.
pub(crate) fn head(stream: &mut impl BufRead, size: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(size as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The error for a failure of reading `line` of the file at `path`.
pub fn broken(path: &Path, line: u64, error: io::Error) -> DataError {
    let (found, expected) = match error.kind() {
        io::ErrorKind::UnexpectedEof => ("a gzip file that is cut short", "the whole file: fetch it again"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            ("damaged gzip data", "an undamaged file: fetch it again")
        }
        _ => return DataError::read(path, None, error),
    };
    DataError::content(path, Some(line), found, expected)
}

/// The lines of a file.
pub(crate) struct Lines<'p> {
    path: &'p Path,
    text: Box<dyn BufRead>,
    bytes: Vec<u8>,
    encoding: Encoding,
    /// The number of the last line read, from 1.
    pub number: u64,
}

impl<'p> Lines<'p> {
    pub fn open(path: &'p Path, needs: Option<&str>, encoding: Encoding) -> Result<Self, DataError> {
        Ok(Self { path, text: text(path, needs)?, bytes: Vec::new(), encoding, number: 0 })
    }

    /// The next line without its end, `None` after the last. Reading can continue after a [`TextError`] only.
    pub fn next(&mut self) -> Result<Option<Result<Cow<'_, str>, TextError>>, DataError> {
        self.bytes.clear();
        self.number += 1;
        let mut limited = (&mut self.text).take(LONGEST as u64 + 1);
        limited.read_until(b'\n', &mut self.bytes).map_err(|e| broken(self.path, self.number, e))?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        if self.bytes.len() > LONGEST {
            let found = "a line that does not end";
            return Err(DataError::content(self.path, Some(self.number), found, "lines of less than 16 MiB"));
        }
        let line = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        Ok(Some(self.encoding.decode(line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// The error for invalid text in the last line read.
    pub fn wrong(&self, bad: TextError) -> DataError {
        DataError::content(self.path, Some(self.number + bad.lines), bad.found, bad.expected)
    }
}

/// Parses the name of a class.
pub(crate) fn label(label: &str) -> Result<&str, TextError> {
    let label = label.trim();
    let error =
        |found: String, expected| Err(TextError { lines: 0, found, expected: Cow::Borrowed(expected) });
    if label.is_empty() {
        return error("an empty label".into(), "the name of a class");
    }
    if label.contains(char::is_control) {
        return error(format!("the label {}", quoted(label)), "the name of a class, on one line");
    }
    Ok(label)
}
