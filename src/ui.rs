//! The screens: one loop over events, keys and signals; a fold of events into state; views that are handed data.
//!
//! Sees `protocol`, `preset` and `run`, never the trainer.
//!
//! ```text
//!   trainer ── Event ──▶ ┌──────────┐ ── frame ──▶ writer thread ──▶ terminal
//!   keyboard thread ───▶ │ the loop │ ◀── done ───
//!   signals thread ────▶ └──────────┘ ── Command ─▶ trainer
//! ```
//!
//! The loop never blocks but in its `select!`: the writer alone waits for a slow terminal, the keyboard thread alone for
//! keys. So training, folding and the answer to a signal go on while a link is stalled.

pub mod app;
pub mod browser;
pub mod dashboard;
pub mod filter;
pub mod findings;
pub mod help;
pub mod input;
pub mod keymap;
pub mod menu;
pub mod plain;
pub mod run_state;
pub mod screenshot;
pub mod scroll;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod view;
pub mod view_state;
mod widget;

pub use app::{ExitReason, InitialScreen, Launch, Link};
pub use browser::CustomDataHooks;
pub use terminal::{TerminalOptions, UiError};

use app::{App, EventLoop, Flow};
use input::Keyboard;
use terminal::{Guard, Screen, Signals};
use theme::Theme;

use crate::preset::Entry;

/// Shows the menu or a dashboard until the user leaves, the terminal is gone, or a signal asks to end.
///
/// `launch` starts the training of a preset that is chosen in the menu and returns soon; what takes long is told by
/// `Event::Status`. SIGHUP, SIGINT, SIGTERM and SIGTSTP are taken while the screen is on. Once taken, SIGHUP, SIGINT and
/// SIGTERM no longer end the process by themselves: what is to happen to them afterwards is up to the caller.
///
/// Fails when there is no terminal; it is then as it was, as it is at every other end.
pub fn run(
    start: InitialScreen,
    entries: Vec<Entry>,
    launch: Launch<'_>,
    theme: Theme,
) -> Result<ExitReason, UiError> {
    // Dropped last to first: the keyboard is let go of before the terminal is given back, the signals after it.
    let signals = Signals::start(|| terminal::size(std::io::stdout()))?;
    let mut guard = Guard::take()?;
    let keyboard = Keyboard::start(guard.keyboard()?)?;
    let mut app = App::new(start, entries, launch, theme);
    let mut event_loop = EventLoop::new(Screen::new(guard.size())?, &keyboard.input, &signals.notices);
    loop {
        match event_loop.run(&mut app, &mut guard.writer)? {
            Flow::Ended(outcome) => return Ok(outcome),
            Flow::Suspend => {
                keyboard.away(true);
                if guard.suspend() {
                    event_loop.leave_terminal();
                } else {
                    keyboard.away(false);
                }
            }
            Flow::Resume => {
                // A terminal that dies sends SIGCONT with its SIGHUP, and either may come first: what cannot be taken is gone.
                match guard.resume() {
                    Ok(false) => {}
                    Ok(true) => {
                        keyboard.away(false);
                        event_loop.return_to_terminal(guard.size())?;
                    }
                    Err(_) => return Ok(ExitReason::HungUp),
                }
            }
        }
    }
}
