//! Parses dates.

use super::months::{is_weekday, month};
use super::{Date, DateForm, DateOrder};

/// What may separate the numbers of a day.
const SEPARATORS: [char; 3] = ['-', '/', '.'];

impl Date {
    /// Parses a date; `order` is that of day and month in `01/02/1999`.
    ///
    /// - `1949-01-31` (or with `/` or `.`), without the day, or the month too; `31.01.1949`, `01/1949`
    /// - `31 Jan 1949`, `Jan-31-1949`, `January 1949`, `1949 Jan`
    /// - `1949Q1`, `Q1 1949`, `1949-H1`, `1949M01`, `1949-W05`, `1949:01`
    /// - `1Q90`, `Q1-90`: of two digits 69 to 99 are 1969 to 1999, and 00 to 68 are 2000 to 2068
    /// - `1949-031`: the day of the year
    /// - a day with a time: `T12:30:00`, ` 12:30`, ` 1:30 PM`, and with an offset: `Z`, `+02:00`; the day also as `19490131`
    /// - a whole number alone
    pub fn parse(text: &str, order: DateOrder) -> Option<Self> {
        let (day, time) = split_time(text.trim());
        let (time, mut offset) = match time {
            Some(time) => Some(self::time(time)?).unzip(),
            None => (None, None),
        };
        let day = match (time.is_some(), day.strip_suffix('Z').or_else(|| day.strip_suffix("+00:00"))) {
            (false, Some(rest)) if rest.ends_with(|c: char| c.is_ascii_digit()) => {
                offset = Some(Some(0));
                rest
            }
            _ => day,
        };
        let mut date = match time.is_some().then(|| Self::compact(day)).flatten() {
            Some(compact) => Self::new(DateForm::Calendar, compact.parts),
            None if day.contains(char::is_alphabetic) => lettered(day)?,
            None => numeric(day, order)?,
        };
        date.offset = offset.flatten();
        if let Some(time) = time {
            // A time needs a day.
            if date.parts.len() != 3 {
                return None;
            }
            date.parts.extend(time);
        }
        let is_valid = match (date.form, date.parts.as_slice()) {
            (DateForm::Number, _) => true,
            (DateForm::Calendar | DateForm::Compact, [_, month]) => (1..=12).contains(month),
            _ => date.civil().is_some(),
        };
        is_valid.then_some(date)
    }

    /// A date without separators: `19490131`, `194901`, `1949013112`, or with minutes and seconds.
    pub fn compact(text: &str) -> Option<Self> {
        if !digits(text) || !matches!(text.len(), 6 | 8 | 10 | 12 | 14) {
            return None;
        }
        let (year, rest) = text.split_at_checked(4)?;
        let year: u64 = year.parse().ok().filter(|year| (1600..2600).contains(year))?;
        let pair = |at: usize| rest.get(at..at + 2)?.parse().ok();
        let rest = (0..rest.len()).step_by(2).map(pair).collect::<Option<Vec<u64>>>()?;
        let date = Self::new(DateForm::Compact, [vec![year], rest].concat());
        match date.parts.as_slice() {
            [_, month] => (1..=12).contains(month).then_some(date),
            _ => date.civil().is_some().then_some(date),
        }
    }
}

impl Date {
    /// A month as a year with a fraction, as R writes the time of a series: `1949`, `1949.08333`, `1949.25`; `None` between months.
    pub fn decimal_year(text: &str) -> Option<Self> {
        /// How far the fraction may be from a month's, in years.
        const TOLERANCE: f64 = 0.002;
        let text = text.trim();
        let years: f64 = text.parse().ok().filter(|_| is_decimal_year(text))?;
        let months = (years * 12.0).round();
        let near = (years - months / 12.0).abs() <= TOLERANCE;
        let months = near.then_some(months as u64)?;
        Some(Self::new(DateForm::Calendar, vec![months / 12, months % 12 + 1]))
    }
}

/// Whether `text` has the four digits of a year, alone or with a fraction.
pub(crate) fn is_decimal_year(text: &str) -> bool {
    let (year, fraction) = text.split_once('.').unwrap_or((text, "0"));
    year.len() == 4 && digits(year) && digits(fraction)
}

/// Splits the time of day from a date.
fn split_time(text: &str) -> (&str, Option<&str>) {
    let is_day = |day: &str| day.split(SEPARATORS).count() == 3 && day.split(SEPARATORS).all(digits);
    let (day, time) = match text.find(':') {
        Some(colon) => {
            let start = text.get(..colon).and_then(|before| before.rfind([' ', 'T', 't']));
            let Some((day, time)) = start.and_then(|start| text.split_at_checked(start)) else {
                return (text, None);
            };
            (day, time.get(1..))
        }
        // `1999-12-31T10`, `19991231T1000`
        None => match text.split_once(['T', ' ']) {
            Some((day, time)) if is_day(day) || digits(day) && day.len() == 8 => (day, Some(time)),
            _ => (text, None),
        },
    };
    (day.trim_end_matches([' ', ',']), time)
}

/// Parses a time of day: hour, minute and second, as many as there are; and its offset from UTC in minutes.
fn time(text: &str) -> Option<(Vec<u64>, Option<i64>)> {
    let (text, offset) = split_offset(text.trim());
    let lower = text.to_ascii_lowercase();
    let (text, half) = match lower.trim_end_matches('.').trim_end_matches("m").trim_end_matches('.') {
        rest if lower.ends_with(['m', '.']) && rest.ends_with(['a', 'p']) => {
            let (clock, letter) = rest.split_at(rest.len() - 1);
            (clock.trim_end().to_owned(), Some(letter == "p"))
        }
        _ => (lower, None),
    };
    let whole = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => digits(fraction).then_some(whole)?,
        None => &text,
    };
    let is_compact = digits(whole) && matches!(whole.len(), 4 | 6);
    let mut parts: Vec<u64> = match is_compact {
        true => (0..whole.len())
            .step_by(2)
            .map(|at| whole.get(at..at + 2)?.parse().ok())
            .collect::<Option<_>>()?,
        false => numbers(whole, &[':'])?,
    };
    let fits = parts.len() <= 3 && whole.split(':').all(|part| part.len() <= 2 || is_compact);
    if let (Some(afternoon), Some(hour)) = (half, parts.first_mut()) {
        if !(1..=12).contains(hour) {
            return None;
        }
        *hour = *hour % 12 + if afternoon { 12 } else { 0 };
    }
    fits.then_some((parts, offset))
}

/// Splits the offset from UTC, in minutes, from the end of a time: `Z`, ` UTC`, `+02:00`, `-0330`, `+02`, `+01:00[Europe/Paris]`.
fn split_offset(text: &str) -> (&str, Option<i64>) {
    let text = match text.split_once('[') {
        Some((before, zone)) if zone.ends_with(']') => before,
        _ => text,
    };
    if let Some(rest) = ["Z", "z", "UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone)) {
        return (rest.trim_end(), Some(0));
    }
    let Some(at) = text.rfind(['+', '-', '−']) else { return (text, None) };
    let (clock, zone) = text.split_at(at);
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let zone: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    let minutes = match (zone.len(), digits(&zone)) {
        (2, true) => zone.parse::<i64>().ok().map(|hours| hours * 60),
        (4, true) => zone.parse::<i64>().ok().map(|clock| clock / 100 * 60 + clock % 100),
        _ => None,
    };
    match minutes {
        Some(minutes) if minutes <= 18 * 60 => (clock.trim_end(), Some(sign * minutes)),
        _ => (text, None),
    }
}

/// A day, month or year of numbers alone.
fn numeric(day: &str, order: DateOrder) -> Option<Date> {
    // `1990:01` is a month; `1990:1` may be a quarter.
    let month = day.split_once(':').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let joined = month.map(|(year, month)| format!("{year}-{month}"));
    let day = joined.as_deref().unwrap_or(day);
    if let Some((year, day)) = day.split_once('-').filter(|(year, day)| year.len() == 4 && day.len() == 3) {
        return day_of_year(year, day);
    }
    let mut numbers = numbers(day, &SEPARATORS)?;
    if numbers.len() > 3 {
        return None;
    }
    let first = day.split(SEPARATORS).next().map_or(0, str::len);
    let last = day.rsplit(SEPARATORS).next().map_or(0, str::len);
    // `1949.083` is no month.
    if numbers.len() == 2 && first == 4 && last > 2 {
        return None;
    }
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
    let form = if numbers.len() == 1 { DateForm::Number } else { DateForm::Calendar };
    Some(Date::new(form, numbers))
}

/// The day of this number in the year, from 1.
fn day_of_year(year: &str, day: &str) -> Option<Date> {
    let [year, day] = [year, day].map(|part| part.parse::<u64>().ok().filter(|_| digits(part)));
    let days = i64::try_from(day?.checked_sub(1)?).ok()?;
    let date = Date::new(DateForm::Calendar, vec![year?, 1, 1]).later(days * 86_400)?;
    (date.parts.first() == year.as_ref()).then_some(date)
}

/// The year of two digits: from 1969 to 2068.
fn full_year(digits: u64) -> u64 {
    digits + if digits < 69 { 2000 } else { 1900 }
}

/// A date with the name of a month, or with a letter for a quarter, a half, a month or a week.
fn lettered(day: &str) -> Option<Date> {
    let (mut words, mut numbers) = (Vec::new(), Vec::new());
    for (is_word, run) in runs(day)? {
        match is_word {
            true => words.push(run.to_lowercase()),
            false => numbers.push(run),
        }
    }
    let has_month = words.iter().any(|word| month(word).is_some());
    words.retain(|word| {
        let filler =
            matches!(word.as_str(), "st" | "nd" | "rd" | "th" | "of" | "de" | "del") || is_weekday(word);
        !(has_month && filler)
    });
    let [word] = words.as_slice() else { return None };
    let years: Vec<usize> =
        (0..numbers.len()).filter(|at| numbers.get(*at).is_some_and(|n| n.len() == 4)).collect();
    if let ([], [a, b]) = (years.as_slice(), numbers.as_slice()) {
        // A part of one digit beside a year of two; `1h30` is a duration.
        let form = form_of(word).filter(|_| word.starts_with('q'))?;
        let (part, year) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let fits = part.len() == 1 && year.len() == 2;
        let [part, year] = [part, year].map(|number| number.parse::<u64>().ok().filter(|_| fits));
        return Some(Date::new(form, vec![full_year(year?), part?]));
    }
    let [year_at] = years.as_slice() else { return None };
    let year: u64 = numbers.get(*year_at)?.parse().ok()?;
    let mut rest = Vec::new();
    for (at, number) in numbers.iter().enumerate().filter(|(at, _)| at != year_at) {
        // Behind the year of a week comes the day of the week.
        if number.len() > 2 || at > 2 {
            return None;
        }
        rest.push(number.parse::<u64>().ok()?);
    }
    if let Some(month) = month(word) {
        return match rest.as_slice() {
            [] => Some(Date::new(DateForm::Calendar, vec![year, month])),
            [day] => Some(Date::new(DateForm::Calendar, vec![year, month, *day])),
            _ => None,
        };
    }
    let form = form_of(word)?;
    match (form, rest.as_slice()) {
        (_, [part]) => Some(Date::new(form, vec![year, *part])),
        (DateForm::Week, [week, weekday @ 1..=7]) if *year_at == 0 => {
            let monday = Date::new(DateForm::Week, vec![year, *week]).civil()?;
            let day = Date::new(DateForm::Calendar, vec![0; 3]).at(monday)?;
            day.later((i64::try_from(*weekday).ok()? - 1) * 86_400)
        }
        _ => None,
    }
}

/// What the number beside this word counts in a year.
fn form_of(word: &str) -> Option<DateForm> {
    match word {
        "q" | "qtr" | "quarter" | "quartal" | "t" | "trim" | "trimestre" => Some(DateForm::Quarter),
        "h" | "s" | "half" | "halbjahr" | "semester" | "semestre" => Some(DateForm::Half),
        "m" | "month" => Some(DateForm::Calendar),
        "w" | "wk" | "week" | "kw" | "woche" => Some(DateForm::Week),
        _ => None,
    }
}

/// The runs of letters (true) and of digits (false) of `text`; `None` if it has other characters than separators.
fn runs(text: &str) -> Option<Vec<(bool, &str)>> {
    let mut runs: Vec<(bool, usize, usize)> = Vec::new();
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let is_word = c.is_alphabetic();
        if !is_word && !c.is_ascii_digit() {
            if !matches!(c, ' ' | '-' | '/' | '.' | ',' | ':' | '_' | '\'' | '’' | '\u{a0}') {
                return None;
            }
            continue;
        }
        match runs.last_mut().filter(|(word, _, last)| *word == is_word && *last == at) {
            Some((.., last)) => *last = end,
            None => runs.push((is_word, at, end)),
        }
    }
    runs.into_iter().map(|(is_word, from, to)| Some((is_word, text.get(from..to)?))).collect()
}

/// Splits `text` at `between` into numbers of digits alone.
fn numbers(text: &str, between: &[char]) -> Option<Vec<u64>> {
    text.split(between).map(|part| part.parse().ok().filter(|_| digits(part))).collect()
}

pub(super) fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
