use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::RunError;
use super::checkpoint::{Which, exists};

/// The name of the run that was started last.
pub const LATEST: &str = "latest";

/// Returns the run folder for `name`: a run folder, the name of one in `runs`, or `latest`, the one there that was started last and has a
/// checkpoint (if none has, the one that was started last).
///
/// # Errors
/// [`RunError::Missing`] if there is none.
pub fn resolve(runs: &Path, name: &Path) -> Result<PathBuf, RunError> {
    let started = |folder: &Path| folder.join("spec.yaml").metadata().and_then(|spec| spec.modified()).ok();
    if [name, &runs.join(name)].iter().all(|folder| !folder.is_dir()) && name == Path::new(LATEST) {
        let folders = runs.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        // Of two that started at the same instant, the last by name.
        let latest = folders.filter_map(|folder| {
            let started = started(&folder)?;
            Some((exists(&folder, Which::Last), started, folder))
        });
        return latest.max().map(|(.., folder)| folder).ok_or_else(|| RunError::NoRuns(runs.to_owned()));
    }
    let named = [name.to_owned(), runs.join(name)];
    let is_run = |folder: &Path| started(folder).is_some();
    if let Some(found) = named.iter().find(|folder| is_run(folder)) {
        return Ok(found.clone());
    }
    let name = name.to_owned();
    Err(match named.iter().find_map(|folder| first_run(folder, &is_run)) {
        Some(run) => RunError::Several { name, run },
        None => RunError::Missing { near: near(runs, &name), name },
    })
}

/// The first run by name in a folder of seeds or folds, or of a race, whose runs are in folders of networks.
fn first_run(folder: &Path, is_run: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let folders = |folder: &Path| {
        let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    };
    let inner = folders(folder);
    let run = inner.iter().find(|inner| is_run(inner)).cloned();
    run.or_else(|| inner.iter().flat_map(|network| folders(network)).find(|run| is_run(run)))
}

/// The name in `runs`, of a run or a folder of runs, that is most like `name`, if one is.
fn near(runs: &Path, name: &Path) -> Option<String> {
    let asked = name.strip_prefix(runs).unwrap_or(name).to_str()?.to_lowercase();
    let names = runs.read_dir().into_iter().flatten().flatten().filter_map(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name().into_string().ok()?;
        // A folder of that very name is no run.
        (is_folder && !name.starts_with('.') && name.to_lowercase() != asked).then_some(name)
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
        // `z` is no run, and is not proposed for itself.
        let message = resolve(&runs, Path::new("z")).unwrap_err().to_string();
        assert!(message.starts_with("z: no such run; expected a run folder"), "{message}");
        for run in ["seeds/seed-1", "seeds/seed-2", "race-1/rnn/seed-1"] {
            fs::create_dir_all(runs.join(run)).unwrap();
            fs::write(runs.join(run).join("spec.yaml"), "").unwrap();
        }
        for (name, run) in [("seeds", "seeds/seed-1"), ("race-1", "race-1/rnn/seed-1")] {
            let message = resolve(&runs, Path::new(name)).unwrap_err().to_string();
            let run = runs.join(run);
            let expected =
                format!("{name}: a folder of runs; expected one of them, such as {}", run.display());
            assert_eq!(message, expected);
        }
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
