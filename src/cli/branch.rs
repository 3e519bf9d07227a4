//! Another course of a training.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::dashboard::{Display, Shown, show};
use super::error::{CliError, CliResult};
use super::follow::{code, drain};
use super::runs::RUNS;
use super::screen_branches::new_folder;
use super::threads::ThreadArgs;
use super::{ScreenArgs, exit, print_error};
use crate::escape::foreign;
use crate::experiment::{PhaseOptions, PhaseTraining, branch_phases, copy_to_branch, train_phases};
use crate::number::count;
use crate::run::{self, checkpoint};
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

/// Trains the branch that was chosen on a screen which has ended, on a screen of its own.
pub(super) fn train_chosen(request: Option<BranchRequest>, screen: ScreenArgs) -> CliResult {
    let Some(BranchRequest { run, step, change, .. }) = request else { return Ok(ExitCode::SUCCESS) };
    let (set, threads) = (change.into_iter().collect(), ThreadArgs::default());
    branch(&BranchArgs { run, at: step, set, folder: None, threads, headless: false }, screen)
}

/// What follows a training that was shown: the branch that was chosen on its screen, or its exit code.
pub(super) fn after(shown: Shown, screen: ScreenArgs) -> CliResult {
    match shown {
        Shown::Ended(code) => Ok(code),
        Shown::Branch(request) => train_chosen(request, screen),
    }
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
    let mut result = Ok(None);
    let outcome =
        train_phases(&folder, &phases, &options, &mut |PhaseTraining { trainer, is_last, .. }| {
            if !is_last {
                return Ok(drain(trainer)?);
            }
            // How the screen or the signals ended it decides the exit code.
            result = show(trainer, display, true).map(Some);
            Ok(Outcome::Finished)
        })?;
    if let Outcome::Unusable(what) | Outcome::Failed(what) | Outcome::Diverged(what) = &outcome {
        print_error(what);
    }
    let shown = result?.unwrap_or_else(|| Shown::Ended(code(&outcome)));
    let Shown::Ended(code) = shown else { return after(shown, screen) };
    if code == ExitCode::from(exit::USAGE) && trained_to(&folder).is_none_or(|step| step <= from) {
        // Nothing was trained.
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(code)
}

/// The latest step of which the run in `folder` has a checkpoint.
fn trained_to(folder: &Path) -> Option<u64> {
    checkpoint::by_step(folder).first().map(|(step, _)| *step)
}
