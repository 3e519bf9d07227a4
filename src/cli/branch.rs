//! Another course of a training.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::ScreenArgs;
use super::dashboard::{Display, show};
use super::error::{CliError, CliResult};
use super::follow::{code, drain};
use super::runs::RUNS;
use super::screen_branches::{ScreenBranches, new_folder};
use super::threads::ThreadArgs;
use crate::escape::foreign;
use crate::experiment::{PhaseOptions, PhaseTraining, branch_phases, copy_to_branch, train_phases};
use crate::number::count;
use crate::run;
use crate::train::Outcome;
use crate::ui::BranchRequest;

#[derive(Debug, clap::Args)]
pub(super) struct BranchArgs {
    /// The parent: a run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// The step after which the branch takes another course; it begins at the nearest checkpoint at or before it, and trains the steps between
    /// again, to the same bits
    #[arg(long, value_name = "STEP")]
    at: u64,
    /// Change a setting of training from that step on, e.g. train.optimizer.learning_rate=0.01; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The run folder to create; by default runs/NAME-DATE-TIME
    #[arg(long = "run", value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
}

/// Branches a run.
pub(super) fn branch(args: &BranchArgs, screen: ScreenArgs) -> CliResult {
    let parent = run::resolve(Path::new(RUNS), &args.run)?;
    let phases = branch_phases(&parent, args.at, &args.set)?;
    let display = Display::new(args.headless, screen)?;
    let folder = match &args.folder {
        Some(folder) => {
            run::check_empty(folder)?;
            std::fs::create_dir_all(folder)?;
            folder.clone()
        }
        None => new_folder(&phases)?,
    };
    let from = copy_to_branch(&parent, &folder, args.at)?;
    let mut out = std::io::stdout();
    if from < args.at && !args.set.is_empty() {
        let text = format!(
            "{}: training steps {} to {} again",
            foreign(&folder.display().to_string()),
            count(from + 1),
            count(args.at)
        );
        writeln!(out, "{text}").map_err(CliError::failed)?;
    }
    let options = PhaseOptions {
        threads: args.threads.count(),
        watched: display.is_watched(),
        parent: Some(std::path::absolute(&parent)?),
        data_of: Some(parent),
        changes: args.set.clone(),
        save_at: Vec::new(),
    };
    let branches = ScreenBranches::default();
    let mut result = Ok(None);
    let outcome =
        train_phases(&folder, &phases, &options, &mut |PhaseTraining { trainer, is_last, .. }| {
            if !is_last {
                return Ok(drain(trainer)?);
            }
            // How the screen or the signals ended it decides the exit code.
            result = show(trainer, display, &branches).map(Some);
            Ok(Outcome::Finished)
        })?;
    if matches!(outcome, Outcome::Unusable(_)) {
        // Nothing was trained.
        let _ = std::fs::remove_dir_all(&folder);
    }
    let code = result?.unwrap_or_else(|| code(&outcome));
    go_on(&branches, Ok(code), screen)
}

/// After a screen that has ended with `code`: trains the branch that was asked for there, on a screen of its own.
pub(super) fn go_on(branches: &ScreenBranches, code: CliResult, screen: ScreenArgs) -> CliResult {
    let Some(BranchRequest { run, step, change, .. }) = branches.take() else { return code };
    let set = change.into_iter().collect();
    let threads = ThreadArgs::default();
    branch(&BranchArgs { run, at: step, set, folder: None, threads, headless: false }, screen)
}
