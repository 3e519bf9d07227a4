//! Slurm: a job that is told to end soon is started again.

use std::path::Path;
use std::process::{Command, Stdio};

use super::print_error;
use crate::run::checkpoint::{self, Which};
use crate::run::owner::{SlurmJob, note_requeue};

/// How often a job is started again without a step in between, at most.
const MAX_REQUEUES: u32 = 5;

/// Asks Slurm to start the job again that has trained the run in the folder `run` up to now; without effect outside of a job.
///
/// A task of an array is named by both of its numbers: the number of its job may be that of the whole array.
pub(super) fn requeue(run: &Path) {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(job) = SlurmJob::from_env(env) else { return };
    if let Err(what) = requeue_job(run, &job) {
        print_error(&format_args!("the job is not requeued: {what}"));
    }
}

fn requeue_job(run: &Path, job: &SlurmJob) -> Result<(), String> {
    let step = checkpoint::read(run, Which::Last).map_or(0, |checkpoint| checkpoint.step);
    let count = note_requeue(run, step).map_err(|error| crate::error::chain(&error))?;
    if count > MAX_REQUEUES {
        return Err(format!("it made no step since it was started {count} times"));
    }
    let mut scontrol = Command::new("scontrol");
    let ended = scontrol.arg("requeue").arg(job.task()).stdin(Stdio::null()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("scontrol requeue {}: {status}", job.task())),
        Err(error) => Err(format!("scontrol: {error}")),
    }
}
