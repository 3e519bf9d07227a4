//! The beginning of a file.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::files::encoding::{Encoding, TextError};
use crate::data::files::open;
use crate::data::files::sniff::Head;

/// The beginning of a file, unpacked, without a byte-order mark.
pub(crate) struct Start {
    pub head: Head,
    /// Bytes of the file as it lies there, packed or not.
    pub size: Option<u64>,
}

impl Start {
    /// Reads at most `size` bytes.
    ///
    /// # Errors
    /// For what is no regular file or empty, and for an archive that is broken so early.
    pub fn read(path: &Path, size: usize) -> Result<Self, DataError> {
        let (head, failed) = Head::read(&mut open::text(path, None)?, size);
        if let Some(error) = failed {
            return Err(open::broken(path, 1, error));
        }
        if head.bytes.iter().all(u8::is_ascii_whitespace) && !head.more {
            let found = if head.bytes.is_empty() { "an empty file" } else { "nothing but white space" };
            return Err(DataError::content(path, None, found, "a table, JSON lines or text"));
        }
        Ok(Self { head, size: path.metadata().ok().map(|of| of.len()) })
    }

    /// The encoding of its bytes: the `given` one, UTF-8, or a guess.
    pub fn encoding(&self, given: Option<Encoding>) -> Encoding {
        let lines = self.head.whole_lines();
        given.unwrap_or_else(|| {
            if str::from_utf8(lines).is_ok() { Encoding::Utf8 } else { Encoding::guess(lines) }
        })
    }

    /// Its text in `encoding`, without a character that is cut off.
    ///
    /// # Errors
    /// With line and byte column where it is none.
    pub fn text(mut self, path: &Path, encoding: Encoding) -> Result<String, DataError> {
        if self.head.more && self.head.bytes.contains(&b'\n') {
            let lines = self.head.whole_lines().len();
            self.head.bytes.truncate(lines);
        } else if let Err(error) = str::from_utf8(&self.head.bytes)
            && error.error_len().is_none()
            && self.head.more
        {
            self.head.bytes.truncate(error.valid_up_to());
        }
        let wrong = |bad: TextError, expected: String| {
            DataError::content(path, Some(1 + bad.lines), bad.found, expected)
        };
        match encoding.decode(&self.head.bytes) {
            Ok(text) => Ok(text.into_owned()),
            Err(bad) if encoding == Encoding::Utf8 => Err(wrong(bad, Encoding::conversion(&self.head.bytes))),
            Err(bad) => {
                let expected = bad.expected.to_string();
                Err(wrong(bad, expected))
            }
        }
    }

    /// Refuses bytes that are no text, by name where it is known what they are.
    ///
    /// # Errors
    /// For a NUL byte, or many other bytes that no text has.
    pub fn refuse_binary(&self, path: &Path) -> Result<(), DataError> {
        let known: [(&[u8], &str, &str); 9] = [
            (b"\xff\xfe", "UTF-16 text", "UTF-8 text: iconv -f utf-16 -t utf-8 converts a file"),
            (b"\xfe\xff", "UTF-16 text", "UTF-8 text: iconv -f utf-16 -t utf-8 converts a file"),
            (
                b"PK\x03\x04",
                "a ZIP archive (a spreadsheet is one too)",
                "what is in it: unpack it, or save it as CSV",
            ),
            (b"PAR1", "a Parquet file", "a CSV file or JSON lines: convert it"),
            (b"BZh", "a bzip2 archive", "what is in it, plain or gzip: unpack it"),
            (b"\xfd7zXZ", "an xz archive", "what is in it, plain or gzip: unpack it"),
            (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "what is in it, plain or gzip: unpack it"),
            (b"%PDF", "a PDF document", "text: pdftotext makes some of it"),
            (b"RIFF", "a single recording", "a folder with a folder per class, each with its recordings"),
        ];
        let wrong =
            |line, found: String, expected: &str| Err(DataError::content(path, line, found, expected));
        if let Some((_, found, expected)) =
            known.iter().find(|(magic, ..)| self.head.bytes.starts_with(magic))
        {
            return wrong(None, (*found).into(), expected);
        }
        let tar = self.head.bytes.get(257..262) == Some(b"ustar");
        if tar {
            return wrong(None, "a tar archive".into(), "what is in it: tar -xf unpacks it");
        }
        let strange =
            |byte: &&u8| **byte < 32 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b);
        if self.head.bytes.contains(&0)
            || self.head.bytes.iter().filter(strange).count() * 20 > self.head.bytes.len()
        {
            let at = self.head.bytes.iter().position(|byte| strange(&byte)).unwrap_or_default();
            let before = self.head.bytes.get(..at).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            let byte = self.head.bytes.get(at).copied().unwrap_or_default();
            let found = format!("bytes that are no text, such as 0x{byte:02x}");
            return wrong(Some(line), found, "a table, JSON lines or text, plain or gzip");
        }
        Ok(())
    }
}
