//! Training that goes on from where it stopped.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::ScreenArgs;
use super::branch;
use super::dashboard::{Display, show_training};
use super::error::{CliError, CliResult};
use super::notice::NoticeArgs;
use super::records::RecordArgs;
use super::threads::ThreadArgs;
use crate::escape::foreign;
use crate::experiment::{ResumePlan, plan_resume};
use crate::preset::Overrides;
use crate::protocol::Command;
use crate::run;
use crate::train::Options;

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
    /// Pause before the first step
    #[arg(long, hide = true)]
    paused: bool,
    /// Keep the preset's pace, as a run that was detached from its screen
    #[arg(long, hide = true)]
    paced: bool,
    #[command(flatten)]
    notice: NoticeArgs,
    #[command(flatten)]
    records: RecordArgs,
}

/// Resumes a run.
pub(super) fn resume(args: &ResumeArgs, screen: ScreenArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let overrides = Overrides { set: args.set.clone(), ..Overrides::default() };
    let script = args.paused.then(|| (0, Command::Pause.by("detach"))).into_iter().collect();
    let (threads, watched) = (args.threads.count(), args.paced);
    let options = Options { threads, script, watched, ..Options::default() };
    go_on(&folder, &overrides, options, args.headless, (screen, &args.notice, &args.records))
}

/// Goes on with the run in `folder`, with the settings of `overrides` changed, and with the threads and the script of `options`. A run that is finished stays as it is: that is a success, so
/// that a job that a cluster starts again may do this every time.
pub(super) fn go_on(
    folder: &Path,
    overrides: &Overrides,
    options: Options,
    headless: bool,
    (screen, notice, records): (ScreenArgs, &NoticeArgs, &RecordArgs),
) -> CliResult {
    let ResumePlan { spec, notes, resume, is_finished } = plan_resume(folder, overrides)?;
    if is_finished {
        let shown = folder.display().to_string();
        let line = format!(
            "{} is finished; to train on: unrolled resume {} --set train.epochs=N",
            foreign(&shown),
            super::shell_word(&foreign(&shown))
        );
        if resume.before.is_some() {
            return Err(CliError::usage(format!("the settings would have no effect: {line}")));
        }
        writeln!(std::io::stdout(), "{line}").map_err(CliError::failed)?;
        records.print_result(folder);
        return Ok(ExitCode::SUCCESS);
    }
    let display = Display::new(headless, screen)?;
    let options = Options {
        folder: Some(folder.to_owned()),
        watched: options.watched || display.is_watched(),
        notes,
        resume: Some(resume),
        ..options
    };
    branch::after(show_training(spec, options, display, (notice, records))?, screen)
}
