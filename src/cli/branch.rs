//! Another course of a training.

use std::cell::Cell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use super::dashboard::{Display, show};
use super::error::{CliError, CliResult};
use super::follow::{code, drain};
use super::runs::RUNS;
use super::threads::ThreadArgs;
use super::{ScreenArgs, detach, exit, print_error, shell_word};
use crate::error::chain;
use crate::escape::foreign;
use crate::experiment::{Phase, PhaseOptions, PhaseTraining, branch_phases, copy_to_branch, train_phases};
use crate::number::count;
use crate::run::{self, RunError, checkpoint};
use crate::train::Outcome;
use crate::ui::{BranchRequest, LaunchRequest, Launched};

/// Branches that a screen asks for: checked at once, trained when the screen has ended, or in the background.
#[derive(Default)]
pub(super) struct ScreenBranches {
    /// What is to be trained when the screen has ended.
    next: Cell<Option<BranchRequest>>,
}

impl ScreenBranches {
    /// Checks what the screen asks for, and trains it in the background if the parent is in training.
    ///
    /// # Errors
    /// The message for the screen.
    pub fn launch(&self, request: LaunchRequest<'_>) -> Result<Launched, String> {
        let LaunchRequest::Branch(request) = request else { return Err(String::new()) };
        let set: Vec<String> = request.change.iter().cloned().collect();
        let phases = branch_phases(&request.run, request.step, &set).map_err(|error| chain(&error))?;
        if !request.is_live {
            self.next.set(Some(request.clone()));
            return Ok(Launched::Branch);
        }
        let folder = new_folder(&phases).map_err(|error| chain(&error))?;
        let arguments = ["branch".into(), request.run.clone().into_os_string(), "--headless".into()];
        let of_branch =
            ["--at".into(), request.step.to_string().into(), "--run".into(), folder.clone().into()];
        let change = set.into_iter().flat_map(|change| ["--set".into(), change.into()]);
        let all = arguments.into_iter().chain(of_branch).chain(change).chain(detach::threads_given());
        detach::begin(&folder, all).map_err(|error| error.to_string())?;
        let folder = shell_word(&folder.to_string_lossy());
        Ok(Launched::Background(format!(
            "The branch trains in the background, in {folder}. `unrolled attach {folder}` shows it."
        )))
    }

    /// Trains what was asked for last, on a screen of its own.
    pub fn train(&self, screen: ScreenArgs) -> CliResult {
        let Some(BranchRequest { run, step, change, .. }) = self.next.take() else {
            return Ok(ExitCode::SUCCESS);
        };
        let set = change.into_iter().collect();
        let threads = ThreadArgs::default();
        branch(&BranchArgs { run, at: step, set, folder: None, threads, headless: false }, screen)
    }
}

/// Creates the folder of a branch with these phases.
fn new_folder(phases: &[Phase]) -> Result<PathBuf, RunError> {
    let name = phases.last().map_or("run", |phase| phase.spec.name.as_str());
    run::create_run_dir(Path::new(RUNS), &format!("{name}-branch"), SystemTime::now())
}

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
    let code = result?.unwrap_or_else(|| code(&outcome));
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
