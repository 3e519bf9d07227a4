//! Continues a sequence of dates.

use super::date::{Date, DateForm};

/// The share of the steps from date to date that must be equal.
const REGULAR: f64 = 0.95;

/// A regular step from date to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A difference of numbers that are not dates.
    Numbers(u64),
    /// Parts of a year, of which there are so many in one: months, quarters or halves.
    OfYear(u64, u64),
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
    /// The step that almost all `dates` have to the ones before them.
    pub fn of(dates: &[Date]) -> Option<Self> {
        let first = dates.first()?;
        let part = |date: &Date, at: usize| date.parts.get(at).copied().unwrap_or_default();
        let in_year =
            |per_year: u64| usual(dates.iter().map(|date| part(date, 0) * per_year + part(date, 1)));
        match (first.form, first.parts.len()) {
            (DateForm::Number, _) | (_, 1) => {
                return usual(dates.iter().map(|date| part(date, 0))).map(Self::Numbers);
            }
            (DateForm::Half, _) => return in_year(2).map(|step| Self::OfYear(2, step)),
            (DateForm::Quarter, _) => return in_year(4).map(|step| Self::OfYear(4, step)),
            (DateForm::Calendar | DateForm::Compact, 2) => {
                return in_year(12).map(|step| Self::OfYear(12, step));
            }
            (DateForm::Week | DateForm::Calendar | DateForm::Compact, _) => {}
        }
        let seconds = |of: &dyn Fn(&Date) -> Option<i64>| {
            let seconds =
                dates.iter().map(|date| u64::try_from(of(date)?).ok()).collect::<Option<Vec<_>>>()?;
            usual(seconds.into_iter()).map(Self::Seconds)
        };
        if first.form == DateForm::Week {
            return seconds(&Date::seconds);
        }
        // February's last day and August's are a month's last, not 181 days apart.
        let day = dates.iter().map(|date| part(date, 2)).max()?;
        let on_day = |date: &Date| {
            days(part(date, 0), part(date, 1)).is_some_and(|days| part(date, 2) == day.min(days))
        };
        let time = first.parts.get(3..);
        let monthly = dates.iter().all(|date| on_day(date) && date.parts.get(3..) == time);
        if let Some(months) = in_year(12).filter(|_| monthly) {
            return Some(Self::Months(months, day));
        }
        // Where the offsets differ, days at the same local time are not 24 hours apart.
        let local = |date: &Date| Date { offset: None, ..date.clone() }.seconds();
        let by_day = seconds(&local).filter(|step| matches!(step, Self::Seconds(step) if step % 86_400 == 0));
        by_day.or_else(|| seconds(&Date::seconds))
    }

    /// The date `n` steps after `date`.
    pub fn after(self, date: &Date, n: u64) -> Option<Date> {
        let mut parts = date.parts.clone();
        match self {
            Self::Numbers(step) => {
                *parts.first_mut()? = parts.first()?.checked_add(step.checked_mul(n)?)?;
            }
            Self::OfYear(per_year, step) => {
                let place =
                    parts.first()? * per_year + parts.get(1)?.checked_sub(1)? + step.checked_mul(n)?;
                *parts.first_mut()? = place / per_year;
                *parts.get_mut(1)? = place % per_year + 1;
            }
            Self::Months(step, day) => {
                let months = parts.first()? * 12 + parts.get(1)?.checked_sub(1)? + step.checked_mul(n)?;
                let (year, month) = (months / 12, months % 12 + 1);
                *parts.first_mut()? = year;
                *parts.get_mut(1)? = month;
                if let Some(place) = parts.get_mut(2) {
                    *place = day.min(days(year, month)?);
                }
            }
            Self::Seconds(step) => return date.later(i64::try_from(step.checked_mul(n)?).ok()?),
        }
        Some(Date { parts, ..date.clone() })
    }

    /// How many dates a regular series would have between two neighbours.
    pub fn missing(self, before: &Date, after: &Date) -> usize {
        let place = |date: &Date| match self {
            Self::Numbers(_) => date.parts.first().copied(),
            Self::OfYear(per_year, _) => Some(date.parts.first()? * per_year + date.parts.get(1)?),
            Self::Months(..) => Some(date.parts.first()? * 12 + date.parts.get(1)?),
            // Whole days in local time, whatever the offsets.
            Self::Seconds(step) if step % 86_400 == 0 => {
                u64::try_from(Date { offset: None, ..date.clone() }.seconds()?).ok()
            }
            Self::Seconds(_) => u64::try_from(date.seconds()?).ok(),
        };
        let (Self::Numbers(step) | Self::OfYear(_, step) | Self::Months(step, _) | Self::Seconds(step)) =
            self;
        let apart = place(after).zip(place(before)).map_or(0, |(after, before)| after.saturating_sub(before));
        // Between whole steps: half of one more is rounded up.
        let steps = apart.saturating_add(step / 2) / step.max(1);
        usize::try_from(steps.saturating_sub(1)).unwrap_or(usize::MAX)
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
    let first = Date::new(DateForm::Calendar, vec![year, month]).civil()?;
    u64::try_from(first.days_in_month()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::date::DateOrder;
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
            (&["1999Q3", "1999Q4"], "2000-Q1 2000-Q2"),
            (&["1999-S1", "1999-S2"], "2000-H1 2000-H2"),
            (&["2020-W52", "2020-W53"], "2021-W01 2021-W02"),
            (&["Nov 1999", "Dec 1999"], "2000-01 2000-02"),
            (
                &["2021-01-28 00:00+02:00", "2021-01-29 00:00+02:00"],
                "2021-01-30 00:00+02:00 2021-01-31 00:00+02:00",
            ),
            // Daylight saving time begins: the same hour of the next day, and every hour.
            (
                &["2021-03-27 00:00+01:00", "2021-03-28 00:00+01:00", "2021-03-29 00:00+02:00"],
                "2021-03-30 00:00+02:00 2021-03-31 00:00+02:00",
            ),
            (
                &["2021-03-28 00:00+01:00", "2021-03-28 01:00+01:00", "2021-03-28 03:00+02:00"],
                "2021-03-28 04:00+02:00 2021-03-28 05:00+02:00",
            ),
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
    fn compact_dates_are_continued_over_the_end_of_a_month() {
        let dates: Vec<Date> = ["20010130", "20010131"].map(|text| Date::compact(text).unwrap()).to_vec();
        assert_eq!(next(&dates, 1).unwrap()[0].to_string(), "20010201");
        let dates: Vec<Date> = ["200111", "200112"].map(|text| Date::compact(text).unwrap()).to_vec();
        assert_eq!(next(&dates, 1).unwrap()[0].to_string(), "200201");
    }

    #[test]
    fn missing_dates_are_counted() {
        let date = |text| Date::parse(text, DateOrder::Dmy).unwrap();
        for (step, before, after, expected) in [
            (Step::Seconds(86_400), "2001-01-05", "2001-01-07", 1),
            (Step::Seconds(86_400), "2001-01-05", "2001-01-06", 0),
            (Step::Seconds(3_600), "2021-03-28 01:00+01:00", "2021-03-28 03:00+02:00", 0),
            (Step::OfYear(4, 1), "2001-Q4", "2002-Q3", 2),
            (Step::Months(1, 31), "2001-01-31", "2001-04-30", 2),
            (Step::Numbers(10), "10", "40", 2),
        ] {
            assert_eq!(step.missing(&date(before), &date(after)), expected, "{before} {after}");
        }
    }

    #[test]
    fn dates_end_with_the_calendar() {
        assert_eq!(next_two(&["9999-11", "9999-12"]).as_deref(), Some("10000-01 10000-02"));
        assert_eq!(next_two(&["9999-12-30", "9999-12-31"]), None);
    }
}
