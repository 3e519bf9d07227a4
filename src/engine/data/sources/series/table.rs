//! Reads a CSV file as one row of numbers a date, in order.

use std::io::Cursor;
use std::path::Path;

use super::date::{Date, DateOrder, is_decimal_year};
use super::gaps::{self, Fill, Gaps};
pub use super::grid::Table;
use super::notation::{KnownNotation, Notation, NotationDetector, SeriesFacts};
use super::numbers::{any_number, is_missing, number};
use super::parts::{self, DatePart};
use crate::data::columns::{Column, ColumnError};
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::rows::{Row, RowError, Rows};
use crate::data::files::sniff::DELIMITERS;

/// The content of a file.
#[derive(Debug)]
pub struct ReadSeries {
    /// The numbers.
    pub table: Table,
    /// The date of each row.
    pub dates: Vec<Date>,
    /// Dates and interval as shown.
    pub facts: SeriesFacts,
    /// Where rows are missing.
    pub gaps: Gaps,
    /// Whether the file has the latest row first.
    pub reversed: bool,
}

/// The columns to read, and their notation.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// The file, for errors.
    pub path: &'a Path,
    /// The columns of the date; the first column if empty.
    pub date: &'a [Column],
    /// The columns of numbers.
    pub values: &'a [Column],
    /// Whether numbers must be above 0.
    pub positive: bool,
    /// How gaps are closed.
    pub fill: Option<Fill>,
    /// What is known of the notation; the rest is detected.
    pub known: KnownNotation,
}

/// The columns by their indices.
struct Places {
    date: Vec<(DatePart, usize)>,
    values: Vec<usize>,
    /// The number of columns.
    count: usize,
}

/// A row as it is read.
struct DatedRow {
    date: Date,
    line: u64,
    values: Vec<f64>,
}

impl Columns<'_> {
    /// Reads `text`: numbers, the date of each row, and the notation detected.
    pub fn read_dated(&self, text: String) -> Result<ReadSeries, DataError> {
        let notation = self.notation(&text)?;
        let Notation { order, decimal, compact, decimal_years, .. } = notation;
        let delimiter = delimiter(&text);
        let mut rows = Rows::new(Cursor::new(text), delimiter, true);
        let Some(header) = rows.next().map_err(|error| self.broken(&error))? else {
            return Err(self.wrong(None, "no row", "a header with the names of the columns"));
        };
        let places = self.places(&header)?;
        let mut all: Vec<DatedRow> = Vec::new();
        let mut ascends = None;
        while let Some(row) = rows.next().map_err(|error| self.broken(&error))? {
            let line = Some(row.line);
            if row.len() != places.count {
                let found = crate::number::counted(row.len(), "field");
                return Err(self.wrong(line, found, format!("{} as in the header", places.count)));
            }
            let fields: Vec<(DatePart, &str)> =
                places.date.iter().map(|(part, at)| (*part, field(&row, *at))).collect();
            let written = || fields.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" ");
            let date = match fields.as_slice() {
                [(_, text)] if decimal_years == Some(true) => Date::decimal_year(text),
                _ => parts::date(&fields, order, compact == Some(true)),
            };
            let date = date.ok_or_else(|| self.no_date(line, &written(), &places, order))?;
            if let Some(before) = all.last() {
                let ascends = *ascends.get_or_insert(date > before.date);
                let follows = if ascends { date > before.date } else { date < before.date };
                if !follows || !date.is_like(&before.date) {
                    return Err(self.out_of_order(line, &written(), &date, &before.date, ascends));
                }
            }
            let values = places.values.iter().zip(self.values).map(|(place, name)| {
                let written = field(&row, *place);
                match number(written, decimal) {
                    Some(number) if number > 0.0 || !self.positive => Ok(number),
                    None if is_missing(written) => Ok(f64::NAN),
                    _ => Err(self.no_number(line, written, (*place, name), decimal)),
                }
            });
            let values = values.collect::<Result<Vec<f64>, DataError>>()?;
            all.push(DatedRow { date, line: row.line, values });
        }
        let reversed = ascends == Some(false);
        if reversed {
            all.reverse();
        }
        let first_line = all.first().map(|row| row.line);
        let width = places.values.len();
        let mut table = Table { values: Vec::with_capacity(all.len() * width), width };
        let mut dates = Vec::with_capacity(all.len());
        for row in all {
            table.values.extend_from_slice(&row.values);
            dates.push(row.date);
        }
        let facts = SeriesFacts {
            rows: table.rows(),
            date_order: notation.order_matters.then_some(order),
            decimal: notation.decimal_matters.then_some(decimal),
            compact,
            decimal_years: decimal_years.filter(|_| places.date.len() == 1),
        };
        if first_line.is_some()
            && !table.values.chunks(width.max(1)).any(|row| row.iter().all(|x| x.is_finite()))
        {
            let found = "no row with a number in every column";
            return Err(self.wrong(first_line, found, "numbers in the columns of values (data.values)"));
        }
        let gaps = gaps::close(&mut table, &mut dates, self.fill);
        Ok(ReadSeries { table, dates, facts, gaps, reversed })
    }

    /// The notation of dates and numbers of `text`: as specified, or else detected from all rows.
    ///
    /// # Errors
    /// When day and month, or decimal and thousands separators, are ambiguous and the choice changes the series.
    pub fn notation(&self, text: &str) -> Result<Notation, DataError> {
        let mut detector = NotationDetector::new(self.known);
        let delimiter = delimiter(text);
        let mut rows = Rows::new(Cursor::new(text), delimiter, true);
        // As of 31.12.1999, and of 1999.12.31 too.
        let (mut day_first, mut dotted) = (false, false);
        if let Ok(Some(header)) = rows.next() {
            let places = self.places(&header)?;
            // Errors of rows are reported when they are read.
            while let Ok(Some(row)) = rows.next() {
                if let Some((_, at)) = places.date.first() {
                    let written = field(&row, *at);
                    detector.date(written, row.line);
                    if written.matches('.').count() == 2 {
                        dotted = true;
                        day_first |= written.find('.').is_some_and(|at| at <= 2);
                    }
                }
                for (column, value) in places.values.iter().enumerate() {
                    detector.numbers.add(column, field(&row, *value), row.line);
                }
            }
        }
        if day_first || delimiter == b';' {
            detector.numbers.set_continental(dotted);
        }
        let order = detector.order().map_err(|(line, day)| {
            let found = format!("{} and others of which any part may be the month", quoted(&day));
            self.wrong(Some(line), found, "data.date_order: dmy if the day is first, or mdy")
        })?;
        let decimal = detector.numbers.decimal().map_err(|(line, number)| {
            let (sign, other) = if number.contains(',') { (',', '.') } else { ('.', ',') };
            let names = |sign| if sign == ',' { "comma" } else { "point" };
            let plain = number.replace(sign, if sign == ',' { "." } else { "" });
            let found = format!("{}, which may be {plain} or not", quoted(&number));
            let expected = format!(
                "data.decimal: \"{sign}\" if the {} is the decimal separator, or \"{other}\" if it separates thousands",
                names(sign)
            );
            self.wrong(Some(line), found, expected)
        })?;
        let (order_matters, decimal_matters) = (detector.order_matters(), detector.numbers.matters());
        let (compact, decimal_years) = (detector.compact(), detector.decimal_years());
        Ok(Notation { order, decimal, order_matters, decimal_matters, compact, decimal_years })
    }

    /// The columns of the date and of the values, and the number of columns.
    fn places(&self, header: &Row<'_>) -> Result<Places, DataError> {
        let line = Some(header.line);
        let names: Vec<&str> = (0..header.len()).map(|at| field(header, at)).collect();
        let find = |wanted: &Column, setting: &str| {
            wanted.index(&names).map_err(|error| match error {
                ColumnError::Ambiguous { .. } => self.wrong(
                    line,
                    format!("two columns {}", quoted(&wanted.to_string())),
                    "a different name for each column",
                ),
                ColumnError::Missing => {
                    let name = match wanted {
                        Column::Number(number) => number.to_string(),
                        Column::Name(name) => quoted(name),
                    };
                    self.wrong(
                        line,
                        format!("the columns {}", listed(names.iter().copied())),
                        format!("a column {name} (`{setting}` names others)"),
                    )
                }
            })
        };
        let date = match self.date {
            [] => vec![0],
            date => date.iter().map(|column| find(column, "date")).collect::<Result<Vec<_>, _>>()?,
        };
        let values = self.values.iter().map(|column| find(column, "values")).collect::<Result<_, _>>()?;
        let named: Vec<&str> = date.iter().filter_map(|at| names.get(*at).copied()).collect();
        let parts = DatePart::all_of(&named).ok_or_else(|| {
            let found = format!("the columns {} for the date", listed(named.iter().copied()));
            let expected =
                "columns whose names say what they have: year, quarter, month, week, day, hour, minute, second, date, time";
            self.wrong(line, found, expected)
        })?;
        Ok(Places { date: parts.into_iter().zip(date).collect(), values, count: names.len() })
    }

    fn no_date(&self, line: Option<u64>, written: &str, places: &Places, order: DateOrder) -> DataError {
        let columns: Vec<String> = places.date.iter().map(|(_, at)| (at + 1).to_string()).collect();
        let (noun, columns) = match columns.as_slice() {
            [column] => ("column", column.clone()),
            columns => ("columns", columns.join(", ")),
        };
        let found = format!("{} as the date in {noun} {columns}", quoted(written));
        let other = match order {
            DateOrder::Dmy => "31.01.1949",
            DateOrder::Mdy => "01/31/1949",
        };
        let expected = match places.date.len() {
            1 if is_decimal_year(written) => {
                "of decimal years those of months (1949.08333) or quarters (1949.25), or another column for the date, such as the number of the row (--date 1)".into()
            }
            1 => format!(
                "a date that exists, as 1949-01-31, 1949-01, 1949, {other}, Jan 1949 or 1949-Q1, the year in full, or a whole number"
            ),
            _ => "a date that exists, the year in full: year, month and day; year and month, quarter or week; a day and a time".into(),
        };
        self.wrong(line, found, expected)
    }

    fn out_of_order(
        &self,
        line: Option<u64>,
        written: &str,
        now: &Date,
        before: &Date,
        ascends: bool,
    ) -> DataError {
        let written = quoted(written);
        let found = match now.is_like(before) {
            false => format!("the date {written} in another form than those before"),
            true if now.cmp(before).is_eq() => format!("the date {written} a second time"),
            true if ascends => format!("the date {written} after a later one"),
            true => format!("the date {written} after an earlier one, where others run backwards"),
        };
        let expected = match now.cmp(before).is_eq() && has_fraction(&written) {
            true => {
                "one row a second at most; where rows come faster, number them in a column of dates: 1, 2, 3, …"
            }
            false => "one row a date, from the earliest to the latest; `date: [year, month]` joins columns",
        };
        self.wrong(line, found, expected)
    }

    fn no_number(
        &self,
        line: Option<u64>,
        written: &str,
        (at, name): (usize, &Column),
        decimal: char,
    ) -> DataError {
        let name = match name {
            Column::Name(name) => format!(" ({})", quoted(name)),
            Column::Number(_) => String::new(),
        };
        let found = format!("{} in column {}{name}", quoted(written), at + 1);
        let kind = if self.positive { "a number above 0 (data.log: true)" } else { "a number" };
        let expected = match any_number(written) {
            Some(_) => format!(
                "{kind} with the decimal separator “{decimal}”, as in the other numbers here or in training (data.decimal)"
            ),
            None => format!("{kind}, or nothing, NA or NaN where it is missing"),
        };
        self.wrong(line, found, expected)
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

/// A field as text without blanks around it.
fn field<'r>(row: &'r Row<'_>, at: usize) -> &'r str {
    str::from_utf8(row.field(at).unwrap_or_default()).unwrap_or("�").trim()
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
        series(text, &[], values, positive).map(|read| read.table)
    }

    fn series(text: &str, date: &[&str], values: &[&str], positive: bool) -> Result<ReadSeries, String> {
        let [date, values] =
            [date, values].map(|names| names.iter().map(|name| Column::from(*name)).collect::<Vec<_>>());
        let path = Path::new("series.csv");
        let known = KnownNotation::default();
        let columns = Columns { path, date: &date, values: &values, positive, fill: None, known };
        columns.read_dated(text.into()).map_err(|error| error.to_string())
    }

    fn last_date(text: &str, date: &[&str]) -> String {
        let read = series(text, date, &["x"], false).unwrap();
        read.dates.last().unwrap().to_string()
    }

    #[test]
    fn dates_of_many_kinds_are_read() {
        for (text, date, last) in [
            ("d,x\n20010130,1\n20010131,2\n", &[][..], "20010131"),
            ("d,x\n1991 Jan,1\n1991 Feb,2\n", &[], "1991-02"),
            ("d,x\nJan-1-1995,1\nFeb-1-1995,2\n", &[], "1995-02-01"),
            ("d,x\n1990 Q4,1\n1991 Q1,2\n", &[], "1991-Q1"),
            ("year,quarter,x\n1990,4,1\n1991,1,2\n", &["year", "quarter"], "1991-Q1"),
            (
                "x,year,month,day,hour\n1,2010,1,1,23\n2,2010,1,2,0\n",
                &["year", "month", "day", "hour"],
                "2010-01-02 00",
            ),
            (
                "t,x\n2021-01-01 00:00:00+02:00,1\n2021-01-02 00:00:00+02:00,2\n",
                &[],
                "2021-01-02 00:00:00+02:00",
            ),
            (",x\n2010-01-01,1\n2010-02-01,2\n", &["column 1"], "2010-02-01"),
        ] {
            assert_eq!(last_date(text, date), last, "{text}");
        }
    }

    #[test]
    fn the_latest_row_may_be_first() {
        let read = series("d,x\n2001-01-03,3\n2001-01-02,2\n2001-01-01,1\n", &[], &["x"], false).unwrap();
        assert_eq!((read.table.values, read.reversed), (vec![1.0, 2.0, 3.0], true));
    }

    #[test]
    fn missing_values_are_gaps() {
        for missing in ["", "NA", "NaN", "null", "-", "?", "n/a"] {
            let read = series(&format!("d,x\n1,1\n2,{missing}\n3,3\n"), &[], &["x"], false).unwrap();
            assert!(read.table.get(1, 0).is_nan() && read.gaps.count == 1, "{missing}");
        }
    }

    #[test]
    fn german_thousands_are_no_fractions() {
        let rows: String = (985..=1012_u32)
            .map(|n| {
                format!(
                    "{:02}.01.2021;{}\n",
                    n - 984,
                    if n < 1000 { n.to_string() } else { format!("1.{:03}", n - 1000) }
                )
            })
            .collect();
        let table = read(&format!("Datum;x\n{rows}"), &["x"], false).unwrap();
        assert!(table.values.iter().zip(985..).all(|(x, n)| *x == f64::from(n)), "{:?}", table.values);
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = read("Month,a,\"b, c\"\n1949-01,1,2.5\n1949-02,-3,4e1\n", &["b, c", "a"], false).unwrap();
        assert_eq!((table.rows(), &table.values), (2, &vec![2.5, 1.0, 40.0, -3.0]));
        assert_eq!(read("n,x\n1,1\n2,2\n10,3\n", &["x"], false).unwrap().rows(), 3);
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
            "d,x\n1949-01,many\n",
            "d,x\n1949-01,0\n",
            "d,x\n1949-02,1\n1949-02,1\n",
            "d,x\n2024-01-01T10:00:00.0,1\n2024-01-01T10:00:00.5,1\n",
            "d,x\n1949-02,1\n1949-03-01,1\n",
            "d,x\n31.01.49,1\n",
            "d,x\n1949-13,1\n",
            "d,x\n\"1949-01,1\n",
            "d;x\n01/02/1999;1\n01/03/1999;1\n",
            "d;x\n1999;1,234\n2000;5\n",
            "d;x\n1999;1,5\n2000;5.25\n",
            "d;x\n01.01.1999;1.234\n02.01.1999;1.250\n",
            "d,x\n1949-03,1\n1949-02,1\n1949-04,1\n",
        ];
        let entries = texts.map(|text| (format!("{text:?}"), read(text, &["x"], true).unwrap_err()));
        crate::messages::assert_messages("series_tables", entries);
    }
}
