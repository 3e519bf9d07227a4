use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::run::owner;

/// Files of which a run folder has one at least.
const MARKERS: [&str; 3] = ["spec.yaml", "metrics.jsonl", "frames.bin"];

/// Why a run is not removed. Paths are untrusted text: escape them before printing.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// A process trains it.
    #[error("{} is live; stop it first", .0.display())]
    Live(PathBuf),
    /// It is something else.
    #[error("{} is not a run: it has neither spec.yaml nor metrics.jsonl nor frames.bin", .0.display())]
    NoRun(PathBuf),
    /// The program runs within it.
    #[error("{} contains the current folder; leave it first", .0.display())]
    Current(PathBuf),
    /// Removing it failed.
    #[error("cannot remove {}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Removes the run folder `run` with all that is in it.
///
/// # Errors
/// If it is live, or not a run; or a part of it could not be removed.
pub fn remove(run: &Path) -> Result<(), RemoveError> {
    let failed = |source| RemoveError::Io { path: run.to_owned(), source };
    if !MARKERS.iter().any(|name| run.join(name).is_file()) {
        return Err(RemoveError::NoRun(run.to_owned()));
    }
    let path = run.canonicalize().map_err(failed)?;
    if std::env::current_dir().is_ok_and(|current| current.starts_with(&path)) {
        return Err(RemoveError::Current(run.to_owned()));
    }
    if owner::is_live(&path) {
        return Err(RemoveError::Live(run.to_owned()));
    }
    // Until it is gone no trainer can go on with it.
    let lock = File::open(path.join("lock")).ok();
    if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(File::try_lock) {
        return Err(RemoveError::Live(run.to_owned()));
    }
    fs::remove_dir_all(&path).map_err(failed)?;
    if fs::symlink_metadata(run).is_ok_and(|link| link.is_symlink()) {
        fs::remove_file(run).map_err(failed)?;
    }
    Ok(())
}
