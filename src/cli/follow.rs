//! Training without a screen.

use std::io::Write;
use std::process::ExitCode;

use super::signals::{SENDER, Signals};
use super::{exit, print_error, shell_word, slurm};
use crate::escape::foreign;
use crate::protocol::{Event, RunStatus};
use crate::run::Outline;
use crate::train::{Ended, Outcome, RunFolder, Trainer};
use crate::ui::{self, plain};

/// Prints lines until training ends; returns how it ended.
pub(super) fn follow(trainer: Trainer) -> std::io::Result<Ended> {
    let (signals, folder) = (Signals::without_screen(trainer.commands.named(SENDER))?, trainer.folder());
    let ended = print_until_end(trainer)?;
    requeue(&signals, &folder, &ended.outcome);
    Ok(ended)
}

/// Starts the job again whose training was saved and stopped because of SIGUSR1.
pub(super) fn requeue(signals: &Signals, folder: &RunFolder, outcome: &Outcome) {
    if signals.requeues()
        && *outcome == Outcome::Stopped
        && let Some(run) = folder.get()
    {
        slurm::requeue(run);
    }
}

/// Trains in the background of a terminal: prints where the run is, and how it has ended.
pub(super) fn follow_quietly(trainer: Trainer) -> std::io::Result<Ended> {
    let (signals, folder) = (Signals::without_screen(trainer.commands.named(SENDER))?, trainer.folder());
    // Such a line would stop the training.
    let say = |line: &str| {
        if !ui::terminal::is_background() || !ui::terminal::stops_printing() {
            let _ = writeln!(std::io::stdout(), "{}", foreign(line));
        }
    };
    let mut prepared = None;
    for event in &trainer.events {
        match event {
            Event::Prepared(info) => prepared = Some(shell_word(&info.folder.to_string_lossy())),
            // From here on its socket answers.
            Event::Status(RunStatus::Training) => {
                if let Some(run) = prepared.take() {
                    say(&format!("training in the background; `unrolled attach {run}` shows it"));
                }
            }
            Event::Status(RunStatus::Diverged { what }) => say(&format!("diverged: {what}")),
            Event::Status(status) if status.is_over() => say(status.word()),
            _ => {}
        }
    }
    let ended = trainer.join_ended();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &ended.outcome {
        say(what);
    }
    requeue(&signals, &folder, &ended.outcome);
    Ok(ended)
}

/// Waits until training ends, without printing it.
pub(super) fn drain(trainer: Trainer) -> std::io::Result<Outcome> {
    Signals::without_screen(trainer.commands.named(SENDER))?;
    Ok(trainer.join())
}

/// As [`follow`], where signals are handled already.
pub(super) fn print_until_end(trainer: Trainer) -> std::io::Result<Ended> {
    // The event that describes the run was sent to the screen.
    let outline = trainer.folder().get().and_then(|run| Outline::read(run, false).ok());
    let info = outline.and_then(|outline| outline.info);
    if let Some(error) = plain::print_on(&trainer.events, info, std::io::stdout().lock())? {
        print_error(&format_args!("cannot print: {error}; the run folder has all metrics"));
    }
    let ended = trainer.join_ended();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &ended.outcome {
        print_error(what);
    }
    Ok(ended)
}

/// The exit code of a training. One that its user has stopped, by a command from elsewhere, has succeeded, as on the dashboard.
pub(super) fn ended_code(ended: &Ended) -> ExitCode {
    match is_stopped_by_user(ended) {
        true => ExitCode::SUCCESS,
        false => code(&ended.outcome),
    }
}

/// Whether a command, and no signal, has stopped the training.
pub(super) fn is_stopped_by_user(ended: &Ended) -> bool {
    let by = ended.reached.stopped_by.as_deref();
    ended.outcome == Outcome::Stopped && by.is_some_and(|by| by != SENDER)
}

/// The exit code of an outcome, where a training that is stopped was interrupted.
pub(super) fn code(outcome: &Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Finished => 0,
        Outcome::Stopped => exit::INTERRUPTED,
        Outcome::Diverged(_) => exit::DIVERGED,
        Outcome::Unusable(_) => exit::USAGE,
        Outcome::Failed(_) => exit::FAILED,
    })
}
