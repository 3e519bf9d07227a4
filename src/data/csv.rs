//! `source: csv`: one column holds the text, one the label.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::corpus::Corpus;
use super::error::{listed, quoted};
use super::rows::{Row, RowError, Rows};
use super::{DataError, Report};
use crate::number;

const BUFFER: usize = 1 << 18;
const GZIP: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How to read one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct CsvFile<'a> {
    pub path: &'a Path,
    /// Name of the column with the text.
    pub text: &'a str,
    /// Name of the column with the label.
    pub label: &'a str,
    pub skip_bad_rows: bool,
    pub needs: Option<&'a str>,
}

/// Where the two columns stand in every row.
struct Columns {
    text: usize,
    label: usize,
    count: usize,
}

/// What is wrong with a row.
struct BadRow {
    found: String,
    expected: String,
}

impl CsvFile<'_> {
    /// Reads every row; tells `report` how far it is.
    pub fn read(&self, report: &Report) -> Result<Corpus, DataError> {
        report.start(self.path);
        let mut rows = Rows::new(self.open()?);
        let columns = self.columns(self.row(&mut rows)?)?;
        let (mut corpus, mut first_bad) = (Corpus::default(), None);
        while let Some(row) = self.row(&mut rows)? {
            match columns.text_and_label(&row) {
                Ok((text, label)) => {
                    corpus.push(text, label, self.path, Some(row.line));
                    report.texts(self.path, corpus.len());
                }
                Err(bad) if self.skip_bad_rows => {
                    corpus.skipped += 1;
                    first_bad.get_or_insert((row.line, bad));
                }
                Err(BadRow { found, expected }) => {
                    let expected = format!("{expected} (skip_bad_rows: true leaves such rows out)");
                    return Err(self.wrong(Some(row.line), found, expected));
                }
            }
        }
        match first_bad {
            _ if corpus.len() > 0 => Ok(corpus),
            Some((line, BadRow { found, expected })) => {
                let skipped = number::count(corpus.skipped as u64);
                Err(self.wrong(Some(line), format!("{found}, and no good row in {skipped}"), expected))
            }
            None => Err(self.wrong(None, "a header and no rows", "a row per text")),
        }
    }

    /// The file's text, unpacked if it starts like gzip, without a byte-order mark.
    fn open(&self) -> Result<impl BufRead + use<>, DataError> {
        let failed = |error| DataError::read(self.path, self.needs, error);
        if fs::metadata(self.path).map_err(failed)?.is_dir() {
            return Err(self.wrong(None, "a folder", "a CSV file (source: folder reads a folder per class)"));
        }
        let file = BufReader::with_capacity(BUFFER, File::open(self.path).map_err(failed)?);
        let (magic, file) = head(file, GZIP.len()).map_err(failed)?;
        let text: Box<dyn BufRead> = if magic == GZIP {
            let packed = Cursor::new(magic).chain(file);
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(packed)))
        } else {
            Box::new(Cursor::new(magic).chain(file))
        };
        let (mark, text) =
            head(text, BYTE_ORDER_MARK.len()).map_err(|error| self.broken(RowError::Read(1, error)))?;
        let kept = if mark == BYTE_ORDER_MARK { Vec::new() } else { mark };
        Ok(Cursor::new(kept).chain(text))
    }

    fn row<'r, R: BufRead>(&self, rows: &'r mut Rows<R>) -> Result<Option<Row<'r>>, DataError> {
        rows.next().map_err(|error| self.broken(error))
    }

    fn columns(&self, header: Option<Row<'_>>) -> Result<Columns, DataError> {
        let Some(header) = header else {
            let expected =
                format!("a header with the columns {} and {}", quoted(self.text), quoted(self.label));
            return Err(self.wrong(None, "an empty file", expected));
        };
        let names: Option<Vec<&str>> =
            (0..header.len()).map(|at| str::from_utf8(header.field(at)?).ok().map(str::trim)).collect();
        let Some(names) = names.filter(|names| names.iter().all(|name| !name.contains('\0'))) else {
            return Err(self.wrong(
                Some(header.line),
                "a header that is not UTF-8",
                "CSV as UTF-8 text, plain or gzip",
            ));
        };
        let find = |field: &str, wanted: &str| {
            let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(at, _)| at);
            match (places.next(), places.next()) {
                (Some(at), None) => Ok(at),
                (Some(_), Some(_)) => Err(self.wrong(
                    Some(header.line),
                    format!("two columns {}", quoted(wanted)),
                    "a name of its own for every column",
                )),
                (None, _) => Err(self.wrong(
                    Some(header.line),
                    format!("the columns {}", listed(names.iter().copied())),
                    format!("a column {} (`{field}` names another one)", quoted(wanted)),
                )),
            }
        };
        Ok(Columns { text: find("text", self.text)?, label: find("label", self.label)?, count: names.len() })
    }

    /// Nothing after this can be read, whatever `skip_bad_rows` says.
    fn broken(&self, error: RowError) -> DataError {
        let (line, found, expected) = match error {
            RowError::OpenQuote(line) => {
                (line, "a quote that is never closed", "a second quote (\") before the file ends")
            }
            RowError::TooLong(line) => {
                (line, "a row that does not end", "rows of less than 64 MiB and 65,536 fields")
            }
            RowError::Read(line, error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => (line, "a gzip file that is cut off", "the whole file"),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    (line, "damaged gzip data", "a gzip file from its first to its last byte")
                }
                _ => return DataError::read(self.path, self.needs, error),
            },
        };
        self.wrong(Some(line), found, expected)
    }

    fn wrong(&self, line: Option<u64>, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::content(self.path, line, found, expected)
    }
}

impl Columns {
    fn text_and_label<'r>(&self, row: &'r Row<'_>) -> Result<(&'r str, &'r str), BadRow> {
        let bad = |found: String, expected: &str| Err(BadRow { found, expected: expected.into() });
        if row.len() != self.count {
            let quotes = if row.len() > self.count { "; a text with commas stands in quotes" } else { "" };
            let expected = format!("{} as in the header{quotes}", fields(self.count));
            return bad(fields(row.len()), &expected);
        }
        let text = utf8(row.field(self.text).unwrap_or_default())?;
        let label = utf8(row.field(self.label).unwrap_or_default())?.trim();
        if text.contains('\0') {
            return bad(format!("a NUL character in {}", quoted(text)), "text");
        }
        if label.is_empty() {
            return bad("an empty label".into(), "the name of a class");
        }
        if label.contains(char::is_control) {
            return bad(format!("the label {}", quoted(label)), "the name of a class, on one line");
        }
        Ok((text, label))
    }
}

fn fields(count: usize) -> String {
    format!("{} field{}", number::count(count as u64), if count == 1 { "" } else { "s" })
}

fn utf8(field: &[u8]) -> Result<&str, BadRow> {
    str::from_utf8(field).map_err(|error| {
        let (good, rest) = field.split_at(error.valid_up_to());
        let around = String::from_utf8_lossy(good).chars().rev().take(20).collect::<Vec<_>>();
        let around: String = around.into_iter().rev().collect();
        let byte = rest.first().copied().unwrap_or_default();
        BadRow { found: format!("the byte 0x{byte:02x} after {}", quoted(&around)), expected: "UTF-8".into() }
    })
}

/// The first `size` bytes of a stream (fewer if it is shorter), and the stream after them.
fn head<R: BufRead>(mut stream: R, size: usize) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::with_capacity(size);
    stream.by_ref().take(size as u64).read_to_end(&mut head)?;
    Ok((head, stream))
}
