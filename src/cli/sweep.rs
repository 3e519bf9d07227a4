//! `unrolled sweep`: many trainings of one preset, here or as an array of jobs on Slurm.

mod args;
mod create;
mod curve;
mod jobs;
mod print;
mod run;
mod screen;
mod slurm;
mod status;
mod watcher;

use std::path::PathBuf;

use args::SlurmArgs;
pub(super) use args::{CoreArgs, NewArgs};
use clap::Subcommand;
pub(super) use create::create;
pub(super) use jobs::choose as choose_jobs;
pub(super) use screen::open;

use super::ScreenArgs;
use super::error::CliResult;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct SweepArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    new: NewArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train the trials of a sweep that are not finished; several processes, on any hosts, may share one
    Run {
        /// The folder of the sweep
        dir: PathBuf,
        /// Only the trials of one job of an array
        #[arg(long, value_name = "N")]
        task: Option<u32>,
        /// Trials of a job
        #[arg(long, value_name = "N", default_value_t = 1, requires = "task", value_parser = clap::value_parser!(u32).range(1..))]
        per_task: u32,
        #[command(flatten)]
        cores: CoreArgs,
    },
    /// Show how far a sweep is and what it has found; writes nothing
    Status(status::StatusArgs),
    /// Train or submit what is missing: trials that were interrupted, failed, or have not begun
    Again {
        /// The folder of the sweep
        dir: PathBuf,
        #[command(flatten)]
        cores: CoreArgs,
        #[command(flatten)]
        slurm: SlurmArgs,
    },
    /// Print the run of the best trial
    Best {
        /// The folder of the sweep
        dir: PathBuf,
        /// Print it as JSON, with settings and metrics
        #[arg(long)]
        json: bool,
    },
}

/// Makes a sweep, or does something with one.
pub(super) fn sweep(args: &SweepArgs, screen: ScreenArgs) -> CliResult {
    match &args.command {
        None => create(&args.new, screen),
        Some(Command::Run { dir, task, per_task, cores }) => {
            run::run(dir, task.map(|task| (task, *per_task)), *cores, screen)
        }
        Some(Command::Status(args)) => status::status(args, screen),
        Some(Command::Again { dir, cores, slurm }) => create::again(dir, *cores, slurm, screen),
        Some(Command::Best { dir, json }) => status::best(dir, *json),
    }
}
