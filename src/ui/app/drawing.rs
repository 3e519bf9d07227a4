//! The cost of drawing: frames, bytes and time.

use std::time::{Duration, Instant};

use crate::number;

/// The period over which rates are measured.
const WINDOW: Duration = Duration::from_secs(1);

/// Measures the cost of drawing once a second, while events arrive.
#[derive(Debug)]
pub(super) struct DrawingMeter {
    since: Instant,
    /// When events last arrived.
    last_events: Instant,
    frames: u32,
    bytes: u64,
    busy: Duration,
}

/// The cost of drawing over the last second in which events arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawingCost {
    /// Frames sent per second.
    pub frames_per_s: f64,
    /// Bytes sent per second.
    pub bytes_per_s: f64,
    /// The share of a core used for folding events and drawing, 0 to 1.
    pub share: f64,
}

impl DrawingCost {
    /// A line for the log.
    pub(super) fn line(&self) -> String {
        format!(
            "screen while training: {:.0} frames/s, {}/s, {} of a core",
            self.frames_per_s,
            number::bytes(self.bytes_per_s as u64),
            number::percent(self.share)
        )
    }
}

impl DrawingMeter {
    pub(super) fn since(now: Instant) -> Self {
        Self { since: now, last_events: now, frames: 0, bytes: 0, busy: Duration::ZERO }
    }

    /// Counts time spent on folding or drawing.
    pub(super) fn add_busy(&mut self, busy: Duration) {
        self.busy += busy;
    }

    /// Counts a frame that was sent.
    pub(super) fn add_frame(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }

    /// Events arrived `now`: returns the cost once per period, then restarts.
    pub(super) fn measure(&mut self, now: Instant) -> Option<DrawingCost> {
        if now - std::mem::replace(&mut self.last_events, now) > WINDOW {
            // Pauses are excluded.
            *self = Self::since(now);
        }
        let elapsed = now - self.since;
        if elapsed < WINDOW {
            return None;
        }
        let Self { frames, bytes, busy, .. } = std::mem::replace(self, Self::since(now));
        let seconds = elapsed.as_secs_f64();
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
    fn rates_are_measured_once_a_second() {
        let begin = Instant::now();
        let mut drawing = DrawingMeter::since(begin);
        for _ in 0..30 {
            drawing.add_busy(Duration::from_millis(2));
            drawing.add_frame(2048);
        }
        assert_eq!(drawing.measure(begin + Duration::from_millis(999)), None);
        let cost = drawing.measure(begin + Duration::from_millis(1500)).unwrap();
        let line = "screen while training: 20 frames/s, 40.0 KiB/s, 4.0 % of a core";
        assert_eq!(cost.line(), line);
        // Time without events is excluded.
        drawing.add_frame(1);
        let later = begin + 60 * WINDOW;
        assert_eq!(drawing.measure(later), None);
        let idle = drawing.measure(later + WINDOW).unwrap();
        assert_eq!((idle.frames_per_s, idle.share), (0.0, 0.0));
    }
}
