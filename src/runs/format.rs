//! Times as tables and files have them.

use std::time::SystemTime;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Returns `time` in UTC, to the second: `2026-11-29T14:00:00Z`. A clock outside of the years −9999 to 9999 gives 1970.
pub fn timestamp(time: SystemTime) -> String {
    let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc);
    let time = Timestamp::try_from(time).and_then(|time| time.round(whole));
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Returns a span of time in one unit: `42 s`, `5 min`, `3 h`, `12 d`.
pub fn age(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".into();
    }
    let seconds = seconds.max(0.0);
    let (size, unit) = match seconds {
        s if s < 60.0 => (1.0, "s"),
        s if s < 3600.0 => (60.0, "min"),
        s if s < 48.0 * 3600.0 => (3600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{:.0} {unit}", (seconds / size).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let ages = [0.2, 59.9, 60.0, 3599.0, 3600.0, 47.0 * 3600.0, 49.0 * 3600.0, -3.0, f64::NAN].map(age);
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d", "0 s", "–"]);
    }
}
