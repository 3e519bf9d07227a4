use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::index::{self, Entries, Entry};
use super::marks::Marks;
use super::stamps::{Stamps, is_run, is_settled, stamps};
use super::summary::Summary;
use crate::durable;
use crate::run::{INDEX, RunError, RunState, owner};

/// Levels of folders below the listed one in which runs are looked for: those of `--seeds` and `--folds` contain runs.
const DEPTH: usize = 3;
/// Reading that took longer is remembered at once; less only with what comes later.
const WORTH_WRITING: Duration = Duration::from_millis(5);
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
/// written to is read each time.
///
/// # Errors
/// If the folder cannot be read. A run that cannot be read is listed as damaged.
pub fn list(runs: &Path) -> Result<Vec<Run>, RunError> {
    let io_error = |source| RunError::Io { action: "list", path: runs.to_owned(), source };
    let names = names(runs).map_err(io_error)?;
    let path = runs.join(INDEX);
    let old = durable::read_regular(&path).ok().and_then(|bytes| index::decode(&bytes)).unwrap_or_default();
    let begin = Instant::now();
    let found = look_at_all(runs, &names, &old);
    let took = begin.elapsed();
    let known = found.iter().filter(|found| found.is_known).count();
    let new = found.iter().filter(|found| !found.is_known && found.is_settled).count();
    let gone = old.len().saturating_sub(known + new);
    let is_folder = names.first().is_none_or(|name| !name.is_empty());
    if is_folder && ((new > 0 && took > WORTH_WRITING) || new + gone > found.len() / 2) {
        let settled = found.iter().filter(|found| found.is_settled);
        // A folder that is read-only or full has no index.
        let _ = durable::write(&path, &index::encode(settled.map(|found| (&*found.run.name, &found.entry))));
    }
    let mut runs: Vec<Run> = found.into_iter().map(|found| found.run).collect();
    runs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(runs)
}

/// Returns the run in the folder `path`, called `name`.
pub fn open(path: &Path, name: &str) -> Run {
    let entry = read(path, stamps(path));
    finished(path.to_owned(), name.into(), &entry)
}

/// A run with its entry of the index.
struct Found {
    run: Run,
    entry: Entry,
    /// Whether the entry was in the index.
    is_known: bool,
    /// Whether the entry may be in the index: whether its files had not changed just before they were read.
    is_settled: bool,
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
    names.sort_unstable();
    Ok(names)
}

/// Looks at all folders, on several threads.
fn look_at_all(runs: &Path, names: &[String], old: &Entries) -> Vec<Found> {
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
fn look_at(runs: &Path, name: &str, old: &Entries, depth: usize, found: &mut Vec<Found>) {
    let path = if name.is_empty() { runs.to_owned() } else { runs.join(name) };
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
    let known = old.get(name).filter(|entry| entry.stamps == stamps);
    let known = known.filter(|entry| entry.summary.is_complete || owner::is_live(&path));
    let is_known = known.is_some();
    let entry = known.cloned().unwrap_or_else(|| read(&path, stamps));
    let display = match name {
        "" => path.file_name().unwrap_or_default().to_string_lossy().into(),
        name => name.into(),
    };
    found.push(Found { run: finished(path, display, &entry), entry, is_known, is_settled });
}

/// Reads the run in the folder `path`.
fn read(path: &Path, stamps: Stamps) -> Entry {
    let in_use = owner::is_live(path);
    let summary = Summary::read(path, !in_use);
    // Notes that cannot be read are an error where they are changed.
    let marks = Marks::read(path).unwrap_or_default();
    Entry { stamps, summary: Arc::new(summary), marks: Arc::new(marks) }
}

/// The run of an entry: with its state at present.
fn finished(path: PathBuf, name: Arc<str>, entry: &Entry) -> Run {
    let summary = Arc::clone(&entry.summary);
    let state = match summary.ended {
        Some(state) => state,
        None => match owner::is_live(&path) {
            true => RunState::Live,
            false if !summary.damage.is_empty() => RunState::Damaged,
            false => RunState::Crashed,
        },
    };
    let state = if state != RunState::Live && !summary.damage.is_empty() { RunState::Damaged } else { state };
    let started = entry.stamps.iter().map(|[_, time]| *time).find(|time| *time > 0).unwrap_or_default();
    let started = UNIX_EPOCH.checked_add(Duration::from_nanos(started)).unwrap_or(UNIX_EPOCH);
    Run { name, path, state, started, summary, marks: Arc::clone(&entry.marks) }
}
