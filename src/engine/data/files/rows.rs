//! CSV → rows of fields, each with the line it starts on (RFC 4180, as lenient as the `csv` crate).

use std::io::{self, BufRead};

use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};

use crate::data::files::open::LONGEST as LONGEST_ROW;

const MOST_FIELDS: usize = 1 << 16;

/// A reader of the rows of a CSV stream. Empty lines are skipped.
pub(crate) struct Rows<R> {
    input: R,
    core: csv_core::Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    raw: Vec<u8>,
    /// The last byte read is a `\r` that may end a line by itself.
    returned: bool,
}

/// One row.
pub(crate) struct Row<'a> {
    /// The line on which it starts, from 1.
    pub line: u64,
    /// Its bytes in the file, including the line end.
    pub raw: &'a [u8],
    fields: &'a [u8],
    ends: &'a [usize],
}

/// An error after which no further row can be read.
pub(crate) enum RowError {
    /// The stream failed while the row that starts on this line was read.
    Read(u64, io::Error),
    /// A quote opened in the row that starts on this line is never closed.
    OpenQuote(u64),
    /// The row that starts on this line is too long.
    TooLong(u64),
}

impl Row<'_> {
    /// The number of fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a field, without its quotes.
    pub fn field(&self, at: usize) -> Option<&[u8]> {
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.fields.get(start..*self.ends.get(at)?)
    }
}

impl<R: BufRead> Rows<R> {
    /// Creates a reader of a table with this `delimiter`; with `quoting`, fields may be quoted with `"`.
    pub fn new(input: R, delimiter: u8, quoting: bool) -> Self {
        Self::with_escape(input, delimiter, quoting, false)
    }

    /// Creates a reader; with `escaped`, `\"` within quotes is a quote too, as MySQL and others write it.
    pub fn with_escape(input: R, delimiter: u8, quoting: bool, escaped: bool) -> Self {
        let (fields, ends, raw) = (vec![0; 1 << 16], vec![0; 64], Vec::new());
        let mut core = csv_core::ReaderBuilder::new();
        core.delimiter(delimiter).quoting(quoting).escape(escaped.then_some(b'\\'));
        Self { input, core: core.build(), fields, ends, raw, returned: false }
    }

    /// The next row, `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, RowError> {
        let more = self.skip_line_ends().map_err(|error| RowError::Read(self.core.line(), error))?;
        let line = self.core.line();
        if !more {
            return Ok(None);
        }
        let (mut length, mut count) = (0, 0);
        self.raw.clear();
        loop {
            let input = self.input.fill_buf().map_err(|error| RowError::Read(line, error))?;
            // The end of the stream ends the row like a line end would, except inside quotes.
            let at_end = input.is_empty();
            let input = if at_end { b"\n" } else { input };
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.fields[length..], &mut self.ends[count..]);
            if let Some(last) = read.checked_sub(1).and_then(|last| input.get(last)) {
                self.returned = *last == b'\r';
            }
            if !at_end {
                self.raw.extend_from_slice(input.get(..read).unwrap_or_default());
                self.input.consume(read);
            }
            length += written;
            count += ended;
            match result {
                InputEmpty if at_end => return Err(RowError::OpenQuote(line)),
                InputEmpty => {}
                OutputFull if length < LONGEST_ROW => self.fields.resize(length * 2, 0),
                OutputEndsFull if count < MOST_FIELDS => self.ends.resize(count * 2, 0),
                OutputFull | OutputEndsFull => return Err(RowError::TooLong(line)),
                Record | End => break,
            }
        }
        Ok(Some(Row { line, raw: &self.raw, fields: &self.fields[..length], ends: &self.ends[..count] }))
    }

    /// Skips to the first byte of the next row and counts the lines skipped; false at the end of the stream.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let input = self.input.fill_buf()?;
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let (end, all) = (input.is_empty(), blank == input.len());
            let mut lines = 0;
            for byte in &input[..blank] {
                lines += u64::from(*byte == b'\n' || self.returned);
                self.returned = *byte == b'\r';
            }
            if !all {
                lines += u64::from(self.returned);
                self.returned = false;
            }
            self.input.consume(blank);
            self.core.set_line(self.core.line() + lines);
            if !all || end {
                return Ok(!end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn rows(text: &[u8], buffer: usize) -> Result<Vec<(u64, Vec<String>)>, &'static str> {
        let mut rows = Rows::new(BufReader::with_capacity(buffer, text), b',', true);
        let mut all = vec![];
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let fields =
                        (0..row.len()).map(|i| String::from_utf8_lossy(row.field(i).unwrap()).into_owned());
                    all.push((row.line, fields.collect()));
                }
                Ok(None) => return Ok(all),
                Err(RowError::Read(..)) => return Err("read"),
                Err(RowError::OpenQuote(_)) => return Err("quote"),
                Err(RowError::TooLong(_)) => return Err("long"),
            }
        }
    }

    fn lines(text: &str) -> Vec<u64> {
        let all = [1, 2, 3, 7, 4096].map(|buffer| rows(text.as_bytes(), buffer).unwrap());
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{text:?}: {all:?}");
        all[0].iter().map(|(line, _)| *line).collect()
    }

    #[test]
    fn a_row_has_the_line_it_starts_on_for_any_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "\"1", "2\",3", "", "", "c,d"].join(end);
            let quoted_break_counts = if end == "\r" { 6 } else { 7 };
            assert_eq!(lines(&text), [1, 3, quoted_break_counts], "{end:?}");
        }
        assert_eq!(lines("\n\r\n\na\n\n"), [4]);
        assert_eq!(lines(""), [0; 0]);
    }

    #[test]
    fn quoted_fields_contain_commas_line_ends_and_quotes() {
        let all = rows(b"a,\"b, \"\"c\"\"\nd\",\n,e", 5).unwrap();
        let expected = [(1, ["a", "b, \"c\"\nd", ""].map(String::from).to_vec())];
        assert_eq!(all[..1], expected);
        assert_eq!(all[1].0, 3);
        assert_eq!(all[1].1, ["", "e"]);
    }

    #[test]
    fn an_open_quote_and_an_endless_row_are_errors() {
        assert_eq!(rows(b"a,b\n\"c,d\ne,f\n", 64), Err("quote"));
        assert_eq!(rows(b"a,\"b\"", 64).unwrap().len(), 1);
        assert_eq!(rows(&vec![b','; MOST_FIELDS + 1], 4096), Err("long"));
        assert_eq!(rows(&vec![b'a'; LONGEST_ROW + 1], 4096), Err("long"));
    }

    proptest! {
        #[test]
        fn rows_do_not_depend_on_the_size_of_the_buffer(
            text in proptest::collection::vec(
                prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()],
                0..60,
            ),
            buffer in 1_usize..9,
        ) {
            prop_assert_eq!(rows(&text, buffer), rows(&text, 4096));
        }
    }
}
