//! `unrolled rm` and `prune`.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use super::error::{CliError, CliResult};
use super::runs::{RUNS, find, print_table};
use super::{ScreenArgs, pages, print_error};
use crate::number::counted;
use crate::run::{RunError, RunState};
use crate::runs::{self, RemoveError, Run, beyond_best};

#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    /// Run folders, names of runs in runs/, or `latest`
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// A folder of runs; by default runs/
    dir: Option<PathBuf>,
    /// How many runs of each preset stay
    #[arg(long, value_name = "N")]
    keep_best: usize,
    /// The metric that decides; by default the one that the runs monitor
    #[arg(long, value_name = "METRIC")]
    by: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Only list what would be removed
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// Removes runs.
pub(super) fn rm(args: &RemoveArgs, screen: ScreenArgs) -> CliResult {
    let mut chosen: Vec<Run> = Vec::new();
    for run in &args.runs {
        let (folder, name) = match find(run) {
            Ok(found) => found,
            Err(RunError::Missing { .. }) if run.exists() => {
                return Err(RemoveError::NoRun(run.clone()).into());
            }
            Err(error) => return Err(error.into()),
        };
        if chosen.iter().all(|run| run.path != folder) {
            chosen.push(runs::open(&folder, &name));
        }
    }
    // Before any is removed.
    if let Some(live) = chosen.iter().find(|run| run.state == RunState::Live) {
        return Err(RemoveError::Live(live.path.clone()).into());
    }
    print_table(&runs::columns(&chosen, SystemTime::now()), screen)?;
    if !args.yes && !agreed(&format!("Remove {}?", counted(chosen.len(), "run")))? {
        return Ok(ExitCode::SUCCESS);
    }
    remove_all(chosen.iter())
}

/// Removes the finished runs that are not among the best.
pub(super) fn prune(args: &PruneArgs, screen: ScreenArgs) -> CliResult {
    let dir = args.dir.as_deref().unwrap_or(Path::new(RUNS));
    let all = runs::list(dir).map_err(|error| match error {
        RunError::Io { .. } => CliError::usage(error),
        error => error.into(),
    })?;
    let beyond = beyond_best(&all, args.keep_best, args.by.as_deref())?;
    if beyond.is_empty() {
        return pages::write(b"nothing to remove\n");
    }
    let chosen: Vec<Run> = beyond.into_iter().cloned().collect();
    print_table(&runs::columns(&chosen, SystemTime::now()), screen)?;
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!("Remove {} and keep {}?", counted(chosen.len(), "run"), all.len() - chosen.len());
    if !args.yes && !agreed(&question)? {
        return Ok(ExitCode::SUCCESS);
    }
    remove_all(chosen.iter())
}

/// Asks `question` on the terminal; anything but yes is no.
///
/// # Errors
/// If there is no terminal.
fn agreed(question: &str) -> CliResult<bool> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err(CliError::usage(
            "nothing is removed without an answer, and there is no terminal; --yes removes without asking",
        ));
    }
    write!(stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Removes all; one that cannot be removed does not keep the others.
fn remove_all<'r>(runs: impl Iterator<Item = &'r Run>) -> CliResult {
    let (mut removed, mut failed) = (0, None);
    for run in runs {
        match runs::remove(&run.path) {
            Ok(()) => removed += 1,
            Err(error) => {
                let error = CliError::from(error);
                print_error(&error);
                failed = Some(error.code());
            }
        }
    }
    pages::write(format!("removed {}\n", counted(removed, "run")).as_bytes())?;
    Ok(failed.unwrap_or(ExitCode::SUCCESS))
}
