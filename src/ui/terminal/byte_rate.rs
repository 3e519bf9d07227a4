//! How fast frames may follow one another, by the bytes that they cost.

use std::time::{Duration, Instant};

/// The longest time that the bytes already sent put a frame off: so a large screen over a slow link still moves.
const LONGEST: Duration = Duration::from_secs(1);

/// A limit of the bytes a second that frames of training cost on average; what a key changes is drawn at once and counted.
#[derive(Debug, Clone, Copy)]
pub struct ByteRate {
    per_s: f64,
    /// When the bytes sent so far are paid for.
    paid: Instant,
}

impl ByteRate {
    /// A limit of `per_s` bytes a second from `now` on.
    pub fn new(per_s: u32, now: Instant) -> Self {
        Self { per_s: f64::from(per_s.max(1)), paid: now }
    }

    /// Counts the `bytes` of a frame.
    pub fn add(&mut self, bytes: usize, now: Instant) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.per_s);
        self.paid = (self.paid.max(now) + cost).min(now + LONGEST);
    }

    /// When the next frame may be drawn.
    pub fn next(&self) -> Instant {
        self.paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cost_what_the_rate_allows_and_nothing_is_put_off_for_long() {
        let begin = Instant::now();
        let mut rate = ByteRate::new(10_000, begin);
        let (mut now, mut bytes) = (begin, 0);
        while now < begin + Duration::from_secs(60) {
            rate.add(2_000, now);
            bytes += 2_000;
            now = rate.next().max(now + Duration::from_millis(66));
        }
        assert!((590_000..=602_000).contains(&bytes), "{bytes}");
        // Frames that are small come at their own pace.
        let mut small = ByteRate::new(10_000, begin);
        small.add(100, begin);
        assert!(small.next() < begin + Duration::from_millis(66));
        // A whole screen.
        small.add(1_000_000, begin);
        assert_eq!(small.next(), begin + LONGEST);
    }
}
