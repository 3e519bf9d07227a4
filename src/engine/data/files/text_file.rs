//! Reads whole text files, plain or gzip, with or without a byte-order mark.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;
use crate::data::files::encoding::{Encoding, TextError};

const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The maximum bytes of a file, uncompressed: it is read into memory as a whole.
const LARGEST: u64 = 1 << 30;

/// Reads the file at `path`, which is UTF-8; `needs` is the advice in the error if there is no such file.
///
/// # Errors
/// For anything but a regular file (reading a pipe might block forever), and for files that are empty, larger than a gigabyte, damaged, or
/// not UTF-8.
pub(crate) fn read(path: &Path, needs: Option<&str>) -> Result<String, DataError> {
    decoded(path, bytes(path, needs)?, Encoding::Utf8, Encoding::conversion)
}

/// [`read`] for a file in another `encoding`, that of `data.encoding`.
pub(crate) fn read_as(path: &Path, needs: Option<&str>, encoding: Encoding) -> Result<String, DataError> {
    decoded(path, bytes(path, needs)?, encoding, Encoding::advice)
}

/// Decodes the `bytes` of a file; `advice` gives the expectation in the error for bytes that are not UTF-8.
fn decoded(
    path: &Path,
    bytes: Vec<u8>,
    encoding: Encoding,
    advice: fn(&[u8]) -> String,
) -> Result<String, DataError> {
    let wrong = |TextError { lines, found, expected }| {
        DataError::content(path, Some(1 + lines), found, expected.into_owned())
    };
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8(bytes).or_else(|error| {
            let bytes = error.as_bytes();
            let text = Encoding::Utf8.decode(bytes).map_err(|bad| {
                let found = format!("{}, which is not UTF-8", bad.found);
                wrong(TextError { found, expected: advice(bytes).into(), ..bad })
            })?;
            Ok(text.into_owned())
        })?,
        other => other.decode(&bytes).map_err(wrong)?.into_owned(),
    };
    match text.is_empty() {
        true => Err(DataError::content(path, None, "an empty file", "text")),
        false => Ok(text),
    }
}

/// Reads the bytes of the file at `path`, decompressed, without a byte-order mark.
fn bytes(path: &Path, needs: Option<&str>) -> Result<Vec<u8>, DataError> {
    let failed = |error| DataError::read(path, needs, error);
    let wrong = |found: String, expected: &str| DataError::content(path, None, found, expected);
    let kind = path.metadata().map_err(failed)?.file_type();
    if !kind.is_file() {
        let found = if kind.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(wrong(found.into(), "a text file, plain or gzip"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.starts_with(GZIP) {
        let mut text = Vec::new();
        let result = MultiGzDecoder::new(bytes.as_slice()).take(LARGEST + 1).read_to_end(&mut text);
        result.map_err(|error| broken(path, error))?;
        bytes = text;
    }
    if bytes.len() as u64 > LARGEST {
        let most = "1 GiB";
        return Err(wrong(format!("more than {most}"), "a file that fits in memory: split it"));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// The error for a damaged gzip file.
fn broken(path: &Path, error: io::Error) -> DataError {
    let (found, expected) = match error.kind() {
        io::ErrorKind::UnexpectedEof => ("a gzip file that is cut short", "the whole file: fetch it again"),
        _ => ("damaged gzip data", "an undamaged file: fetch it again"),
    };
    DataError::content(path, None, found, expected)
}
