//! How far dates are apart.

use crate::data::sources::series::date::{Date, DateForm};

/// How far dates are apart.
pub(super) struct Spacing {
    /// What a date's place is counted in.
    pub unit: Unit,
    /// Between most dates.
    pub usual: f64,
    /// Places where dates are missing, and the date after the longest.
    pub gaps: usize,
    pub before: String,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Number,
    Month,
    Day,
    Second,
}

impl Spacing {
    pub fn of(dates: &[Date]) -> Self {
        let unit = dates.first().map_or(Unit::Number, Unit::of);
        let places: Vec<f64> = dates.iter().map(|date| unit.place(date)).collect();
        let apart: Vec<f64> = places.windows(2).map(|two| two[1] - two[0]).collect();
        let mut sorted = apart.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
        let gaps = apart.iter().filter(|apart| **apart > 1.5 * usual).count();
        let longest = apart.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at + 1);
        let before = longest.and_then(|at| dates.get(at)).map(Date::to_string).unwrap_or_default();
        Self { unit, usual, gaps, before }
    }

    pub fn words(&self) -> String {
        let number = self.usual;
        let (number, name) = match self.unit {
            Unit::Number => (number, ""),
            Unit::Month if number % 12.0 == 0.0 => (number / 12.0, "year"),
            Unit::Month => (number, "month"),
            Unit::Day if (365.0..=366.0).contains(&number) => (1.0, "year"),
            Unit::Day if (28.0..=31.0).contains(&number) => (1.0, "month"),
            Unit::Day if number % 7.0 == 0.0 => (number / 7.0, "week"),
            Unit::Day => (number, "day"),
            Unit::Second if number % 86_400.0 == 0.0 => (number / 86_400.0, "day"),
            Unit::Second if number % 3_600.0 == 0.0 => (number / 3_600.0, "hour"),
            Unit::Second if number % 60.0 == 0.0 => (number / 60.0, "minute"),
            Unit::Second => (number, "second"),
        };
        match (name, number == 1.0) {
            ("", _) => format!("every {number}"),
            (name, true) => format!("every {name}"),
            (name, false) => format!("every {number} {name}s"),
        }
    }

    /// Rows after which such series come again by nature: the months of a year, the days of a week.
    pub fn natural(&self) -> &'static [usize] {
        match self.words().as_str() {
            "every month" => &[12],
            "every 3 months" => &[4],
            "every week" => &[52],
            "every day" => &[7, 365],
            "every hour" => &[24, 168],
            "every minute" => &[60, 1_440],
            _ => &[],
        }
    }
}

impl Unit {
    /// What the dates of a file like this one are counted in.
    fn of(date: &Date) -> Self {
        match (date.form, date.parts.len()) {
            (DateForm::Number, _) | (_, 0 | 1) => Self::Number,
            (DateForm::Half | DateForm::Quarter, _) => Self::Month,
            (DateForm::Week, _) => Self::Day,
            (_, 2) => Self::Month,
            (_, 3) => Self::Day,
            _ => Self::Second,
        }
    }

    /// The place of a date in time.
    fn place(self, date: &Date) -> f64 {
        let part = |at: usize| date.parts.get(at).copied().unwrap_or_default() as f64;
        let seconds = || date.seconds().map_or(f64::NAN, |seconds| seconds as f64);
        match (self, date.form) {
            (Self::Number, _) => part(0),
            (Self::Month, DateForm::Half) => part(0) * 12.0 + part(1) * 6.0,
            (Self::Month, DateForm::Quarter) => part(0) * 12.0 + part(1) * 3.0,
            (Self::Month, _) => part(0) * 12.0 + part(1),
            (Self::Day, _) => seconds() / 86_400.0,
            (Self::Second, _) => seconds(),
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DateOrder;

    fn date(text: &str) -> Date {
        Date::parse(text, DateOrder::Dmy).unwrap()
    }

    fn every(dates: &[&str]) -> String {
        Spacing::of(&dates.iter().map(|text| date(text)).collect::<Vec<_>>()).words()
    }

    #[test]
    fn dates_are_counted_by_the_calendar() {
        for (from, to, days) in [
            ("2023-02-28", "2023-03-01", 1.0),
            ("2024-02-28", "2024-03-01", 2.0),
            ("1900-02-28", "1900-03-01", 1.0),
            ("1999-12-31", "2000-01-01", 1.0),
            ("2000-01-01", "2001-01-01", 366.0),
        ] {
            assert_eq!(Unit::Day.place(&date(to)) - Unit::Day.place(&date(from)), days, "{from} {to}");
        }
        let place = |text| Unit::Second.place(&date(text));
        assert_eq!(place("2024-03-01 00:10") - place("2024-02-29T23:50"), 1200.0);
        assert_eq!(date("2024-03-01 09:05").to_string(), "2024-03-01 09:05");
    }

    #[test]
    fn the_spacing_is_told_as_people_say_it() {
        assert_eq!(every(&["2020-01", "2020-02", "2020-03"]), "every month");
        assert_eq!(every(&["2020-01", "2020-04", "2020-07"]), "every 3 months");
        assert_eq!(every(&["2020-01-31", "2020-02-29", "2020-03-31"]), "every month");
        assert_eq!(every(&["2020-01-01", "2020-01-08", "2020-01-15"]), "every week");
        assert_eq!(every(&["2020-01-01 00:00", "2020-01-01 06:00"]), "every 6 hours");
        assert_eq!(every(&["2020Q1", "2020Q2"]), "every 3 months");
        assert_eq!(every(&["2020-W52", "2020-W53", "2021-W01"]), "every week");
        let gap = ["2020-01-01", "2020-01-02", "2020-01-09", "2020-01-10", "2020-01-11"].map(date);
        let spacing = Spacing::of(&gap);
        assert_eq!((spacing.gaps, spacing.before.as_str()), (1, "2020-01-09"));
    }
}
