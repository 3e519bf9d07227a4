use std::path::{Path, PathBuf};

use super::RunError;
use super::checkpoint::{Which, exists};

/// Returns the run folder for `name`: a run folder, the name of one in `runs`, or `latest`, the one there that was started last and has a
/// checkpoint (if none has, the one that was started last).
///
/// # Errors
/// [`RunError::Missing`] if there is none.
pub fn resolve(runs: &Path, name: &Path) -> Result<PathBuf, RunError> {
    let started = |folder: &Path| folder.join("spec.yaml").metadata().and_then(|spec| spec.modified()).ok();
    if [name, &runs.join(name)].iter().all(|folder| !folder.is_dir()) && name == Path::new("latest") {
        let folders = runs.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        // Of two that started at the same instant, the last by name.
        let latest = folders.filter_map(|folder| {
            let started = started(&folder)?;
            Some((exists(&folder, Which::Last), started, folder))
        });
        return latest.max().map(|(.., folder)| folder).ok_or_else(|| RunError::NoRuns(runs.to_owned()));
    }
    let named = [name.to_owned(), runs.join(name)];
    let found = named.into_iter().find(|folder| started(folder).is_some());
    found.ok_or_else(|| RunError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_run_is_resolved_by_its_folder_its_name_or_as_the_latest() {
        let root = tempfile::tempdir().unwrap();
        let runs = root.path().join("runs");
        assert!(matches!(resolve(&runs, Path::new("latest")), Err(RunError::NoRuns(_))));
        for (name, minutes) in [("a", 1), ("c", 3), ("b", 2)] {
            let spec = runs.join(name).join("spec.yaml");
            fs::create_dir_all(runs.join(name)).unwrap();
            let started = SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minutes);
            File::create(spec).unwrap().set_modified(started).unwrap();
        }
        fs::create_dir(runs.join("z")).unwrap();
        assert_eq!(resolve(&runs, Path::new("latest")).unwrap(), runs.join("c"));
        // One with a checkpoint goes before those that have none, and one whose checkpoint is incomplete does not.
        for (name, done) in [("a", true), ("b", false)] {
            let checkpoints = runs.join(name).join("checkpoints");
            fs::create_dir_all(checkpoints.join("step-7")).unwrap();
            fs::write(checkpoints.join("last"), "step-7\n").unwrap();
            if done {
                fs::write(checkpoints.join("step-7/DONE"), r#"{"step":7,"files":[]}"#).unwrap();
            }
        }
        assert_eq!(resolve(&runs, Path::new("latest")).unwrap(), runs.join("a"));
        fs::remove_dir_all(runs.join("a/checkpoints")).unwrap();
        assert_eq!(resolve(&runs, Path::new("latest")).unwrap(), runs.join("c"));
        assert_eq!(resolve(&runs, Path::new("a")).unwrap(), runs.join("a"));
        assert_eq!(resolve(&runs, &runs.join("b")).unwrap(), runs.join("b"));
        let message = resolve(&runs, Path::new("z")).unwrap_err().to_string();
        assert_eq!(message, "z: no such run; expected a run folder, the name of one in runs/, or `latest`");
    }
}
