use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checksum::Checksum;
use super::{RunError, timestamp};
use crate::durable;

/// Bytes of a run's name; with its date and a number it is at most 255 bytes, which file systems allow.
const MAX_NAME: usize = 220;
/// The file that a trainer locks.
const LOCK: &str = "lock";
/// The number of entries named of a folder that is not empty.
const NAMED: usize = 5;
/// Entries that show that a folder contains a run.
const MARKERS: [&str; 4] = ["spec.yaml", "metrics.jsonl", "frames.bin", "checkpoints"];

/// Files that are written beside and renamed.
const WRITTEN: [&str; 4] = ["spec.yaml", "vocabulary.json", "labels.json", "scale.json"];

/// The folder of a run in training, created for it and locked as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The folder itself, wherever it is.
    place: File,
    /// The checksums of the files on which predictions depend.
    checksums: Mutex<Vec<Checksum>>,
    /// Never read: the operating system releases the lock when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Creates `dir` and its parents for a new run. An existing folder is used if it is empty.
    ///
    /// # Errors
    /// [`RunError::Occupied`] if it contains a run, [`RunError::NotEmpty`] if anything else, [`RunError::Locked`] if another trainer has
    /// locked it.
    pub fn create(dir: &Path) -> Result<Self, RunError> {
        check_empty(dir)?;
        fs::create_dir_all(dir).map_err(RunError::io("create", dir))?;
        let lock = lock(dir)?;
        // Again, now that no other process can create a run here.
        check_empty(dir)?;
        durable::sync_folder(dir.parent().unwrap_or(dir))?;
        // Left by a process that was killed before its run began.
        for name in WRITTEN {
            let _ = fs::remove_file(durable::beside(&dir.join(name)));
        }
        let place = File::open(dir).map_err(RunError::io("open", dir))?;
        Ok(Self { path: dir.to_owned(), place, checksums: Mutex::default(), _lock: lock })
    }

    /// Creates `runs/NAME-YYYYMMDD-HHMMSS` (UTC), with `-2`, `-3`, … if several runs of this name start within one second.
    ///
    /// Characters that are unsafe in a file name become `-` in NAME.
    ///
    /// # Errors
    /// As [`Folder::create`], but never because the name exists.
    pub fn create_named(runs: &Path, name: &str, now: SystemTime) -> Result<Self, RunError> {
        Self::create(&create_run_dir(runs, name, now)?)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the folder is still at its path: neither removed nor renamed, nor replaced by another.
    ///
    /// # Errors
    /// [`RunError::Moved`] if it is not.
    pub fn check_place(&self) -> Result<(), RunError> {
        is_at(&self.place, &self.path)
    }

    /// The checksums of the files that were written on which predictions depend.
    pub(super) fn checksums(&self) -> Vec<Checksum> {
        self.checksums.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes `spec.yaml`, durably.
    pub fn write_spec(&self, yaml: &str) -> Result<(), RunError> {
        self.write("spec.yaml", yaml.as_bytes())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), RunError> {
        durable::write(&self.path.join(name), content)?;
        let mut checksums = self.checksums.lock().unwrap_or_else(PoisonError::into_inner);
        checksums.retain(|file| file.name != name);
        checksums.push(Checksum::of(name, content));
        Ok(())
    }

    /// Writes `value` as JSON to the file `name` (`vocabulary.json`, `labels.json`), durably.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.path.join(name);
        let mut json = serde_json::to_vec(value).map_err(|error| RunError::unwritable(&path, error))?;
        json.push(b'\n');
        self.write(name, &json)
    }
}

/// Creates the folder `runs/NAME-YYYYMMDD-HHMMSS` as [`Folder::create_named`] does, for one run or several.
///
/// # Errors
/// If it cannot be created.
pub fn create_run_dir(runs: &Path, name: &str, now: SystemTime) -> Result<PathBuf, RunError> {
    fs::create_dir_all(runs).map_err(RunError::io("create", runs))?;
    let base = format!("{}-{}", file_name(name), timestamp::utc(now));
    let mut dir = runs.join(&base);
    let mut count = 1;
    loop {
        // Creating the folder reserves the name, also against other processes.
        match fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                count += 1;
                dir = runs.join(format!("{base}-{count}"));
            }
            Err(error) => return Err(RunError::io("create", &dir)(error)),
        }
    }
}

/// Reads the JSON file `name` of the run folder `run`, as written by [`Folder::write_json`].
///
/// # Errors
/// If the file is missing or does not deserialize as `T`.
pub fn read_json<T: DeserializeOwned>(run: &Path, name: &str) -> Result<T, RunError> {
    let path = run.join(name);
    let bytes = durable::read_regular(&path).map_err(RunError::io("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| RunError::damaged(&path, error.to_string()))
}

/// Checks that a run can be created in `dir`: that it does not exist, or is empty. The lock of a trainer that wrote nothing else may stay, as may files that it
/// had begun to write.
///
/// # Errors
/// As [`Folder::create`].
pub fn check_empty(dir: &Path) -> Result<(), RunError> {
    check_empty_except(dir, |entry| {
        let is_empty_file = || entry.metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
        let unfinished = || WRITTEN.iter().any(|name| durable::beside(&dir.join(name)) == entry.path());
        (entry.file_name() == LOCK && is_empty_file()) || unfinished()
    })
}

/// As [`check_empty`], for a folder that may also contain what `belongs` there.
///
/// # Errors
/// As [`Folder::create`].
pub fn check_empty_except(dir: &Path, belongs: impl Fn(&DirEntry) -> bool) -> Result<(), RunError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(RunError::io("read", dir))?,
    };
    let entries: Vec<DirEntry> = entries.collect::<Result<_, _>>().map_err(RunError::io("read", dir))?;
    if entries.iter().any(|entry| MARKERS.iter().any(|marker| entry.file_name() == *marker)) {
        return Err(RunError::Occupied(dir.to_owned()));
    }
    let others = entries.iter().filter(|entry| !belongs(entry));
    let mut found: Vec<String> = others.map(|entry| entry.file_name().display().to_string()).collect();
    if found.is_empty() {
        return Ok(());
    }
    found.sort_unstable();
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(RunError::NotEmpty { path: dir.to_owned(), found: found.join(", ") + &more })
}

/// Checks that the open file or folder is that at `path`.
///
/// # Errors
/// [`RunError::Moved`] if nothing or another one is there; also if that cannot be known.
pub(super) fn is_at(open: &File, path: &Path) -> Result<(), RunError> {
    let known = |file: io::Result<fs::Metadata>| file.map(|data| (data.dev(), data.ino()));
    let ours = known(open.metadata()).map_err(RunError::io("look at", path))?;
    match known(fs::metadata(path)) {
        Ok(found) if found == ours => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RunError::io("look at", path)(error)),
        _ => Err(RunError::Moved(path.to_owned())),
    }
}

fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(RunError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(RunError::io("lock", &path)(error)),
    }
}

/// Whether a process that trains has locked the run folder `run`; `false` where that cannot be known.
pub fn is_locked(run: &Path) -> bool {
    File::open(run.join(LOCK))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn file_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    match plain.trim_start_matches(['.', '-']) {
        "" => "run".into(),
        shown => {
            let ends = shown.char_indices().map(|(start, c)| start + c.len_utf8());
            shown[..ends.take_while(|end| *end <= MAX_NAME).last().unwrap_or(0)].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_folder_is_locked_by_one_trainer_and_unlocked_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::create(&dir.path().join("deep/run")).unwrap();
        assert!(matches!(Folder::create(first.path()), Err(RunError::Locked(_))));
        let path = first.path().to_owned();
        assert!(is_locked(&path));
        drop(first);
        assert!(!is_locked(&path) && !is_locked(dir.path()));
        // Nothing was written yet: it contains no run.
        assert!(Folder::create(&path).is_ok());
    }

    #[test]
    fn a_folder_that_contains_a_run_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for mark in MARKERS {
            let path = dir.path().join(format!("with-{mark}"));
            fs::create_dir(&path).unwrap();
            fs::write(path.join(mark), "").unwrap();
            let message = Folder::create(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("with-{mark}")) && message.contains("--run"), "{message}");
        }
    }

    #[test]
    fn a_folder_with_files_of_the_user_is_refused_and_they_are_named() {
        let dir = tempfile::tempdir().unwrap();
        for i in 1..=7 {
            fs::write(dir.path().join(format!("{i}.json")), "mine").unwrap();
        }
        let message = Folder::create(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains("1.json, 2.json, 3.json, 4.json, 5.json and 2 more")
                && message.contains("--run")
        );
        // Also a lock that is no trainer's.
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join(LOCK), "mine").unwrap();
        assert!(matches!(Folder::create(other.path()), Err(RunError::NotEmpty { .. })));
        assert_eq!(fs::read_to_string(other.path().join(LOCK)).unwrap(), "mine");
    }

    #[test]
    fn runs_of_one_name_and_second_are_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        let create = |name| Folder::create_named(dir.path(), name, now).unwrap();
        let folders = [create("imdb"), create("imdb"), create("imdb"), create("../my run"), create("")];
        let names: Vec<_> =
            folders.iter().map(|f| f.path().strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "imdb-20240229-123456",
                "imdb-20240229-123456-2",
                "imdb-20240229-123456-3",
                "my-run-20240229-123456",
                "run-20240229-123456"
            ]
        );
    }

    #[test]
    fn a_long_name_is_shortened_between_two_characters() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        for name in ["x".repeat(300), format!("x{}", "良".repeat(100)), "é".repeat(128)] {
            for ending in ["-20240229-123456", "-20240229-123456-2"] {
                let folder = Folder::create_named(dir.path(), &name, now).unwrap();
                let shown = folder.path().file_name().unwrap().to_str().unwrap();
                let short = shown.strip_suffix(ending).unwrap();
                assert!(
                    name.starts_with(short) && (MAX_NAME - 3..=MAX_NAME).contains(&short.len()),
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn a_folder_that_was_renamed_removed_or_replaced_is_not_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        folder.check_place().unwrap();
        fs::rename(folder.path(), dir.path().join("other")).unwrap();
        assert!(matches!(folder.check_place(), Err(RunError::Moved(_))));
        fs::create_dir(folder.path()).unwrap();
        assert!(matches!(folder.check_place(), Err(RunError::Moved(_))));
        fs::remove_dir(folder.path()).unwrap();
        fs::rename(dir.path().join("other"), folder.path()).unwrap();
        folder.check_place().unwrap();
    }

    #[test]
    fn tokens_with_spaces_and_line_ends_survive() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let tokens = ["", "[UNK]", "new\nline", " ", "\"", "良い"];
        folder.write_json("vocabulary.json", &tokens).unwrap();
        assert_eq!(read_json::<Vec<String>>(dir.path(), "vocabulary.json").unwrap(), tokens);
        folder.write_spec("title: x\n").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("spec.yaml")).unwrap(), "title: x\n");
    }
}
