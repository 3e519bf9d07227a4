//! CSV → one row of numbers a date, in their order.

use std::io::Cursor;
use std::path::Path;

use crate::data::DataError;
use crate::data::error::{listed, quoted};
use crate::data::rows::{Row, RowError, Rows};
use crate::data::sniff::DELIMITERS;

/// Columns of numbers, a row a date.
#[derive(Debug)]
pub(super) struct Table {
    /// Row after row.
    pub values: Vec<f64>,
    /// Numbers a row.
    pub width: usize,
}

impl Table {
    /// Rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The number in a row and column.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.width + column).copied().unwrap_or(f64::NAN)
    }
}

/// What is asked of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub path: &'a Path,
    /// The column of dates; the first when absent.
    pub date: Option<&'a str>,
    /// The columns of numbers.
    pub values: &'a [String],
    /// Whether numbers must be above 0.
    pub positive: bool,
}

/// A date as its numbers, from the year down: dates of one form are in order as these are.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(pub Vec<u64>);

impl Columns<'_> {
    /// Reads `text`; the date of each row as well.
    pub fn read_dated(&self, text: String) -> Result<(Table, Vec<Date>), DataError> {
        let delimiter = delimiter(&text);
        let mut rows = Rows::new(Cursor::new(text), delimiter, true);
        let Some(header) = rows.next().map_err(|error| self.broken(&error))? else {
            return Err(self.wrong(None, "no row", "a header with the names of the columns"));
        };
        let (date, values, count) = self.places(&header)?;
        let mut table = Table { values: Vec::new(), width: values.len() };
        let mut dates: Vec<Date> = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.broken(&error))? {
            let line = Some(row.line);
            if row.len() != count {
                let found = format!("{} fields", row.len());
                return Err(self.wrong(line, found, format!("{count} as in the header")));
            }
            let field = |place: usize| str::from_utf8(row.field(place).unwrap_or_default()).map(str::trim);
            let written = field(date).unwrap_or_default();
            let now = Date::parse(written).ok_or_else(|| {
                let found = format!("{} as the date in column {}", quoted(written), date + 1);
                self.wrong(line, found, "a date as 1949-01-31, 1949-01 or 1949, or a number that counts")
            })?;
            if let Some(before) =
                dates.last().filter(|before| now <= **before || now.0.len() != before.0.len())
            {
                let found = match now.0.len() == before.0.len() {
                    true if now == *before => format!("the date {} a second time", quoted(written)),
                    true => format!("the date {} after a later one", quoted(written)),
                    false => format!("the date {} in another form than those before", quoted(written)),
                };
                return Err(self.wrong(line, found, "one row a date, from the earliest to the latest"));
            }
            dates.push(now);
            for (place, name) in values.iter().zip(self.values) {
                let written = field(*place).unwrap_or("�");
                let number = written.parse().ok().filter(|number: &f64| number.is_finite());
                let number = number.filter(|number| *number > 0.0 || !self.positive).ok_or_else(|| {
                    let what = if written.is_empty() { "nothing".into() } else { quoted(written) };
                    let found = format!("{what} in column {} ({})", place + 1, quoted(name));
                    let kind = if self.positive { "a number above 0 (data.log: true)" } else { "a number" };
                    self.wrong(line, found, format!("{kind}: fill gaps before training"))
                })?;
                table.values.push(number);
            }
        }
        Ok((table, dates))
    }

    /// Where the date and the values stand, and how many columns there are.
    fn places(&self, header: &Row<'_>) -> Result<(usize, Vec<usize>, usize), DataError> {
        let line = Some(header.line);
        let name = |at| str::from_utf8(header.field(at).unwrap_or_default()).unwrap_or("�").trim();
        let names: Vec<&str> = (0..header.len()).map(name).collect();
        let find = |wanted: &str, field: &str| {
            let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(at, _)| at);
            match (places.next(), places.next()) {
                (Some(at), None) => Ok(at),
                (Some(_), Some(_)) => Err(self.wrong(
                    line,
                    format!("two columns {}", quoted(wanted)),
                    "a name of its own for each",
                )),
                (None, _) => Err(self.wrong(
                    line,
                    format!("the columns {}", listed(names.iter().copied())),
                    format!("a column {} (`{field}` names others)", quoted(wanted)),
                )),
            }
        };
        let date = self.date.map_or(Ok(0), |date| find(date, "date"))?;
        let values = self.values.iter().map(|wanted| find(wanted, "values")).collect::<Result<_, _>>()?;
        Ok((date, values, names.len()))
    }

    fn broken(&self, error: &RowError) -> DataError {
        match error {
            RowError::OpenQuote(line) => self.wrong(
                Some(*line),
                "a quote that is never closed",
                "a second quote (\") before the file ends",
            ),
            RowError::TooLong(line) | RowError::Read(line, _) => self.wrong(
                Some(*line),
                "a row that does not end",
                "rows of less than 64 MiB and 65,536 fields",
            ),
        }
    }

    fn wrong(&self, line: Option<u64>, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::content(self.path, line, found, expected)
    }
}

/// What stands between the columns, by the header: the most frequent of those that are usual; a comma where there is none.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of equals the first.
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

impl Date {
    /// `1949-01-31`, with or without the day, the month and a time after it (`T12:30:00` or ` 12:30`); or a whole number alone.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(['-', '/', 'T', ' ', ':']).collect();
        let numbers: Option<Vec<u64>> = parts
            .iter()
            .map(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())))
            .collect();
        let numbers = numbers?;
        let year_first = parts.first().is_some_and(|year| year.len() == 4);
        let limits = [u64::MAX, 12, 31, 24, 59, 60];
        let least = [0, 1, 1, 0, 0, 0];
        let fits = numbers.len() <= limits.len()
            && numbers
                .iter()
                .zip(least.iter().zip(limits))
                .all(|(n, (least, most))| (*least..=most).contains(n));
        (fits && (numbers.len() == 1 || year_first)).then_some(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, values: &[&str], positive: bool) -> Result<Table, String> {
        let values: Vec<String> = values.iter().map(|name| (*name).to_owned()).collect();
        let path = Path::new("series.csv");
        let columns = Columns { path, date: None, values: &values, positive };
        columns.read_dated(text.into()).map(|(table, _)| table).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name_and_rows_keep_their_order() {
        let table = read("Month,a,\"b, c\"\n1949-01,1,2.5\n1949-02,-3,4e1\n", &["b, c", "a"], false).unwrap();
        assert_eq!((table.len(), &table.values), (2, &vec![2.5, 1.0, 40.0, -3.0]));
        assert_eq!(read("n,x\n1,1\n2,2\n10,3\n", &["x"], false).unwrap().len(), 3);
    }

    #[test]
    fn whatever_is_no_series_is_told_by_line_and_column() {
        for (text, told) in [
            ("", "series.csv: found no row; expected a header"),
            (
                "d,y\n",
                "series.csv:1: found the columns \"d\", \"y\"; expected a column \"x\" (`values` names",
            ),
            ("d,x,x\n", "series.csv:1: found two columns \"x\""),
            ("d,x\n1949-01,1\n1949-02\n", "series.csv:3: found 1 fields; expected 2 as in the header"),
            ("d,x\n1949-01,\n", "series.csv:2: found nothing in column 2 (\"x\"); expected a number above 0"),
            ("d,x\n1949-01,NA\n", "series.csv:2: found \"NA\" in column 2 (\"x\"); expected a number"),
            ("d,x\n1949-01,nan\n", "series.csv:2: found \"nan\" in column 2"),
            (
                "d,x\n1949-01,0\n",
                "series.csv:2: found \"0\" in column 2 (\"x\"); expected a number above 0 (data.log",
            ),
            ("d,x\n1949-02,1\n1949-01,1\n", "series.csv:3: found the date \"1949-01\" after a later one"),
            ("d,x\n1949-02,1\n1949-02,1\n", "series.csv:3: found the date \"1949-02\" a second time"),
            ("d,x\n1949-02,1\n1949-03-01,1\n", "series.csv:3: found the date \"1949-03-01\" in another form"),
            (
                "d,x\n31.01.1949,1\n",
                "series.csv:2: found \"31.01.1949\" as the date in column 1; expected a date as",
            ),
            ("d,x\n1949-13,1\n", "series.csv:2: found \"1949-13\" as the date"),
            ("d,x\n\"1949-01,1\n", "series.csv:2: found a quote that is never closed"),
        ] {
            let message = read(text, &["x"], true).unwrap_err();
            assert!(message.starts_with(told), "{message}");
        }
    }
}
