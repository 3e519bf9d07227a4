use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use super::headless::Lines;
use super::{ScreenArgs, exit, signals};
use crate::preset::{self, Overrides};
use crate::train::{Options, Outcome, Trainer};

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
    #[arg(long, value_name = "N", default_value_t = processors())]
    threads: usize,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Trains one preset.
pub(super) fn train(args: &Args, _screen: ScreenArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides { set: args.set.clone(), data: args.data.clone(), seed: args.seed };
    let resolved = preset::load(&args.preset, &overrides)?;
    let options =
        Options { folder: args.run.clone(), threads: args.threads, watched: false, notes: resolved.notes };
    let trainer = Trainer::start(resolved.spec, options)?;
    if args.headless || !std::io::stdout().is_terminal() {
        return headless(trainer);
    }
    headless(trainer)
}

pub(super) fn menu(_screen: ScreenArgs) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}

/// Prints lines until the end.
fn headless(trainer: Trainer) -> anyhow::Result<ExitCode> {
    signals::save_on_signal(trainer.commands.clone())?;
    Lines::new(std::io::stdout().lock()).follow(&trainer.events);
    Ok(ExitCode::from(code(&trainer.join())))
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
