//! Runs that another process trains: which they are, and what to do with others.

use std::path::{Path, PathBuf};

use super::error::{CliError, CliResult};
use super::shell_word;
use crate::experiment::check_trained;
use crate::run::RunState;
use crate::run::control::remove_dead_sockets;
use crate::run::owner::{self, Owner};
use crate::run::{self, RunError};

/// Returns the run folder for `name`: a run folder, the name of one in `runs/`, or `latest`, of live runs the one started last, or else
/// of all.
///
/// # Errors
/// [`RunError::Missing`] if there is none.
pub(super) fn resolve(name: &Path) -> Result<PathBuf, RunError> {
    let runs = Path::new("runs");
    let is_folder = [name.to_owned(), runs.join(name)].iter().any(|folder| folder.is_dir());
    if !is_folder && name == Path::new(run::LATEST) {
        let folders = runs.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        let live = folders.filter(|folder| owner::is_live(folder));
        let latest = live.filter_map(|folder| Some((Owner::read(&folder)?.started, folder))).max();
        if let Some((_, folder)) = latest {
            return Ok(folder);
        }
    }
    run::resolve(runs, name)
}

/// The error for a run in the state `state`, which is not live: what it is, and what can be done with it.
pub(super) fn not_live(run: &Path, state: RunState) -> CliError {
    if let Err(imported) = check_trained(run) {
        return imported.into();
    }
    let word = shell_word(&run.to_string_lossy());
    let resume = format!("`unrolled resume {word}` goes on from its last checkpoint");
    CliError::failed(match state {
        RunState::Finished => {
            format!("{} has finished; `unrolled replay {word}` shows it again", run.display())
        }
        RunState::Stopped => format!("{} was stopped; {resume}", run.display()),
        RunState::Diverged => {
            format!("{} has diverged; `unrolled replay {word}` shows it again", run.display())
        }
        RunState::Failed => format!("{} has failed; {resume}", run.display()),
        RunState::Crashed => {
            format!("{} is trained by no process any more: it was killed; {resume}", run.display())
        }
        RunState::Damaged => format!("{} is damaged: its files cannot be read", run.display()),
        RunState::Live => format!("{} does not answer", run.display()),
    })
}

/// The command that attaches to the run of `owner`, on its host.
pub(super) fn remote_command(run: &Path, owner: &Owner) -> String {
    let run = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
    let attach = format!("unrolled attach {}", shell_word(&run.to_string_lossy()));
    match &owner.slurm {
        Some(slurm) => format!("srun --jobid={} --overlap --pty {attach}", shell_word(&slurm.job)),
        None => format!("ssh -t {} {attach}", shell_word(&owner.host)),
    }
}

/// The name of the sender of commands: the user and the terminal.
pub(super) fn sender() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let terminal = rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok();
    let name = match terminal {
        Some(terminal) => {
            let terminal = terminal.to_string_lossy();
            format!("{user}@{}", terminal.trim_start_matches("/dev/"))
        }
        None => user,
    };
    name.chars().take(64).collect()
}

/// Checks that the run in the folder `run` is live; returns its owner if it is known.
///
/// # Errors
/// What it is instead.
pub(super) fn check(run: &Path) -> CliResult<Option<Owner>> {
    match owner::state(run)? {
        RunState::Live => Ok(Owner::read(run)),
        state => {
            remove_dead_sockets([run]);
            Err(not_live(run, state))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::owner::SlurmJob;

    #[test]
    fn the_line_for_another_host_can_be_copied() {
        let owner = Owner {
            host: "node7".into(),
            boot_id: String::new(),
            pid: 1,
            process_start: None,
            user: "anna".into(),
            slurm: None,
            started: "2026-01-02T03:04:05Z".into(),
            created: None,
            state: RunState::Live,
            requeued: None,
        };
        assert_eq!(remote_command(Path::new("/a b/c"), &owner), "ssh -t node7 unrolled attach '/a b/c'");
        let slurm = Some(SlurmJob { job: "42".into(), array: Some(("41".into(), "1".into())) });
        let expected = "srun --jobid=42 --overlap --pty unrolled attach /runs/x";
        assert_eq!(remote_command(Path::new("/runs/x"), &Owner { slurm, ..owner }), expected);
    }
}
