//! Dates in several columns: year, month and day; a date and a time.

use super::date::{Date, DateForm, DateOrder, month};

/// What a column has of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePart {
    /// A day, or a date of another form.
    Date,
    /// The year.
    Year,
    /// A half of a year: 1 or 2.
    Half,
    /// A quarter of a year: 1 to 4.
    Quarter,
    /// A month, as a number or by name.
    Month,
    /// A week of a year.
    Week,
    /// A day of a month.
    Day,
    /// From 1 to 366.
    DayOfYear,
    /// The hour.
    Hour,
    /// The minute.
    Minute,
    /// The second.
    Second,
    /// A time of day: `12:30`.
    Time,
}

/// The parts by the usual names of their columns.
const NAMES: [(DatePart, &[&str]); 12] = [
    (DatePart::Date, &["date", "datum", "fecha", "data", "dteday"]),
    (DatePart::Year, &["year", "yr", "yyyy", "jahr", "annee", "année", "anno", "año", "ano"]),
    (DatePart::Half, &["half", "semester", "halbjahr"]),
    (DatePart::Quarter, &["quarter", "qtr", "q", "quartal", "trimestre", "trim"]),
    (DatePart::Month, &["month", "mon", "mo", "mm", "mnth", "monat", "mois", "mes", "mese"]),
    (DatePart::Week, &["week", "wk", "isoweek", "woche", "kw", "semaine", "semana"]),
    (
        DatePart::Day,
        &["day", "dd", "dom", "day_of_month", "dayofmonth", "tag", "jour", "dia", "día", "giorno"],
    ),
    (DatePart::DayOfYear, &["doy", "dayofyear", "day_of_year", "yday"]),
    (DatePart::Hour, &["hour", "hr", "hh", "stunde", "heure", "hora", "ora"]),
    (DatePart::Minute, &["minute", "min", "mi"]),
    (DatePart::Second, &["second", "sec", "ss"]),
    (DatePart::Time, &["time", "clock", "uhrzeit", "zeit"]),
];

/// The order of parts whose names say nothing.
const USUAL: [DatePart; 6] =
    [DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Hour, DatePart::Minute, DatePart::Second];

impl DatePart {
    /// The part that a column with this name has.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        NAMES.into_iter().find(|(_, names)| names.contains(&name.as_str())).map(|(part, _)| part)
    }

    /// The parts of columns with these `names`; the first may have any name if it holds dates.
    pub fn all_of(names: &[&str]) -> Option<Vec<Self>> {
        if names.len() == 1 {
            return Some(vec![Self::Date]);
        }
        let known: Vec<Option<Self>> = names.iter().map(|name| Self::of_name(name)).collect();
        if known.iter().all(Option::is_none) {
            return USUAL.get(..names.len()).map(<[Self]>::to_vec);
        }
        let first = known.first().copied().flatten().unwrap_or(Self::Date);
        [Some(first)].into_iter().chain(known.into_iter().skip(1)).collect()
    }

    /// Whether a `value` in a column of this part is in its range.
    pub fn has(self, value: f64) -> bool {
        let range = match self {
            Self::Date | Self::Time => return true,
            Self::Year => 1000..=2999,
            Self::Half => 1..=2,
            Self::Quarter => 1..=4,
            Self::Month => 1..=12,
            Self::Week => 1..=53,
            Self::Day => 1..=31,
            Self::DayOfYear => 1..=366,
            Self::Hour => 0..=24,
            Self::Minute | Self::Second => 0..=60,
        };
        value.fract() == 0.0 && range.contains(&(value as i64))
    }
}

/// The date of a row from the `fields` of its columns.
pub(crate) fn date(fields: &[(DatePart, &str)], order: DateOrder, compact: bool) -> Option<Date> {
    let whole = |text: &str| if compact { Date::compact(text) } else { Date::parse(text, order) };
    if let [(_, text)] = fields {
        return whole(text);
    }
    let field = |part: DatePart| fields.iter().find(|(other, _)| *other == part).map(|(_, text)| *text);
    let (first, text) = *fields.first()?;
    // A column named `day` may have whole dates.
    let day = match first {
        DatePart::Date => Some(whole(text).or_else(|| Date::compact(text))?),
        _ => Date::parse(text, order).filter(|date| date.parts.len() > 2),
    };
    let mut date = match day {
        Some(date) => Date { form: DateForm::Calendar, ..date },
        None => from_year(&field)?,
    };
    let clock = [DatePart::Hour, DatePart::Minute, DatePart::Second].map(&field);
    // A time needs a day.
    if date.parts.len() < 3 && (clock[0].is_some() || field(DatePart::Time).is_some()) {
        return None;
    }
    if let Some(time) = field(DatePart::Time).or(clock[0].filter(|hour| hour.contains(':'))) {
        let text = format!("2000-01-01 {time}");
        date.parts.truncate(3);
        date.parts.extend_from_slice(Date::parse(&text, order)?.parts.get(3..)?);
    } else if clock[0].is_some() {
        let clock =
            clock.into_iter().map_while(|field| field).map(whole_number).collect::<Option<Vec<_>>>()?;
        date.parts.truncate(3);
        date.parts.extend(clock);
        // The end of a day is the start of the next.
        if date.parts.get(3) == Some(&24) {
            *date.parts.get_mut(3)? = 0;
            date = date.later(86_400)?;
        }
    }
    let has_day = date.parts.len() <= 2 || date.form == DateForm::Calendar;
    (has_day && date.civil().is_some()).then_some(date)
}

/// A date from year and month, half, quarter or week, and the day.
fn from_year<'f>(field: &impl Fn(DatePart) -> Option<&'f str>) -> Option<Date> {
    let year = whole_number(field(DatePart::Year)?).filter(|year| DatePart::Year.has(*year as f64))?;
    let calendar = |parts| Date::new(DateForm::Calendar, parts);
    if let Some(day) = field(DatePart::DayOfYear) {
        let day = i64::try_from(whole_number(day)?).ok().filter(|day| (1..=366).contains(day))?;
        return calendar(vec![year, 1, 1])
            .later((day - 1) * 86_400)
            .filter(|date| date.parts.first() == Some(&year));
    }
    if let Some(text) = field(DatePart::Month) {
        let month = whole_number(text).or_else(|| month(text))?;
        let day = field(DatePart::Day).map(whole_number);
        return match day {
            Some(day) => Some(calendar(vec![year, month, day?])),
            None => Some(calendar(vec![year, month])),
        };
    }
    let forms = [
        (DatePart::Quarter, DateForm::Quarter),
        (DatePart::Half, DateForm::Half),
        (DatePart::Week, DateForm::Week),
    ];
    let (text, form) = forms.into_iter().find_map(|(part, form)| Some((field(part)?, form)))?;
    Some(Date::new(form, vec![year, whole_number(text.trim_start_matches(char::is_alphabetic).trim())?]))
}

/// A whole number, also as `2010.0`.
fn whole_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text
        .split_once('.')
        .filter(|(_, rest)| rest.bytes().all(|b| b == b'0'))
        .map_or(text, |(whole, _)| whole);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str], fields: &[&str]) -> Option<String> {
        let parts = DatePart::all_of(names)?;
        let fields: Vec<(DatePart, &str)> = parts.into_iter().zip(fields.iter().copied()).collect();
        date(&fields, DateOrder::Dmy, false).map(|date| date.to_string())
    }

    #[test]
    fn dates_are_put_together_from_columns() {
        for (names, fields, expected) in [
            (&["year", "month", "day"][..], &["2010", "1", "31"][..], "2010-01-31"),
            (&["day", "month", "year"], &["31", "1", "2010"], "2010-01-31"),
            (&["Year", "Month"], &["2010.0", "Feb"], "2010-02"),
            (&["year", "quarter"], &["1990", "Q3"], "1990-Q3"),
            (&["year", "week"], &["2020", "53"], "2020-W53"),
            (&["year", "doy"], &["2020", "60"], "2020-02-29"),
            (&["year", "month", "day", "hour"], &["2010", "12", "31", "24"], "2011-01-01 00"),
            (&["year", "month", "day", "hour", "minute"], &["2010", "1", "2", "3", "4"], "2010-01-02 03:04"),
            (&["a", "b", "c"], &["2010", "1", "2"], "2010-01-02"),
            (&["Date", "Time"], &["31.01.2010", "12:30"], "2010-01-31 12:30"),
            (&["dteday", "hr"], &["2011-01-01", "7"], "2011-01-01 07"),
            (&["day", "time"], &["2011-01-01", "1:30 PM"], "2011-01-01 13:30"),
        ] {
            assert_eq!(shown(names, fields).as_deref(), Some(expected), "{names:?}");
        }
        for (names, fields) in [
            (&["year", "month", "day"][..], &["2010", "2", "30"][..]),
            (&["year", "quarter"], &["1990", "5"]),
            (&["year", "week"], &["2021", "53"]),
            (&["year", "doy"], &["2021", "366"]),
            (&["year", "day"], &["2021", "3"]),
            (&["year", "month", "hour"], &["2021", "3", "4"]),
            (&["year", "load"], &["2021", "3"]),
            (&["Date", "Time"], &["31.01.2010", "25:30"]),
        ] {
            assert_eq!(shown(names, fields), None, "{names:?}");
        }
    }
}
