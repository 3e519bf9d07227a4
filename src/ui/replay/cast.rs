//! A recorded run as an asciicast: the dashboard as it would be drawn on a terminal, with times.
//!
//! Formats: <https://docs.asciinema.org/manual/asciicast/v2/> and <https://docs.asciinema.org/manual/asciicast/v3/>.

use std::io::{self, Write};

use ratatui::layout::Size;
use serde_json::json;

use super::recording::{Limit, Recording, Stopped};
use crate::run::Position;
use crate::ui::dashboard::Dashboard;
use crate::ui::terminal::Screen;
use crate::ui::theme::{Colors, Theme};
use crate::ui::view::dashboard;

/// The seconds between two frames at least.
const FRAME: f64 = 1.0 / 15.0;
/// The seconds between two frames at most.
const IDLE: f64 = 1.0;
/// Hides the cursor on an empty screen.
const OPENING: &str = "\x1b[?25l\x1b[2J\x1b[H";

/// The version of the file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastVersion {
    /// Times since the start; every tool reads it.
    V2,
    /// Times since the previous event; asciinema 3.0 and later.
    V3,
}

/// What an asciicast shows of a run, and how.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The format.
    pub version: CastVersion,
    /// Columns and rows of the screen.
    pub size: Size,
    /// Seconds of training a second.
    pub speed: f64,
    /// Colours and characters.
    pub theme: Theme,
    /// The title in the header.
    pub title: String,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CastLength {
    /// The duration in seconds.
    pub seconds: f64,
    /// The number of frames that differ from the one before.
    pub frames: u64,
}

impl Cast {
    /// Writes the replay of `recording` to `out`: frames that differ from the one before, 15 a second at most, and a marker at
    /// every epoch. Gaps longer than a second become a second.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, recording: &Recording, out: impl Write) -> io::Result<CastLength> {
        let mut events = Events { out, version: self.version, written: 0, frames: 0 };
        events.line(&self.header())?;
        let (mut dashboard, mut screen) = (Dashboard::new(), Screen::new(self.size)?);
        let (mut position, mut seconds, mut time) = (Position::START, 0.0_f64, 0.0_f64);
        let (mut limit, mut epoch) = (Limit::Step(0), 0);
        let mut opening = OPENING.to_owned();
        loop {
            let progress = recording.advance(&mut dashboard.run, position, limit, None);
            position = progress.position;
            if let Some(latest) = dashboard.run.latest()
                && latest.epoch > epoch
            {
                epoch = latest.epoch;
                events.event(time, "m", &format!("epoch {epoch}"))?;
            }
            let frame = screen.draw(Vec::new(), |frame| {
                dashboard::render(&dashboard, frame.area(), frame.buffer_mut(), &self.theme);
            })?;
            if let Some(bytes) = frame {
                let text = std::mem::take(&mut opening) + &String::from_utf8_lossy(&bytes);
                events.event(time, "o", &text)?;
                events.frames += 1;
            }
            if progress.stopped == Stopped::AtEnd {
                events.out.flush()?;
                return Ok(CastLength { seconds: time, frames: events.frames });
            }
            let next = (seconds + self.speed * FRAME).max(recording.next_seconds(position));
            time += ((next - seconds) / self.speed).clamp(FRAME, IDLE);
            seconds = next;
            limit = Limit::Seconds(seconds);
        }
    }

    fn header(&self) -> serde_json::Value {
        let Size { width, height } = self.size;
        let term = match self.theme.colors {
            Colors::True | Colors::Ansi256 => "xterm-256color",
            Colors::Ansi16 | Colors::Mono => "xterm",
        };
        match self.version {
            CastVersion::V2 => json!({
                "version": 2, "width": width, "height": height, "title": self.title, "env": {"TERM": term},
            }),
            CastVersion::V3 => json!({
                "version": 3, "term": {"cols": width, "rows": height, "type": term}, "title": self.title,
            }),
        }
    }
}

/// The lines of the file.
struct Events<W> {
    out: W,
    version: CastVersion,
    /// The time of the latest event, in milliseconds.
    written: u64,
    frames: u64,
}

impl<W: Write> Events<W> {
    fn event(&mut self, seconds: f64, code: &str, text: &str) -> io::Result<()> {
        let time = (seconds * 1000.0).round() as u64;
        let before = std::mem::replace(&mut self.written, time);
        let shown = match self.version {
            CastVersion::V2 => time,
            CastVersion::V3 => time.saturating_sub(before),
        };
        self.line(&json!([shown as f64 / 1000.0, code, text]))
    }

    fn line(&mut self, value: &serde_json::Value) -> io::Result<()> {
        writeln!(self.out, "{value}")
    }
}
