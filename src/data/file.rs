//! A whole text file: plain or gzip, UTF-8, with or without a byte-order mark.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::DataError;

const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bytes of a file, unpacked, at most: it is held in memory as a whole.
const LARGEST: u64 = 1 << 30;

/// The text of the file at `path`; `needs` says what has to be fetched where there is none.
///
/// # Errors
/// For what is no regular file (reading a pipe might never end), is empty, larger than a gigabyte, cut off, or not UTF-8.
pub(super) fn read(path: &Path, needs: Option<&str>) -> Result<String, DataError> {
    let failed = |error| DataError::read(path, needs, error);
    let wrong = |line, found: String, expected: &str| DataError::content(path, line, found, expected);
    let kind = path.metadata().map_err(failed)?.file_type();
    if !kind.is_file() {
        let found = if kind.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(wrong(None, found.into(), "a text file, plain or gzip"));
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
        return Err(wrong(None, format!("more than {most}"), "a file that fits in memory: split it"));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (good, rest) = error.as_bytes().split_at(at);
        let line = good.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let byte = rest.first().copied().unwrap_or_default();
        let found = format!("the byte 0x{byte:02x} at byte column {column}, which is not UTF-8");
        wrong(Some(line), found, "UTF-8 text: iconv -f latin1 -t utf-8 converts a file")
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.remove(0);
    }
    if text.is_empty() {
        return Err(wrong(None, "an empty file".into(), "text"));
    }
    Ok(text)
}

/// What a damaged archive is told as.
fn broken(path: &Path, error: io::Error) -> DataError {
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "gzip that ends too early".to_owned(),
        _ => format!("gzip that cannot be unpacked ({error})"),
    };
    DataError::content(path, None, found, "the whole file: fetch it again")
}
