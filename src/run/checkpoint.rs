//! Checkpoints: weights, optimizer slots and training state, either complete or absent.
//!
//! ```text
//! checkpoints/step-N/   model.safetensors  optimizer.safetensors  carried.safetensors  state.json  DONE
//! checkpoints/last      the name of one of these folders and a newline; likewise checkpoints/best
//! checkpoints/undo      the names of those to which training can go back, a line each: see [`undo`]
//! ```
//!
//! `carried.safetensors` has the states that stateful layers carry to the next batch, if there are any.
//!
//! A checkpoint is written under a hidden temporary name, each file synced and `DONE` last, then renamed; then `last`
//! and `best` are replaced, and only then are the checkpoints removed that neither names and that are not of the latest steps. So a crash at any moment
//! leaves either the previous checkpoint in use or the new one. A second checkpoint of the same step is `step-N-2`: the
//! first stays until nothing names it. What a failed attempt has written is removed at once, and what a killed process has
//! written by the next attempt: there is at most one partial checkpoint.
//!
//! `DONE` has the checksums of the checkpoint's files, of those files of the run folder on which predictions depend
//! (`spec.yaml`, `vocabulary.json`, …), and of itself.

mod done;
mod tensors;
pub mod undo;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use super::checksum::Checksum;
use super::{Folder, RunError};
use crate::durable;
use crate::protocol::Saved;
use crate::sort::SmallSort as _;
use done::{DONE, Done};
pub use tensors::{NamedTensor, Tensor};

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const CARRIED: &str = "carried.safetensors";
const STATE: &str = "state.json";
/// How often a checkpoint is looked up again that was replaced while it was read.
const REPLACED: usize = 100;
/// How often one is read again that cannot be read though it was not replaced: a later one may have had the same name.
const UNREADABLE: usize = 3;
/// The pause before.
const PAUSE: Duration = Duration::from_millis(10);

/// A checkpoint to save.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint<'a> {
    /// Optimizer updates made.
    pub step: u64,
    /// The weights by their names, `1.recurrent_kernel`. The bytes of their file depend on nothing else.
    pub model: Vec<NamedTensor<'a>>,
    /// The optimizer's slots (moments).
    pub optimizer: Vec<NamedTensor<'a>>,
    /// The states that stateful layers carry to the next batch.
    pub carried: Vec<NamedTensor<'a>>,
    /// The remaining training state: position in the epoch, schedules, early stopping. JSON has no NaN.
    pub state: serde_json::Value,
    /// Whether it is the best so far by the monitored metric.
    pub best: bool,
    /// How many checkpoints of the latest steps stay, besides the last and the best; 0 is 1.
    pub keep: usize,
}

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The latest.
    Last,
    /// The best by the monitored metric.
    Best,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

/// A checkpoint as read from disk.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedCheckpoint {
    /// Its folder.
    pub path: PathBuf,
    /// Optimizer updates made.
    pub step: u64,
    /// The weights, in alphabetical order of their names.
    pub model: Vec<Tensor>,
    /// The optimizer's slots, likewise.
    pub optimizer: Vec<Tensor>,
    /// The carried states, likewise.
    pub carried: Vec<Tensor>,
    /// The remaining training state.
    pub state: serde_json::Value,
    /// The files of the run folder on which predictions depend; empty in runs of earlier versions.
    pub run_files: Vec<Checksum>,
}

impl LoadedCheckpoint {
    /// The fingerprint of its weights, as in [`Saved::weights`].
    pub fn fingerprint(&self) -> String {
        let named: Vec<NamedTensor<'_>> = self
            .model
            .iter()
            .map(|Tensor { name, shape, data }| NamedTensor {
                name: name.clone(),
                shape: shape.clone(),
                data,
            })
            .collect();
        tensors::fingerprint(&named)
    }
}

/// Saves a checkpoint as `last`, and also as `best` if [`Checkpoint::best`]. Earlier ones that are now neither are removed.
///
/// # Errors
/// If writing fails, or a tensor's values do not fit its shape; earlier checkpoints then stay unchanged, and nothing is left of
/// this one. Also if the folder is no longer at its path.
pub fn write(folder: &Folder, checkpoint: &Checkpoint<'_>) -> Result<Saved, RunError> {
    let pointers = if checkpoint.best { &[Which::Last, Which::Best][..] } else { &[Which::Last] };
    write_as(folder, checkpoint, pointers)
}

/// Saves a checkpoint as `best` alone: one that could not be saved when it was the last.
///
/// # Errors
/// As [`write()`].
pub fn write_best(folder: &Folder, checkpoint: &Checkpoint<'_>) -> Result<Saved, RunError> {
    write_as(folder, checkpoint, &[Which::Best])
}

/// Whether the run folder `run` has a complete checkpoint that is saved as `which`.
pub fn exists(run: &Path, which: Which) -> bool {
    let complete = || resolve(&run.join("checkpoints"), which).is_ok_and(|path| Done::read(&path).is_ok());
    // It may have been replaced meanwhile.
    complete() || complete()
}

/// Whether `saved` is complete on disk and the one that `last` names.
pub fn is_last(folder: &Folder, saved: &Saved) -> bool {
    let root = folder.path().join("checkpoints");
    folder.check_place().is_ok()
        && named(&root, Which::Last).is_ok_and(|path| path == saved.path && Done::read(&path).is_ok())
}

/// The step of the complete checkpoint that predictions use: the one that `last` names. `None` if there is none.
pub fn last_step(run: &Path) -> Option<u64> {
    let path = resolve(&run.join("checkpoints"), Which::Last).ok()?;
    Some(Done::read(&path).ok()?.step)
}

fn write_as(folder: &Folder, checkpoint: &Checkpoint<'_>, pointers: &[Which]) -> Result<Saved, RunError> {
    folder.check_place()?;
    let root = folder.path().join("checkpoints");
    if !root.exists() {
        fs::create_dir(&root).map_err(RunError::io("create", &root))?;
        durable::sync_folder(folder.path())?;
    }
    // What a killed process left takes space. If it cannot be removed, the error of writing is the one to report.
    let _ = remove_all(&root, is_partial);
    let path = free_name(&root, checkpoint.step);
    let written = write_new(folder, checkpoint, &path, pointers);
    // Removal that fails now is retried at the next checkpoint.
    let is_named = |which| named(&root, which).is_ok_and(|named| named == path);
    if written.is_err() && !is_named(Which::Last) && !is_named(Which::Best) {
        let _ = remove(&path);
    }
    let _ = remove_unnamed(&root, checkpoint.keep.max(1), &path);
    // If the folder has gone meanwhile, that is the reason of any other error.
    written.map_err(|error| folder.check_place().err().unwrap_or(error))?;
    let weights = tensors::fingerprint(&checkpoint.model);
    Ok(Saved { step: checkpoint.step, path, best: pointers.contains(&Which::Best), weights })
}

/// Saves the best checkpoint also as `last`: training has ended, and its weights are those of the network. The checkpoint of the latest step
/// stays, so that training can go on from there.
///
/// # Errors
/// If there is no best checkpoint, or it cannot be written.
pub fn best_is_last(folder: &Folder) -> Result<LoadedCheckpoint, RunError> {
    let root = folder.path().join("checkpoints");
    let best = read(folder.path(), Which::Best)?;
    let mut done = Done::read(&best.path)?;
    (done.order, done.last) = (1 + highest_order(&root), true);
    let path = best.path.join(DONE);
    let content = done.encode().map_err(|what| RunError::unwritable(&path, what))?;
    durable::write(&path, &content)?;
    let name = format!("{}\n", file_name(&best.path));
    durable::write(&root.join(Which::Last.name()), name.as_bytes())?;
    Ok(best)
}

/// Writes the names of the last and the best checkpoint that a process was killed before it could write.
///
/// # Errors
/// If they cannot be written.
pub fn name_again(folder: &Folder) -> Result<(), RunError> {
    let root = folder.path().join("checkpoints");
    for which in [Which::Last, Which::Best] {
        // Without one, or with a file that is damaged, there is nothing to write.
        let Ok(path) = resolve(&root, which) else { continue };
        if !named(&root, which).is_ok_and(|named| named == path) {
            durable::write(&root.join(which.name()), format!("{}\n", file_name(&path)).as_bytes())?;
        }
    }
    Ok(())
}

/// Notes in all checkpoints that files of the run folder on which predictions depend were written again.
///
/// # Errors
/// If a `DONE` cannot be written.
pub fn update_run_files(folder: &Folder) -> Result<(), RunError> {
    let run_files = folder.checksums();
    for (path, done) in complete(&folder.path().join("checkpoints")) {
        if done.run_files == run_files {
            continue;
        }
        let path = path.join(DONE);
        let done = Done { run_files: run_files.clone(), ..done };
        let content = done.encode().map_err(|what| RunError::unwritable(&path, what))?;
        durable::write(&path, &content)?;
    }
    Ok(())
}

/// The complete checkpoints of the run folder `run` with their steps, the latest step first; of several of one step, the one that was saved
/// last.
pub fn by_step(run: &Path) -> Vec<(u64, PathBuf)> {
    let mut all: Vec<(u64, u64, PathBuf)> =
        complete(&run.join("checkpoints")).map(|(path, done)| (done.step, done.order, path)).collect();
    all.small_sort_by(|a, b| b.cmp(a));
    all.into_iter().map(|(step, _, path)| (step, path)).collect()
}

/// Whether the run folder `run` is that of an imported network: its latest checkpoint has weights, and no state of a training.
pub fn is_imported(run: &Path) -> bool {
    let read = |(_, path): (u64, PathBuf)| {
        let state = Done::read(&path).ok()?.file(&path, STATE).ok()?.read(&path).ok()?;
        serde_json::from_slice::<serde_json::Value>(&state).ok()
    };
    by_step(run).into_iter().find_map(read).is_some_and(|state| state.is_null())
}

/// Writes a checkpoint to `path`, and then its name to `pointers`.
fn write_new(
    folder: &Folder,
    checkpoint: &Checkpoint<'_>,
    path: &Path,
    pointers: &[Which],
) -> Result<(), RunError> {
    let root = path.parent().unwrap_or(path);
    let temporary = durable::beside(path);
    fs::create_dir(&temporary).map_err(RunError::io("create", &temporary))?;
    let done = Done {
        step: checkpoint.step,
        files: Vec::new(),
        run_files: folder.checksums(),
        order: 1 + highest_order(root),
        last: pointers.contains(&Which::Last),
        best: pointers.contains(&Which::Best),
        undo: pointers.is_empty(),
    };
    write_files(&temporary, checkpoint, done)?;
    durable::rename(&temporary, path)?;
    let name = format!("{}\n", path.file_name().unwrap_or_default().display());
    Ok(pointers.iter().try_for_each(|pointer| durable::write(&root.join(pointer.name()), name.as_bytes()))?)
}

/// Reads a checkpoint of the run folder `run`; each file is verified by length and checksum. One that is replaced by a later one
/// meanwhile is looked up again.
///
/// # Errors
/// [`RunError::Damaged`] with the file and the cause: no such checkpoint, incomplete, modified, or unreadable.
pub fn read(run: &Path, which: Which) -> Result<LoadedCheckpoint, RunError> {
    let root = run.join("checkpoints");
    let (mut replaced, mut unreadable) = (0, 0);
    loop {
        let path = resolve(&root, which)?;
        let error = match read_from(&path) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(error) => error,
        };
        if replaced < REPLACED && resolve(&root, which)? != path {
            replaced += 1;
        } else if unreadable < UNREADABLE {
            unreadable += 1;
            thread::sleep(PAUSE);
        } else {
            return Err(error);
        }
    }
}

/// Reads the checkpoint in the folder `path`; each file is verified by length and checksum.
///
/// # Errors
/// As [`read()`].
pub fn read_from(path: &Path) -> Result<LoadedCheckpoint, RunError> {
    let done = Done::read(path)?;
    let file = |name| done.file(path, name)?.read(path);
    let tensors = |name| {
        let bytes = file(name)?;
        tensors::decode(&bytes).map_err(|what| RunError::damaged(&path.join(name), what))
    };
    let state = serde_json::from_slice(&file(STATE)?)
        .map_err(|error| RunError::damaged(&path.join(STATE), error.to_string()))?;
    let (model, optimizer) = (tensors(MODEL)?, tensors(OPTIMIZER)?);
    let has_carried = done.files.iter().any(|file| file.name == CARRIED);
    let carried = if has_carried { tensors(CARRIED)? } else { Vec::new() };
    let path = path.to_owned();
    Ok(LoadedCheckpoint {
        step: done.step,
        model,
        optimizer,
        carried,
        state,
        run_files: done.run_files,
        path,
    })
}

fn write_files(dir: &Path, checkpoint: &Checkpoint<'_>, mut done: Done) -> Result<(), RunError> {
    let mut put = |name: &str, content: Result<Vec<u8>, String>| {
        let path = dir.join(name);
        let content = content.map_err(|what| RunError::unwritable(&path, what))?;
        done.files.push(Checksum::of(name, &content));
        Ok::<_, RunError>(durable::write_synced(&path, &content)?)
    };
    put(MODEL, tensors::encode(&checkpoint.model))?;
    put(OPTIMIZER, tensors::encode(&checkpoint.optimizer))?;
    if !checkpoint.carried.is_empty() {
        put(CARRIED, tensors::encode(&checkpoint.carried))?;
    }
    put(STATE, serde_json::to_vec_pretty(&checkpoint.state).map_err(|error| error.to_string()))?;
    // The files' names are durable before DONE exists.
    durable::sync_folder(dir)?;
    let path = dir.join(DONE);
    let done = done.encode().map_err(|what| RunError::unwritable(&path, what))?;
    durable::write_synced(&path, &done)?;
    Ok(durable::sync_folder(dir)?)
}

/// Returns `step-N`, or `step-N-2` and so on if that exists.
fn free_name(root: &Path, step: u64) -> PathBuf {
    let mut path = root.join(format!("step-{step}"));
    let mut count = 1;
    while path.exists() {
        count += 1;
        path = root.join(format!("step-{step}-{count}"));
    }
    path
}

/// Returns the folder of the last or best checkpoint: that which the file `last` or `best` names, or a later complete one, whose name was
/// not written before a crash.
///
/// The file is a name without a checksum: that of another checkpoint is noticed by what that was saved as, and when.
fn resolve(root: &Path, which: Which) -> Result<PathBuf, RunError> {
    let saved_as = |done: &Done| match which {
        Which::Last => done.last,
        Which::Best => done.best,
    };
    let path = match named(root, which) {
        // The first was saved, and the process killed before it was named.
        Err(error) if !root.join(which.name()).exists() => {
            let saved = complete(root).filter(|(_, done)| done.order > 0 && saved_as(done));
            return saved.max_by_key(|(_, done)| done.order).map(|(path, _)| path).ok_or(error);
        }
        named => named?,
    };
    let Ok(done) = Done::read(&path) else { return Ok(path) };
    // Of an earlier version: nothing is known of it.
    if done.order == 0 {
        return Ok(path);
    }
    let named = if saved_as(&done) { Some((path.clone(), done)) } else { None };
    let latest = complete(root).filter(|(_, done)| saved_as(done)).chain(named);
    // Of two that are equal, the one that is named.
    let latest = latest.max_by_key(|(_, done)| done.order);
    let wrong =
        || RunError::damaged(&root.join(which.name()), "it names a checkpoint that was saved as another");
    latest.map(|(path, _)| path).ok_or_else(wrong)
}

/// Returns the folder that the file `last` or `best` names.
fn named(root: &Path, which: Which) -> Result<PathBuf, RunError> {
    let pointer = root.join(which.name());
    if !pointer.exists() {
        return Err(RunError::damaged(root, format!("no checkpoint is saved as `{}`", which.name())));
    }
    let content = durable::read_regular(&pointer).map_err(RunError::io("read", &pointer))?;
    let name = std::str::from_utf8(&content).unwrap_or_default().trim_end();
    // Only a sibling folder is allowed: the file may have been tampered with.
    match is_name(name) {
        true => Ok(root.join(name)),
        false => Err(RunError::damaged(&pointer, "it does not name a checkpoint such as `step-100`")),
    }
}

/// Whether `name` is that of a checkpoint's folder, such as `step-100`.
fn is_name(name: &str) -> bool {
    name.strip_prefix("step-").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_digit() || c == '-')
    })
}

/// The complete checkpoints. What cannot be read is not one of them.
fn complete(root: &Path) -> impl Iterator<Item = (PathBuf, Done)> {
    let paths = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| file_name(path).starts_with("step-"));
    paths.filter_map(|path| Done::read(&path).ok().map(|done| (path, done)))
}

fn highest_order(root: &Path) -> u64 {
    complete(root).map(|(_, done)| done.order).max().unwrap_or(0)
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Whether it is a checkpoint whose writing has not ended.
fn is_partial(path: &Path) -> bool {
    file_name(path).starts_with(".step-")
}

/// Removes the checkpoints that nothing names and that are not of the `latest` steps, and incomplete ones left by a crash; but not `new`.
fn remove_unnamed(root: &Path, latest: usize, new: &Path) -> Result<(), RunError> {
    let pointers = [Which::Last, Which::Best].into_iter().filter(|which| root.join(which.name()).exists());
    // A pointer that cannot be read may name any of them: then all complete ones stay.
    let named = pointers.map(|which| named(root, which)).collect::<Result<Vec<_>, _>>();
    let (Ok(named), Ok(of_changes)) = (named, undo::names(root)) else {
        return remove_all(root, is_partial);
    };
    let mut protected = named;
    protected.extend(of_changes.into_iter().map(|name| root.join(name)));
    protected.push(new.to_owned());
    let saved = complete(root).filter(|(_, done)| !done.undo);
    let mut by_step: Vec<(u64, u64, PathBuf)> =
        saved.map(|(path, done)| (done.step, done.order, path)).collect();
    by_step.small_sort_by(|a, b| b.cmp(a));
    // Of several of one step, the one that was saved last.
    by_step.dedup_by_key(|(step, ..)| *step);
    protected.extend(by_step.into_iter().take(latest).map(|(.., path)| path));
    remove_all(root, |path| {
        is_partial(path)
            || file_name(path).starts_with("step-") && !protected.iter().any(|protected| protected == path)
    })
}

/// Removes the checkpoints that `selects` selects.
fn remove_all(root: &Path, selects: impl Fn(&Path) -> bool) -> Result<(), RunError> {
    let entries = fs::read_dir(root).map_err(RunError::io("read", root))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| selects(path))
        .try_for_each(|path| remove(&path))
}

/// Removes a checkpoint's folder if it exists. `DONE` is removed first: a partial checkpoint is never mistaken for a complete one.
fn remove(path: &Path) -> Result<(), RunError> {
    if !path.exists() {
        return Ok(());
    }
    let done = path.join(DONE);
    if done.exists() {
        fs::remove_file(&done).map_err(RunError::io("remove", &done))?;
    }
    fs::remove_dir_all(path).map_err(RunError::io("remove", path))
}
