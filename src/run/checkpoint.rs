//! Checkpoints: weights, optimizer slots and training state, either complete or absent.
//!
//! ```text
//! checkpoints/step-N/   model.safetensors  optimizer.safetensors  state.json  DONE
//! checkpoints/last      the name of one of these folders and a newline; likewise checkpoints/best
//! ```
//!
//! A checkpoint is written under a hidden temporary name, each file synced and `DONE` last, then renamed; then `last`
//! and `best` are replaced, and only then are the checkpoints removed that neither names. So a crash at any moment
//! leaves either the previous checkpoint in use or the new one. A second checkpoint of the same step is `step-N-2`: the
//! first stays until nothing names it.

mod tensors;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Folder, RunError};
use crate::durable;
use crate::protocol::Saved;
pub use tensors::{NamedTensor, Tensor};

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
const DONE: &str = "DONE";

/// A checkpoint to save.
#[derive(Debug, Clone)]
pub struct Checkpoint<'a> {
    /// Optimizer updates made.
    pub step: u64,
    /// The weights by their names, `1.recurrent_kernel`. The bytes of their file depend on nothing else.
    pub model: Vec<NamedTensor<'a>>,
    /// The optimizer's slots (moments).
    pub optimizer: Vec<NamedTensor<'a>>,
    /// The remaining training state: generators, position in the epoch, schedules. JSON has no NaN.
    pub state: serde_json::Value,
    /// Whether it is the best so far by the monitored metric.
    pub best: bool,
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
    /// The remaining training state.
    pub state: serde_json::Value,
}

/// The content of `DONE`.
#[derive(Serialize, Deserialize)]
struct Done {
    step: u64,
    files: Vec<DoneFile>,
}

#[derive(Serialize, Deserialize)]
struct DoneFile {
    name: String,
    bytes: u64,
    crc32: u32,
}

/// Saves a checkpoint as `last`, and also as `best` if [`Checkpoint::best`]. Earlier ones that are now neither are removed.
///
/// # Errors
/// If writing fails, or a tensor's values do not fit its shape; earlier checkpoints then stay unchanged.
pub fn write(folder: &Folder, checkpoint: &Checkpoint<'_>) -> Result<Saved, RunError> {
    let root = folder.path().join("checkpoints");
    if !root.exists() {
        fs::create_dir(&root).map_err(RunError::io("create", &root))?;
        durable::sync_folder(folder.path())?;
    }
    let path = free_name(&root, checkpoint.step);
    let temporary = durable::beside(&path);
    remove(&temporary)?;
    fs::create_dir(&temporary).map_err(RunError::io("create", &temporary))?;
    write_files(&temporary, checkpoint)?;
    durable::rename(&temporary, &path)?;
    let name = format!("{}\n", path.file_name().unwrap_or_default().display());
    durable::write(&root.join(Which::Last.name()), name.as_bytes())?;
    if checkpoint.best {
        durable::write(&root.join(Which::Best.name()), name.as_bytes())?;
    }
    // The new one is complete and in use: removal that fails now is retried after the next.
    let _ = remove_unnamed(&root);
    Ok(Saved { step: checkpoint.step, path, best: checkpoint.best })
}

/// Reads a checkpoint of the run folder `run`; each file is verified by length and checksum.
///
/// # Errors
/// [`RunError::Damaged`] with the file and the cause: no such checkpoint, incomplete, modified, or unreadable.
pub fn read(run: &Path, which: Which) -> Result<LoadedCheckpoint, RunError> {
    let path = resolve(&run.join("checkpoints"), which)?;
    let done_path = path.join(DONE);
    if !done_path.exists() {
        return Err(RunError::damaged(&path, "the checkpoint is incomplete: it has no file DONE"));
    }
    let done: Done = serde_json::from_slice(&read_bytes(&done_path)?)
        .map_err(|error| RunError::damaged(&done_path, error.to_string()))?;
    let file = |name| read_verified(&path, &done, name);
    let tensors = |name| {
        let bytes = file(name)?;
        tensors::decode(&bytes).map_err(|what| RunError::damaged(&path.join(name), what))
    };
    let state = serde_json::from_slice(&file(STATE)?)
        .map_err(|error| RunError::damaged(&path.join(STATE), error.to_string()))?;
    let (model, optimizer) = (tensors(MODEL)?, tensors(OPTIMIZER)?);
    Ok(LoadedCheckpoint { step: done.step, model, optimizer, state, path })
}

fn write_files(dir: &Path, checkpoint: &Checkpoint<'_>) -> Result<(), RunError> {
    let mut done = Done { step: checkpoint.step, files: Vec::new() };
    let mut put = |name: &str, content: Result<Vec<u8>, String>| {
        let path = dir.join(name);
        let content = content.map_err(|what| RunError::unwritable(&path, what))?;
        let (bytes, crc32) = (content.len() as u64, crc32fast::hash(&content));
        done.files.push(DoneFile { name: name.into(), bytes, crc32 });
        Ok::<_, RunError>(durable::write_synced(&path, &content)?)
    };
    let json = |json: serde_json::Result<Vec<u8>>| json.map_err(|error| error.to_string());
    put(MODEL, tensors::encode(&checkpoint.model))?;
    put(OPTIMIZER, tensors::encode(&checkpoint.optimizer))?;
    put(STATE, json(serde_json::to_vec_pretty(&checkpoint.state)))?;
    // The files' names are durable before DONE exists.
    durable::sync_folder(dir)?;
    let path = dir.join(DONE);
    let done = json(serde_json::to_vec(&done)).map_err(|what| RunError::unwritable(&path, what))?;
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

/// Returns the folder that `last` or `best` names.
fn resolve(root: &Path, which: Which) -> Result<PathBuf, RunError> {
    let pointer = root.join(which.name());
    if !pointer.exists() {
        return Err(RunError::damaged(root, format!("no checkpoint is saved as `{}`", which.name())));
    }
    let content = read_bytes(&pointer)?;
    let name = std::str::from_utf8(&content).unwrap_or_default().trim_end();
    // Only a sibling folder is allowed: the file may have been tampered with.
    let plain = name.strip_prefix("step-").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_digit() || c == '-')
    });
    match plain {
        true => Ok(root.join(name)),
        false => Err(RunError::damaged(&pointer, "it does not name a checkpoint such as `step-100`")),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(RunError::io("read", path))
}

fn read_verified(dir: &Path, done: &Done, name: &str) -> Result<Vec<u8>, RunError> {
    let path = dir.join(name);
    let expected = done.files.iter().find(|file| file.name == name);
    let expected =
        expected.ok_or_else(|| RunError::damaged(&dir.join(DONE), format!("it does not list {name}")))?;
    let bytes = read_bytes(&path)?;
    if bytes.len() as u64 != expected.bytes {
        let what = format!("{} bytes were saved, but the file has {}", expected.bytes, bytes.len());
        return Err(RunError::damaged(&path, what));
    }
    match crc32fast::hash(&bytes) == expected.crc32 {
        true => Ok(bytes),
        false => Err(RunError::damaged(&path, "its checksum differs from the one that was saved")),
    }
}

/// Removes the checkpoints that nothing names, and incomplete ones left by a crash.
fn remove_unnamed(root: &Path) -> Result<(), RunError> {
    let pointers = [Which::Last, Which::Best].into_iter().filter(|which| root.join(which.name()).exists());
    // A pointer that cannot be read may name any of them: then all stay.
    let kept = pointers.map(|which| resolve(root, which)).collect::<Result<Vec<_>, _>>()?;
    for entry in fs::read_dir(root).map_err(RunError::io("read", root))?.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !kept.contains(&path) && (name.starts_with("step-") || name.starts_with(".step-")) {
            remove(&path)?;
        }
    }
    Ok(())
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
