//! Takes the terminal over, and restores it however the program ends.

mod byte_rate;
pub mod clipboard;
mod detect;
mod panics;
mod pen;
mod screen;
mod signals;
mod writer;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use ratatui::layout::Size;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use thiserror::Error;

pub use byte_rate::ByteRate;
pub use detect::{ScreenSettings, TerminalOptions};
pub use screen::Screen;
pub use signals::{END_SIGNALS, Notice, Signals, is_ignored};
pub use writer::{WriteResult, Writer};

/// An error that prevents a screen.
#[derive(Debug, Error)]
pub enum UiError {
    /// No terminal to draw on or to read keys from.
    #[error("no terminal; use --headless for plain lines")]
    NoTerminal(#[source] io::Error),
    /// The terminal cannot move its cursor.
    #[error(
        "the terminal (TERM={term:?}) cannot show a screen; use --headless for plain lines, or set TERM, for example to xterm-256color"
    )]
    Dumb {
        /// Its name.
        term: String,
    },
    /// A thread, pipe or signal handler could not be created.
    #[error("cannot set up the screen")]
    System(#[from] io::Error),
}

/// Alternate screen, hidden cursor, bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[0m";
/// Clicks and the wheel, with coordinates of any size; no motion.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
/// Asks for the colour of the background (OSC 11); a terminal that does not know the question ignores it.
const BACKGROUND: &[u8] = b"\x1b]11;?\x07";
/// Clears the screen.
const CLEAR: &[u8] = b"\x1b[2J";
/// Undoes [`ENTER`] and [`MOUSE`], and ends a synchronized update in case a frame was cut off.
const RESTORE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h";

/// What is switched on in the terminal besides the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// Clicks and the wheel are sent to the program; with Shift the terminal selects text as before.
    pub mouse: bool,
    /// The terminal is asked for its background. The answer comes as [`Input::Background`](super::input::Input::Background) and is not waited
    /// for.
    pub background: bool,
}

impl Modes {
    fn enter(self) -> Vec<u8> {
        let mouse = if self.mouse { MOUSE } else { &[] };
        let background = if self.background { BACKGROUND } else { &[] };
        [ENTER, mouse, background, CLEAR].concat()
    }
}
/// Time limit for restoring the terminal. A stalled link must not keep the process from ending.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Owns the terminal: raw mode, alternate screen, cursor, bracketed paste.
///
/// Dropping it restores the terminal, also during a panic, and then prints deferred panic messages.
pub struct Guard {
    keyboard: OwnedFd,
    original: Termios,
    taken: bool,
    modes: Modes,
    /// Writes to the screen.
    pub writer: Writer,
}

impl Guard {
    /// Takes the terminal over.
    ///
    /// It draws on standard output and reads keys from standard input, or from `/dev/tty` if that is not a terminal.
    pub fn take(modes: Modes) -> Result<Self, UiError> {
        let (keyboard, original) = keyboard().map_err(UiError::NoTerminal)?;
        let out = io::stdout().as_fd().try_clone_to_owned()?;
        tcgetattr(&out).map_err(|error| UiError::NoTerminal(error.into()))?;
        let writer = Writer::start(File::from(out))?;
        let mut guard = Self { keyboard, original, taken: false, modes, writer };
        panics::defer();
        guard.enter()?;
        Ok(guard)
    }

    /// Another handle of the terminal that keys come from.
    pub fn keyboard(&self) -> io::Result<OwnedFd> {
        self.keyboard.try_clone()
    }

    /// Its size in cells.
    pub fn size(&self) -> Size {
        size(&self.keyboard)
    }

    /// Restores the terminal and stops the job, as Ctrl-Z does; returns when it is resumed.
    ///
    /// The whole process group stops, as the terminal itself would do it: a shell waits for `cargo run`, not for us.
    /// Returns `false`, without effect, if no shell could resume it: if the process group is the session leader's own.
    pub fn suspend(&mut self) -> bool {
        if getsid(None).is_ok_and(|session| session == getpgrp()) {
            return false;
        }
        self.restore();
        // If stopping fails, the process continues and takes the terminal over again.
        let _ = kill_current_process_group(Signal::STOP);
        true
    }

    /// Takes the terminal over after a stop; returns `false` while it belongs to another job (after `bg`).
    pub fn resume(&mut self) -> io::Result<bool> {
        if tcgetpgrp(&self.keyboard).is_ok_and(|foreground| foreground != getpgrp()) {
            return Ok(false);
        }
        self.enter().map(|()| true)
    }

    fn enter(&mut self) -> io::Result<()> {
        let mut raw = self.original.clone();
        raw.make_raw();
        tcsetattr(&self.keyboard, OptionalActions::Now, &raw)?;
        self.taken = true;
        self.writer.send_and_wait(&self.modes.enter(), TIMEOUT);
        Ok(())
    }

    fn restore(&mut self) {
        if std::mem::take(&mut self.taken) {
            self.writer.send_and_wait(RESTORE, TIMEOUT);
            // Nothing can be done about a terminal that is gone.
            let _ = tcsetattr(&self.keyboard, OptionalActions::Now, &self.original);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.restore();
        for message in panics::release() {
            let _ = writeln!(io::stderr(), "{message}");
        }
    }
}

fn keyboard() -> io::Result<(OwnedFd, Termios)> {
    let stdin = io::stdin();
    if let Ok(termios) = tcgetattr(&stdin) {
        return Ok((stdin.as_fd().try_clone_to_owned()?, termios));
    }
    let tty = OwnedFd::from(File::options().read(true).write(true).open("/dev/tty")?);
    let termios = tcgetattr(&tty)?;
    Ok((tty, termios))
}

/// The largest size that is drawn: larger than any screen, and far from filling memory.
const MAX_SIZE: Size = Size { width: 1000, height: 400 };

fn clamped(width: u16, height: u16) -> Size {
    Size::new(width.min(MAX_SIZE.width), height.min(MAX_SIZE.height))
}

/// Whether standard output is a terminal that belongs to another job than this process: what takes it over would be stopped.
pub fn is_background() -> bool {
    tcgetpgrp(io::stdout()).is_ok_and(|foreground| foreground != getpgrp())
}

/// Whether the terminal stops processes in the background that print (`stty tostop`).
pub fn stops_printing() -> bool {
    tcgetattr(io::stdout()).is_ok_and(|settings| settings.local_modes.contains(LocalModes::TOSTOP))
}

/// Returns the size of `tty` in cells, up to 1000×400; 80×24 if unknown.
pub fn size(tty: impl AsFd) -> Size {
    match tcgetwinsize(tty) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => clamped(size.ws_col, size.ws_row),
        _ => Size::new(80, 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_on_is_switched_off() {
        let all = Modes { mouse: true, background: true }.enter();
        let mut screen = vt100::Parser::new(24, 80, 0);
        screen.process(&all);
        assert!(screen.screen().alternate_screen() && screen.screen().bracketed_paste());
        assert_eq!(screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::PressRelease);
        assert_eq!(screen.screen().mouse_protocol_encoding(), vt100::MouseProtocolEncoding::Sgr);
        assert_eq!(screen.screen().contents(), "", "the question is not printed");
        screen.process(RESTORE);
        assert!(!screen.screen().alternate_screen() && !screen.screen().bracketed_paste());
        assert_eq!(screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(screen.screen().mouse_protocol_encoding(), vt100::MouseProtocolEncoding::Default);
        let none = Modes::default().enter();
        screen.process(&none);
        assert_eq!(screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }

    #[test]
    fn a_terminal_of_any_size_takes_little_memory() {
        assert_eq!(clamped(200, 60), Size::new(200, 60));
        assert_eq!(clamped(u16::MAX, u16::MAX), MAX_SIZE);
        let mut screen = Screen::new(clamped(u16::MAX, u16::MAX)).unwrap();
        assert!(screen.draw(Vec::new(), |frame| assert_eq!(frame.area().as_size(), MAX_SIZE)).is_ok());
    }
}
