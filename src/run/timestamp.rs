//! Timestamps as file names carry them.

use std::time::SystemTime;

use jiff::Timestamp;

/// Returns `now` as `YYYYMMDD-HHMMSS` in UTC: local time would need a database of time zones.
///
/// A clock outside of the years −9999 to 9999 gives 1970.
pub fn utc(now: SystemTime) -> String {
    Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::utc;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_around_leap_days_and_centuries_follow_the_calendar() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101-000000");
        assert_eq!(at(951_782_400), "20000229-000000");
        assert_eq!(at(951_868_799), "20000229-235959");
        assert_eq!(at(951_868_800), "20000301-000000");
        assert_eq!(at(1_709_210_096), "20240229-123456");
        assert_eq!(at(1_735_689_599), "20241231-235959");
        assert_eq!(at(4_107_542_400), "21000301-000000");
    }
}
