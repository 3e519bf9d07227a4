//! The terminal: taken over, drawn on, and given back as it was, however the program ends.

mod detect;
mod panics;
mod screen;
mod signals;
mod writer;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use ratatui::layout::Size;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use thiserror::Error;

pub use detect::TerminalOptions;
pub use screen::Screen;
pub use signals::{Notice, Signals, is_ignored};
pub use writer::{WriteResult, Writer};

/// Why there can be no screen.
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
    /// A thread, pipe or signal handler could not be had from the system.
    #[error("cannot set up the screen")]
    System(#[from] io::Error),
}

/// Alternate screen, no cursor, pasted text marked as such.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[0m\x1b[2J";
/// All of it undone; the end of a synchronized update in case a frame was cut off within one.
const GIVE_BACK: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h";
/// How long the terminal may take to accept what gives it back. A stalled link must not keep a process from ending.
const PATIENCE: Duration = Duration::from_millis(500);

/// Owns the terminal: raw mode, alternate screen, cursor, bracketed paste.
///
/// Dropping it gives the terminal back, in a panic as well; what was to be told of panics is printed after that.
pub struct Guard {
    keyboard: OwnedFd,
    original: Termios,
    taken: bool,
    /// The way to the screen.
    pub writer: Writer,
}

impl Guard {
    /// Takes the terminal over.
    ///
    /// Drawn on is the standard output; keys come from the standard input, or from `/dev/tty` when that is no terminal.
    pub fn take() -> Result<Self, UiError> {
        let (keyboard, original) = keyboard().map_err(UiError::NoTerminal)?;
        let out = io::stdout().as_fd().try_clone_to_owned()?;
        tcgetattr(&out).map_err(|error| UiError::NoTerminal(error.into()))?;
        let writer = Writer::start(File::from(out))?;
        let mut guard = Self { keyboard, original, taken: false, writer };
        panics::hold();
        guard.take_again()?;
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

    /// Gives the terminal back and stops the job, as Ctrl-Z should; returns when it goes on.
    ///
    /// The whole process group stops, as the terminal itself would do it: a shell waits for `cargo run`, not for us.
    /// `false`, with nothing done, when there is no shell that could make it go on: when the group is its session
    /// leader's own.
    pub fn suspend(&mut self) -> bool {
        if getsid(None).is_ok_and(|session| session == getpgrp()) {
            return false;
        }
        self.give_back();
        // A stop that cannot be had leaves the process running, and it takes the terminal again.
        let _ = kill_current_process_group(Signal::STOP);
        true
    }

    /// Takes the terminal over after a stop; `false` while it belongs to another job (after `bg`).
    pub fn resume(&mut self) -> io::Result<bool> {
        if tcgetpgrp(&self.keyboard).is_ok_and(|foreground| foreground != getpgrp()) {
            return Ok(false);
        }
        self.take_again().map(|()| true)
    }

    fn take_again(&mut self) -> io::Result<()> {
        let mut raw = self.original.clone();
        raw.make_raw();
        tcsetattr(&self.keyboard, OptionalActions::Now, &raw)?;
        self.taken = true;
        self.writer.send_and_wait(TAKE, PATIENCE);
        Ok(())
    }

    fn give_back(&mut self) {
        if std::mem::take(&mut self.taken) {
            self.writer.send_and_wait(GIVE_BACK, PATIENCE);
            // Nothing can be done about a terminal that is gone.
            let _ = tcsetattr(&self.keyboard, OptionalActions::Now, &self.original);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.give_back();
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

/// The size of `tty` in cells: 80×24 where it does not know.
pub fn size(tty: impl AsFd) -> Size {
    match tcgetwinsize(tty) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
        _ => Size::new(80, 24),
    }
}
