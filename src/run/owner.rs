//! `owner.json`: which process trains a run, and how the last one ended.
//!
//! With the lock it tells live, ended and crashed runs apart: on the host of the process by its number and start; on other hosts of a shared
//! file system by the lock, where that reaches so far, or by the time at which the file was touched last, judged by the clock of the
//! file server.

mod guard;
mod membership;
mod process;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Reader, RunError, RunState};
use crate::protocol::Event;
pub use guard::OwnerGuard;
pub use membership::{Membership, join};
pub use process::host;
use process::{boot_id, is_running, own_start};

/// The file.
pub(super) const FILE: &str = "owner.json";
/// The file that a trainer locks.
pub(super) const LOCK: &str = "lock";
/// How often the file is touched.
const BEAT: Duration = Duration::from_secs(10);
/// The age from which the process of another host is taken for dead.
const DEAD: Duration = Duration::from_secs(30);

/// The content of `owner.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name of the host.
    pub host: String,
    /// The host's boot, if known: numbers of processes are those of one boot.
    pub boot_id: String,
    /// The number of the process.
    pub pid: u32,
    /// When the process started, in ticks since the boot, if known: numbers of processes are used again.
    pub process_start: Option<u64>,
    /// The name of the user.
    pub user: String,
    /// The job, under Slurm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmJob>,
    /// When the process took the run over, in UTC.
    pub started: String,
    /// When the first process did, if another one has gone on since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// [`RunState::Live`] until the process ends the run.
    pub state: RunState,
    /// The last requests to Slurm to start the run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeued: Option<Requeued>,
}

/// Requests to start a run again that had made no step in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeued {
    /// The last step.
    pub step: u64,
    /// How many.
    pub count: u32,
}

/// A job of Slurm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlurmJob {
    /// Its number.
    pub job: String,
    /// Of a task of an array: the number of the array, and that of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<(String, String)>,
}

impl SlurmJob {
    /// The job of this process.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let job = env("SLURM_JOB_ID")?;
        let array = env("SLURM_ARRAY_JOB_ID").zip(env("SLURM_ARRAY_TASK_ID"));
        Some(Self { job, array })
    }

    /// Its name for `scontrol`. The number of the job alone may be that of the whole array.
    pub fn task(&self) -> String {
        match &self.array {
            Some((array, task)) => format!("{array}_{task}"),
            None => self.job.clone(),
        }
    }
}

impl Owner {
    /// This process, from now on; `before` owned the run.
    fn this_process(before: Option<&Self>) -> Self {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            host: host(),
            boot_id: boot_id(),
            pid: std::process::id(),
            process_start: own_start(),
            user: env("USER").or_else(|| env("LOGNAME")).unwrap_or_default(),
            slurm: SlurmJob::from_env(env),
            started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            created: before.map(|owner| owner.created.as_ref().unwrap_or(&owner.started).clone()),
            state: RunState::Live,
            requeued: before.and_then(|owner| owner.requeued),
        }
    }

    /// Reads the owner of the run in the folder `run`, if it is known.
    pub fn read(run: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(run.join(FILE)).ok()?).ok()
    }

    /// When the run was first taken over, in nanoseconds since 1970; `None` if that cannot be read.
    pub fn created(&self) -> Option<u64> {
        let time: jiff::Timestamp = self.created.as_ref().unwrap_or(&self.started).parse().ok()?;
        u64::try_from(time.as_nanosecond()).ok()
    }

    /// Whether its host is this one.
    pub fn is_here(&self) -> bool {
        self.host == host()
    }

    /// Whether it is this process.
    pub(super) fn is_this_process(&self) -> bool {
        self.pid == std::process::id() && self.is_here()
    }

    /// Whether its process is one of this host that still runs.
    fn runs_here(&self) -> bool {
        self.is_here() && self.boot_id == boot_id() && is_running(self.pid, self.process_start)
    }

    /// Who it is, for messages: `process 12 on host since 2026-11-29T14:00:00Z`.
    pub fn description(&self) -> String {
        let job = self.slurm.as_ref().map_or(String::new(), |slurm| format!(", Slurm job {}", slurm.task()));
        format!("process {} on {}{job}, since {}", self.pid, self.host, self.started)
    }
}

/// Returns the state of the run in the folder `run`.
///
/// # Errors
/// If there is no run, or, for one without `owner.json`, if its recording cannot be read.
pub fn state(run: &Path) -> Result<RunState, RunError> {
    if is_live(run) {
        return Ok(RunState::Live);
    }
    match Owner::read(run) {
        Some(owner) if owner.state == RunState::Live => Ok(RunState::Crashed),
        Some(owner) => Ok(owner.state),
        None => recorded(run),
    }
}

/// Whether a process trains the run in the folder `run`.
pub fn is_live(run: &Path) -> bool {
    let owner = Owner::read(run);
    match &owner {
        Some(owner) if owner.state != RunState::Live => return false,
        Some(owner) if owner.runs_here() => return true,
        _ => {}
    }
    is_locked(run) || owner.is_some_and(|owner| !owner.is_here() && is_fresh(run, SystemTime::now()))
}

/// Notes that the ended run in the folder `run` will be started again after `step`; returns how often that was so without a step in
/// between.
///
/// # Errors
/// If `owner.json` cannot be read or written.
pub fn note_requeue(run: &Path, step: u64) -> Result<u32, RunError> {
    let path = run.join(FILE);
    let mut owner = Owner::read(run).ok_or_else(|| RunError::damaged(&path, "it cannot be read"))?;
    let before = owner.requeued.filter(|requeued| requeued.step == step).map_or(0, |requeued| requeued.count);
    owner.requeued = Some(Requeued { step, count: before + 1 });
    guard::write(run, &owner)?;
    Ok(before + 1)
}

/// The owner of the run in the folder `run`, if it is live.
pub(super) fn live(run: &Path) -> Option<Owner> {
    Owner::read(run).filter(|_| is_live(run))
}

/// Whether the process of `owner`, another one, trains the run; `is_locked` if this process has locked it.
fn runs_elsewhere(run: &Path, owner: &Owner, is_locked: bool) -> bool {
    match owner.is_here() {
        // It would have the lock.
        true => !is_locked && owner.runs_here(),
        // A lock may hold on one host alone.
        false => is_fresh(run, SystemTime::now()),
    }
}

/// Whether a process has locked the run, as far as this host knows.
fn is_locked(run: &Path) -> bool {
    let lock = File::open(run.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether `owner.json` was touched lately; `now` is the time where that of the file server is not known.
fn is_fresh(run: &Path, now: SystemTime) -> bool {
    // Opened: a network file system asks its server then.
    let touched = |file: File| file.metadata().and_then(|data| data.modified()).ok();
    let Some(beat) = File::open(run.join(FILE)).ok().and_then(touched) else { return false };
    let now = server_time(run).unwrap_or(now);
    // A beat after the file with which it is compared is a fresh one.
    now.duration_since(beat).map_or(true, |age| age < DEAD)
}

/// The time by the clock of the file server: that of a new file.
fn server_time(run: &Path) -> Option<SystemTime> {
    let path = run.join(format!(".clock-{}", std::process::id()));
    let made = File::create_new(&path).ok()?.metadata().and_then(|data| data.modified());
    let _ = fs::remove_file(&path);
    made.ok()
}

/// The state of a run of earlier versions, which nobody trains: by its recording.
fn recorded(run: &Path) -> Result<RunState, RunError> {
    let reader = Reader::open(run)?;
    let mut last = None;
    for event in reader.events_from(reader.last_step())? {
        match event {
            Ok(Event::Status(status)) => last = Some(status),
            Ok(_) => {}
            Err(RunError::Damaged { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(last.as_ref().and_then(RunState::of_status).unwrap_or(RunState::Crashed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RunStatus;

    fn write(run: &Path, owner: &Owner) {
        fs::write(run.join(FILE), serde_json::to_vec(owner).unwrap()).unwrap();
    }

    fn touched(run: &Path, ago: Duration) {
        let file = File::options().write(true).open(run.join(FILE)).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    #[test]
    fn a_run_is_live_while_its_process_runs_and_crashed_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        let owner = Owner::this_process(None);
        write(run, &owner);
        assert_eq!(state(run).unwrap(), RunState::Live);
        // The number of the process is now that of another.
        if let Some(start) = owner.process_start {
            write(run, &Owner { process_start: Some(start + 1), ..owner.clone() });
            assert_eq!(state(run).unwrap(), RunState::Crashed);
        }
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        write(run, &Owner { pid: ended.id(), process_start: None, ..owner.clone() });
        assert_eq!(state(run).unwrap(), RunState::Crashed);
        write(run, &Owner { boot_id: "another boot".into(), ..owner.clone() });
        assert_eq!(state(run).unwrap(), RunState::Crashed);
        for (status, expected) in [
            (RunStatus::Finished, RunState::Finished),
            (RunStatus::Stopped { saved: true }, RunState::Stopped),
            (RunStatus::Diverged { what: String::new() }, RunState::Diverged),
            (RunStatus::Failed { what: String::new() }, RunState::Failed),
        ] {
            write(run, &Owner { state: RunState::of_status(&status).unwrap(), ..owner.clone() });
            assert_eq!(state(run).unwrap(), expected);
        }
    }

    #[test]
    fn a_run_of_another_host_is_live_while_its_file_is_touched_or_its_lock_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        write(run, &Owner { host: "elsewhere".into(), ..Owner::this_process(None) });
        touched(run, Duration::from_secs(20));
        assert_eq!(state(run).unwrap(), RunState::Live);
        touched(run, Duration::from_secs(60));
        assert_eq!(state(run).unwrap(), RunState::Crashed);
        // The local clock does not matter where the server's is known.
        assert!(!is_fresh(run, SystemTime::now() - Duration::from_secs(50)));
        let lock = File::create(run.join(LOCK)).unwrap();
        lock.try_lock().unwrap();
        assert_eq!(state(run).unwrap(), RunState::Live);
        assert!(fs::read_dir(run).unwrap().count() == 2, "nothing is left of the comparison of clocks");
    }

    #[test]
    fn requeues_without_a_step_in_between_are_counted_from_process_to_process() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path();
        write(run, &Owner::this_process(None));
        for (step, count) in [(7, 1), (7, 2), (7, 3), (8, 1), (8, 2)] {
            assert_eq!(note_requeue(run, step).unwrap(), count);
            write(run, &Owner::this_process(Owner::read(run).as_ref()));
        }
    }

    #[test]
    fn a_task_of_an_array_is_named_by_both_numbers() {
        let env = |name: &str| match name {
            "SLURM_JOB_ID" => Some("7".to_owned()),
            "SLURM_ARRAY_JOB_ID" => Some("7".to_owned()),
            "SLURM_ARRAY_TASK_ID" => Some("3".to_owned()),
            _ => None,
        };
        assert_eq!(SlurmJob::from_env(env).unwrap().task(), "7_3");
        assert_eq!(
            SlurmJob::from_env(|name| env(name).filter(|_| name == "SLURM_JOB_ID")).unwrap().task(),
            "7"
        );
        assert_eq!(SlurmJob::from_env(|_| None), None);
    }
}
