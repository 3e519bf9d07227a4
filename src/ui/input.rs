//! The keyboard thread.
//!
//! It waits on the terminal itself, because after a hang-up crossterm's own waiting never returns and burns a core:
//! crossterm is only called when input is available, and never again once the terminal is gone.

use std::io::{self, PipeWriter, pipe};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossterm::event::{Event, KeyEvent};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// User input from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key is pressed.
    Key(KeyEvent),
    /// Text is pasted. Foreign.
    Paste(String),
    /// The terminal is gone; no input follows.
    HangUp,
}

/// With `use-dev-tty`, crossterm takes a timeout of 0 for "nothing there".
const AT_ONCE: Duration = Duration::from_millis(1);
const WHILE_AWAY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Keys from the terminal, read by a thread of their own until this is dropped.
pub struct Keyboard {
    /// The user's input.
    pub input: Receiver<Input>,
    away: Arc<AtomicBool>,
    wake: Option<PipeWriter>,
}

impl Keyboard {
    /// Reads `tty` from here on: the terminal that crossterm reads (standard input, else `/dev/tty`).
    pub fn start(tty: OwnedFd) -> io::Result<Self> {
        let (end, wake) = pipe()?;
        let (send, input) = unbounded();
        let away = Arc::new(AtomicBool::new(false));
        let paused = Arc::clone(&away);
        std::thread::Builder::new().name("keyboard".into()).spawn(move || {
            if !read_until_end(&tty, &end.into(), &paused, &send) {
                let _ = send.send(Input::HangUp);
            }
        })?;
        Ok(Self { input, away, wake: Some(wake) })
    }

    /// Sets whether the terminal belongs to another job: then nothing is read, because that would stop a background job.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        drop(self.wake.take());
        // The thread drops its sender after its last read: later input belongs to the shell.
        while self.input.recv_timeout(Duration::from_millis(200)).is_ok() {}
    }
}

/// Returns `true` on request to end, `false` if the terminal is gone.
fn read_until_end(tty: &OwnedFd, end: &OwnedFd, away: &AtomicBool, send: &Sender<Input>) -> bool {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    loop {
        let waiting = away.load(Ordering::Acquire);
        // While away only the end is waited for: typed text would wake a wait on the terminal again and again.
        let mut both = [PollFd::new(end, PollFlags::IN), PollFd::new(tty, PollFlags::IN)];
        let polled = if waiting { poll(&mut both[..1], Some(&WHILE_AWAY)) } else { poll(&mut both, None) };
        let [ended, typed] = both.map(|fd| fd.revents());
        match polled {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
            Ok(_) if !ended.is_empty() => return true,
            Ok(_) if typed.intersects(gone) => return false,
            Ok(_) if typed.is_empty() || away.load(Ordering::Acquire) => continue,
            Ok(_) => {}
        }
        match forward(send) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
    }
}

/// Sends all available input; returns `false` if the receiver is gone.
fn forward(send: &Sender<Input>) -> io::Result<bool> {
    while crossterm::event::poll(AT_ONCE)? {
        let input = match crossterm::event::read()? {
            Event::Key(key) => Input::Key(key),
            Event::Paste(text) => Input::Paste(text),
            _ => continue, // sizes come by signal
        };
        if send.send(input).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_terminal_that_is_gone_is_told_once_and_nothing_follows() {
        let (tty, far_end) = pipe().unwrap();
        let keyboard = Keyboard::start(tty.into()).unwrap();
        drop(far_end);
        assert_eq!(keyboard.input.recv_timeout(LONG), Ok(Input::HangUp));
        assert!(keyboard.input.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()));
    }

    #[test]
    fn the_thread_lets_go_of_the_terminal_when_it_is_no_longer_wanted() {
        for away in [false, true] {
            let (tty, far_end) = pipe().unwrap();
            let keyboard = Keyboard::start(tty.into()).unwrap();
            keyboard.away(away);
            let input = keyboard.input.clone();
            drop(keyboard);
            assert!(input.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()), "away: {away}");
            drop(far_end);
        }
    }
}
