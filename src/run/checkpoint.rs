//! Checkpoints: the weights and all that goes on from them, complete or not there.
//!
//! ```text
//! checkpoints/step-N/   model.safetensors  optimizer.safetensors  state.json  DONE
//! checkpoints/last      the name of one of these folders, and a line end; likewise checkpoints/best
//! ```
//!
//! A checkpoint is written beside, under a hidden name, each file synced and `DONE` last; it takes its name by a
//! rename; then `last` and `best` are replaced, and only then is removed what neither names. So a crash at any moment
//! leaves the checkpoint before it in use, or the new one. A second checkpoint of the same step is `step-N-2`: the
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

/// What is to be saved.
#[derive(Debug, Clone)]
pub struct Checkpoint<'a> {
    /// Optimizer updates made.
    pub step: u64,
    /// The weights by their names, `1.recurrent_kernel`. The bytes of their file depend on nothing else.
    pub model: Vec<NamedTensor<'a>>,
    /// The optimizer's moments.
    pub optimizer: Vec<NamedTensor<'a>>,
    /// All else that training goes on from: generators, position in the epoch, schedules. JSON has no NaN.
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

/// A checkpoint read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Its folder.
    pub path: PathBuf,
    /// Optimizer updates made.
    pub step: u64,
    /// The weights, by name in order of the alphabet.
    pub model: Vec<Tensor>,
    /// The optimizer's moments, likewise.
    pub optimizer: Vec<Tensor>,
    /// All else.
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

/// Saves a checkpoint; it is the last, and also the best if it says so. Earlier ones that are now neither are removed.
///
/// # Errors
/// If the disk refuses, or a tensor's values do not fit its shape: the checkpoints before stay as they were.
pub fn write(folder: &Folder, checkpoint: &Checkpoint<'_>) -> Result<Saved, RunError> {
    let root = folder.path().join("checkpoints");
    if !root.exists() {
        fs::create_dir(&root).map_err(RunError::io("create", &root))?;
        durable::sync_folder(folder.path())?;
    }
    let path = free_name(&root, checkpoint.step);
    let beside = durable::beside(&path);
    remove(&beside)?;
    fs::create_dir(&beside).map_err(RunError::io("create", &beside))?;
    write_files(&beside, checkpoint)?;
    durable::rename(&beside, &path)?;
    let name = format!("{}\n", path.file_name().unwrap_or_default().display());
    durable::write(&root.join(Which::Last.name()), name.as_bytes())?;
    if checkpoint.best {
        durable::write(&root.join(Which::Best.name()), name.as_bytes())?;
    }
    // The new one is complete and in use: what cannot be removed now is tried again after the next.
    let _ = remove_unnamed(&root);
    Ok(Saved { step: checkpoint.step, path, best: checkpoint.best })
}

/// Reads a checkpoint of the run folder `run`, each file verified by length and checksum.
///
/// # Errors
/// [`RunError::Damaged`] with the file and what is wrong: no such checkpoint, not complete, changed since, not readable.
pub fn read(run: &Path, which: Which) -> Result<Loaded, RunError> {
    let path = named(&run.join("checkpoints"), which)?;
    let done_path = path.join(DONE);
    if !done_path.exists() {
        return Err(RunError::damaged(&path, "the checkpoint is not complete: it has no file DONE"));
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
    Ok(Loaded { step: done.step, model, optimizer, state, path })
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
    // The files have their names before DONE says that they are there.
    durable::sync_folder(dir)?;
    let path = dir.join(DONE);
    let done = json(serde_json::to_vec(&done)).map_err(|what| RunError::unwritable(&path, what))?;
    durable::write_synced(&path, &done)?;
    Ok(durable::sync_folder(dir)?)
}

/// `step-N`, or where that is taken `step-N-2` and so on.
fn free_name(root: &Path, step: u64) -> PathBuf {
    let mut path = root.join(format!("step-{step}"));
    let mut count = 1;
    while path.exists() {
        count += 1;
        path = root.join(format!("step-{step}-{count}"));
    }
    path
}

/// The folder that `last` or `best` names.
fn named(root: &Path, which: Which) -> Result<PathBuf, RunError> {
    let pointer = root.join(which.name());
    if !pointer.exists() {
        return Err(RunError::damaged(root, format!("no checkpoint is saved as `{}`", which.name())));
    }
    let content = read_bytes(&pointer)?;
    let name = std::str::from_utf8(&content).unwrap_or_default().trim_end();
    // Only a folder beside it: the file may have been tampered with.
    let plain = name.strip_prefix("step-").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_digit() || c == '-')
    });
    match plain {
        true => Ok(root.join(name)),
        false => Err(RunError::damaged(&pointer, "it does not name a checkpoint, as `step-100` would")),
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
        let what = format!("{} bytes were saved, {} are there", expected.bytes, bytes.len());
        return Err(RunError::damaged(&path, what));
    }
    match crc32fast::hash(&bytes) == expected.crc32 {
        true => Ok(bytes),
        false => Err(RunError::damaged(&path, "its checksum is not the one that was saved")),
    }
}

/// Removes the checkpoints that nothing names, and what a crash left of those that never were complete.
fn remove_unnamed(root: &Path) -> Result<(), RunError> {
    let named_ones = [Which::Last, Which::Best].into_iter().filter(|which| root.join(which.name()).exists());
    // A name that cannot be read may stand for any of them: then all stay.
    let kept = named_ones.map(|which| named(root, which)).collect::<Result<Vec<_>, _>>()?;
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

/// Removes a checkpoint's folder if it is there. `DONE` goes first: half a checkpoint is never taken for a whole one.
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
