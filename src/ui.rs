//! The screens: one loop over events, keys and signals; a fold of events into state; views that only read it.
//!
//! Sees `protocol`, `preset`, `run` and `runs`, never the trainer.
//!
//! ```text
//!   trainer ── Event ──▶ ┌──────────┐ ── frame ──▶ writer thread ──▶ terminal
//!   keyboard thread ───▶ │ the loop │ ◀── done ───
//!   signals thread ────▶ └──────────┘ ── Command ─▶ trainer
//! ```
//!
//! The loop blocks only in its `select!`: only the writer waits for a slow terminal, only the keyboard thread for keys. So
//! training, folding and signal handling continue while a link is stalled.
//!
//! [`run_state`] is what happened, [`view_state`] what the user chose to see of it, [`view`] draws both.

pub mod app;
pub mod browser;
pub mod config;
pub mod dashboard;
mod diagnosis;
pub mod earlier_runs;
pub mod edit;
mod filter;
pub mod findings;
mod forecast_lines;
pub mod group;
pub mod help;
pub mod input;
pub mod keymap;
pub mod lecture;
pub mod menu;
pub mod panel;
pub mod parent;
pub mod plain;
pub mod plot;
pub mod printed;
pub mod race;
pub mod replay;
pub mod run_state;
pub mod runs;
pub mod screenshot;
pub mod scroll;
pub mod sweep;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod view;
pub mod view_state;
mod widget;

pub use app::{BranchRequest, ExitReason, InitialScreen, Launch, LaunchRequest, Launched, Link, MenuHooks};
pub use app::{DatasetOffer, FetchEvent, FetchHooks};
pub use browser::CustomDataHooks;
pub use edit::Estimate;
pub use terminal::{ScreenSettings, TerminalOptions, UiError};

use app::{App, EventLoop, Flow};
use input::Keyboard;
use terminal::{Guard, Screen, Signals};

use crate::preset::Entry;

/// Shows the menu or a dashboard until the user quits, the terminal is gone, or a signal ends it.
///
/// `launch` starts a training that the user wants, and returns soon; long preparations report by `Event::Status`.
/// SIGHUP, SIGTSTP and [`terminal::END_SIGNALS`] are handled while the screen is on. From then on, SIGTSTP apart, they no longer end the
/// process by themselves: the caller handles them afterwards.
///
/// # Errors
/// If there is no terminal. The terminal is always restored.
pub fn run(
    start: InitialScreen,
    entries: Vec<Entry>,
    launch: Launch<'_>,
    settings: ScreenSettings,
) -> Result<ExitReason, UiError> {
    // Dropped last to first: the keyboard before the terminal is restored, the signals after it.
    let signals = Signals::start(|| terminal::size(std::io::stdout()))?;
    let mut guard = Guard::take(settings.modes)?;
    let keyboard = Keyboard::start(guard.keyboard()?)?.with_question(settings.modes.background);
    let mut app = App::new(start, entries, launch, settings.theme);
    app.show_notice(settings.notice);
    let screen = Screen::new(guard.size())?;
    let mut event_loop = EventLoop::new(screen, &keyboard.input, &signals.notices, settings.frame)
        .with_rate(settings.bytes_per_s);
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
