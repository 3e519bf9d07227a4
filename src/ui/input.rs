//! The keyboard thread: it waits on the terminal and parses what comes, never again once the terminal is gone.

mod key_parser;

use std::io::{self, PipeWriter, pipe};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use crossterm::event::{KeyEvent, MouseEvent};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

use key_parser::KeyParser;

/// User input from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key is pressed.
    Key(KeyEvent),
    /// Text is pasted. Foreign.
    Paste(String),
    /// So many keys at once that nobody has typed them: text pasted in a terminal that does not mark it.
    Burst(Vec<KeyEvent>),
    /// A click, or a turn of the wheel.
    Mouse(MouseEvent),
    /// The terminal's answer: whether its background is light.
    Background {
        /// Whether it is.
        light: bool,
    },
    /// The terminal is gone; no input follows.
    HangUp,
}

/// How long after the question about the background its answer is waited for when the program ends: what comes later would be typed into
/// the shell.
const ANSWER: Duration = Duration::from_millis(400);
const WHILE_AWAY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Keys from the terminal, read by a thread of their own until this is dropped.
pub struct Keyboard {
    /// The user's input.
    pub input: Receiver<Input>,
    away: Arc<AtomicBool>,
    wake: Option<PipeWriter>,
    /// Whether the terminal has answered the question about its background.
    answered: Arc<AtomicBool>,
    /// Until when that answer is waited for.
    answer_by: Option<Instant>,
}

impl Keyboard {
    /// Reads `tty` from here on.
    pub fn start(tty: OwnedFd) -> io::Result<Self> {
        let (end, wake) = pipe()?;
        let (send, input) = unbounded();
        let away = Arc::new(AtomicBool::new(false));
        let (paused, answered) = (Arc::clone(&away), Arc::new(AtomicBool::new(false)));
        let answer = Arc::clone(&answered);
        std::thread::Builder::new().name("keyboard".into()).spawn(move || {
            let send = &|input: Input| {
                if matches!(input, Input::Background { .. }) {
                    answer.store(true, Ordering::Release);
                }
                send.send(input).is_ok()
            };
            if !read_until_end(&tty, &end.into(), &paused, send) {
                send(Input::HangUp);
            }
        })?;
        Ok(Self { input, away, wake: Some(wake), answered, answer_by: None })
    }

    /// The same of a terminal that was just asked for its background: what ends early reads the answer first.
    #[must_use]
    pub fn with_question(mut self, is_asked: bool) -> Self {
        self.answer_by = is_asked.then(|| Instant::now() + ANSWER);
        self
    }

    /// Sets whether the terminal belongs to another job: then nothing is read, because that would stop a background job.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        while let Some(until) = self.answer_by.filter(|_| !self.answered.load(Ordering::Acquire)) {
            let left = until.saturating_duration_since(Instant::now());
            // The terminal is gone, or does not answer.
            if left.is_zero() || self.input.recv_timeout(left).is_err() {
                break;
            }
        }
        drop(self.wake.take());
        // The thread drops its sender after its last read: later input belongs to the shell.
        while self.input.recv_timeout(Duration::from_millis(200)).is_ok() {}
    }
}

/// Returns `true` on request to end, `false` if the terminal is gone.
fn read_until_end(
    tty: &OwnedFd,
    end: &OwnedFd,
    away: &AtomicBool,
    send: impl Fn(Input) -> bool + Copy,
) -> bool {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    let (mut parser, mut bytes) = (KeyParser::default(), [0; 4096]);
    loop {
        let waiting = away.load(Ordering::Acquire);
        let patience = parser.patience().and_then(|patience| Timespec::try_from(patience).ok());
        // While away only the end is waited for: typed text would wake a wait on the terminal again and again.
        let mut both = [PollFd::new(end, PollFlags::IN), PollFd::new(tty, PollFlags::IN)];
        let polled = match waiting {
            true => poll(&mut both[..1], Some(&WHILE_AWAY)),
            false => poll(&mut both, patience.as_ref()),
        };
        let [ended, typed] = both.map(|fd| fd.revents());
        let inputs = match polled {
            Err(Errno::INTR) => continue,
            Err(_) => return false,
            Ok(_) if !ended.is_empty() => return true,
            Ok(_) if typed.intersects(gone) => return false,
            Ok(0) if !waiting => parser.end(),
            Ok(_) if typed.is_empty() || away.load(Ordering::Acquire) => continue,
            Ok(_) => match read(tty, &mut bytes) {
                Ok(0) => return false,
                Ok(count) => parser.parse(bytes.get(..count).unwrap_or_default(), Instant::now()),
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(_) => return false,
            },
        };
        if !inputs.into_iter().all(send) {
            return true;
        }
    }
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

    #[test]
    fn the_answer_of_the_terminal_is_read_before_the_program_leaves_it() {
        use std::io::{Read, Write};
        let (tty, mut far_end) = pipe().unwrap();
        let mut shell = tty.try_clone().unwrap();
        let keyboard = Keyboard::start(tty.into()).unwrap().with_question(true);
        let answers = std::thread::spawn(move || {
            // On its way while the program ends already.
            std::thread::sleep(Duration::from_millis(20));
            far_end.write_all(b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07").unwrap();
            far_end
        });
        drop(keyboard);
        answers.join().unwrap().write_all(b"ls").unwrap();
        let mut typed = Vec::new();
        shell.read_to_end(&mut typed).unwrap();
        assert_eq!(typed, b"ls");
    }

    #[test]
    fn a_terminal_that_does_not_answer_is_left_soon() {
        for asked in [false, true] {
            let (tty, far_end) = pipe().unwrap();
            let keyboard = Keyboard::start(tty.into()).unwrap().with_question(asked);
            let input = keyboard.input.clone();
            drop(keyboard);
            assert!(input.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()), "asked: {asked}");
            drop(far_end);
        }
    }

    #[test]
    fn a_paste_whose_end_is_lost_blocks_the_keyboard_for_a_moment_only() {
        use std::io::Write;
        let (tty, mut far_end) = pipe().unwrap();
        let keyboard = Keyboard::start(tty.into()).unwrap();
        far_end.write_all(b"\x1b[200~abc").unwrap();
        assert_eq!(keyboard.input.recv_timeout(LONG), Ok(Input::Paste("abc".into())));
        far_end.write_all(b"q").unwrap();
        let key = keyboard.input.recv_timeout(LONG);
        assert!(matches!(key, Ok(Input::Key(key)) if key.code == crossterm::event::KeyCode::Char('q')));
    }
}
