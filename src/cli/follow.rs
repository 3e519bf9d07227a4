//! Training without a screen.

use std::process::ExitCode;

use super::signals::Signals;
use super::{exit, print_error};
use crate::train::{Ended, Outcome, Trainer};
use crate::ui::plain;

/// Prints lines until training ends; returns how it ended.
pub(super) fn follow(trainer: Trainer) -> std::io::Result<Ended> {
    Signals::without_screen(trainer.commands.clone())?;
    print_until_end(trainer)
}

/// As [`follow`], where signals are handled already.
pub(super) fn print_until_end(trainer: Trainer) -> std::io::Result<Ended> {
    if let Some(error) = plain::print(&trainer.events, std::io::stdout().lock())? {
        print_error(&format_args!("cannot print: {error}; the run folder has all metrics"));
    }
    let ended = trainer.join_ended();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &ended.outcome {
        print_error(what);
    }
    Ok(ended)
}

/// The exit code of a training.
pub(super) fn code(outcome: &Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Finished => 0,
        Outcome::Stopped => exit::INTERRUPTED,
        Outcome::Diverged(_) => exit::DIVERGED,
        Outcome::Unusable(_) => exit::USAGE,
        Outcome::Failed(_) => exit::FAILED,
    })
}
