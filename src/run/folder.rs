use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{RunError, stamp};
use crate::durable;

/// What makes a folder one that holds a run.
const MARKS: [&str; 4] = ["spec.yaml", "metrics.jsonl", "frames.bin", "checkpoints"];

/// The folder of a run that is being trained: made for it, and locked as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held, never read: the operating system gives the lock back when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes `dir`, with the folders above it, for a new run. A folder that exists is taken if it holds no run.
    ///
    /// # Errors
    /// [`RunError::Occupied`] if it holds a run, [`RunError::Locked`] if another trainer just took it.
    pub fn create(dir: &Path) -> Result<Self, RunError> {
        vacant(dir)?;
        fs::create_dir_all(dir).map_err(RunError::io("create", dir))?;
        let lock = lock(dir)?;
        // Again, now that nobody else can make a run here.
        vacant(dir)?;
        durable::sync_folder(dir.parent().unwrap_or(dir))?;
        Ok(Self { path: dir.to_owned(), _lock: lock })
    }

    /// Makes `runs/NAME-YYYYMMDD-HHMMSS` (UTC), with `-2`, `-3`, … if runs of this name start within one second.
    ///
    /// What does not belong in a file name becomes `-` in NAME.
    ///
    /// # Errors
    /// As [`Folder::create`], but never for a name that is taken.
    pub fn create_named(runs: &Path, name: &str, now: SystemTime) -> Result<Self, RunError> {
        Self::create(&named(runs, name, now)?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `spec.yaml`, durably.
    pub fn write_spec(&self, yaml: &str) -> Result<(), RunError> {
        Ok(durable::write(&self.path.join("spec.yaml"), yaml.as_bytes())?)
    }

    /// Writes `value` as JSON to the file `name` (`vocabulary.json`, `labels.json`), durably.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.path.join(name);
        let mut json = serde_json::to_vec(value).map_err(|error| RunError::unwritable(&path, error))?;
        json.push(b'\n');
        Ok(durable::write(&path, &json)?)
    }
}

/// Makes the folder `runs/NAME-YYYYMMDD-HHMMSS` that [`Folder::create_named`] describes, for a run or for several.
///
/// # Errors
/// When it cannot be made.
pub fn named(runs: &Path, name: &str, now: SystemTime) -> Result<PathBuf, RunError> {
    fs::create_dir_all(runs).map_err(RunError::io("create", runs))?;
    let base = format!("{}-{}", file_name(name), stamp::utc(now));
    let mut dir = runs.join(&base);
    let mut count = 1;
    loop {
        // Making the folder is what takes the name, also against another process.
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

/// Reads what [`Folder::write_json`] has written to the run folder `run`.
///
/// # Errors
/// When the file is not there or holds something else.
pub fn read_json<T: DeserializeOwned>(run: &Path, name: &str) -> Result<T, RunError> {
    let path = run.join(name);
    let bytes = fs::read(&path).map_err(RunError::io("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| RunError::damaged(&path, error.to_string()))
}

fn vacant(dir: &Path) -> Result<(), RunError> {
    match MARKS.iter().any(|mark| dir.join(mark).exists()) {
        true => Err(RunError::Occupied(dir.to_owned())),
        false => Ok(()),
    }
}

fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join("lock");
    let file = File::options().create(true).append(true).open(&path).map_err(RunError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(RunError::io("lock", &path)(error)),
    }
}

fn file_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    match plain.trim_start_matches(['.', '-']) {
        "" => "run".into(),
        shown => shown.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_folder_belongs_to_one_trainer_and_is_free_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::create(&dir.path().join("deep/run")).unwrap();
        assert!(matches!(Folder::create(first.path()), Err(RunError::Locked(_))));
        let path = first.path().to_owned();
        drop(first);
        // Nothing was written yet: it holds no run.
        assert!(Folder::create(&path).is_ok());
    }

    #[test]
    fn a_folder_that_holds_a_run_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for mark in MARKS {
            let path = dir.path().join(format!("with-{mark}"));
            fs::create_dir(&path).unwrap();
            fs::write(path.join(mark), "").unwrap();
            let message = Folder::create(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("with-{mark}")) && message.contains("--run"), "{message}");
        }
    }

    #[test]
    fn runs_of_one_name_and_second_are_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        let made = |name| Folder::create_named(dir.path(), name, now).unwrap();
        let folders = [made("imdb"), made("imdb"), made("imdb"), made("../my run"), made("")];
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
