use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checksum::Checksum;
use super::owner::{self, LOCK, Owner, OwnerGuard};
use super::place::is_at;
use super::{RunError, timestamp};
use crate::durable;

/// Bytes of a run's name; with its date and a number it is at most 255 bytes, which file systems allow.
const MAX_NAME: usize = 220;
/// What programs print that a run's process writes to nobody's terminal.
pub const OUTPUT: &str = "output.log";
/// How often a lock is tried that is taken, and the pause in between: who asks for the state of a run takes it for an instant.
const ATTEMPTS: u32 = 3;
const ATTEMPT_EVERY: Duration = Duration::from_millis(20);
/// The index in a folder of runs, which is no content of its own.
pub const INDEX: &str = ".index";
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
    owner: Arc<OwnerGuard>,
    /// What the user should know of the folder.
    notes: Vec<String>,
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
        let (owner, notes) = claim(dir)?;
        // Again, now that no other process can create a run here.
        check_empty(dir)?;
        durable::sync_folder(dir.parent().unwrap_or(dir))?;
        // Left by a process that was killed before its run began.
        for name in WRITTEN {
            let _ = fs::remove_file(durable::beside(&dir.join(name)));
        }
        let place = File::open(dir).map_err(RunError::io("open", dir))?;
        Ok(Self { path: dir.to_owned(), place, checksums: Mutex::default(), owner, notes })
    }

    /// Opens the folder of a run that goes on.
    ///
    /// # Errors
    /// [`RunError::Missing`] if there is no run, [`RunError::Locked`] if a trainer has locked it.
    pub fn reopen(dir: &Path) -> Result<Self, RunError> {
        if !dir.join("spec.yaml").is_file() {
            return Err(RunError::Missing { name: dir.to_owned(), near: None });
        }
        let (owner, notes) = claim(dir)?;
        let place = File::open(dir).map_err(RunError::io("open", dir))?;
        let of = |name: &&str| Some(Checksum::of(name, &durable::read_regular(&dir.join(name)).ok()?));
        let checksums = Mutex::new(WRITTEN.iter().filter_map(of).collect());
        Ok(Self { path: dir.to_owned(), place, checksums, owner, notes })
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

    /// What the user should know of the folder: that it cannot be locked.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Holds the lock, also after the folder is dropped.
    pub fn owner(&self) -> Arc<OwnerGuard> {
        Arc::clone(&self.owner)
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

    /// The checksum of `spec.yaml` is that of `yaml`, which is written next: checkpoints list it before the file has it, so that a process
    /// that is killed in between leaves no file that looks edited.
    pub fn expect_spec(&self, yaml: &str) {
        self.set_checksum("spec.yaml", yaml.as_bytes());
    }

    /// Writes a text on which no prediction depends, durably.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), RunError> {
        Ok(durable::write(&self.path.join(name), text.as_bytes())?)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), RunError> {
        durable::write(&self.path.join(name), content)?;
        self.set_checksum(name, content);
        Ok(())
    }

    fn set_checksum(&self, name: &str, content: &[u8]) {
        let mut checksums = self.checksums.lock().unwrap_or_else(PoisonError::into_inner);
        checksums.retain(|file| file.name != name);
        checksums.push(Checksum::of(name, content));
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
        let mut written = WRITTEN.into_iter().chain([owner::FILE]);
        let mut unfinished = || written.any(|name| durable::beside(&dir.join(name)) == entry.path());
        let no_owner = || {
            // This process has claimed the folder, or locks it next.
            let live = owner::live(dir);
            entry.file_name() == owner::FILE && live.is_none_or(|owner| owner.is_this_process())
        };
        (entry.file_name() == LOCK && is_empty_file())
            || entry.file_name() == OUTPUT
            || no_owner()
            || unfinished()
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
        return Err(match owner::live(dir) {
            Some(owner) => RunError::locked(dir, Some(owner.description())),
            None => RunError::Occupied(dir.to_owned()),
        });
    }
    let others = entries.iter().filter(|entry| entry.file_name() != INDEX && !belongs(entry));
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

/// Locks the folder `dir` and takes its run over; returns what the user should know.
///
/// # Errors
/// [`RunError::Locked`] if another process trains the run.
pub(super) fn claim(dir: &Path) -> Result<(Arc<OwnerGuard>, Vec<String>), RunError> {
    let (lock, note) = lock(dir, File::try_lock)?;
    let guard = OwnerGuard::claim(dir, lock, note.is_none())?;
    Ok((Arc::new(guard), note.into_iter().collect()))
}

/// Locks `dir`; without a lock, but with a note, where the file system has none.
fn lock(
    dir: &Path,
    try_lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<(File, Option<String>), RunError> {
    let path = dir.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(RunError::io("open", &path))?;
    for _ in 1..ATTEMPTS {
        if !matches!(try_lock(&file), Err(TryLockError::WouldBlock)) {
            break;
        }
        thread::sleep(ATTEMPT_EVERY);
    }
    match try_lock(&file) {
        Ok(()) => Ok((file, None)),
        Err(TryLockError::WouldBlock) => {
            Err(RunError::locked(dir, Owner::read(dir).map(|owner| owner.description())))
        }
        Err(TryLockError::Error(error)) if has_no_locks(&error) => {
            let note = format!(
                "{} cannot be locked ({error}): whether another process trains this run is told by owner.json alone",
                dir.display()
            );
            Ok((file, Some(note)))
        }
        Err(TryLockError::Error(error)) => Err(RunError::io("lock", &path)(error)),
    }
}

/// Whether a file system that has no locks gives this error: Lustre without `flock`, some NFS.
fn has_no_locks(error: &io::Error) -> bool {
    let codes = [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOTSUP];
    error.kind() == ErrorKind::Unsupported
        || codes.iter().any(|code| error.raw_os_error() == Some(code.raw_os_error()))
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
        let error = Folder::create(first.path()).unwrap_err();
        assert!(matches!(error, RunError::Locked { .. }));
        // Who has it, and since when.
        let who = format!("process {} on {}, since 20", std::process::id(), owner::host());
        assert!(error.to_string().contains(&who), "{error}");
        let path = first.path().to_owned();
        assert!(owner::is_live(&path));
        drop(first);
        assert!(!owner::is_live(&path) && !owner::is_live(dir.path()));
        // Nothing was written yet: it contains no run.
        assert!(Folder::create(&path).is_ok());
    }

    #[test]
    fn a_file_system_without_locks_gives_a_note_and_another_error_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let fails = |code: Errno| {
            lock(dir.path(), move |_| Err(TryLockError::Error(code.into()))).map(|(_, note)| note.unwrap())
        };
        for code in [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP] {
            let note = fails(code).unwrap();
            assert!(note.contains("cannot be locked (") && note.contains("owner.json"), "{note}");
        }
        assert!(matches!(fails(Errno::IO), Err(RunError::Io { action: "lock", .. })));
        assert!(matches!(lock(dir.path(), |_| Err(TryLockError::WouldBlock)), Err(RunError::Locked { .. })));
        // Where nothing is locked, the owner is known by its file.
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let owner = Folder::create(&dir.path().join("run")).unwrap();
        let read = Owner::read(owner.path()).unwrap();
        drop(owner);
        let other_owner = Owner { pid: other.id(), process_start: None, ..read };
        fs::create_dir_all(dir.path().join("run")).unwrap();
        fs::write(dir.path().join("run/owner.json"), serde_json::to_vec(&other_owner).unwrap()).unwrap();
        let unlocked = File::create(dir.path().join("unlocked")).unwrap();
        let claimed = OwnerGuard::claim(&dir.path().join("run"), unlocked, false);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(claimed.unwrap_err().to_string().contains(&format!("process {}", other.id())));
        let unlocked = File::open(dir.path().join("unlocked")).unwrap();
        assert!(OwnerGuard::claim(&dir.path().join("run"), unlocked, false).is_ok());
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
