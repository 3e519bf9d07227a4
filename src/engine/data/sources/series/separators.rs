//! Detects the decimal separator of the numbers of a table.
//!
//! A number such as `1.234` is a decimal or a thousand. What a column shows decides:
//!
//! - a number that can be read in one way only, such as `1,5` or `1.234.567`
//! - a point (or comma) that makes a series a thousand times as small from one row to the next: 999, `1.000`
//! - whole numbers below 1000 beside `1.500`, in a table of a country where that sign separates thousands: with fractions of three
//!   digits, padded with zeros, they would be `12.000`

use super::numbers::{digits, number};

/// The factor by which two neighbours differ if a thousand is read as a fraction, at least; and at most if it is read as a thousand.
const APART: f64 = 250.0;
const CLOSE: f64 = 4.0;

/// Detects the decimal separator from numbers.
#[derive(Debug, Default)]
pub(crate) struct SeparatorDetector {
    given: Option<char>,
    /// The separator of a number that can be read with it alone.
    certain: Option<char>,
    columns: Vec<Column>,
    /// The first number that may be read in two ways, by separator: its line and its text.
    ambiguous: [Option<(u64, String)>; 2],
    /// Whether any number differs or is invalid with the other separator.
    differs: bool,
    /// Whether the table is written as in countries with decimal commas.
    continental: bool,
    /// Whether its dates are too: a number such as `1.234` may then be either.
    dotted_dates: bool,
}

/// Evidence in one column, by separator: point, comma.
#[derive(Debug, Default)]
struct Column {
    /// Numbers such as `1.234`.
    grouped: [usize; 2],
    /// Those that end in 0.
    padded: [usize; 2],
    /// Neighbours that a fraction would make a thousand times as small.
    jumps: [usize; 2],
    /// Neighbours that a thousand would make a thousand times as large.
    leaps: [usize; 2],
    /// Whole numbers below 1000, and others, without separator.
    small: usize,
    large: usize,
    /// The value in the row before as a decimal, and as thousands.
    before: Option<(f64, f64)>,
}

const SIGNS: [char; 2] = ['.', ','];

impl SeparatorDetector {
    pub fn new(given: Option<char>) -> Self {
        Self { given, ..Self::default() }
    }

    /// Adds a number of the column at index `column`.
    pub fn add(&mut self, column: usize, text: &str, line: u64) {
        if column >= self.columns.len() {
            self.columns.resize_with(column + 1, Column::default);
        }
        let Some(seen) = self.columns.get_mut(column) else { return };
        let unsigned = text.trim_start_matches(['-', '+', '−']);
        if digits(unsigned) {
            let whole = text.parse().ok();
            seen.small += usize::from(unsigned.len() <= 3);
            seen.large += usize::from(unsigned.len() > 3);
            seen.compare(whole.map(|x| (x, x)), None);
            return;
        }
        let read = SIGNS.map(|decimal| number(text, decimal));
        let [point, comma] = read;
        self.differs |= point != comma;
        match (point, comma) {
            (Some(a), Some(b)) if a != b => {
                // The sign that is in it is a decimal in one reading, and between thousands in the other.
                let sign = usize::from(text.contains(','));
                let (decimal, thousands) = if sign == 0 { (a, b) } else { (b, a) };
                if let Some(first) = self.ambiguous.get_mut(sign) {
                    first.get_or_insert_with(|| (line, text.to_owned()));
                }
                seen.compare(Some((decimal, thousands)), Some(sign));
                for (counts, more) in [(&mut seen.grouped, true), (&mut seen.padded, text.ends_with('0'))] {
                    if let Some(count) = counts.get_mut(sign) {
                        *count += usize::from(more);
                    }
                }
            }
            (Some(a), Some(_)) => seen.compare(Some((a, a)), None),
            (Some(x), None) => {
                self.certain.get_or_insert('.');
                seen.compare(Some((x, x)), None);
            }
            (None, Some(x)) => {
                self.certain.get_or_insert(',');
                seen.compare(Some((x, x)), None);
            }
            (None, None) => seen.before = None,
        }
    }

    /// Takes note that the table is written as in countries with decimal commas: its delimiter is a semicolon, or its dates are such
    /// as `31.12.1999`.
    pub fn set_continental(&mut self, dotted_dates: bool) {
        self.continental = true;
        self.dotted_dates |= dotted_dates;
    }

    /// Whether the numbers would differ or be invalid with the other separator.
    pub fn matters(&self) -> bool {
        self.given.is_some() || self.certain.is_some() || self.differs
    }

    /// The decimal separator.
    ///
    /// # Errors
    /// An ambiguous number with its line.
    pub fn decimal(&self) -> Result<char, (u64, String)> {
        if let Some(given) = self.given {
            return Ok(given);
        }
        let any = |right: &dyn Fn(&Column) -> bool| self.columns.iter().any(right);
        // The sign between thousands, by what else the table shows, and the other.
        let usual = usize::from(!self.continental);
        let shown = |sign: usize| any(&|column| column.shows_thousands(sign, sign == usual));
        let [points, commas] = [0, 1].map(shown);
        let [point, comma] = &self.ambiguous;
        let doubt = |first: &Option<(u64, String)>| Err(first.clone().unwrap_or_default());
        match self.certain {
            // Two columns that contradict each other.
            Some('.') if points => doubt(point),
            Some(',') if commas => doubt(comma),
            Some(certain) => Ok(certain),
            None if points && (commas || !self.continental) => doubt(point),
            None if points => Ok(','),
            None if commas && !self.continental => Ok('.'),
            // `1.234` is usually a decimal, `1,234` is ambiguous.
            None if comma.is_some() => doubt(comma),
            None if point.is_some() && self.dotted_dates => doubt(point),
            None => Ok('.'),
        }
    }
}

impl Column {
    /// Compares a number with the one before, each read as a decimal and as thousands; only one of the two has a separator.
    fn compare(&mut self, now: Option<(f64, f64)>, sign: Option<usize>) {
        if let (Some(before), Some(now)) = (self.before, now) {
            let ratio = |a: f64, b: f64| (a / b).abs().max((b / a).abs());
            let has_sign = (now.0 != now.1, before.0 != before.1);
            let (decimals, thousands) = (ratio(now.0, before.0), ratio(now.1, before.1));
            let jumps = decimals > APART && thousands < CLOSE;
            let leaps = thousands > APART && decimals < CLOSE;
            if (jumps || leaps) && has_sign.0 != has_sign.1 {
                // Of the number before with a separator the kind is that of the last counted.
                let sign = sign.or_else(|| self.grouped.iter().position(|count| *count > 0));
                let counts = if jumps { &mut self.jumps } else { &mut self.leaps };
                if let Some(count) = sign.and_then(|sign| counts.get_mut(sign)) {
                    *count += 1;
                }
            }
        }
        self.before = now;
    }

    /// Whether this `sign` separates thousands: the one that `is_usual` in the table by weaker evidence.
    fn shows_thousands(&self, sign: usize, is_usual: bool) -> bool {
        let of = |counts: [usize; 2]| counts.get(sign).copied().unwrap_or(0);
        let padded = self.small > 0 && of(self.padded) > 0;
        of(self.grouped) > 0
            && self.large == 0
            && if is_usual { of(self.jumps) > 0 || padded } else { of(self.jumps) > of(self.leaps) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(numbers: &[&str]) -> Result<char, (u64, String)> {
        let mut detector = SeparatorDetector::new(None);
        numbers.iter().for_each(|number| detector.add(0, number, 2));
        detector.decimal()
    }

    #[test]
    fn one_number_determines_the_separator_of_all() {
        assert_eq!(decimal(&["1,234", "1,5"]), Ok(','));
        assert_eq!(decimal(&["1,234", "1.5"]), Ok('.'));
        assert_eq!(decimal(&["1.234", "12"]), Ok('.'));
        assert_eq!(decimal(&["1.234", "1,5"]), Ok(','));
        assert_eq!(decimal(&["12", "1,234"]), Err((2, "1,234".to_owned())));
        assert_eq!(decimal(&["1,234,567"]), Ok('.'));
        assert_eq!(decimal(&["1,00,000", "99,999"]), Ok('.'));
    }

    fn continental(numbers: &[&str]) -> Result<char, (u64, String)> {
        let mut detector = SeparatorDetector::new(None);
        detector.set_continental(false);
        numbers.iter().for_each(|number| detector.add(0, number, 2));
        detector.decimal()
    }

    #[test]
    fn whole_numbers_beside_padded_fractions_are_thousands_where_the_table_is_continental() {
        let numbers = ["0", "1.250", "2.375", "3", "4.500", "3", "1.250"];
        assert_eq!((decimal(&numbers), continental(&numbers)), (Ok('.'), Ok(',')));
        let numbers = numbers.map(|number| number.replace('.', ","));
        let numbers = numbers.each_ref().map(String::as_str);
        assert_eq!((decimal(&numbers), continental(&numbers)), (Ok('.'), Err((2, "1,250".to_owned()))));
        // Kilometres beside whole ones.
        assert_eq!(decimal(&["12.345", "11.020", "12", "11.870"]), Ok('.'));
        // A thousandth of the row before is doubtful in any table.
        assert_eq!(decimal(&["998", "999", "1.000", "1.001"]), Err((2, "1.000".to_owned())));
        assert_eq!(decimal(&["998", "999", "1,001"]), Ok('.'));
        assert_eq!(decimal(&["12", "1.500", "7", "2.311"]), Ok('.'));
    }

    #[test]
    fn a_fall_to_a_thousandth_and_fractions_of_zeros_are_thousands() {
        let decimal = continental;
        assert_eq!(decimal(&["998", "999", "1.000", "1.001"]), Ok(','));
        assert_eq!(decimal(&["1.002", "1.001", "999"]), Ok(','));
        assert_eq!(decimal(&["12", "1.500", "7", "2.311"]), Ok(','));
        // Three digits always.
        assert_eq!(decimal(&["1.500", "0.311", "2.000"]), Ok('.'));
        assert_eq!(decimal(&["1.500", "1.311", "2.000"]), Ok('.'));
        // Thousands would have a point.
        assert_eq!(decimal(&["1500", "1.500"]), Ok('.'));
        // A series that falls so deep.
        assert_eq!(decimal(&["900", "1.523", "880"]), Ok(','));
        assert_eq!(decimal(&["300", "0.523", "280"]), Ok('.'));
    }

    #[test]
    fn columns_that_contradict_each_other_are_ambiguous() {
        let mut detector = SeparatorDetector::new(None);
        for (a, b) in [("999", "1.5"), ("1.000", "2.5")] {
            detector.add(0, a, 2);
            detector.add(1, b, 2);
        }
        assert_eq!(detector.decimal(), Err((2, "1.000".to_owned())));
        let mut detector = SeparatorDetector::new(None);
        detector.set_continental(true);
        detector.add(0, "1.234", 3);
        assert_eq!(detector.decimal(), Err((3, "1.234".to_owned())));
    }
}
