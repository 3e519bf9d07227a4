use std::path::Path;
use std::process::ExitCode;

use super::args::CoreArgs;
use super::print::say;
use super::watcher::Watcher;
use super::{jobs, status};
use crate::cli::error::CliResult;
use crate::cli::{ScreenArgs, exit, slurm};
use crate::escape::shell_word;
use crate::experiment::{Sweep, SweepOptions, SweepStatus, TrialState};
use crate::number;
use crate::preset::RunSpec;

/// Trains what is left of the sweep in `dir`, or of the trials of one job.
pub(super) fn run(dir: &Path, task: Option<(u32, u32)>, cores: CoreArgs, screen: ScreenArgs) -> CliResult {
    train(&Sweep::open(dir)?, task, cores, screen)
}

/// Trains what is left of `sweep`, or of the trials of `task`: its number, and how many trials a job has.
pub(super) fn train(
    sweep: &Sweep,
    task: Option<(u32, u32)>,
    cores: CoreArgs,
    screen: ScreenArgs,
) -> CliResult {
    sweep.check_separable()?;
    let all = sweep.trials.len();
    let trials: Vec<usize> = match task {
        // Trials that are compared with one another may go on in any job.
        Some(_) if sweep.definition.stop_losers.is_some() => (0..all).collect(),
        Some((task, per_task)) => {
            let first = task as usize * per_task as usize;
            (first..(first + per_task as usize).min(all)).collect()
        }
        None => (0..all).collect(),
    };
    let before = SweepStatus::read(sweep)?;
    let is_left = |trial: &usize| {
        let state = before.trials.get(*trial).map(|trial| trial.state);
        !matches!(state, Some(TrialState::Finished | TrialState::Stopped | TrialState::Diverged))
    };
    let left: Vec<usize> = trials.iter().copied().filter(is_left).collect();
    let folder = shell_word(&sweep.folder.display().to_string());
    let Some(first) = left.first().and_then(|trial| sweep.trials.get(*trial)) else {
        say(&format!("{folder}: all {} have ended", number::counted(trials.len(), "trial")));
        return Ok(ExitCode::SUCCESS);
    };
    let spec: RunSpec = sweep.definition.spec(first)?.spec;
    say(&format!("{folder}: {} of {} to train", left.len(), number::counted(trials.len(), "trial")));
    let (jobs, threads, note) = jobs::choose(&spec, left.len(), cores);
    say(&note);
    let (watcher, signals) = Watcher::start(sweep, left.len())?;
    let end = sweep.run(&SweepOptions { trials, jobs, threads }, &watcher)?;
    if end.is_interrupted {
        if signals.requeues()
            && let Some(run) = watcher.last_run()
        {
            slurm::requeue(&run);
        }
        say(&format!("interrupted; `unrolled sweep run {folder}` goes on"));
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    if task.is_none() {
        status::print_summary(sweep, &SweepStatus::read(sweep)?, screen)?;
    }
    Ok(match (end.failed, end.diverged) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(exit::DIVERGED),
        _ => ExitCode::from(exit::FAILED),
    })
}
