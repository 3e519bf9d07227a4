//! Crash-safe replacement of a file or folder: a kill at any moment leaves the old or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::{self, FileError};

/// Renames `beside` to `target` and removes the old target; of a symbolic link only the link, never its destination.
pub(super) fn replace_target(beside: &Path, target: &Path) -> Result<(), FileError> {
    let Ok(existing) = fs::symlink_metadata(target) else { return durable::rename(beside, target) };
    let folder = fs::symlink_metadata(beside).is_ok_and(|new| new.is_dir());
    if !existing.is_dir() && !folder {
        return durable::rename(beside, target);
    }
    if exchange(beside, target).is_ok() {
        target.parent().map_or(Ok(()), durable::sync_folder)?;
        return remove(beside);
    }
    replace_in_two_steps(beside, target)
}

/// Exchanges two names atomically.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The fallback where names cannot be exchanged: moves the old target away, and back if the rename fails.
fn replace_in_two_steps(beside: &Path, target: &Path) -> Result<(), FileError> {
    let away = away(target);
    remove(&away)?;
    fs::rename(target, &away).map_err(FileError::at("replace", target))?;
    durable::rename(beside, target).inspect_err(|_| {
        // Best effort: the failure to report is the first one.
        let _ = fs::rename(&away, target);
    })?;
    remove(&away)
}

/// Restores the old target if a process was killed between the two steps. The caller must have locked the partial file.
pub(super) fn recover(target: &Path) -> Result<(), FileError> {
    let away = away(target);
    let exists = |path: &Path| fs::symlink_metadata(path).is_ok();
    match (exists(target), exists(&away)) {
        (false, true) => durable::rename(&away, target),
        (true, true) => remove(&away),
        (_, false) => Ok(()),
    }
}

/// Returns the temporary path of an old target.
fn away(target: &Path) -> PathBuf {
    let mut away = durable::beside(target).into_os_string();
    away.push(".old");
    away.into()
}

/// Removes a file, folder or symbolic link (not its destination) at `path`, if there is one.
pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(entry) if entry.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(FileError::at("remove", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a folder with a file of this content.
    fn put(folder: &Path, content: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("a"), content).unwrap();
    }

    #[test]
    fn folders_and_links_are_replaced_but_not_the_destination_of_a_link() {
        for replace in [replace_target, replace_in_two_steps] {
            let dir = tempfile::tempdir().unwrap();
            let [beside, target, elsewhere] =
                ["new", "target", "elsewhere"].map(|name| dir.path().join(name));
            put(&beside, "new");
            put(&target, "old");
            replace(&beside, &target).unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");
            fs::rename(&target, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &target).unwrap();
            put(&beside, "newer");
            replace(&beside, &target).unwrap();
            assert!(!fs::symlink_metadata(&target).unwrap().is_symlink());
            let read = |folder: &Path| fs::read_to_string(folder.join("a")).unwrap();
            assert_eq!((read(&target), read(&elsewhere)), ("newer".to_owned(), "new".to_owned()));
            // A dangling link.
            fs::remove_dir_all(&target).unwrap();
            std::os::unix::fs::symlink("nowhere", &target).unwrap();
            put(&beside, "newest");
            replace(&beside, &target).unwrap();
            assert_eq!((read(&target).as_str(), fs::read_dir(dir.path()).unwrap().count()), ("newest", 2));
        }
    }

    #[test]
    fn an_old_target_is_restored_after_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        put(&away(&target), "old");
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
        // Killed a moment later: the new target exists, and the old one is removed.
        put(&away(&target), "older");
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
        assert!(!away(&target).exists());
        recover(&dir.path().join("nothing")).unwrap();
    }
}
