//! Signals as requests to save and stop, from the start of a training to the end of the program.
//!
//! ```text
//! screen      the screen takes signals; here they are counted, none is lost while it ends
//! training    the first that ends it: save and stop ─▶ ending
//! ending      the next one: exit at once
//! ```

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use signal_hook::consts::{SIGHUP, SIGUSR1, SIGXCPU, SIGXFSZ};
use signal_hook::iterator;

use super::exit;
use crate::protocol::{Command, CommandSender};
use crate::ui::terminal::{END_SIGNALS, is_ignored};

/// The sender of commands that signals cause.
pub(super) const SENDER: &str = "signal";

/// A limit on the size of files (`ulimit -f`) makes a write fail, as a full disk does, instead of ending the program.
pub(super) fn report_file_size_limit() -> io::Result<()> {
    // A handler, not SIG_IGN, which the programs started by this one would inherit.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(|_| ())
}

/// What a signal means at present.
enum Phase {
    /// The screen takes the signals.
    Screen,
    /// Training without a screen: save and stop.
    Training(CommandSender),
    /// Training is stopping because of so many signals, or none: exit at once with the next.
    Ending { handled: u32 },
}

/// What the signals so far mean for the program.
struct State {
    phase: Phase,
    /// Signals that end a training. SIGXCPU, which the kernel repeats every second, counts once.
    ends: u32,
    /// Whether the first of them was SIGUSR1: the job should be started again.
    requeues: bool,
    /// SIGHUPs: the first means that the terminal is gone, and ends nothing.
    hang_ups: u32,
}

impl State {
    /// Handles a signal; returns whether to exit at once.
    fn receive(&mut self, signal: i32) -> bool {
        match signal {
            SIGHUP => self.hang_ups += 1,
            SIGXCPU if self.ends > 0 => return false,
            _ => {
                self.requeues = if self.ends == 0 { signal == SIGUSR1 } else { self.requeues };
                self.ends += 1;
            }
        }
        match &self.phase {
            Phase::Screen => false,
            Phase::Training(_) if signal == SIGHUP => false,
            Phase::Training(commands) => {
                let _ = commands.send(Command::SaveAndStop);
                self.phase = Phase::Ending { handled: self.ends };
                false
            }
            // A handled signal may arrive here after the screen has ended because of it.
            Phase::Ending { handled } => self.ends > *handled || self.hang_ups > 1,
        }
    }
}

/// The signals of a training. Those that were ignored at the start of the program stay ignored, such as SIGINT in a background job of a
/// shell without job control.
#[derive(Clone)]
pub(super) struct Signals(Arc<Mutex<State>>);

impl Signals {
    /// Counts signals, which the screen handles.
    pub fn with_screen() -> io::Result<Self> {
        Self::start(Phase::Screen)
    }

    /// The first signal that ends a training saves and stops it, a second one exits at once.
    pub fn without_screen(commands: CommandSender) -> io::Result<Self> {
        Self::start(Phase::Training(commands))
    }

    fn start(phase: Phase) -> io::Result<Self> {
        let all = END_SIGNALS.into_iter().chain([SIGHUP]);
        let mut signals = iterator::Signals::new(all.filter(|signal| !is_ignored(*signal)))?;
        let no_thread = |error: io::Error| {
            io::Error::new(error.kind(), format!("no thread can be started for signals: {error}"))
        };
        let shared = Self(Arc::new(Mutex::new(State { phase, ends: 0, requeues: false, hang_ups: 0 })));
        let state = Arc::clone(&shared.0);
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    if state.lock().unwrap_or_else(PoisonError::into_inner).receive(signal) {
                        exit_now();
                    }
                }
            })
            .map_err(no_thread)?;
        Ok(shared)
    }

    /// Whether training has ended because of SIGUSR1, with which batch systems announce the end of a job.
    pub fn requeues(&self) -> bool {
        self.lock().requeues
    }

    /// A screen takes the signals from here on; returns `false` if one has come that ends training.
    pub fn screen(&self) -> bool {
        let mut state = self.lock();
        let is_training = matches!(state.phase, Phase::Training(_));
        if is_training {
            state.phase = Phase::Screen;
        }
        is_training
    }

    /// The screen is gone, training continues: signals save and stop it from here on.
    pub fn training(&self, commands: CommandSender) {
        let mut state = self.lock();
        state.phase = Phase::Training(commands.clone());
        if state.ends > 0 {
            let _ = commands.send(Command::SaveAndStop);
            state.phase = Phase::Ending { handled: state.ends };
        }
    }

    /// The screen is gone and training is stopping, because of `handled` of the signals or at the user's request: the next signal exits at
    /// once.
    pub fn ending(&self, handled: u32) {
        let mut state = self.lock();
        state.phase = Phase::Ending { handled };
        if state.ends > handled {
            exit_now();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Exits with the last checkpoint complete, as it always is; says that later steps are lost.
fn exit_now() -> ! {
    let line = "unrolled: ended at once by a second signal; steps after the last checkpoint are not saved";
    let _ = writeln!(io::stderr(), "{line}");
    signal_hook::low_level::exit(i32::from(exit::INTERRUPTED))
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use signal_hook::consts::{SIGINT, SIGTERM};

    use super::*;

    fn state(phase: Phase) -> State {
        State { phase, ends: 0, requeues: false, hang_ups: 0 }
    }

    #[test]
    fn the_second_signal_exits_and_a_terminal_that_is_gone_does_not() {
        let (send, commands) = unbounded();
        let mut state = state(Phase::Training(CommandSender::new("signal", send)));
        assert!(!state.receive(SIGHUP) && commands.is_empty());
        assert!(!state.receive(SIGXCPU));
        assert_eq!(commands.try_recv(), Ok(Command::SaveAndStop.by("signal")));
        assert!(!state.receive(SIGXCPU), "the kernel repeats it");
        assert!(state.receive(SIGINT));
    }

    #[test]
    fn a_terminal_that_closes_after_a_signal_does_not_end_the_saving_but_twice_does() {
        let mut ending = state(Phase::Ending { handled: 1 });
        assert!(!ending.receive(SIGTERM), "the signal because of which the screen has ended");
        assert!(!ending.receive(SIGHUP));
        assert!(ending.receive(SIGHUP));
        assert!(ending.receive(SIGTERM));
    }
}
