use std::thread;

use crossbeam_channel::Sender;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit;
use crate::protocol::Command;
use crate::ui::terminal::is_ignored;

/// Without a screen, SIGINT and SIGTERM save and stop, and a second one exits immediately; SIGHUP (the terminal has closed) is ignored.
/// Signals that were ignored at the start stay ignored, such as SIGINT in a background job of a shell without job control.
pub(super) fn save_on_signal(commands: Sender<Command>) -> std::io::Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut is_stopping = false;
        for signal in signals.forever().filter(|signal| *signal != SIGHUP) {
            if is_stopping {
                // The last checkpoint is complete.
                signal_hook::low_level::exit(i32::from(exit::INTERRUPTED));
            }
            is_stopping = true;
            let _ = (signal, commands.send(Command::SaveAndStop));
        }
    })?;
    Ok(())
}
