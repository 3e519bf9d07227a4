//! Training that goes on from where it stopped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::dashboard::{Display, show_training};
use super::error::{CliError, CliResult};
use super::notice::NoticeArgs;
use super::screen_branches::ScreenBranches;
use super::threads::ThreadArgs;
use super::{ScreenArgs, branch};
use crate::escape::foreign;
use crate::experiment::check_changes;
use crate::preset::{self, Overrides, Resolved};
use crate::run::{self, RunState, checkpoint, owner};
use crate::train::{Options, Progress, Resume};

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Change a setting of training from here on, e.g. train.epochs=20; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print plain lines instead of the dashboard
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    notice: NoticeArgs,
}

/// Resumes a run.
pub(super) fn resume(args: &ResumeArgs, screen: ScreenArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let overrides = Overrides { set: args.set.clone(), ..Overrides::default() };
    go_on(&folder, &overrides, args.threads, args.headless, (screen, &args.notice))
}

/// Goes on with the run in `folder`, with the settings of `overrides` changed. A run that is finished stays as it is: that is a success, so
/// that a job that a cluster starts again may do this every time.
pub(super) fn go_on(
    folder: &Path,
    overrides: &Overrides,
    threads: ThreadArgs,
    headless: bool,
    (screen, notice): (ScreenArgs, &NoticeArgs),
) -> CliResult {
    let path = folder.join("spec.yaml");
    let before = preset::load_run(&path, &Overrides::default())?.spec;
    let Resolved { spec, notes } = preset::load_run(&path, overrides)?;
    check_changes(&before, &spec)?;
    let latest = checkpoint::by_step(folder).into_iter().next();
    // What cannot be read is reported when training starts, which passes over a damaged checkpoint.
    let progress = latest.and_then(|(_, path)| Progress::at(&path, &spec).ok());
    let (epochs, planned) = (spec.train.epochs, before.train.epochs);
    if let Some(epoch) =
        progress.map(|progress| progress.epoch).filter(|epoch| *epoch > epochs && epochs < planned)
    {
        let what = format!(
            "train.epochs is {epochs}, and the run is in epoch {epoch}; expected as many epochs, or more"
        );
        return Err(CliError::usage(what));
    }
    // A process that was killed at its very end has not restored the best weights yet.
    let is_finished = || owner::state(folder).is_ok_and(|state| state == RunState::Finished);
    if progress.is_some_and(|progress| progress.is_complete) && is_finished() {
        let folder = folder.display().to_string();
        let mut out = std::io::stdout().lock();
        let line = format!(
            "{} is finished; to train on: unrolled resume {} --set train.epochs=N",
            foreign(&folder),
            super::shell_word(&foreign(&folder))
        );
        if before != spec {
            return Err(CliError::usage(format!("the settings would have no effect: {line}")));
        }
        writeln!(out, "{line}").map_err(CliError::failed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_changed = before != spec;
    let changes = if is_changed { overrides.set.clone() } else { Vec::new() };
    let resume = Resume { before: is_changed.then(|| Box::new(before)), changes };
    let display = Display::new(headless, screen)?;
    let options = Options {
        folder: Some(folder.to_owned()),
        threads: threads.count(),
        watched: display.is_watched(),
        notes,
        resume: Some(resume),
        ..Options::default()
    };
    let branches = ScreenBranches::default();
    let shown = show_training(spec, options, display, notice, &branches);
    branch::go_on(&branches, shown, screen)
}
