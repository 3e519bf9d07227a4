use std::io::Write;
use std::time::{Duration, Instant};

use crate::escape::foreign;
use crate::fetch::Progress;
use crate::number::{bytes, count, duration, percent};

/// The interval of updates on a terminal.
const REDRAW: Duration = Duration::from_millis(100);
/// The interval of lines elsewhere.
const LINE: Duration = Duration::from_secs(30);
/// The minimum time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(3);
/// The maximum width of a line.
const COLUMNS: usize = 79;

/// Shows the progress of a download: on a terminal in one line that is overwritten, elsewhere in a line from time to time.
pub(super) struct Meter<'a, W: Write> {
    out: W,
    name: &'a str,
    terminal: bool,
    /// The time of the last update, and its width.
    updated: Option<Instant>,
    columns: usize,
    /// The times and bytes at the starts of the previous and the current window of the rate.
    windows: [Option<(Instant, u64)>; 2],
}

impl<'a, W: Write> Meter<'a, W> {
    pub fn new(out: W, name: &'a str, terminal: bool) -> Self {
        Self { out, name, terminal, updated: None, columns: 0, windows: [None; 2] }
    }

    /// Shows a progress message that arrived at `now`.
    pub fn update(&mut self, progress: &Progress, now: Instant) {
        match progress {
            Progress::Connecting { address, from } => {
                self.windows = [None; 2];
                let on = if *from > 0 { format!(", resuming at {}", bytes(*from)) } else { String::new() };
                self.line(&format!("{address}{on}"));
            }
            Progress::Received { bytes, of } => {
                self.turn(*bytes, now);
                let last = Some(*bytes) == *of;
                if self.due(now, last) {
                    let text = self.received(*bytes, *of, now);
                    self.overwrite(&text, now);
                }
            }
            Progress::Retrying { why, pause } => {
                self.line(&format!("{why}; retrying in {}", duration(pause.as_secs_f64())));
            }
            Progress::Checking => self.overwrite(&format!("{}: verifying the checksum", self.name), now),
            Progress::Unpacked { files, bytes: unpacked } => {
                if self.due(now, false) {
                    let (files, unpacked) = (count(*files), bytes(*unpacked));
                    self.overwrite(&format!("{}: unpacked {files} files, {unpacked}", self.name), now);
                }
            }
        }
    }

    /// Clears the line that is overwritten.
    pub fn end(&mut self) {
        if self.terminal && self.columns > 0 {
            let blank = " ".repeat(self.columns);
            let _ = write!(self.out, "\r{blank}\r").and_then(|()| self.out.flush());
            self.columns = 0;
        }
    }

    /// Prints a permanent line.
    fn line(&mut self, text: &str) {
        self.end();
        // Stderr may be closed.
        let _ = writeln!(self.out, "{}", foreign(text)).and_then(|()| self.out.flush());
        self.updated = None;
    }

    fn overwrite(&mut self, text: &str, now: Instant) {
        self.updated = Some(now);
        if !self.terminal {
            let _ = writeln!(self.out, "{}", foreign(text)).and_then(|()| self.out.flush());
            return;
        }
        let text: String = foreign(text).chars().take(COLUMNS).collect();
        let columns = text.chars().count();
        let blank = " ".repeat(self.columns.saturating_sub(columns));
        let _ = write!(self.out, "\r{text}{blank}").and_then(|()| self.out.flush());
        self.columns = columns;
    }

    fn due(&self, now: Instant, last: bool) -> bool {
        let every = if self.terminal { REDRAW } else { LINE };
        last || self.updated.is_none_or(|updated| now.duration_since(updated) >= every)
    }

    /// Starts a new window when the current one is full.
    fn turn(&mut self, bytes: u64, now: Instant) {
        match self.windows[1] {
            None => self.windows = [Some((now, bytes)); 2],
            Some((start, _)) if now.duration_since(start) >= WINDOW => {
                self.windows = [self.windows[1], Some((now, bytes))];
            }
            Some(_) => {}
        }
    }

    /// Bytes a second since the start of the previous window.
    fn rate(&self, bytes: u64, now: Instant) -> Option<f64> {
        let (start, then) = self.windows[0]?;
        let seconds = now.duration_since(start).as_secs_f64();
        (seconds > 0.2).then(|| bytes.saturating_sub(then) as f64 / seconds)
    }

    fn received(&self, there: u64, of: Option<u64>, now: Instant) -> String {
        let mut text = format!("{}: {}", self.name, bytes(there));
        if let Some(of) = of {
            text += &format!(" of {}, {}", bytes(of), percent(there as f64 / (of as f64).max(1.0)));
        }
        if let Some(rate) = self.rate(there, now) {
            text += &format!(", {}/s", bytes(rate as u64));
            if let Some(of) = of.filter(|of| *of > there && rate > 0.0) {
                text += &format!(", {} left", duration((of - there) as f64 / rate));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output when `bytes` of a MiB arrive every half second.
    fn output(terminal: bool, bytes: u64, steps: u64) -> String {
        let (mut out, start) = (Vec::new(), Instant::now());
        let mut meter = Meter::new(&mut out, "a.zip", terminal);
        meter
            .update(&Progress::Connecting { address: "https://a.org/a.zip\u{1b}[2J".into(), from: 0 }, start);
        for step in 1..=steps {
            let now = start + Duration::from_millis(500 * step);
            meter.update(&Progress::Received { bytes: bytes * step, of: Some(1 << 20) }, now);
        }
        meter.update(&Progress::Checking, start + Duration::from_secs(steps));
        meter.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_is_overwritten_and_cleared() {
        let text = output(true, 1 << 17, 8);
        assert!(text.starts_with("https://a.org/a.zip␛[2J\n\ra.zip: 128 KiB of 1.0 MiB, 12.5 %"), "{text:?}");
        assert!(text.contains("\ra.zip: 512 KiB of 1.0 MiB, 50.0 %, 256 KiB/s, 2.0 s left"), "{text:?}");
        assert!(text.contains("\ra.zip: 1.0 MiB of 1.0 MiB, 100.0 %, 256 KiB/s"), "{text:?}");
        assert!(
            text.ends_with("a.zip: verifying the checksum                \r                           \r")
                || text.ends_with(" \r"),
            "{text:?}"
        );
        assert!(text.split(['\r', '\n']).all(|line| line.chars().count() <= COLUMNS));
    }

    #[test]
    fn elsewhere_there_is_a_line_from_time_to_time() {
        let text = output(false, 1 << 13, 128);
        assert!(!text.contains('\r'), "{text:?}");
        // The first, after half a minute, after a minute, and the last.
        assert_eq!(
            text.lines().filter(|line| line.contains("KiB of") || line.contains("MiB of")).count(),
            4,
            "{text}"
        );
        assert!(text.ends_with("a.zip: verifying the checksum\n"), "{text}");
    }
}
