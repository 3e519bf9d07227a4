//! Reads a CSV file as one row of numbers a date, in order.

use std::io::Cursor;
use std::path::Path;

use super::notation::{Date, DateOrder, Notation, NotationDetector, SeriesFacts, number};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::rows::{Row, RowError, Rows};
use crate::data::files::sniff::DELIMITERS;

/// A table of numbers, a row a date.
#[derive(Debug)]
pub(crate) struct Table {
    /// `[row, column]`, row-major.
    pub values: Vec<f64>,
    /// The number of columns.
    pub width: usize,
}

impl Table {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The number in a row and column.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.width + column).copied().unwrap_or(f64::NAN)
    }
}

/// The columns to read, and their notation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub path: &'a Path,
    /// The column of dates; the first if absent.
    pub date: Option<&'a str>,
    /// The columns of numbers.
    pub values: &'a [String],
    /// Whether numbers must be above 0.
    pub positive: bool,
    /// The order of day and month; detected if absent.
    pub order: Option<DateOrder>,
    /// The decimal separator; detected if absent.
    pub decimal: Option<char>,
}

impl Columns<'_> {
    /// Reads `text`: numbers, the date of each row, and the notation detected.
    pub fn read_dated(&self, text: String) -> Result<(Table, Vec<Date>, SeriesFacts), DataError> {
        let notation = self.notation(&text)?;
        let Notation { order, decimal, .. } = notation;
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
                let found = crate::number::counted(row.len(), "field");
                return Err(self.wrong(line, found, format!("{count} as in the header")));
            }
            let field = |place: usize| str::from_utf8(row.field(place).unwrap_or_default()).map(str::trim);
            let written = field(date).unwrap_or_default();
            let now = Date::parse(written, order).ok_or_else(|| {
                let found = format!("{} as the date in column {}", quoted(written), date + 1);
                let other = match order {
                    DateOrder::Dmy => "31.01.1949",
                    DateOrder::Mdy => "01/31/1949",
                };
                let expected = format!(
                    "a date that exists, as 1949-01-31, 1949-01, 1949 or {other}, the year in full, or a whole number"
                );
                self.wrong(line, found, expected)
            })?;
            if let Some(before) =
                dates.last().filter(|before| now <= **before || now.0.len() != before.0.len())
            {
                let found = match now.0.len() == before.0.len() {
                    true if now == *before => format!("the date {} a second time", quoted(written)),
                    true => format!("the date {} after a later one", quoted(written)),
                    false => format!("the date {} in another form than those before", quoted(written)),
                };
                let expected = match now == *before && has_fraction(written) {
                    true => {
                        "one row a second at most; where rows come faster, number them in a column of dates: 1, 2, 3, …"
                    }
                    false => "one row a date, from the earliest to the latest",
                };
                return Err(self.wrong(line, found, expected));
            }
            dates.push(now);
            for (place, name) in values.iter().zip(self.values) {
                let written = field(*place).unwrap_or("�");
                let number = number(written, decimal).filter(|number| *number > 0.0 || !self.positive).ok_or_else(|| {
                    let what = if written.is_empty() { "nothing".into() } else { quoted(written) };
                    let found = format!("{what} in column {} ({})", place + 1, quoted(name));
                    let kind = if self.positive { "a number above 0 (data.log: true)" } else { "a number" };
                    let expected = match super::notation::any_number(written) {
                        Some(_) => format!("{kind} with the decimal separator “{decimal}”, as in the other numbers here or in training (data.decimal)"),
                        None => format!("{kind}: fill gaps before training"),
                    };
                    self.wrong(line, found, expected)
                })?;
                table.values.push(number);
            }
        }
        let facts = SeriesFacts {
            rows: table.len(),
            date_order: notation.order_matters.then_some(order),
            decimal: notation.decimal_matters.then_some(decimal),
        };
        Ok((table, dates, facts))
    }

    /// The notation of dates and numbers of `text`: as specified, or else detected from all rows.
    ///
    /// # Errors
    /// When day and month, or decimal and thousands separators, are ambiguous and the choice changes the series.
    pub fn notation(&self, text: &str) -> Result<Notation, DataError> {
        let mut detector = NotationDetector::new(self.order, self.decimal);
        let mut rows = Rows::new(Cursor::new(text), delimiter(text), true);
        let mut first = None;
        if let Ok(Some(header)) = rows.next() {
            let (date, values, _) = self.places(&header)?;
            // Errors of rows are reported when they are read.
            while let (false, Ok(Some(row))) = (detector.is_settled(), rows.next()) {
                let field =
                    |place: usize| str::from_utf8(row.field(place).unwrap_or_default()).map(str::trim);
                let written = field(date).unwrap_or_default();
                first.get_or_insert_with(|| (row.line, written.to_owned()));
                detector.date(written);
                for value in &values {
                    detector.number(field(*value).unwrap_or_default(), row.line);
                }
            }
        }
        let (line, day) = first.unwrap_or_default();
        let order = detector.order().ok_or_else(|| {
            let found = format!("{} and others of which any part may be the month", quoted(&day));
            self.wrong(Some(line), found, "data.date_order: dmy if the day is first, or mdy")
        })?;
        let decimal = detector.decimal().map_err(|(line, number)| {
            let found = format!("{}, which may be {} or not", quoted(&number), number.replace(',', "."));
            let expected =
                "data.decimal: \",\" if the comma is the decimal separator, or \".\" if it separates thousands";
            self.wrong(Some(line), found, expected)
        })?;
        let (order_matters, decimal_matters) = (detector.order_matters(), detector.decimal_matters());
        Ok(Notation { order, decimal, order_matters, decimal_matters })
    }

    /// The columns of the date and of the values, and the number of columns.
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
                    "a different name for each column",
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
                "rows of less than 16 MiB and 65,536 fields",
            ),
        }
    }

    fn wrong(&self, line: Option<u64>, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::content(self.path, line, found, expected)
    }
}

/// Whether a date has a fraction of a second.
fn has_fraction(written: &str) -> bool {
    written.rsplit_once(':').is_some_and(|(_, seconds)| seconds.contains('.'))
}

/// The delimiter, detected from the header: the most frequent of [`DELIMITERS`], or a comma.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // The first of equally frequent ones.
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, values: &[&str], positive: bool) -> Result<Table, String> {
        let values: Vec<String> = values.iter().map(|name| (*name).to_owned()).collect();
        let path = Path::new("series.csv");
        let columns = Columns { path, date: None, values: &values, positive, order: None, decimal: None };
        columns.read_dated(text.into()).map(|(table, ..)| table).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = read("Month,a,\"b, c\"\n1949-01,1,2.5\n1949-02,-3,4e1\n", &["b, c", "a"], false).unwrap();
        assert_eq!((table.len(), &table.values), (2, &vec![2.5, 1.0, 40.0, -3.0]));
        assert_eq!(read("n,x\n1,1\n2,2\n10,3\n", &["x"], false).unwrap().len(), 3);
    }

    #[test]
    fn notations_of_other_languages_are_detected() {
        for (text, values) in [
            ("d;x\n30.11.1999;1,5\n31.12.1999;1.234,25\n", [1.5, 1234.25]),
            ("d,x\n11/30/1999,\"1,234.5\"\n12/31/1999,2\n", [1234.5, 2.0]),
            ("d\tx\n31/12/1999 23:00\t1 000,5\n01/01/2000 00:00\t7\n", [1000.5, 7.0]),
            ("d|x\n1999-12-31T23:00Z|1e3\n2000-01-01T00:00Z|7\n", [1000.0, 7.0]),
        ] {
            assert_eq!(read(text, &["x"], true).unwrap().values, values, "{text}");
        }
    }

    #[test]
    fn errors_name_line_and_column() {
        let texts = [
            "",
            "d,y\n",
            "d,x,x\n",
            "d,x\n1949-01,1\n1949-02\n",
            "d,x\n1949-01,\n",
            "d,x\n1949-01,NA\n",
            "d,x\n1949-01,nan\n",
            "d,x\n1949-01,0\n",
            "d,x\n1949-02,1\n1949-01,1\n",
            "d,x\n1949-02,1\n1949-02,1\n",
            "d,x\n2024-01-01T10:00:00.0,1\n2024-01-01T10:00:00.5,1\n",
            "d,x\n1949-02,1\n1949-03-01,1\n",
            "d,x\n31.01.49,1\n",
            "d,x\n1949-13,1\n",
            "d,x\n\"1949-01,1\n",
            "d;x\n01/02/1999;1\n01/03/1999;1\n",
            "d;x\n1999;1,234\n2000;5\n",
            "d;x\n1999;1,5\n2000;5.25\n",
        ];
        let entries = texts.map(|text| (format!("{text:?}"), read(text, &["x"], true).unwrap_err()));
        crate::messages::assert_messages("series_tables", entries);
    }
}
