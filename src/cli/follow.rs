//! Training without a screen.

use std::process::ExitCode;

use super::signals::Signals;
use super::{exit, print_error};
use crate::metrics::Metrics;
use crate::train::{Outcome, Trainer};
use crate::ui::plain;

/// Prints lines until training ends; returns how it ended, and the metrics of the weights it keeps.
pub(super) fn follow(trainer: Trainer) -> std::io::Result<(Outcome, Option<Metrics>)> {
    Signals::without_screen(trainer.commands.named("signal"))?;
    print_until_end(trainer)
}

/// Waits until training ends, without printing it.
pub(super) fn drain(trainer: Trainer) -> std::io::Result<Outcome> {
    Signals::without_screen(trainer.commands.named("signal"))?;
    Ok(trainer.join())
}

/// As [`follow`], where signals are handled already.
pub(super) fn print_until_end(trainer: Trainer) -> std::io::Result<(Outcome, Option<Metrics>)> {
    if let Some(error) = plain::print(&trainer.events, std::io::stdout().lock())? {
        print_error(&format_args!("cannot print: {error}; the run folder has all metrics"));
    }
    let (outcome, metrics) = trainer.join_with_metrics();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &outcome {
        print_error(what);
    }
    Ok((outcome, metrics))
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
