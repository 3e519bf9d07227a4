use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::index::{self, Entries, Entry};
use super::marks::Marks;
use super::stamps::{FolderStamp, Stamps, folder_stamp, is_run, is_settled, stamps};
use super::summary::Summary;
use crate::durable;
use crate::run::{INDEX, RunError, RunState, owner};
use crate::sort::SmallSort as _;

/// Levels of folders below the listed one in which runs are looked for: those of `--seeds` and `--folds` contain runs.
const DEPTH: usize = 3;
/// Reading that took longer is remembered at once; less only with what comes later.
const WORTH_WRITING: Duration = Duration::from_millis(5);
/// So long after all files were looked at, an ended run is believed not to have changed if its folder has not.
const RECENT: Duration = Duration::from_secs(600);
/// The file that makes a folder a sweep, and its folder of processes.
const SWEEP: &str = "sweep.yaml";
const WORKERS: &str = "workers";
/// Folders that one thread looks at.
const SHARE: usize = 256;

/// A run of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its path within the listed folder. Untrusted text: escape it before printing.
    pub name: Arc<str>,
    /// Its folder.
    pub path: PathBuf,
    /// Its state.
    pub state: RunState,
    /// When it was started.
    pub started: SystemTime,
    /// What its files say.
    pub summary: Arc<Summary>,
    /// Its notes and tags.
    pub marks: Arc<Marks>,
}

impl Run {
    /// Seconds since it was started.
    pub fn age(&self, now: SystemTime) -> f64 {
        now.duration_since(self.started).unwrap_or_default().as_secs_f64()
    }
}

/// Lists the runs in the folder `runs`, in the order of their names: those of its sub-folders too. If `runs` is a run itself, that one.
///
/// What was read is written to an index in the folder, so that only runs that have changed are read again; a folder that cannot be
/// written to is read each time. Of an ended run whose folder has not changed the files are looked at every few minutes only: what
/// another program overwrites in place there is noticed then, all else at once.
///
/// # Errors
/// If the folder cannot be read. A run that cannot be read is listed as damaged.
pub fn list(runs: &Path) -> Result<Vec<Run>, RunError> {
    let io_error = |source| RunError::Io { action: "list", path: runs.to_owned(), source };
    let path = runs.join(INDEX);
    let now = SystemTime::now();
    let (names, old) = thread::scope(|scope| {
        let index = thread::Builder::new().spawn_scoped(scope, || Index::read(&path, now));
        let names = names(runs);
        let index = index.ok().and_then(|thread| thread.join().ok());
        (names, index.unwrap_or_else(|| Index::read(&path, now)))
    });
    let names = names.map_err(io_error)?;
    let begin = Instant::now();
    let found = look_at_all(runs, &names, &old);
    let took = begin.elapsed();
    let known = found.iter().filter(|found| found.by != Look::Reading).count();
    let new = found.iter().filter(|found| found.by == Look::Reading && found.is_settled).count();
    let moved = found.iter().filter(|found| found.is_settled && found.has_other_folder).count();
    let gone = old.entries.len().saturating_sub(known + new);
    let is_folder = names.first().is_none_or(|name| !name.is_empty());
    let is_outdated = (new + moved > 0 && took > WORTH_WRITING) || new + gone > found.len() / 2;
    if is_folder && is_outdated {
        let settled = found.iter().filter(|found| found.is_settled);
        // A folder that is read-only or full has no index.
        let _ = durable::write(&path, &index::encode(settled.map(|found| (&*found.run.name, &found.entry))));
    }
    if is_folder && (is_outdated || !old.is_recent) {
        let checked = if old.is_recent { old.checked } else { now };
        // Without it the files are looked at again.
        let _ = File::open(&path).and_then(|file| file.set_modified(checked));
    }
    let mut runs: Vec<Run> = found.into_iter().map(|found| found.run).collect();
    runs.small_sort_by(|a, b| a.name.cmp(&b.name));
    Ok(runs)
}

/// Whether the folder `path` is that of a sweep, as of several seeds or a race.
pub fn is_sweep(path: &Path) -> bool {
    path.join(SWEEP).is_file()
}

/// Returns the run in the folder `path`, called `name`.
pub fn open(path: &Path, name: &str) -> Run {
    let entry = read(path, folder_stamp(path), stamps(path));
    finished(path.to_owned(), name.into(), &entry)
}

/// What is known of a folder of runs.
struct Index {
    entries: Entries,
    /// When all files were looked at last: the time of the index.
    checked: SystemTime,
    /// Whether that is so short a time ago that a folder that has not changed is enough.
    is_recent: bool,
}

impl Index {
    /// Reads the index at `path`; one that cannot be read knows nothing.
    fn read(path: &Path, now: SystemTime) -> Self {
        let entries = durable::read_regular(path).ok().and_then(|bytes| index::decode(&bytes));
        let checked = fs::metadata(path).and_then(|file| file.modified()).unwrap_or(UNIX_EPOCH);
        let is_recent = entries.is_some() && now.duration_since(checked).is_ok_and(|ago| ago < RECENT);
        Self { entries: entries.unwrap_or_default(), checked, is_recent }
    }
}

/// What was necessary to know a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its folder has not changed.
    Folder,
    /// Its files have not changed.
    Files,
    /// Its files were read.
    Reading,
}

/// A run with its entry of the index.
struct Found {
    run: Run,
    entry: Entry,
    by: Look,
    /// Whether the entry may be in the index: whether its files had not changed just before they were read.
    is_settled: bool,
    /// Whether its folder is not as the index says.
    has_other_folder: bool,
}

/// The names of the folders in `runs`, or the empty name if `runs` is a run itself.
fn names(runs: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = fs::read_dir(runs)?;
    if is_run(&stamps(runs)) {
        return Ok(vec![String::new()]);
    }
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| {
            // A link to anything but a run might lead in a circle.
            kind.is_dir() || (kind.is_symlink() && is_run(&stamps(&entry.path())))
        });
        // Names that are not Unicode cannot be typed either.
        let name = entry.file_name();
        if let Some(name) = name.to_str().filter(|name| is_folder && !name.starts_with('.')) {
            names.push(name.to_owned());
        }
    }
    // Processes that train look like runs that are being prepared.
    if names.iter().any(|name| name == WORKERS) && is_sweep(runs) {
        names.retain(|name| name != WORKERS);
    }
    names.sort_unstable();
    Ok(names)
}

/// Looks at all folders, on several threads.
fn look_at_all(runs: &Path, names: &[String], old: &Index) -> Vec<Found> {
    let look = |names: &[String]| {
        let mut found = Vec::with_capacity(names.len());
        names.iter().for_each(|name| look_at(runs, name, old, DEPTH, &mut found));
        found
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(names.len() / SHARE + 1);
    thread::scope(|scope| {
        let mut parts = names.chunks(names.len().div_ceil(threads).max(1));
        let first = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || look(part))))
            .collect();
        let mut found = look(first);
        for (part, other) in others {
            // Where no thread can be started, this one does it.
            found.extend(other.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| look(part)));
        }
        found
    })
}

/// Adds the run in the folder `name` of `runs`, or the runs in it.
fn look_at(runs: &Path, name: &str, old: &Index, depth: usize, found: &mut Vec<Found>) {
    let path = if name.is_empty() { runs.to_owned() } else { runs.join(name) };
    let known = old.entries.get(name);
    let folder = folder_stamp(&path);
    if let Some(entry) = known.filter(|entry| old.is_recent && entry.is_of(folder)) {
        let (run, entry) = (finished(path, name.into(), entry), entry.clone());
        found.push(Found { run, entry, by: Look::Folder, is_settled: true, has_other_folder: false });
        return;
    }
    let stamps = stamps(&path);
    if !is_run(&stamps) {
        if depth > 1 && !path.join("lock").exists() {
            for inner in self::names(&path).unwrap_or_default().iter().filter(|inner| !inner.is_empty()) {
                look_at(runs, &format!("{name}/{inner}"), old, depth - 1, found);
            }
            return;
        }
        // A run that is being prepared has its lock alone.
        if !owner::is_live(&path) {
            return;
        }
    }
    let is_settled = is_settled(&stamps);
    let known = known.filter(|entry| entry.stamps == stamps);
    let known = known.filter(|entry| entry.summary.is_complete || owner::is_live(&path));
    let (entry, by) = match known {
        Some(entry) => (Entry { folder, ..entry.clone() }, Look::Files),
        None => (read(&path, folder, stamps), Look::Reading),
    };
    let has_other_folder = known.is_some_and(|known| folder != [0, 0] && known.folder != folder);
    let display = match name {
        "" => path.file_name().unwrap_or_default().to_string_lossy().into(),
        name => name.into(),
    };
    found.push(Found { run: finished(path, display, &entry), entry, by, is_settled, has_other_folder });
}

/// Reads the run in the folder `path`.
fn read(path: &Path, folder: FolderStamp, stamps: Stamps) -> Entry {
    let in_use = owner::is_live(path);
    let summary = Summary::read(path, !in_use);
    // Notes that cannot be read are an error where they are changed.
    let marks = Marks::read(path).unwrap_or_default();
    Entry { folder, stamps, summary: Arc::new(summary), marks: Arc::new(marks) }
}

/// The run of an entry: with its state at present.
fn finished(path: PathBuf, name: Arc<str>, entry: &Entry) -> Run {
    let summary = Arc::clone(&entry.summary);
    let state = match summary.ended {
        Some(state) => state,
        None => match owner::is_live(&path) {
            true => RunState::Live,
            false if !summary.damage.is_empty() => RunState::Damaged,
            // The recording may have had no space for how it ended.
            false => owner::state(&path).unwrap_or(RunState::Crashed),
        },
    };
    let state = if state != RunState::Live && !summary.damage.is_empty() { RunState::Damaged } else { state };
    let written = entry.stamps.iter().map(|[_, time]| *time).find(|time| *time > 0).unwrap_or_default();
    // Of a copy the files are younger than the run; within a second they are the more exact.
    let is_copied = summary.started > 0 && summary.started.saturating_add(1_000_000_000) <= written;
    let started = if is_copied { summary.started } else { written };
    let started = UNIX_EPOCH.checked_add(Duration::from_nanos(started)).unwrap_or(UNIX_EPOCH);
    Run { name, path, state, started, summary, marks: Arc::clone(&entry.marks) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, RunStatus};
    use crate::run::{Folder, Recorder};
    use crate::runs::marks::Note;

    /// A folder of ended runs, all of long ago.
    fn folder(count: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let sample = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::start(&Folder::create(sample.path()).unwrap(), 0).unwrap();
        recorder.record(Event::Status(RunStatus::Finished)).unwrap();
        recorder.finish().unwrap();
        for i in 0..count {
            let run = dir.path().join(format!("run-{i}"));
            fs::create_dir(&run).unwrap();
            fs::write(run.join("spec.yaml"), format!("name: p\ntrain: {{epochs: {i}}}\n")).unwrap();
            fs::write(run.join("metrics.jsonl"), "").unwrap();
            fs::copy(sample.path().join("frames.bin"), run.join("frames.bin")).unwrap();
            age(&run, 1);
        }
        dir
    }

    /// Makes a run `hours` old.
    fn age(run: &Path, hours: u64) {
        let time = SystemTime::now() - Duration::from_secs(3600 * hours);
        for path in ["spec.yaml", "metrics.jsonl", "frames.bin", "notes.json", "."].map(|name| run.join(name))
        {
            if let Ok(file) = File::open(path) {
                file.set_modified(time).unwrap();
            }
        }
    }

    /// How many runs are known by their folders, by their files, and by reading.
    fn looks(runs: &Path) -> [usize; 3] {
        let old = Index::read(&runs.join(INDEX), SystemTime::now());
        let found = look_at_all(runs, &names(runs).unwrap(), &old);
        [Look::Folder, Look::Files, Look::Reading]
            .map(|by| found.iter().filter(|found| found.by == by).count())
    }

    #[test]
    fn of_runs_that_have_ended_only_the_folder_is_looked_at_and_nothing_is_read() {
        let dir = folder(3 * SHARE);
        let runs = dir.path();
        assert_eq!(looks(runs), [0, 0, 3 * SHARE]);
        let listed = list(runs).unwrap();
        assert_eq!(looks(runs), [3 * SHARE, 0, 0]);
        assert_eq!(list(runs).unwrap(), listed);
        // A note replaces its file: the folder has changed.
        let note = Note { time: String::new(), text: "new".into() };
        Marks { tags: Vec::new(), notes: vec![note] }.write(&runs.join("run-3")).unwrap();
        assert_eq!(looks(runs), [3 * SHARE - 1, 0, 1]);
        // A change in place is noticed when the files are looked at.
        fs::write(runs.join("run-4/spec.yaml"), "name: other\n").unwrap();
        assert_eq!(looks(runs), [3 * SHARE - 1, 0, 1]);
        let long_ago = SystemTime::now() - 2 * RECENT;
        File::open(runs.join(INDEX)).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(looks(runs), [0, 3 * SHARE - 2, 2]);
        let find = |name: &str| list(runs).unwrap().into_iter().find(|run| &*run.name == name).unwrap();
        assert_eq!((&*find("run-4").summary.preset, find("run-3").marks.notes.len()), ("other", 1));
        // That was the look at all files: the folders are enough again, but for those that have just changed.
        assert!(looks(runs)[0] >= 3 * SHARE - 2);
    }

    #[test]
    fn processes_that_train_a_sweep_are_no_runs() {
        let dir = folder(2);
        let workers = dir.path().join(WORKERS);
        fs::create_dir(&workers).unwrap();
        let _worker = owner::join(&workers).unwrap();
        assert_eq!(list(dir.path()).unwrap().len(), 3, "one that is being prepared");
        fs::write(dir.path().join(SWEEP), "").unwrap();
        assert_eq!(list(dir.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_folder_that_was_replaced_by_another_is_looked_into() {
        let dir = folder(4);
        let runs = dir.path();
        list(runs).unwrap();
        assert_eq!(looks(runs), [4, 0, 0]);
        fs::rename(runs.join("run-0"), runs.join("other")).unwrap();
        fs::rename(runs.join("run-1"), runs.join("run-0")).unwrap();
        fs::rename(runs.join("other"), runs.join("run-1")).unwrap();
        assert_eq!(looks(runs)[0], 2);
        let epochs: Vec<u64> = list(runs).unwrap().iter().map(|run| run.summary.planned).collect();
        assert_eq!(epochs, [1, 0, 2, 3]);
    }
}
