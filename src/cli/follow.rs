//! Training without a screen.

use std::process::ExitCode;

use super::{exit, print_error, signals};
use crate::protocol::EpochMetrics;
use crate::train::{Outcome, Trainer};
use crate::ui::plain;

/// Prints lines until training ends; returns how it ended, and its last epoch.
pub(super) fn follow(trainer: Trainer) -> std::io::Result<(Outcome, Option<Box<EpochMetrics>>)> {
    signals::save_on_signal(trainer.commands.clone())?;
    let (last, error) = plain::print(&trainer.events, std::io::stdout().lock())?;
    if let Some(error) = error {
        print_error(&format_args!("cannot print: {error}; the run folder has all metrics"));
    }
    let outcome = trainer.join();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &outcome {
        print_error(what);
    }
    Ok((outcome, last))
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
