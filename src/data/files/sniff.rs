//! How a table is laid out, found from its first rows.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::data::files::rows::Rows;
use crate::data::sources::labelled::{Column, LABEL_NAMES, LabelledSpec, TEXT_NAMES, known_name};

/// Bytes at the start of a file from which its layout is found.
pub(crate) const HEAD: usize = 1 << 18;
/// Rows that are looked at.
const ROWS: usize = 500;
/// What may stand between columns, the most usual first.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The first rows of a table, read in one way.
pub(crate) struct Sample {
    pub delimiter: u8,
    pub quoting: bool,
    /// Each with the line on which it starts.
    pub rows: Vec<(u64, Vec<Vec<u8>>)>,
}

impl Sample {
    fn new(head: &[u8], whole: bool, delimiter: u8, quoting: bool) -> Self {
        let (mut all, mut rows) = (Vec::new(), Rows::new(head, delimiter, quoting));
        while let Ok(Some(row)) = rows.next() {
            let fields = (0..row.len()).map(|at| row.field(at).unwrap_or_default().to_vec());
            all.push((row.line, fields.collect()));
            if all.len() > ROWS {
                break;
            }
        }
        // The last one may be cut off.
        if !whole && all.len() > 1 {
            all.pop();
        }
        Self { delimiter, quoting, rows: all }
    }

    /// Whether the first row names the columns with text and label.
    fn is_named(&self, spec: &LabelledSpec) -> bool {
        let Some((_, first)) = self.rows.first() else { return false };
        let names: Vec<Cow<'_, str>> =
            first.iter().filter_map(|name| spec.encoding.decode(name).ok()).collect();
        let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        let has = |wanted: &Option<Column>, known| match wanted {
            Some(Column::Name(name)) => names.contains(&name.as_str()),
            Some(Column::Number(_)) => false,
            None => known_name(&names, known).is_some(),
        };
        names.len() > 1 && has(&spec.text, TEXT_NAMES) && has(&spec.label, LABEL_NAMES)
    }

    /// Of a thousand rows so many have the fields of the first; none where that is a single one.
    fn regular(&self) -> usize {
        let Some((_, first)) = self.rows.first().filter(|(_, first)| first.len() > 1) else { return 0 };
        let alike = self.rows.iter().filter(|(_, row)| row.len() == first.len()).count();
        alike * 1000 / self.rows.len()
    }

    /// Whether this can be a table: two columns or more in all rows but one in a hundred.
    pub fn is_table(&self) -> bool {
        self.regular() >= 990
    }

    /// The column with the fewest different values; of equals the last.
    pub fn fewest_values(&self) -> usize {
        let columns = self.rows.first().map_or(0, |(_, first)| first.len());
        let values =
            |at: &usize| self.rows.iter().filter_map(|(_, row)| row.get(*at)).collect::<HashSet<_>>().len();
        (0..columns).rev().min_by_key(values).unwrap_or_default()
    }

    /// Whether the value that the first row has in `column` comes again.
    pub fn comes_again(&self, column: usize) -> bool {
        let first = self.rows.first().and_then(|(_, row)| row.get(column));
        self.rows.iter().skip(1).any(|(_, row)| row.get(column) == first)
    }
}

/// The way to read `head` that makes the most regular table, within what `spec` says; `whole` where nothing follows.
///
/// A header with the columns wanted outweighs all; of ways as good as each other the more usual wins. Quotes hold fields together
/// except between tabs, where they count only if the table becomes more regular.
pub(crate) fn best(head: &[u8], whole: bool, spec: &LabelledSpec) -> Sample {
    let given = spec.delimiter.and_then(|c| u8::try_from(c).ok());
    let delimiters = given.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
    let mut best: Option<((bool, usize), Sample)> = None;
    for delimiter in delimiters {
        let usual: &[bool] = if delimiter == b'\t' { &[false, true] } else { &[true] };
        for quoting in usual.iter().filter(|quoting| spec.quoting.is_none_or(|given| given == **quoting)) {
            consider(&mut best, Sample::new(head, whole, delimiter, *quoting), spec);
        }
        if let Some(given) = spec.quoting.filter(|given| !usual.contains(given)) {
            consider(&mut best, Sample::new(head, whole, delimiter, given), spec);
        }
    }
    best.map_or_else(|| Sample::new(head, whole, b',', true), |(_, sample)| sample)
}

fn consider(best: &mut Option<((bool, usize), Sample)>, sample: Sample, spec: &LabelledSpec) {
    let rank = (sample.is_named(spec), sample.regular());
    if best.as_ref().is_none_or(|(highest, _)| rank > *highest) {
        *best = Some((rank, sample));
    }
}
