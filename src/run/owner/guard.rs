use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use super::{BEAT, FILE, Owner, RunState};
use crate::durable;
use crate::protocol::RunStatus;
use crate::run::RunError;

/// Owns a run: holds its lock, touches `owner.json` regularly, and writes the state into it at the end.
#[derive(Debug)]
pub struct OwnerGuard {
    run: PathBuf,
    owner: Mutex<Owner>,
    /// Dropped at the end: the beats end.
    _beats: Option<Sender<()>>,
    /// Never read: the operating system releases the lock when the process ends, however it ends.
    _lock: File,
}

impl OwnerGuard {
    /// Takes over the run in the folder `run`, whose `lock` this process holds if it `is_locked`: there are file systems without locks.
    ///
    /// # Errors
    /// [`RunError::Locked`] where another process owns the run, as far as the lock does not say that none does; or if `owner.json` cannot
    /// be written.
    pub(in crate::run) fn claim(run: &Path, lock: File, is_locked: bool) -> Result<Self, RunError> {
        let owner = Owner::this_process(Owner::read(run).as_ref());
        // Where nothing is locked, of two processes one creates the file.
        let created = File::create_new(run.join(FILE));
        if created.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
            && let Some(other) = Owner::read(run).filter(|other| other.state == RunState::Live)
            && !other.is_this_process()
            && super::runs_elsewhere(run, &other, is_locked)
        {
            return Err(RunError::locked(run, Some(other.description())));
        }
        write(run, &owner)?;
        let file = File::open(run.join(FILE)).map_err(RunError::io("open", &run.join(FILE)))?;
        Ok(Self { run: run.to_owned(), owner: Mutex::new(owner), _beats: beats(file), _lock: lock })
    }

    /// Writes the state after a training that ended with `status`.
    pub fn finish(&self, status: &RunStatus) {
        self.change(|owner| owner.state = RunState::of_status(status).unwrap_or(RunState::Crashed));
    }

    /// Changes what is in the file. Best effort: a folder that is gone or full is reported by the recording.
    pub fn change(&self, change: impl FnOnce(&mut Owner)) {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut owner);
        // Not into a folder that has taken the place of the run's.
        if Owner::read(&self.run).is_some_and(|found| found.pid == owner.pid) {
            let _ = write(&self.run, &owner);
        }
    }
}

impl Drop for OwnerGuard {
    fn drop(&mut self) {
        let owner = self.owner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if owner.state == RunState::Live && Owner::read(&self.run).is_some_and(|found| found.pid == owner.pid)
        {
            // It has not become a run.
            let _ = fs::remove_file(self.run.join(FILE));
        }
    }
}

pub(super) fn write(run: &Path, owner: &Owner) -> Result<(), RunError> {
    let path = run.join(FILE);
    let mut json = serde_json::to_vec(owner).map_err(|error| RunError::unwritable(&path, error))?;
    json.push(b'\n');
    Ok(durable::write(&path, &json)?)
}

/// Touches `file` regularly until the sender is dropped; without a thread it is not touched, which other hosts take for a crash.
fn beats(file: File) -> Option<Sender<()>> {
    let (sender, ended) = bounded::<()>(0);
    let touch = move || {
        while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            // By the clock of the file server.
            let _ = futimens(&file, &Timestamps { last_access: omit, last_modification: now });
        }
    };
    thread::Builder::new().name("heartbeat".into()).spawn(touch).ok().map(|_| sender)
}
