use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use super::error::{CliError, CliResult};
use super::follow::{code, follow, print_until_end};
use super::notice::NoticeArgs;
use super::signals::Signals;
use super::{ScreenArgs, exit, print_error};
use crate::escape::foreign;
use crate::experiment::{MAX_SEEDS, Repeat, train_all};
use crate::preset::{self, Overrides, Resolved};
use crate::protocol::Command;
use crate::train::{Options, Outcome, Trainer};
use crate::ui::{self, InitialScreen, Link};

#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// A preset's name (see `unrolled presets`), or the path of a YAML file
    pub preset: String,
    /// Change one value of the preset, e.g. train.epochs=2 or model.1.units=16; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The training data: a table, JSON lines, or a folder of classes (a folder with train and test data gives validation data too)
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// The run folder to create; by default runs/NAME-DATE-TIME
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Seed of initial weights, shuffling, dropout and generated data
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Train once with every seed in the range, without a screen, and print mean and standard deviation
    #[arg(long, value_name = "1..5", value_parser = seeds, conflicts_with_all = ["seed", "folds"])]
    pub seeds: Option<RangeInclusive<u64>>,
    /// N-fold cross-validation, without a screen; prints mean and standard deviation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub folds: Option<u16>,
    /// Threads for a training step; the results do not depend on their number
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    notice: NoticeArgs,
}

pub(super) fn processors() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(256) as u16)
}

impl TrainArgs {
    fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), data: self.data.clone(), seed: self.seed }
    }
}

/// Parses `1..5`, both ends included.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let range = text.split_once("..").and_then(|(first, last)| {
        Some(first.trim().parse().ok()?..=last.trim_start_matches('=').trim().parse().ok()?)
    });
    let wrong = || "expected two seeds, the smaller first, as in 1..5".to_owned();
    let range = range.filter(|range| !range.is_empty()).ok_or_else(wrong)?;
    let count = u128::from(range.end() - range.start()) + 1;
    match count <= u128::from(MAX_SEEDS) {
        true => Ok(range),
        false => Err(format!("found {count} seeds; expected at most {MAX_SEEDS}")),
    }
}

/// Trains once for every seed or fold, without a screen, and prints a summary. A training that diverges does not end the others; its exit
/// code is that of the program.
fn train_repeatedly(args: &TrainArgs, repeat: &Repeat) -> CliResult {
    let options = (args.run.clone(), usize::from(args.threads));
    let mut follow = |trainer| follow(trainer).map(|ended| (ended.outcome, ended.metrics));
    let (outcome, summary) = train_all(&args.preset, repeat, &args.overrides(), options, &mut follow)?;
    let mut out = std::io::stdout().lock();
    for line in summary {
        // Stdout may be closed; the runs are saved.
        let _ = writeln!(out, "{}", foreign(&line));
    }
    args.notice.ring(&format!("{}: all trainings have ended", args.preset));
    Ok(code(&outcome))
}

/// Trains one preset, with the dashboard on a terminal.
pub(super) fn train(args: &TrainArgs, screen: ScreenArgs) -> CliResult {
    let folds = args.folds.map(Repeat::Folds);
    if let Some(repeat) = args.seeds.clone().map(Repeat::Seeds).or(folds) {
        return train_repeatedly(args, &repeat);
    }
    let resolved = preset::load(&args.preset, &args.overrides())?;
    let watched = !args.headless && std::io::stdout().is_terminal();
    let Resolved { spec, notes } = resolved;
    // A terminal without a screen is an error before training starts.
    let theme = watched.then(|| screen.theme()).transpose()?;
    let options = Options { folder: args.run.clone(), threads: usize::from(args.threads), watched, notes };
    let (at_end, warnings) = args.notice.clone().at_end(watched);
    let trainer = Trainer::start_with(spec, options, at_end)?;
    let result = match theme {
        None => follow(trainer).map(|ended| code(&ended.outcome)).map_err(CliError::from),
        Some(theme) => {
            let signals = Signals::with_screen()?;
            let start = InitialScreen::Dashboard(link(&trainer));
            let outcome = shown(|| ui::run(start, Vec::new(), &mut |_| Err(String::new()), theme));
            end(outcome, Some(trainer), &signals)
        }
    };
    warnings.try_iter().for_each(|warning| print_error(&warning));
    result
}

/// Shows the menu, and trains what is chosen in it.
pub(super) fn menu(screen: ScreenArgs) -> CliResult {
    let trainer = RefCell::new(None::<Trainer>);
    let mut launch = |name: &str| {
        let Resolved { spec, notes } =
            preset::load(name, &Overrides::default()).map_err(|e| crate::error::chain(&e))?;
        let options = Options { folder: None, threads: usize::from(processors()), watched: true, notes };
        let started = Trainer::start(spec, options).map_err(|e| crate::error::chain(&e))?;
        let link = link(&started);
        // The previous run has ended: the menu is reachable from an ended run only.
        *trainer.borrow_mut() = Some(started);
        Ok(link)
    };
    let (entries, theme) = (preset::entries()?, screen.theme()?);
    let signals = Signals::with_screen()?;
    let outcome =
        shown(|| ui::run(InitialScreen::Menu(Some(super::new::CUSTOM_DATA)), entries, &mut launch, theme));
    end(outcome, trainer.take(), &signals)
}

fn link(trainer: &Trainer) -> Link {
    Link { events: trainer.events.clone(), commands: trainer.commands.clone() }
}

/// Runs the screen; a panic becomes an error, so that the run can be saved.
fn shown(screen: impl FnOnce() -> Result<ui::ExitReason, ui::UiError>) -> CliResult<ui::ExitReason> {
    match catch_unwind(AssertUnwindSafe(screen)) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(CliError::failed("the screen ended because of a bug in the program")),
    }
}

/// Ends or continues training after the screen has ended.
fn end(outcome: CliResult<ui::ExitReason>, trainer: Option<Trainer>, signals: &Signals) -> CliResult {
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
        ui::ExitReason::Quit => {
            let _ = trainer.commands.send(Command::Stop);
            signals.ending(0);
            let outcome = ended(trainer);
            // Stopping on the screen is a success.
            Ok(if outcome == Outcome::Stopped { ExitCode::SUCCESS } else { code(&outcome) })
        }
        ui::ExitReason::LeftTraining => {
            signals.training(trainer.commands.clone());
            continue_unwatched(&trainer);
            Ok(code(&print_until_end(trainer)?.outcome))
        }
        ui::ExitReason::HungUp => {
            signals.training(trainer.commands.clone());
            continue_unwatched(&trainer);
            Ok(code(&ended(trainer)))
        }
        ui::ExitReason::Signal(_) => {
            let _ = trainer.commands.send(Command::SaveAndStop);
            signals.ending(1);
            match ended(trainer) {
                Outcome::Finished | Outcome::Stopped => Ok(ExitCode::from(exit::INTERRUPTED)),
                // Not saved: what the code of an interruption promises.
                outcome => Ok(code(&outcome)),
            }
        }
    }
}

/// Waits for the end; prints the error that ended training, as it is no longer visible on the screen.
fn ended(trainer: Trainer) -> Outcome {
    let outcome = trainer.join();
    if let Outcome::Diverged(what) | Outcome::Unusable(what) | Outcome::Failed(what) = &outcome {
        print_error(what);
    }
    outcome
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
    use crate::protocol::Event;
    use crate::run::checkpoint::{self, Which};

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(seeds("1..5"), Ok(1..=5));
        assert_eq!(seeds("3..=3"), Ok(3..=3));
        for wrong in ["5..1", "1", "a..b", "1..", "-1..2"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seeds("7..10006"), Ok(7..=10_006));
        for (many, count) in [
            ("1..18446744073709551615", "18446744073709551615"),
            ("0..18446744073709551615", "18446744073709551616"),
        ] {
            assert_eq!(seeds(many), Err(format!("found {count} seeds; expected at most 10000")));
        }
    }

    #[test]
    fn a_run_whose_screen_fails_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let set = vec!["data.train=256".into(), "train.epochs=1000000".into()];
        let spec = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
        let options = Options { folder: Some(run.clone()), threads: 1, watched: true, notes: Vec::new() };
        let trainer = Trainer::start(spec, options).unwrap();
        assert!(trainer.events.iter().any(|event| matches!(event, Event::Step(_))));
        let outcome = shown(|| panic!("the screen fails"));
        let error = end(outcome, Some(trainer), &Signals::with_screen().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the screen ended because of a bug in the program");
        assert!(checkpoint::read(&run, Which::Last).unwrap().step >= 1);
    }
}
