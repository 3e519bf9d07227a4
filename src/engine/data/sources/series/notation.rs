//! Detects how the dates and numbers of a table are written.

use serde::{Deserialize, Serialize};

use super::date::{Date, DateOrder};
use super::numbers::digits;
use super::separators::SeparatorDetector;

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
    /// Whether whole numbers such as 20010131 are dates, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact: Option<bool>,
    /// Whether dates are years with fractions: 1949.08333.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal_years: Option<bool>,
}

/// The notation of dates and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notation {
    /// The order of day, month and year.
    pub order: DateOrder,
    /// The decimal separator.
    pub decimal: char,
    /// Whether the dates would differ or be invalid in the other order.
    pub order_matters: bool,
    /// Whether the numbers would differ or be invalid with the other separator.
    pub decimal_matters: bool,
    /// Whether whole numbers are dates without separators; `None` if there are none that may be.
    pub compact: Option<bool>,
    /// Whether dates are years with fractions; `None` if not.
    pub decimal_years: Option<bool>,
}

/// What is known of a notation; the rest is detected.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownNotation {
    /// As in [`Notation`].
    pub order: Option<DateOrder>,
    /// As in [`Notation`].
    pub decimal: Option<char>,
    /// As in [`Notation`].
    pub compact: Option<bool>,
    /// As in [`Notation`].
    pub decimal_years: Option<bool>,
}

/// Detects the notation from all rows of a table.
#[derive(Debug)]
pub(crate) struct NotationDetector {
    known: KnownNotation,
    orders: [OrderEvidence; 2],
    /// Whether all dates are the same in each order.
    same: bool,
    /// Whether a date has points between its numbers, the day first.
    dotted: bool,
    /// The first date: its line and its text.
    first: Option<(u64, String)>,
    compact: CompactEvidence,
    decimal_years: DecimalYearEvidence,
    pub numbers: SeparatorDetector,
}

/// How dates look in one order of day and month.
#[derive(Debug, Default)]
struct OrderEvidence {
    rows: usize,
    /// The number of dates before the first that is invalid.
    valid: Option<usize>,
    last: Option<Date>,
    descends: bool,
    ascends: bool,
}

impl OrderEvidence {
    fn add(&mut self, date: Option<Date>) {
        match (&date, &self.last) {
            (None, _) => _ = self.valid.get_or_insert(self.rows),
            (Some(now), Some(before)) => {
                self.ascends |= now > before;
                self.descends |= now < before;
            }
            (Some(_), None) => {}
        }
        self.rows += 1;
        self.last = date.or(self.last.take());
    }

    /// The rank of an order: how long it is valid, then whether rows are in order of time, else in the reverse order.
    fn rank(&self) -> (usize, usize) {
        let sorted = match (self.ascends, self.descends) {
            (_, false) => 2,
            (false, true) => 1,
            (true, true) => 0,
        };
        (self.valid.unwrap_or(usize::MAX), sorted)
    }
}

/// Whether all dates are such as 20010131, equally long.
#[derive(Debug, Default)]
struct CompactEvidence {
    length: Option<usize>,
    /// Whether the first has digits alone.
    digits: bool,
    rows: usize,
    fails: bool,
}

impl CompactEvidence {
    fn add(&mut self, text: &str) {
        let length = *self.length.get_or_insert_with(|| {
            self.digits = digits(text);
            text.len()
        });
        self.rows += 1;
        self.fails |= length != text.len() || Date::compact(text).is_none();
    }

    fn found(&self) -> Option<bool> {
        let may_be = self.digits && matches!(self.length, Some(6 | 8 | 10 | 12 | 14));
        may_be.then_some(!self.fails && self.rows > 1)
    }
}

/// Whether all dates are such as 1949.08333, and some can be nothing else.
#[derive(Debug, Default)]
struct DecimalYearEvidence {
    certain: bool,
    fails: bool,
}

impl DecimalYearEvidence {
    fn add(&mut self, text: &str) {
        self.fails |= Date::decimal_year(text).is_none();
        // `1990.10` may be October.
        self.certain |= Date::parse(text, DateOrder::Dmy).is_none();
    }

    fn found(&self) -> Option<bool> {
        (self.certain && !self.fails).then_some(true)
    }
}

impl NotationDetector {
    pub fn new(known: KnownNotation) -> Self {
        Self {
            known,
            orders: Default::default(),
            same: true,
            dotted: false,
            first: None,
            compact: CompactEvidence::default(),
            decimal_years: DecimalYearEvidence::default(),
            numbers: SeparatorDetector::new(known.decimal),
        }
    }

    pub fn date(&mut self, text: &str, line: u64) {
        self.first.get_or_insert_with(|| (line, text.to_owned()));
        self.compact.add(text);
        self.decimal_years.add(text);
        let dates = DateOrder::ALL.map(|order| Date::parse(text, order));
        if dates.iter().all(Option::is_none) {
            // Invalid in any order.
            return;
        }
        self.same &= dates[0] == dates[1];
        self.dotted |= dates[0].is_some() && is_dotted(text);
        for (order, date) in self.orders.iter_mut().zip(dates) {
            order.add(date);
        }
    }

    /// The order of day and month.
    ///
    /// # Errors
    /// The first date with its line, if it is ambiguous.
    pub fn order(&self) -> Result<DateOrder, (u64, String)> {
        // A date with points has the day first in all languages.
        if let Some(order) = self.known.order.or(self.dotted.then_some(DateOrder::Dmy)) {
            return Ok(order);
        }
        let [dmy, mdy] = self.orders.each_ref().map(OrderEvidence::rank);
        match (self.same, dmy.cmp(&mdy)) {
            (true, _) | (_, std::cmp::Ordering::Greater) => Ok(DateOrder::Dmy),
            (_, std::cmp::Ordering::Less) => Ok(DateOrder::Mdy),
            _ => Err(self.first.clone().unwrap_or_default()),
        }
    }

    /// Whether the dates would differ or be invalid in the other order.
    pub fn order_matters(&self) -> bool {
        self.known.order.is_some() || !self.same
    }

    /// Whether whole numbers are dates; `None` if there are none that may be.
    pub fn compact(&self) -> Option<bool> {
        self.known.compact.or(self.compact.found())
    }

    /// Whether dates are years with fractions; `None` if not.
    pub fn decimal_years(&self) -> Option<bool> {
        self.known.decimal_years.or(self.decimal_years.found())
    }
}

/// Whether the parts of a day are separated by points, and the year is last.
fn is_dotted(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    day.split('.').count() == 3 && day.split('.').next().is_none_or(|first| first.len() != 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn detector(dates: &[&str]) -> NotationDetector {
        let mut detector = NotationDetector::new(KnownNotation::default());
        dates.iter().for_each(|date| detector.date(date, 2));
        detector
    }

    #[test]
    fn a_day_above_twelve_or_the_order_of_rows_determines_the_date_order() {
        let order = |dates: &[&str]| detector(dates).order().ok();
        assert_eq!(order(&["01/02/1999", "13/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["02/01/1999", "02/13/1999"]), Some(DateOrder::Mdy));
        // Month first would run backwards in time.
        assert_eq!(order(&["02/01/1999", "01/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01/01/1999", "01/02/1999"]), None);
        assert_eq!(order(&["01/01/1999", "02/02/1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01.01.1999", "01.02.1999"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["1999-01-02", "1999-01-01"]), Some(DateOrder::Dmy));
        // The latest first.
        assert_eq!(order(&["02/13/1999", "02/12/1999", "01/31/1999"]), Some(DateOrder::Mdy));
        assert_eq!(order(&["03/02/1999", "01/02/1999", "02/01/1999"]), Some(DateOrder::Dmy));
    }

    #[test]
    fn whole_numbers_are_dates_if_all_of_them_can_be() {
        assert_eq!(detector(&["20010130", "20010131", "20010201"]).compact(), Some(true));
        assert_eq!(detector(&["20010130", "20010131", "20010132"]).compact(), Some(false));
        assert_eq!(detector(&["200011", "200012", "200101"]).compact(), Some(true));
        assert_eq!(detector(&["1999", "2000"]).compact(), None);
        assert_eq!(detector(&["2001-01-31"]).compact(), None);
    }

    #[test]
    fn numbers_are_years_with_fractions_if_all_of_them_can_be_and_one_is_no_month() {
        assert_eq!(detector(&["1949", "1949.08333333333", "1949.16666666667"]).decimal_years(), Some(true));
        assert_eq!(detector(&["1960", "1960.25", "1960.5"]).decimal_years(), Some(true));
        assert_eq!(detector(&["1990.01", "1990.02", "1990.10"]).decimal_years(), None);
        assert_eq!(detector(&["1990", "1991"]).decimal_years(), None);
        assert_eq!(detector(&["1990.01918", "1990.03836"]).decimal_years(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_detector_panic(text in any::<String>()) {
            let mut detector = NotationDetector::new(KnownNotation::default());
            detector.date(&text, 1);
            detector.numbers.add(0, &text, 1);
            super::super::numbers::any_number(&text);
            Date::compact(&text);
        }
    }
}
