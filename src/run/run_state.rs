use std::fs::{File, TryLockError};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Outline;
use crate::protocol::RunStatus;

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process trains it.
    Live,
    /// Training has finished.
    Finished,
    /// Stopped by a command or signal.
    Stopped,
    /// A loss or gradient was not finite, or the loss absurd.
    Diverged,
    /// The trainer failed: data, disk or a bug.
    Failed,
    /// The process ended without saying so: killed, or the machine went down.
    Crashed,
    /// Its files cannot be read.
    Damaged,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Finished,
        Self::Stopped,
        Self::Diverged,
        Self::Failed,
        Self::Crashed,
        Self::Damaged,
    ];

    /// The state that `status` has ended a run with; `None` if the run goes on after it.
    pub fn of_status(status: &RunStatus) -> Option<Self> {
        match status {
            RunStatus::Finished => Some(Self::Finished),
            RunStatus::Stopped { .. } => Some(Self::Stopped),
            RunStatus::Diverged { .. } => Some(Self::Diverged),
            RunStatus::Failed { .. } => Some(Self::Failed),
            RunStatus::Preparing { .. } | RunStatus::Training | RunStatus::Validating | RunStatus::Paused => {
                None
            }
        }
    }

    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Damaged => "damaged",
        }
    }
}

/// Returns the state of the run in `run`: what its recording ends with; if that ends nothing, whether a process has the run.
pub fn state(run: &Path) -> RunState {
    let in_use = is_in_use(run);
    let Ok(outline) = Outline::read(run, !in_use) else {
        return if in_use { RunState::Live } else { RunState::Damaged };
    };
    outline.status.as_ref().and_then(RunState::of_status).unwrap_or_else(|| state_without_end(run))
}

/// As [`state`] of a run whose recording has no end.
pub fn state_without_end(run: &Path) -> RunState {
    if is_in_use(run) { RunState::Live } else { RunState::Crashed }
}

/// Whether another open file has locked the run: a trainer, in this process or another.
fn is_in_use(run: &Path) -> bool {
    let Ok(lock) = File::open(run.join("lock")) else { return false };
    // Shared, and released at once.
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Event;
    use crate::run::{Folder, Recorder};

    #[test]
    fn the_state_is_what_the_recording_ends_with_or_that_of_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let record = |name: &str, statuses: &[RunStatus]| {
            let folder = Folder::create(&dir.path().join(name)).unwrap();
            let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
            for status in statuses {
                recorder.record(Event::Status(status.clone())).unwrap();
            }
            recorder.finish().unwrap();
            folder
        };
        let what = || "why".to_owned();
        for (name, last, expected) in [
            ("a", RunStatus::Finished, RunState::Finished),
            ("b", RunStatus::Stopped { saved: true }, RunState::Stopped),
            ("c", RunStatus::Diverged { what: what() }, RunState::Diverged),
            ("d", RunStatus::Failed { what: what() }, RunState::Failed),
        ] {
            let folder = record(name, &[RunStatus::Training, last]);
            assert_eq!(state(folder.path()), expected);
        }
        let folder = record("e", &[RunStatus::Training]);
        let path = folder.path().to_owned();
        assert_eq!(state(&path), RunState::Live);
        drop(folder);
        assert_eq!(state(&path), RunState::Crashed);
        std::fs::write(path.join("frames.bin"), "x").unwrap();
        assert_eq!(state(&path), RunState::Damaged);
    }
}
