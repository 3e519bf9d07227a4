//! Signals as messages.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, unbounded};
use ratatui::layout::Size;
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::{Handle, Signals as Iterator};

/// The signals that end a training after saving it, with a screen and without: those of people and of batch systems (SIGXCPU: the limit on
/// CPU time is reached; SIGUSR1: that on time will be).
pub const END_SIGNALS: [i32; 6] = [SIGINT, SIGTERM, SIGQUIT, SIGALRM, SIGXCPU, SIGUSR1];

/// The meaning of a signal for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The terminal's new size (SIGWINCH).
    Resize(Size),
    /// Restore the terminal and stop (SIGTSTP).
    Suspend,
    /// The process was resumed; another program may have used the terminal (SIGCONT).
    Continue,
    /// The terminal is gone (SIGHUP).
    HangUp,
    /// Save and exit: one of [`END_SIGNALS`].
    End(i32),
}

/// Receives signals while it lives; afterwards SIGTSTP has its default effect again.
///
/// A signal that was ignored from the start stays ignored: SIGHUP under `nohup`, SIGINT in a background job of a shell
/// without job control.
pub struct Signals {
    handle: Handle,
    suspend_again: Arc<AtomicBool>,
    /// The received signals.
    pub notices: Receiver<Notice>,
}

impl Signals {
    /// Starts to receive signals; `size` is called at every SIGWINCH.
    pub fn start(size: impl Fn() -> Size + Send + 'static) -> io::Result<Self> {
        let wanted = [SIGWINCH, SIGCONT, SIGTSTP, SIGHUP].into_iter().chain(END_SIGNALS);
        let taken: Vec<i32> = wanted.filter(|signal| !is_ignored(*signal)).collect();
        let suspend_again = Arc::new(AtomicBool::new(false));
        if taken.contains(&SIGTSTP) {
            signal_hook::flag::register_conditional_default(SIGTSTP, Arc::clone(&suspend_again))?;
        }
        let mut signals = Iterator::new(taken)?;
        let handle = signals.handle();
        let (send, notices) = unbounded();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let notice = match signal {
                    SIGWINCH => Notice::Resize(size()),
                    SIGTSTP => Notice::Suspend,
                    SIGCONT => Notice::Continue,
                    SIGHUP => Notice::HangUp,
                    other => Notice::End(other),
                };
                if send.send(notice).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { handle, suspend_again, notices })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        self.suspend_again.store(true, Ordering::Release);
    }
}

/// Whether this process was started with `signal` ignored, and must keep ignoring it.
pub fn is_ignored(signal: i32) -> bool {
    ignored() & mask(signal) != 0
}

fn mask(signal: i32) -> u64 {
    u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0)
}

/// The signals that this process ignores, as a bit mask; 0 if unknown.
fn ignored() -> u64 {
    std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_in(&status))
}

fn ignored_in(status: &str) -> u64 {
    let field = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    field.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_nohup_the_hang_up_is_known_to_be_ignored() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000440\n";
        assert_ne!(ignored_in(status) & mask(SIGHUP), 0);
        assert_eq!(ignored_in(status) & mask(SIGTERM), 0);
        assert_eq!(ignored_in("Name:\tunrolled\n"), 0);
    }

    #[test]
    fn a_change_of_size_arrives_with_the_new_size() {
        let signals = Signals::start(|| Size::new(120, 40)).unwrap();
        signal_hook::low_level::raise(SIGWINCH).unwrap();
        let notice = signals.notices.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert_eq!(notice, Notice::Resize(Size::new(120, 40)));
    }
}
