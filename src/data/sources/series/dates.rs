//! Continues a sequence of dates.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::notation::Date;

/// The share of the steps from date to date that must be equal.
const REGULAR: f64 = 0.95;

/// A regular step from date to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A difference of numbers that are not dates.
    Numbers(u64),
    /// Calendar months, always on this day of the month or its last one before.
    Months(u64, u64),
    /// Seconds.
    Seconds(u64),
}

/// The next `count` dates after `dates`; `None` if these are irregular.
pub(crate) fn next(dates: &[Date], count: usize) -> Option<Vec<Date>> {
    let (last, step) = (dates.last()?, Step::of(dates)?);
    (1..=count as u64).map(|n| step.after(last, n)).collect()
}

impl Step {
    fn of(dates: &[Date]) -> Option<Self> {
        let parts = dates.first()?.0.len();
        let part = |date: &Date, at: usize| date.0.get(at).copied().unwrap_or_default();
        if parts == 1 {
            return usual(dates.iter().map(|date| part(date, 0))).map(Self::Numbers);
        }
        let months = || usual(dates.iter().map(|date| part(date, 0) * 12 + part(date, 1)));
        if parts == 2 {
            return months().map(|months| Self::Months(months, 1));
        }
        // February's last day and August's are a month's last, not 181 days apart.
        let day = dates.iter().map(|date| part(date, 2)).max()?;
        let on_day = |date: &Date| {
            days(part(date, 0), part(date, 1)).is_some_and(|days| part(date, 2) == day.min(days))
        };
        let time = dates.first()?.0.get(3..);
        match months().filter(|_| dates.iter().all(|date| on_day(date) && date.0.get(3..) == time)) {
            Some(months) => Some(Self::Months(months, day)),
            None => {
                let seconds = dates.iter().map(seconds).collect::<Option<Vec<_>>>()?;
                usual(seconds.into_iter()).map(Self::Seconds)
            }
        }
    }

    /// `n` steps after `date`.
    fn after(self, date: &Date, n: u64) -> Option<Date> {
        let mut parts = date.0.clone();
        match self {
            Self::Numbers(step) => {
                *parts.first_mut()? = parts.first()?.checked_add(step.checked_mul(n)?)?;
            }
            Self::Months(step, day) => {
                let months = parts.first()? * 12 + parts.get(1)? - 1 + step.checked_mul(n)?;
                let (year, month) = (months / 12, months % 12 + 1);
                *parts.first_mut()? = year;
                *parts.get_mut(1)? = month;
                if let Some(place) = parts.get_mut(2) {
                    *place = day.min(days(year, month)?);
                }
            }
            Self::Seconds(step) => {
                let later = SignedDuration::from_secs(i64::try_from(step.checked_mul(n)?).ok()?);
                let next = date.civil()?.checked_add(later).ok()?;
                *parts.first_mut()? = u64::try_from(next.year()).ok()?;
                let rest = [next.month(), next.day(), next.hour(), next.minute(), next.second()];
                for (part, number) in parts.iter_mut().skip(1).zip(rest) {
                    *part = u64::try_from(number).ok()?;
                }
            }
        }
        Some(Date(parts))
    }
}

/// The difference that almost all `places` have to the ones before them.
fn usual(places: impl Iterator<Item = u64>) -> Option<u64> {
    let places: Vec<u64> = places.collect();
    let steps: Vec<u64> = places.windows(2).map(|two| two[1].saturating_sub(two[0])).collect();
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    let middle = *sorted.get(sorted.len() / 2)?;
    let alike = steps.iter().filter(|step| **step == middle).count();
    (middle > 0 && alike as f64 >= REGULAR * steps.len() as f64).then_some(middle)
}

/// Days of a month.
fn days(year: u64, month: u64) -> Option<u64> {
    let first = Date(vec![year, month]).civil()?;
    u64::try_from(first.days_in_month()).ok()
}

/// Seconds from the start of the year 0.
fn seconds(date: &Date) -> Option<u64> {
    u64::try_from(date.civil()?.duration_since(DateTime::ZERO).as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::DateOrder;
    use super::*;

    fn next_two(dates: &[&str]) -> Option<String> {
        let dates: Vec<Date> = dates.iter().map(|text| Date::parse(text, DateOrder::Dmy).unwrap()).collect();
        next(&dates, 2).map(|next| next.iter().map(Date::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn regular_dates_are_continued() {
        for (dates, expected) in [
            (&["1960-11", "1960-12"][..], "1961-01 1961-02"),
            (&["1960-06", "1960-09", "1960-12"], "1961-03 1961-06"),
            (&["2023-12-31", "2024-01-31"], "2024-02-29 2024-03-31"),
            (&["2023-11-30", "2023-12-31", "2024-01-31"], "2024-02-29 2024-03-31"),
            (&["2023-11-15", "2023-12-15", "2024-01-15"], "2024-02-15 2024-03-15"),
            (&["2022-02-28", "2023-02-28", "2024-02-29"], "2025-02-28 2026-02-28"),
            (&["2024-02-26", "2024-02-27", "2024-02-28"], "2024-02-29 2024-03-01"),
            (&["1999-12-18", "1999-12-25"], "2000-01-01 2000-01-08"),
            (&["2024-02-28 18:00", "2024-02-29 00:00"], "2024-02-29 06:00 2024-02-29 12:00"),
            (&["2023-12-31T23:58:30", "2023-12-31T23:59:00"], "2023-12-31 23:59:30 2024-01-01 00:00:00"),
            (&["7", "9"], "11 13"),
            (&["1949", "1950"], "1951 1952"),
        ] {
            assert_eq!(next_two(dates).as_deref(), Some(expected), "{dates:?}");
        }
    }

    #[test]
    fn irregular_dates_are_not_continued() {
        let working_days = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10"];
        for dates in
            [&working_days[..], &["2024-01-04"], &[], &["18446744073709551614", "18446744073709551615"]]
        {
            assert_eq!(next_two(dates), None, "{dates:?}");
        }
        // One gap among a hundred days is none.
        let first = Date::parse("2023-12-31", DateOrder::Dmy).unwrap();
        let mut days: Vec<Date> = (1..=100).filter_map(|n| Step::Seconds(86_400).after(&first, n)).collect();
        days.remove(40);
        assert_eq!(next(&days, 1).unwrap()[0].to_string(), "2024-04-10");
    }

    #[test]
    fn dates_end_with_the_calendar() {
        assert_eq!(next_two(&["9999-11", "9999-12"]).as_deref(), Some("10000-01 10000-02"));
        assert_eq!(next_two(&["9999-12-30", "9999-12-31"]), None);
    }
}
