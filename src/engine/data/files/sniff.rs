//! How a table is laid out, found from its first rows.

use std::io::{self, BufRead, Read};

use crate::data::files::encoding::Encoding;
use crate::data::files::open::LONGEST;
use crate::data::files::rows::Rows;

/// Bytes at the start of a file from which its layout is found.
pub const HEAD: usize = 1 << 18;
/// Rows that are looked at.
const ROWS: usize = 500;
/// Neighbouring rows that are taken together.
const RUN: usize = 25;
/// The maximum number of bytes of a file from which rows are taken that are spread over it.
pub(crate) const SPREAD: u64 = 48 << 20;
/// What may stand between columns, the most usual first.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Lines that show the layout: a header and a row or two.
const FIRST_LINES: usize = 4;

/// The start of a file, unpacked.
pub struct Head {
    /// The bytes of the start.
    pub bytes: Vec<u8>,
    /// The byte that follows, if any was read.
    pub next: Option<u8>,
    /// Whether more follows.
    pub more: bool,
}

impl Head {
    /// Reads `size` bytes, or as many as one row may have where the first lines are longer; up to an error, which is returned as well.
    pub fn read(text: &mut impl Read, size: usize) -> (Self, Option<io::Error>) {
        let (mut bytes, mut size) = (Vec::new(), size);
        loop {
            let rest = (size + 1).saturating_sub(bytes.len()) as u64;
            if let Err(error) = text.by_ref().take(rest).read_to_end(&mut bytes) {
                return (Self { bytes, next: None, more: true }, Some(error));
            }
            let more = bytes.len() > size;
            if more && size < LONGEST && bytes.iter().filter(|byte| **byte == b'\n').count() < FIRST_LINES {
                size = LONGEST;
                continue;
            }
            let next = if more { bytes.pop() } else { None };
            return (Self { bytes, next, more }, None);
        }
    }

    /// The lines that are complete.
    pub fn whole_lines(&self) -> &[u8] {
        let end = self.bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| self.more);
        self.bytes.get(..end.unwrap_or(self.bytes.len())).unwrap_or_default()
    }
}

/// The first rows of a table, read in one way.
#[derive(Clone)]
pub struct Sample {
    /// The character between columns.
    pub delimiter: u8,
    /// Whether cells may be in quotes.
    pub quoting: bool,
    /// Whether `\"` within quotes is a quote.
    pub escaped: bool,
    /// Each with the line on which it starts.
    pub rows: Vec<(u64, Vec<Vec<u8>>)>,
    /// Whether these are all rows of the file.
    pub whole: bool,
    /// The number of rows of which these are some; there may be more behind them.
    pub total: usize,
    /// Whether more rows follow those.
    pub more: bool,
}

impl Sample {
    fn new(head: &[u8], whole: bool, delimiter: u8, quoting: bool, escaped: bool) -> Self {
        let (mut all, mut rows) = (Vec::new(), Rows::with_escape(head, delimiter, quoting, escaped));
        while let Ok(Some(row)) = rows.next() {
            let fields = (0..row.len()).map(|at| row.field(at).unwrap_or_default().to_vec());
            all.push((row.line, fields.collect()));
            if all.len() > ROWS {
                break;
            }
        }
        // The last one may be cut off.
        let enough = all.len() > ROWS;
        if !whole && all.len() > 1 {
            all.pop();
        }
        Self {
            delimiter,
            quoting,
            escaped,
            total: all.len(),
            rows: all,
            whole: whole && !enough,
            more: !whole || enough,
        }
    }

    /// As many rows or twice as many, spread over the table in `text`, the first one included: the first rows of a sorted file do
    /// not show what it has.
    pub fn spread(self, text: impl BufRead) -> Self {
        if self.whole {
            return self;
        }
        let mut rows = Rows::with_escape(text.take(SPREAD), self.delimiter, self.quoting, self.escaped);
        let (mut all, mut total, mut bytes) = (Spread::default(), 0, 0);
        while let Ok(Some(row)) = rows.next() {
            all.take(total, || {
                let fields = (0..row.len()).map(|at| row.field(at).unwrap_or_default().to_vec());
                (row.line, fields.collect())
            });
            total += 1;
            bytes += row.raw.len() as u64;
        }
        let all = all.items();
        match total < self.rows.len() {
            true => self,
            // Line ends between rows are not counted.
            false => Self { rows: all, total, more: bytes > SPREAD / 100 * 99, ..self },
        }
    }

    /// The rows as text without blanks around the cells; bytes that are wrong in `encoding` are replaced.
    pub fn decoded(&self, encoding: Encoding) -> Vec<Vec<String>> {
        let cell = |cell: &Vec<u8>| encoding.lossy(cell).trim().to_owned();
        self.rows.iter().map(|(_, row)| row.iter().map(cell).collect()).collect()
    }

    /// Of a thousand rows so many have the fields of the first; none where that is a single one.
    fn regular(&self) -> usize {
        let Some((_, first)) = self.rows.first().filter(|(_, first)| first.len() > 1) else { return 0 };
        let alike = self.rows.iter().filter(|(_, row)| row.len() == first.len()).count();
        alike * 1000 / self.rows.len()
    }

    /// Whether this is a table of which up to a tenth of the rows may be bad.
    pub fn is_nearly_table(&self) -> bool {
        self.regular() >= 900
    }

    /// Whether this can be a table: two columns or more in all rows but one in a hundred.
    pub fn is_table(&self) -> bool {
        self.regular() >= 990
    }
}

/// Items of a long list, as runs of [`RUN`] neighbours that are spread over it: neighbours show what follows what, such as the numbers of
/// rows, and the places of the runs are drawn by a hash, so that they do not fall in step with what recurs in the list.
struct Spread<T> {
    items: Vec<(usize, T)>,
    every: u64,
}

impl<T> Default for Spread<T> {
    fn default() -> Self {
        Self { items: Vec::new(), every: 1 }
    }
}

impl<T> Spread<T> {
    /// Takes the item at `index` if it is in a run.
    fn take(&mut self, index: usize, item: impl FnOnce() -> T) {
        if !is_drawn(index, self.every) {
            return;
        }
        self.items.push((index, item()));
        if self.items.len() > 2 * ROWS {
            self.every *= 2;
            let every = self.every;
            self.items.retain(|(index, _)| is_drawn(*index, every));
        }
    }

    fn items(self) -> Vec<T> {
        self.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// Whether `index` is in one of the runs, of which one in `every`, a power of two, is drawn, and the first always.
fn is_drawn(index: usize, every: u64) -> bool {
    let run = (index / RUN) as u64;
    (run.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(every)
}

/// Lines that are spread over a file, the number of all, and whether there are more.
pub fn spread_lines(text: impl BufRead) -> (Vec<Vec<u8>>, usize, bool) {
    let (mut all, mut total, mut bytes) = (Spread::default(), 0, 0);
    for line in text.take(SPREAD).split(b'\n').map_while(Result::ok) {
        bytes += line.len() as u64 + 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        all.take(total, || line);
        total += 1;
    }
    (all.items(), total, bytes >= SPREAD)
}

/// The settings of a layout; what is not set is found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LayoutSettings {
    pub delimiter: Option<char>,
    pub quoting: Option<bool>,
}

/// Returns the first rows in the layout that makes the most regular table, within `settings`.
///
/// A first row that `is_header` outweighs all; of equally regular layouts the more usual one is taken. Quotes hold fields together
/// except between tabs, where they count only if the table becomes more regular.
pub(crate) fn best(head: &Head, settings: LayoutSettings, is_header: impl Fn(&[Vec<u8>]) -> bool) -> Sample {
    let read =
        |delimiter, quoting, escaped| Sample::new(&head.bytes, !head.more, delimiter, quoting, escaped);
    let sample = |delimiter, quoting| read(delimiter, quoting, false);
    let has_escapes = head.bytes.windows(2).any(|two| two == b"\\\"");
    // A quote that ends a field is followed by a delimiter or a line end.
    let within = |delimiter: u8| {
        let ends = |byte: u8| byte == delimiter || matches!(byte, b'\r' | b'\n' | b'"');
        head.bytes.windows(3).any(|three| matches!(three, [b'\\', b'"', next] if !ends(*next)))
    };
    let given = settings.delimiter.and_then(|c| u8::try_from(c).ok());
    let delimiters = given.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
    let mut best: Option<((bool, usize), Sample)> = None;
    let rank =
        |sample: &Sample| (sample.rows.first().is_some_and(|(_, first)| is_header(first)), sample.regular());
    let mut consider = |plain: Sample| {
        // Where `\"` stands within a field, it is a quote if the table is as regular; else it may be a backslash at the end of a field.
        let escaped = (has_escapes && plain.quoting).then(|| read(plain.delimiter, true, true));
        let escaped = escaped.filter(|escaped| match within(plain.delimiter) {
            true => rank(escaped) >= rank(&plain),
            false => rank(escaped) > rank(&plain),
        });
        let sample = escaped.unwrap_or(plain);
        let rank = rank(&sample);
        if best.as_ref().is_none_or(|(highest, _)| rank > *highest) {
            best = Some((rank, sample));
        }
    };
    for delimiter in delimiters {
        let usual: &[bool] = if delimiter == b'\t' { &[false, true] } else { &[true] };
        for quoting in usual.iter().filter(|quoting| settings.quoting.is_none_or(|given| given == **quoting))
        {
            consider(sample(delimiter, *quoting));
        }
        if let Some(given) = settings.quoting.filter(|given| !usual.contains(given)) {
            consider(sample(delimiter, given));
        }
    }
    best.map_or_else(|| sample(b',', true), |(_, sample)| sample)
}
