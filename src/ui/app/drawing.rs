//! What the screen itself takes: frames, bytes, time.

use std::time::{Duration, Instant};

use crate::number;

/// Over so long rates are told.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts what is drawn while a trainer tells something, and tells it once a second.
#[derive(Debug)]
pub(super) struct Drawing {
    since: Instant,
    /// When the trainer was last heard.
    heard: Instant,
    frames: u32,
    bytes: u64,
    busy: Duration,
}

/// What the screen took over the last second or so in which the trainer told something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawingCost {
    /// Frames that were sent.
    pub frames_per_s: f64,
    /// Bytes of them.
    pub bytes_per_s: f64,
    /// The share of a core that folding events and drawing took, 0 to 1.
    pub share: f64,
}

impl DrawingCost {
    /// In words.
    pub(super) fn line(&self) -> String {
        format!(
            "screen, while training: {:.0} frames a second, {}/s, {} of a core",
            self.frames_per_s,
            number::bytes(self.bytes_per_s as u64),
            number::percent(self.share)
        )
    }
}

impl Drawing {
    pub(super) fn since(now: Instant) -> Self {
        Self { since: now, heard: now, frames: 0, bytes: 0, busy: Duration::ZERO }
    }

    /// Folding or drawing took so long.
    pub(super) fn took(&mut self, busy: Duration) {
        self.busy += busy;
    }

    /// A frame of so many bytes was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }

    /// The trainer is heard `now`: what was counted until then, if it is time to tell; then counts anew.
    pub(super) fn tell(&mut self, now: Instant) -> Option<DrawingCost> {
        if now - std::mem::replace(&mut self.heard, now) > WINDOW {
            // A pause, or an end, is not to be averaged over.
            *self = Self::since(now);
        }
        let gone = now - self.since;
        if gone < WINDOW {
            return None;
        }
        let Self { frames, bytes, busy, .. } = std::mem::replace(self, Self::since(now));
        let seconds = gone.as_secs_f64();
        Some(DrawingCost {
            frames_per_s: f64::from(frames) / seconds,
            bytes_per_s: bytes as f64 / seconds,
            share: busy.as_secs_f64() / seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_once_a_second_and_counted_anew() {
        let begin = Instant::now();
        let mut drawing = Drawing::since(begin);
        for _ in 0..30 {
            drawing.took(Duration::from_millis(2));
            drawing.sent(2048);
        }
        assert_eq!(drawing.tell(begin + Duration::from_millis(999)), None);
        let cost = drawing.tell(begin + Duration::from_millis(1500)).unwrap();
        let line = "screen, while training: 20 frames a second, 40.0 KiB/s, 4.0 % of a core";
        assert_eq!(cost.line(), line);
        // Nobody was heard for long: that time is no part of it.
        drawing.sent(1);
        let later = begin + 60 * WINDOW;
        assert_eq!(drawing.tell(later), None);
        let idle = drawing.tell(later + WINDOW).unwrap();
        assert_eq!((idle.frames_per_s, idle.share), (0.0, 0.0));
    }
}
