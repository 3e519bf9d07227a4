//! A whole text file: plain or gzip, with or without a byte-order mark.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;
use crate::data::files::encoding::{BadText, Encoding};

const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Bytes of a file, unpacked, at most: it is held in memory as a whole.
const LARGEST: u64 = 1 << 30;

/// The text of the file at `path`, UTF-8; `needs` says what has to be fetched where there is none.
///
/// # Errors
/// For what is no regular file (reading a pipe might never end), is empty, larger than a gigabyte, cut off, or not UTF-8.
pub(crate) fn read(path: &Path, needs: Option<&str>) -> Result<String, DataError> {
    decoded(path, bytes(path, needs)?, Encoding::Utf8, Encoding::conversion)
}

/// The same of one in the encoding that `data.encoding` says.
pub(crate) fn read_as(path: &Path, needs: Option<&str>, encoding: Encoding) -> Result<String, DataError> {
    decoded(path, bytes(path, needs)?, encoding, Encoding::advice)
}

/// The text of the `bytes` of a file; `advice` says what bytes that are not UTF-8 should be.
fn decoded(
    path: &Path,
    bytes: Vec<u8>,
    encoding: Encoding,
    advice: fn(&[u8]) -> String,
) -> Result<String, DataError> {
    let wrong = |BadText { lines, found, expected }| {
        DataError::content(path, Some(1 + lines), found, expected.into_owned())
    };
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8(bytes).or_else(|error| {
            let bytes = error.as_bytes();
            let text = Encoding::Utf8.decode(bytes).map_err(|bad| {
                let found = format!("{}, which is not UTF-8", bad.found);
                wrong(BadText { found, expected: advice(bytes).into(), ..bad })
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

/// The bytes of the file at `path`, unpacked, without a byte-order mark.
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
        let unpacked = MultiGzDecoder::new(bytes.as_slice()).take(LARGEST + 1).read_to_end(&mut text);
        unpacked.map_err(|error| broken(path, error))?;
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

/// What a damaged archive is told as.
fn broken(path: &Path, error: io::Error) -> DataError {
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "gzip that ends too early".to_owned(),
        _ => format!("gzip that cannot be unpacked ({error})"),
    };
    DataError::content(path, None, found, "the whole file: fetch it again")
}
