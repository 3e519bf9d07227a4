use std::cmp::Reverse;
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
    found.ok_or_else(|| RunError::Missing { name: name.to_owned(), near: near(runs, name) })
}

/// The name in `runs`, of a run or a folder of runs, that is most like `name`, if one is.
fn near(runs: &Path, name: &Path) -> Option<String> {
    let asked = name.strip_prefix(runs).unwrap_or(name).to_str()?.to_lowercase();
    let names = runs.read_dir().into_iter().flatten().flatten().filter_map(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        entry.file_name().into_string().ok().filter(|name| is_folder && !name.starts_with('.'))
    });
    let is_near = |distance: usize, text: &str| {
        distance <= text.chars().count().div_ceil(3) && distance < asked.chars().count()
    };
    let distance = |name: &String| {
        let known = name.to_lowercase();
        // Most names end with the date and the time, which nobody types.
        let preset = known.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        if asked.chars().count() > 2 && known.starts_with(&asked) {
            return Some(0);
        }
        let distances =
            [known.as_str(), preset].map(|text| (strsim::damerau_levenshtein(&asked, text), text));
        distances
            .into_iter()
            .filter(|(distance, text)| is_near(*distance, text))
            .map(|(distance, _)| distance)
            .min()
    };
    // Of equal ones the last, which is the latest of a preset.
    let near = names.filter_map(|name| Some((distance(&name)?, Reverse(name))));
    near.min().map(|(_, Reverse(nearest))| nearest)
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
        let message = resolve(&runs, Path::new("nothing-like-it")).unwrap_err().to_string();
        assert_eq!(
            message,
            "nothing-like-it: no such run; expected a run folder, the name of one in runs/, or `latest`"
        );
        for (name, near) in [
            ("aa", "a"),
            ("Runs-b", "none"),
            ("word-ordr", "word-order-20261129-140001"),
            ("word", "word-order-20261129-140001"),
        ] {
            for time in ["140000", "140001"] {
                fs::create_dir_all(runs.join(format!("word-order-20261129-{time}"))).unwrap();
            }
            let message = resolve(&runs, Path::new(name)).unwrap_err().to_string();
            let is_near = message.starts_with(&format!("{name}: no such run; did you mean {near}?"));
            assert!(is_near || (near == "none" && !message.contains("did you mean")), "{message}");
        }
    }
}
