//! A training on the dashboard, and what becomes of it when the screen ends.

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::error::{CliError, CliResult};
use super::follow::{code, ended_code, follow, follow_quietly, print_until_end, requeue};
use super::notice::NoticeArgs;
use super::records::{RecordArgs, resumed_steps};
use super::screen_branches::ScreenBranches;
use super::signals::{SENDER, Signals};
use super::{ScreenArgs, closing, detach, exit, print_error};
use crate::preset::RunSpec;
use crate::protocol::Command;
use crate::train::{Ended, Options, Outcome, Trainer};
use crate::ui::{self, BranchRequest, InitialScreen, Link, ScreenSettings};

/// After how long a line says that the data are being prepared.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a training is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Display {
    /// On the dashboard.
    Dashboard(ScreenSettings),
    /// As plain lines.
    Lines,
    /// Not at all: this process is in the background of its terminal, and would be stopped.
    Background,
}

impl Display {
    /// How a training is shown here.
    ///
    /// # Errors
    /// When the terminal cannot show a screen, before training starts.
    pub fn new(headless: bool, screen: ScreenArgs) -> CliResult<Self> {
        Ok(match !headless && std::io::stdout().is_terminal() {
            true if ui::terminal::is_background() => Self::Background,
            true => Self::Dashboard(screen.settings()?),
            false => Self::Lines,
        })
    }

    /// Whether it is seen on a screen.
    pub fn is_watched(&self) -> bool {
        matches!(self, Self::Dashboard(..))
    }
}

/// How a training that was shown ended.
pub(super) enum Shown {
    /// With this exit code.
    Ended(ExitCode),
    /// A branch of it was chosen on the screen.
    Branch(Option<BranchRequest>),
}

/// Starts a training and shows it; `notice` is given when it is over, and `records` are written for other programs.
pub(super) fn show_training(
    spec: RunSpec,
    options: Options,
    display: Display,
    (notice, records): (&NoticeArgs, &RecordArgs),
) -> CliResult<Shown> {
    let (at_end, warnings) = notice.clone().at_end(display.is_watched());
    let goes_on = options.resume.is_some();
    let resumed = options.folder.as_deref().filter(|_| goes_on);
    // Without a recording nothing was resumed.
    let resumed = resumed.map(|folder| resumed_steps(folder).map_or(0, |steps| steps.len()));
    let trainer = Trainer::start_with(spec, options, at_end)?;
    let records = records.start(trainer.folder(), resumed);
    let result = show(trainer, display, goes_on);
    records.finish();
    warnings.try_iter().for_each(|warning| print_error(&warning));
    result
}

/// Shows a training until it ends or the user leaves. One that goes on from a checkpoint is shown once that and the data are checked: why it
/// is refused is printed on the terminal as it is.
pub(super) fn show(trainer: Trainer, display: Display, goes_on: bool) -> CliResult<Shown> {
    let settings = match display {
        Display::Dashboard(settings) => settings,
        Display::Lines => return Ok(Shown::Ended(ended_code(&follow(trainer)?))),
        Display::Background => return Ok(Shown::Ended(ended_code(&follow_quietly(trainer)?))),
    };
    let signals = match goes_on {
        true => Signals::without_screen(trainer.commands.named(SENDER))?,
        false => Signals::with_screen()?,
    };
    if goes_on && !(is_ready(&trainer) && signals.screen()) {
        return Ok(Shown::Ended(ended_code(&ended(trainer))));
    }
    let start = InitialScreen::Dashboard(link(&trainer));
    let branches = ScreenBranches::default();
    let outcome = shown(|| ui::run(start, Vec::new(), &mut |request| branches.launch(request), settings));
    if matches!(outcome, Ok(ui::ExitReason::Branch)) {
        ended(trainer);
        return Ok(Shown::Branch(branches.take()));
    }
    end(outcome, Some(trainer), &signals).map(Shown::Ended)
}

/// Waits until data and checkpoint are read; returns `false` if training has ended before.
fn is_ready(trainer: &Trainer) -> bool {
    match trainer.ready.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => {
            // Stdout may be closed.
            let _ = writeln!(std::io::stdout(), "preparing the data…");
            trainer.ready.recv().is_ok()
        }
        ready => ready.is_ok(),
    }
}

pub(super) fn link(trainer: &Trainer) -> Link {
    Link { events: trainer.events.clone(), commands: trainer.commands.named("screen") }
}

/// Runs the screen; a panic becomes an error, so that the run can be saved.
pub(super) fn shown(
    screen: impl FnOnce() -> Result<ui::ExitReason, ui::UiError>,
) -> CliResult<ui::ExitReason> {
    match catch_unwind(AssertUnwindSafe(screen)) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(CliError::failed("the screen ended because of a bug in the program")),
    }
}

/// Ends or continues training after the screen has ended.
pub(super) fn end(
    outcome: CliResult<ui::ExitReason>,
    trainer: Option<Trainer>,
    signals: &Signals,
) -> CliResult {
    let Some(trainer) = trainer else {
        let interrupted = matches!(outcome?, ui::ExitReason::Signal(_));
        return Ok(ExitCode::from(if interrupted { exit::INTERRUPTED } else { 0 }));
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            // The screen failed, not the run, which is saved.
            let _ = trainer.commands.send(Command::SaveAndStop);
            signals.ending(0);
            ended(trainer);
            return Err(error);
        }
    };
    match outcome {
        ui::ExitReason::Quit | ui::ExitReason::Branch => {
            let folder = trainer.folder();
            let _ = trainer.commands.send(Command::Stop);
            signals.ending(0);
            let outcome = ended(trainer).outcome;
            folder.get().into_iter().for_each(|run| closing::print(run));
            // Stopping on the screen is a success.
            Ok(if outcome == Outcome::Stopped { ExitCode::SUCCESS } else { code(&outcome) })
        }
        ui::ExitReason::Detached => hand_over(trainer, signals),
        ui::ExitReason::LeftTraining => {
            signals.training(trainer.commands.named(SENDER));
            continue_unwatched(&trainer);
            let folder = trainer.folder();
            let ended = print_until_end(trainer)?;
            folder.get().into_iter().for_each(|run| closing::print(run));
            requeue(signals, &folder, &ended.outcome);
            Ok(ended_code(&ended))
        }
        ui::ExitReason::HungUp => {
            signals.training(trainer.commands.named(SENDER));
            continue_unwatched(&trainer);
            let folder = trainer.folder();
            let ended = ended(trainer);
            requeue(signals, &folder, &ended.outcome);
            Ok(ended_code(&ended))
        }
        ui::ExitReason::Signal(_) => {
            let folder = trainer.folder();
            let _ = trainer.commands.send(Command::SaveAndStop);
            signals.ending(1);
            let outcome = ended(trainer).outcome;
            folder.get().into_iter().for_each(|run| closing::print(run));
            requeue(signals, &folder, &outcome);
            match outcome {
                Outcome::Finished | Outcome::Stopped => Ok(ExitCode::from(exit::INTERRUPTED)),
                // Not saved: what the code of an interruption promises.
                outcome => Ok(code(&outcome)),
            }
        }
    }
}

/// Continues the run of a trainer in a process of its own: it is saved and stopped here, and goes on there to the same bits, or waits there
/// if it is paused.
fn hand_over(trainer: Trainer, signals: &Signals) -> CliResult {
    let folder = trainer.folder();
    let _ = trainer.commands.named("detach").send(Command::SaveAndStop);
    signals.ending(0);
    // Without any sender of commands a pause would end.
    trainer.events.iter().for_each(drop);
    let ended = ended(trainer);
    match (&ended.outcome, folder.get()) {
        (Outcome::Stopped, Some(run)) => detach::resume(run, ended.reached.is_paused),
        (outcome, _) => Ok(code(outcome)),
    }
}

/// Waits for the end; prints the error that ended training, as it is no longer visible on the screen.
fn ended(trainer: Trainer) -> Ended {
    let ended = trainer.join_ended();
    if let Outcome::Diverged(what) | Outcome::Unusable(what) | Outcome::Failed(what) = &ended.outcome {
        print_error(what);
    }
    ended
}

/// Ends pace and pause, which have no effect or could not be ended without a screen.
fn continue_unwatched(trainer: &Trainer) {
    for command in [Command::FullSpeed, Command::Resume] {
        let _ = trainer.commands.send(command);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{self, Overrides};
    use crate::protocol::Event;
    use crate::run::checkpoint::{self, Which};
    use crate::train::Options;

    #[test]
    fn a_run_whose_screen_fails_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let set = vec!["data.train=256".into(), "train.epochs=1000000".into()];
        let spec = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
        let options = Options { folder: Some(run.clone()), threads: 1, watched: true, ..Options::default() };
        let trainer = Trainer::start(spec, options).unwrap();
        assert!(trainer.events.iter().any(|event| matches!(event, Event::Step(_))));
        let outcome = shown(|| panic!("the screen fails"));
        let error = end(outcome, Some(trainer), &Signals::with_screen().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the screen ended because of a bug in the program");
        assert!(checkpoint::read(&run, Which::Last).unwrap().step >= 1);
    }
}
