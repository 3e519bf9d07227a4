use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use super::headless::Lines;
use super::{ScreenArgs, exit, signals};
use crate::preset::{self, Overrides, Resolved};
use crate::protocol::Command;
use crate::train::{Options, Outcome, Trainer};
use crate::ui::{self, Link, Start};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A preset's name (see `unrolled presets`), or the path of a YAML file
    preset: String,
    /// Change one value of the preset, e.g. train.epochs=2 or model.1.units=16
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where the data are: a file, or a folder with a folder per class (a folder with train/ and test/ gives validation too)
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The run folder, which is made; by default runs/NAME-DATE-TIME
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Seed of weights, order and generated data
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads that share a step; the results do not depend on it
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
}

fn processors() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(256) as u16)
}

/// Trains one preset, with the dashboard where there is a terminal.
pub(super) fn train(args: &Args, screen: ScreenArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides { set: args.set.clone(), data: args.data.clone(), seed: args.seed };
    let resolved = preset::load(&args.preset, &overrides)?;
    let watched = !args.headless && std::io::stdout().is_terminal();
    let Resolved { spec, notes } = resolved;
    let options = Options { folder: args.run.clone(), threads: usize::from(args.threads), watched, notes };
    let trainer = Trainer::start(spec, options)?;
    if !watched {
        return headless(trainer);
    }
    let outcome =
        ui::run(Start::Dashboard(link(&trainer)), Vec::new(), &mut |_| Err(String::new()), screen.options());
    end(outcome, Some(trainer))
}

/// The menu, and whatever is chosen in it.
pub(super) fn menu(screen: ScreenArgs) -> anyhow::Result<ExitCode> {
    let trainer = RefCell::new(None::<Trainer>);
    let mut launch = |name: &str| {
        let Resolved { spec, notes } =
            preset::load(name, &Overrides::default()).map_err(|e| e.to_string())?;
        let options = Options { folder: None, threads: usize::from(processors()), watched: true, notes };
        let started = Trainer::start(spec, options).map_err(|e| e.to_string())?;
        let link = link(&started);
        // The one before has ended: the menu is reached from an ended run only.
        *trainer.borrow_mut() = Some(started);
        Ok(link)
    };
    let outcome = ui::run(Start::Menu, preset::entries()?, &mut launch, screen.options());
    end(outcome, trainer.take())
}

fn link(trainer: &Trainer) -> Link {
    Link { events: trainer.events.clone(), commands: trainer.commands.clone() }
}

/// What becomes of training when the screen has ended.
fn end(outcome: Result<ui::Outcome, ui::UiError>, trainer: Option<Trainer>) -> anyhow::Result<ExitCode> {
    let outcome = outcome?;
    let Some(trainer) = trainer else {
        let interrupted = matches!(outcome, ui::Outcome::Signal(_));
        return Ok(ExitCode::from(if interrupted { exit::INTERRUPTED } else { 0 }));
    };
    match outcome {
        ui::Outcome::Quit => {
            let _ = trainer.commands.send(Command::Stop);
            let outcome = trainer.join();
            // The screen that said so is gone.
            if let Outcome::Diverged(what) | Outcome::Unusable(what) | Outcome::Failed(what) = &outcome {
                super::complain(&anyhow::anyhow!("{what}"));
            }
            // Who chose on the screen to stop got what they asked for.
            Ok(ExitCode::from(if outcome == Outcome::Stopped { 0 } else { code(&outcome) }))
        }
        ui::Outcome::LeftTraining => {
            go_on_unwatched(&trainer);
            headless(trainer)
        }
        ui::Outcome::HungUp => {
            signals::save_on_signal(trainer.commands.clone())?;
            go_on_unwatched(&trainer);
            Ok(ExitCode::from(code(&trainer.join())))
        }
        ui::Outcome::Signal(_) => {
            let _ = trainer.commands.send(Command::SaveAndStop);
            let _ = trainer.join();
            Ok(ExitCode::from(exit::INTERRUPTED))
        }
    }
}

/// Without a screen there is nobody to keep a pace for, and nobody who could end a pause.
fn go_on_unwatched(trainer: &Trainer) {
    for command in [Command::FullSpeed, Command::Resume] {
        let _ = trainer.commands.send(command);
    }
}

/// Prints lines until the end, without a screen.
fn headless(trainer: Trainer) -> anyhow::Result<ExitCode> {
    signals::save_on_signal(trainer.commands.clone())?;
    Lines::new(std::io::stdout().lock()).follow(&trainer.events);
    let outcome = trainer.join();
    if let Outcome::Unusable(what) | Outcome::Failed(what) = &outcome {
        super::complain(&anyhow::anyhow!("{what}"));
    }
    Ok(ExitCode::from(code(&outcome)))
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Finished => 0,
        Outcome::Stopped => exit::INTERRUPTED,
        Outcome::Diverged(_) => exit::DIVERGED,
        Outcome::Unusable(_) => exit::USAGE,
        Outcome::Failed(_) => exit::FAILED,
    }
}
