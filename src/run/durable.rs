//! Writes that survive a crash: a reader finds the old content or the new one, never half of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::RunError;

/// Replaces `path` by `bytes`: written beside, synced, renamed, and the folder synced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let beside = beside(path);
    let written = write_synced(&beside, bytes).and_then(|()| rename(&beside, path));
    if written.is_err() {
        // Best effort: the failure to report is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Writes a new file or overwrites one, and syncs its content; not atomic.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = File::create(path).map_err(RunError::io("create", path))?;
    file.write_all(bytes).map_err(RunError::io("write", path))?;
    file.sync_all().map_err(RunError::io("sync", path))
}

/// Renames a synced file or folder, and syncs the folder that holds it.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), RunError> {
    fs::rename(from, to).map_err(RunError::io("replace", to))?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), RunError> {
    // The parent of a bare relative name is the empty path.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(RunError::io("sync", path))
}

/// Where the successor of `path` is prepared: hidden, in the same folder, always the same name, so that what a crash
/// leaves behind is overwritten by the next attempt.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("last");
        fs::write(beside(&path), "what a crash left").unwrap();
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_names_the_file_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir_all(path.join("by a folder")).unwrap();
        let error = write(&path, b"x").unwrap_err().to_string();
        assert!(error.starts_with("cannot replace") && error.contains("taken"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
