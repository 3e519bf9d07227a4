//! Dates of a calendar, to the second, in the notations of tables.

mod months;
mod parse;

use std::cmp::Ordering;
use std::fmt;

use jiff::civil::{DateTime, ISOWeekDate, Weekday};
use jiff::{SignedDuration, civil};
use serde::{Deserialize, Serialize};

pub(crate) use months::month;
pub(crate) use parse::is_decimal_year;

/// The order of day and month in a date of three numbers that does not start with the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// `31.12.1999`, `31/12/1999`.
    Dmy,
    /// `12/31/1999`.
    Mdy,
}

impl DateOrder {
    pub(crate) const ALL: [Self; 2] = [Self::Dmy, Self::Mdy];
}

/// What the numbers of a date count, and how they are displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// A whole number alone, which may be a year.
    Number,
    /// Year, month, day, hour, minute, second, or the first of these: `1999-12-31 10:00`.
    Calendar,
    /// The same without separators: `19991231`.
    Compact,
    /// Year and half: `1999-H2`.
    Half,
    /// Year and quarter: `1999-Q4`.
    Quarter,
    /// Year and week of ISO 8601: `1999-W52`.
    Week,
}

/// A date as its numbers, from the year down, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Date {
    /// The numbers of year, month, day, … as far as the form has them.
    pub parts: Vec<u64>,
    /// Which numbers these are.
    pub form: DateForm,
    /// Minutes that the local time is ahead of UTC, where the date says so.
    pub offset: Option<i64>,
}

impl Date {
    /// A date without an offset.
    pub fn new(form: DateForm, parts: Vec<u64>) -> Self {
        Self { parts, form, offset: None }
    }

    fn part(&self, at: usize, smallest: u64) -> u64 {
        self.parts.get(at).copied().unwrap_or(smallest)
    }

    /// The date of the Gregorian calendar with its local time of day; absent parts are the smallest, of a week Monday. `None` where
    /// there is no such date, as 31 February. A leap second counts as the one before it.
    pub fn civil(&self) -> Option<DateTime> {
        let small = |n: u64| i8::try_from(n).ok();
        let year = i16::try_from(self.part(0, 0)).ok()?;
        let date = |month: u64, day: u64| civil::Date::new(year, small(month)?, small(day)?).ok();
        let first_of = |months: u64| {
            let part = self.part(1, 1);
            (1..=12 / months).contains(&part).then(|| date((part - 1) * months + 1, 1)).flatten()
        };
        let day = match self.form {
            DateForm::Half => first_of(6)?,
            DateForm::Quarter => first_of(3)?,
            DateForm::Week => ISOWeekDate::new(year, small(self.part(1, 1))?, Weekday::Monday).ok()?.date(),
            DateForm::Number | DateForm::Calendar | DateForm::Compact => {
                date(self.part(1, 1), self.part(2, 1))?
            }
        };
        let second = match self.part(5, 0) {
            60 => 59,
            second => second,
        };
        let time =
            civil::Time::new(small(self.part(3, 0))?, small(self.part(4, 0))?, small(second)?, 0).ok()?;
        Some(day.to_datetime(time))
    }

    /// Seconds from the start of the year 0, in UTC if the date has an offset, else in local time.
    pub fn seconds(&self) -> Option<i64> {
        let local = self.civil()?.duration_since(DateTime::ZERO).as_secs();
        Some(local - self.offset.unwrap_or(0) * 60)
    }

    /// This date `seconds` later, with its offset.
    pub fn later(&self, seconds: i64) -> Option<Self> {
        let next = self.civil()?.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        self.at(next)
    }

    /// The local time `civil` in the form of this date.
    pub fn at(&self, civil: DateTime) -> Option<Self> {
        let year = u64::try_from(civil.year()).ok()?;
        let mut parts = match self.form {
            DateForm::Week => {
                let week = civil.date().iso_week_date();
                vec![u64::try_from(week.year()).ok()?, u64::try_from(week.week()).ok()?]
            }
            DateForm::Quarter => vec![year, (u64::try_from(civil.month()).ok()? - 1) / 3 + 1],
            DateForm::Half => vec![year, (u64::try_from(civil.month()).ok()? - 1) / 6 + 1],
            DateForm::Number | DateForm::Calendar | DateForm::Compact => {
                let rest = [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()];
                let rest = rest.into_iter().map(u64::try_from).collect::<Result<Vec<_>, _>>().ok()?;
                [vec![year], rest].concat()
            }
        };
        parts.truncate(self.parts.len());
        Some(Self { parts, ..self.clone() })
    }

    /// Whether the other date has the same form and as many parts.
    pub fn is_like(&self, other: &Self) -> bool {
        self.form == other.form && self.parts.len() == other.parts.len()
    }
}

impl PartialOrd for Date {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Date {
    /// In order of time: that of UTC where the offsets differ.
    fn cmp(&self, other: &Self) -> Ordering {
        let local = || self.parts.cmp(&other.parts).then_with(|| self.offset.cmp(&other.offset));
        if self.offset.unwrap_or(0) == other.offset.unwrap_or(0) {
            return self.parts.cmp(&other.parts);
        }
        match (self.seconds(), other.seconds()) {
            (Some(ours), Some(theirs)) => ours.cmp(&theirs),
            _ => local(),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.form {
            DateForm::Half => "H",
            DateForm::Quarter => "Q",
            DateForm::Week => "W",
            DateForm::Number | DateForm::Calendar | DateForm::Compact => "",
        };
        for (at, part) in self.parts.iter().enumerate() {
            match (at, self.form) {
                (0, DateForm::Compact) => write!(f, "{part:04}")?,
                (0, _) => write!(f, "{part}")?,
                (_, DateForm::Half | DateForm::Quarter) => write!(f, "-{letter}{part}")?,
                (_, DateForm::Week) => write!(f, "-{letter}{part:02}")?,
                (_, DateForm::Compact) => write!(f, "{part:02}")?,
                (1 | 2, _) => write!(f, "-{part:02}")?,
                (3, _) => write!(f, " {part:02}")?,
                _ => write!(f, ":{part:02}")?,
            }
        }
        match self.offset {
            None | Some(0) => Ok(()),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// Whether `text` is a date; a number alone is not.
pub(crate) fn is_date(text: &str) -> bool {
    let read = |order| Date::parse(text, order).is_some_and(|date| date.parts.len() > 1);
    read(DateOrder::Dmy) || read(DateOrder::Mdy)
}

#[cfg(test)]
mod tests;
