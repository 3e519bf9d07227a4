//! What was prepared beside takes the place of what stands there, so that a kill at any moment leaves the one or the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::{self, FileError};

/// Gives what stands at `beside` the name `target`. What has it is removed; of a link the link alone, never what it leads to.
pub(super) fn replace_target(beside: &Path, target: &Path) -> Result<(), FileError> {
    let Ok(there) = fs::symlink_metadata(target) else { return durable::rename(beside, target) };
    let folder = fs::symlink_metadata(beside).is_ok_and(|new| new.is_dir());
    if !there.is_dir() && !folder {
        return durable::rename(beside, target);
    }
    if exchange(beside, target).is_ok() {
        target.parent().map_or(Ok(()), durable::sync_folder)?;
        return remove(beside);
    }
    replace_in_two_steps(beside, target)
}

/// Both names at once: there is no moment without the target.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where the system or its disk cannot exchange: what stands there makes way, and comes back if that fails.
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

/// Puts back what had made way when the process was killed before its successor came. Whoever calls this has the part locked.
pub(super) fn recover(target: &Path) -> Result<(), FileError> {
    let away = away(target);
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    match (is_there(target), is_there(&away)) {
        (false, true) => durable::rename(&away, target),
        (true, true) => remove(&away),
        (_, false) => Ok(()),
    }
}

/// Where what stands at `target` makes way to.
fn away(target: &Path) -> PathBuf {
    let mut away = durable::beside(target).into_os_string();
    away.push(".old");
    away.into()
}

/// Removes what stands at `path`, if anything does; of a link only the link.
pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(FileError::at("remove", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a file of this content.
    fn put(folder: &Path, content: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("a"), content).unwrap();
    }

    #[test]
    fn a_folder_or_a_link_to_one_is_replaced_and_what_a_link_leads_to_stays() {
        for way in [replace_target, replace_in_two_steps] {
            let dir = tempfile::tempdir().unwrap();
            let [beside, target, elsewhere] =
                ["new", "target", "elsewhere"].map(|name| dir.path().join(name));
            put(&beside, "new");
            put(&target, "old");
            way(&beside, &target).unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");
            fs::rename(&target, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &target).unwrap();
            put(&beside, "newer");
            way(&beside, &target).unwrap();
            assert!(!fs::symlink_metadata(&target).unwrap().is_symlink());
            let read = |folder: &Path| fs::read_to_string(folder.join("a")).unwrap();
            assert_eq!((read(&target), read(&elsewhere)), ("newer".to_owned(), "new".to_owned()));
            // A link to nothing is one too.
            fs::remove_dir_all(&target).unwrap();
            std::os::unix::fs::symlink("nowhere", &target).unwrap();
            put(&beside, "newest");
            way(&beside, &target).unwrap();
            assert_eq!((read(&target).as_str(), fs::read_dir(dir.path()).unwrap().count()), ("newest", 2));
        }
    }

    #[test]
    fn what_made_way_when_a_process_was_killed_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        put(&away(&target), "old");
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
        // Killed a moment later: the new one is there, and the old one is in nobody's way.
        put(&away(&target), "older");
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
        assert!(!away(&target).exists());
        recover(&dir.path().join("nothing")).unwrap();
    }
}
