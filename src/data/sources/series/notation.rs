//! Notations of dates and numbers: `1999-12-31` and `1.5`, or those of other languages.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// The order of day and month in a date of three numbers that does not start with the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// `31.12.1999`, `31/12/1999`.
    Dmy,
    /// `12/31/1999`.
    Mdy,
}

/// Facts of the training file that its spec need not have, and that other files of the same kind may leave ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesFacts {
    /// The number of rows.
    pub rows: usize,
    /// The order of day and month, if it affects the dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// The decimal separator, if it affects the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
}

/// The notation of dates and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notation {
    pub order: DateOrder,
    pub decimal: char,
    /// Whether the dates would differ or be invalid in the other order.
    pub order_matters: bool,
    /// Whether the numbers would differ or be invalid with the other separator.
    pub decimal_matters: bool,
}

impl DateOrder {
    const ALL: [Self; 2] = [Self::Dmy, Self::Mdy];
}

/// A date as its numbers, from the year down, in lexicographic order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(pub Vec<u64>);

impl Date {
    /// `1949-01-31` (or with `/` or `.`), without the day, or the month too, or with a time after it (`T12:30:00Z`, ` 12:30`);
    /// `31.01.1949` by `order`, `01/1949`; or a whole number alone.
    pub fn parse(text: &str, order: DateOrder) -> Option<Self> {
        let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
        let (day, time) = match text.split_once(['T', ' ']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let mut numbers = numbers(day, &['-', '/', '.'])?;
        // A time needs a day.
        if numbers.len() > 3 || time.is_some() && numbers.len() < 3 {
            return None;
        }
        let first = day.split(['-', '/', '.']).next().map_or(0, str::len);
        let last = day.rsplit(['-', '/', '.']).next().map_or(0, str::len);
        if numbers.len() > 1 && first != 4 {
            if last != 4 || first > 2 {
                return None;
            }
            // From the year down.
            numbers.reverse();
            if let (DateOrder::Mdy, [_, day, month]) = (order, numbers.as_mut_slice()) {
                std::mem::swap(day, month);
            }
        }
        if let Some(time) = time {
            let whole =
                time.split_once('.').map_or(Some(time), |(whole, rest)| digits(rest).then_some(whole))?;
            numbers.extend(self::numbers(whole, &[':']).filter(|time| time.len() <= 3)?);
        }
        let date = Self(numbers);
        match date.0.as_slice() {
            [_] => Some(date),
            [_, month] => (1..=12).contains(month).then_some(date),
            _ => date.civil().is_some().then_some(date),
        }
    }

    /// The date of the Gregorian calendar with its time of day; absent parts are the smallest. `None` where there is no
    /// such date, as 31 February. A leap second counts as the one before it.
    pub fn civil(&self) -> Option<DateTime> {
        let part = |at: usize, smallest: u64| self.0.get(at).copied().unwrap_or(smallest);
        let small = |n: u64| i8::try_from(n).ok();
        let year = i16::try_from(part(0, 0)).ok()?;
        let second = match part(5, 0) {
            60 => 59,
            second => second,
        };
        DateTime::new(
            year,
            small(part(1, 1))?,
            small(part(2, 1))?,
            small(part(3, 0))?,
            small(part(4, 0))?,
            small(second)?,
            0,
        )
        .ok()
    }
}

/// Whether the parts of a day are separated by points.
fn is_dotted(text: &str) -> bool {
    text.split(['T', ' ']).next().is_some_and(|day| day.contains('.'))
}

/// Splits `text` at `between` into numbers of digits alone.
fn numbers(text: &str, between: &[char]) -> Option<Vec<u64>> {
    text.split(between).map(|part| part.parse().ok().filter(|_| digits(part))).collect()
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a number with the decimal separator `decimal`; the other of comma and point, a blank or `'` may separate thousands.
pub(crate) fn number(text: &str, decimal: char) -> Option<f64> {
    let plain = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    if decimal == '.'
        && let Some(number) = plain(text)
    {
        return Some(number);
    }
    let (sign, unsigned) = match text.strip_prefix(['-', '+', '−']) {
        Some(rest) => (if text.starts_with('+') { "" } else { "-" }, rest),
        None => ("", text),
    };
    let (whole, fraction) = match unsigned.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let other = if decimal == ',' { '.' } else { ',' };
    let mut groups = whole.split([other, ' ', '\u{a0}', '\u{202f}', '\'']);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    // No thousands begin with 0: `0,123` is a fraction, or nothing.
    let leads = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let grouped = rest.is_empty() || leads && rest.iter().all(|group| group.len() == 3);
    let fits = grouped && digits(first) && rest.iter().all(|group| digits(group));
    // `1,5e3` is a number too.
    fits.then(|| plain(&format!("{sign}{first}{}.{}", rest.concat(), fraction.unwrap_or("0")))).flatten()
}

/// Parses a number with either decimal separator.
pub(crate) fn any_number(text: &str) -> Option<f64> {
    number(text, '.').or_else(|| number(text, ','))
}

/// Detects the notation from dates and numbers.
#[derive(Debug)]
pub(crate) struct NotationDetector {
    /// The orders that are still possible, each with the last date.
    orders: Vec<(DateOrder, Option<Date>)>,
    /// Whether all dates are the same in each order.
    same: bool,
    decimals: Vec<char>,
    /// The first ambiguous number: its line and its text.
    ambiguous: Option<(u64, String)>,
    /// Whether any number differs or is invalid with the other separator.
    differs: bool,
}

impl NotationDetector {
    pub fn new(order: Option<DateOrder>, decimal: Option<char>) -> Self {
        Self {
            orders: order
                .map_or(DateOrder::ALL.to_vec(), |order| vec![order])
                .into_iter()
                .map(|o| (o, None))
                .collect(),
            same: true,
            decimals: decimal.map_or(vec!['.', ','], |decimal| vec![decimal]),
            ambiguous: None,
            differs: false,
        }
    }

    /// Whether the notation is determined.
    pub fn is_settled(&self) -> bool {
        self.orders.len() == 1 && self.decimals.len() == 1
    }

    pub fn date(&mut self, text: &str) {
        if self.orders.len() == 1 {
            return;
        }
        let dates: Vec<Option<Date>> =
            self.orders.iter().map(|(order, _)| Date::parse(text, *order)).collect();
        if dates.iter().all(Option::is_none) {
            // Invalid in any order.
            return;
        }
        // A date with points has the day first in all languages.
        if let (Some(Some(now)), true) = (dates.first(), is_dotted(text)) {
            self.orders = vec![(DateOrder::Dmy, Some(now.clone()))];
            return;
        }
        self.same &= dates.windows(2).all(|two| two[0] == two[1]);
        let mut possible: Vec<(DateOrder, Option<Date>)> = Vec::new();
        for ((order, before), now) in self.orders.iter().zip(dates) {
            // Rows are in order: an order of day and month that contradicts this is wrong.
            if now.is_some() && (before.is_none() || now > *before) {
                possible.push((*order, now));
            }
        }
        if !possible.is_empty() {
            self.orders = possible;
        }
    }

    pub fn number(&mut self, text: &str, line: u64) {
        if self.decimals.len() == 1 || digits(text) {
            return;
        }
        let read = |decimal: &char| number(text, *decimal);
        let (point, comma) = (read(&'.'), read(&','));
        self.differs |= point != comma;
        match (point, comma) {
            // `1.234` is usually a decimal, `1,234` is ambiguous.
            (Some(point), Some(comma))
                if point != comma && text.contains(',') && self.ambiguous.is_none() =>
            {
                self.ambiguous = Some((line, text.to_owned()));
            }
            (Some(_), None) => self.decimals = vec!['.'],
            (None, Some(_)) => self.decimals = vec![','],
            _ => {}
        }
    }

    /// The order of day and month; `None` if it is ambiguous.
    pub fn order(&self) -> Option<DateOrder> {
        match self.orders.as_slice() {
            [(order, _)] => Some(*order),
            [(order, _), ..] if self.same => Some(*order),
            _ => None,
        }
    }

    /// Whether the dates would differ or be invalid in the other order.
    pub fn order_matters(&self) -> bool {
        self.orders.len() == 1 || !self.same
    }

    /// Whether the numbers would differ or be invalid with the other separator.
    pub fn decimal_matters(&self) -> bool {
        self.decimals.len() == 1 || self.differs
    }

    /// The decimal separator.
    ///
    /// # Errors
    /// An ambiguous number with its line.
    pub fn decimal(&self) -> Result<char, (u64, String)> {
        match (self.decimals.as_slice(), &self.ambiguous) {
            ([decimal], _) => Ok(*decimal),
            (_, Some(ambiguous)) => Err(ambiguous.clone()),
            _ => Ok('.'),
        }
    }
}

/// Whether `text` is a date; a number alone is not.
pub(crate) fn is_date(text: &str) -> bool {
    let read = |order| Date::parse(text, order).is_some_and(|date| date.0.len() > 1);
    read(DateOrder::Dmy) || read(DateOrder::Mdy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> Option<Vec<u64>> {
        Date::parse(text, DateOrder::Dmy).map(|date| date.0)
    }

    #[test]
    fn dates_are_parsed_from_the_year_down_in_any_notation() {
        for (text, expected) in [
            ("1999-12-31", &[1999, 12, 31][..]),
            ("1999/12/31", &[1999, 12, 31]),
            ("1999.12.31", &[1999, 12, 31]),
            ("31.12.1999", &[1999, 12, 31]),
            ("1/2/1999", &[1999, 2, 1]),
            ("1999-12", &[1999, 12]),
            ("12.1999", &[1999, 12]),
            ("1999", &[1999]),
            ("17", &[17]),
            ("1999-12-31T10:00", &[1999, 12, 31, 10, 0]),
            ("1999-12-31T10:00:05.25Z", &[1999, 12, 31, 10, 0, 5]),
            ("1999-12-31 10:00:05+00:00", &[1999, 12, 31, 10, 0, 5]),
            ("31.12.1999 23:59", &[1999, 12, 31, 23, 59]),
            ("2024-02-29", &[2024, 2, 29]),
            ("2016-12-31 23:59:60", &[2016, 12, 31, 23, 59, 60]),
        ] {
            assert_eq!(date(text).as_deref(), Some(expected), "{text}");
        }
        let american = Date::parse("12/31/1999 8:05", DateOrder::Mdy).unwrap();
        assert_eq!(american.0, [1999, 12, 31, 8, 5]);
        for text in [
            "31.12.99",
            "12/31/1999",
            "1999-13",
            "1999-12 10:00",
            "1999-12-31 25:00",
            "1999-12-31 24:00",
            "1999-02-29",
            "2024-02-30",
            "31.04.1999",
            "1999-12-31 10:60",
            "1999 10:00",
            "x",
            "",
            "1-2",
            "-1",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_parsed_with_comma_or_point_and_thousands() {
        for (text, decimal, expected) in [
            ("1,5", ',', 1.5),
            ("-1.234.567,25", ',', -1_234_567.25),
            ("1 234,5", ',', 1234.5),
            ("1\u{a0}234", ',', 1234.0),
            ("12", ',', 12.0),
            ("1,5e3", ',', 1500.0),
            ("1,234.5", '.', 1234.5),
            ("4e1", '.', 40.0),
            ("−3", '.', -3.0),
            (".5", '.', 0.5),
        ] {
            assert_eq!(number(text, decimal), Some(expected), "{text}");
        }
        for (text, decimal) in [
            ("1,5", '.'),
            ("1.5", ','),
            ("1,2,3", ','),
            ("NA", '.'),
            ("", ','),
            ("nan", '.'),
            ("inf", ','),
            ("1234,567", '.'),
            ("0,123", '.'),
            ("-0.500", ','),
        ] {
            assert_eq!(number(text, decimal), None, "{text}");
        }
    }

    #[test]
    fn a_day_above_twelve_or_the_order_of_rows_determines_the_date_order() {
        let order = |dates: &[&str]| {
            let mut detector = NotationDetector::new(None, None);
            dates.iter().for_each(|date| detector.date(date));
            detector.order()
        };
        assert_eq!(order(&["01/02/1999", "13/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["02/01/1999", "02/13/1999"]), Some(DateOrder::Mdy));
        // Month first would run backwards in time.
        assert_eq!(order(&["02/01/1999", "01/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01/01/1999", "01/02/1999"]), None);
        assert_eq!(order(&["01/01/1999", "02/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01.01.1999", "01.02.1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["1999-01-02", "1999-01-01"]), Some(DateOrder::Dmy));
    }

    #[test]
    fn one_number_determines_the_separator_of_all() {
        let decimal = |numbers: &[&str]| {
            let mut detector = NotationDetector::new(None, None);
            numbers.iter().for_each(|number| detector.number(number, 2));
            detector.decimal()
        };
        assert_eq!(decimal(&["1,234", "1,5"]), Ok(','));
        assert_eq!(decimal(&["1,234", "1.5"]), Ok('.'));
        assert_eq!(decimal(&["1.234", "12"]), Ok('.'));
        assert_eq!(decimal(&["1.234", "1,5"]), Ok(','));
        assert_eq!(decimal(&["12", "1,234"]), Err((2, "1,234".to_owned())));
        assert_eq!(decimal(&["1,234,567"]), Ok('.'));
    }

    proptest! {
        #[test]
        fn numbers_round_trip(x in -1e6_f64..1e6) {
            prop_assert_eq!(number(&x.to_string(), '.'), Some(x));
            prop_assert_eq!(number(&x.to_string().replace('.', ","), ','), Some(x));
        }

        #[test]
        fn no_text_makes_the_detector_panic(text in any::<String>()) {
            let mut detector = NotationDetector::new(None, None);
            detector.date(&text);
            detector.number(&text, 1);
            any_number(&text);
        }
    }
}
