//! Checkpoints to which training can go back: those before a change.
//!
//! `checkpoints/undo` has their names, the earliest first, and the names of those that were the best at that time, a line each. Nothing
//! that it names is removed. Such a checkpoint is neither the last nor the best, unless it was already saved as that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::done::{DONE, Done};
use super::{Checkpoint, LoadedCheckpoint, Which};
use super::{complete, file_name, is_name, named, read_from, remove, write_as};
use crate::durable;
use crate::protocol::Saved;
use crate::run::{Folder, RunError};
use crate::sort::SmallSort as _;

/// The file with the names.
const UNDO: &str = "undo";

/// A checkpoint to which training can go back, and what was the best at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoPoint {
    /// The name of the checkpoint's folder.
    pub checkpoint: String,
    /// The name of the folder of the best checkpoint at that time.
    pub best: Option<String>,
}

/// Saves a checkpoint as neither the last nor the best.
///
/// # Errors
/// As [`write`](super::write()).
pub fn write(folder: &Folder, checkpoint: &Checkpoint<'_>) -> Result<Saved, RunError> {
    write_as(folder, checkpoint, &[])
}

/// The point of the checkpoint in the folder `path`, now that it is saved.
pub fn point_of(path: &Path) -> UndoPoint {
    let best = path.parent().and_then(|root| named(root, Which::Best).ok());
    UndoPoint {
        checkpoint: file_name(path).into_owned(),
        best: best.map(|path| file_name(&path).into_owned()),
    }
}

/// Protects the checkpoints of `all` from being removed, and no others.
///
/// # Errors
/// If their names cannot be written.
pub fn protect<'a>(folder: &Folder, all: impl Iterator<Item = &'a UndoPoint>) -> Result<(), RunError> {
    let mut seen = BTreeSet::new();
    let names = all.flat_map(|point| [Some(&point.checkpoint), point.best.as_ref()]).flatten();
    let lines: String = names.filter(|name| seen.insert(*name)).map(|name| format!("{name}\n")).collect();
    let path = folder.path().join("checkpoints").join(UNDO);
    if lines.is_empty() && !path.exists() {
        return Ok(());
    }
    Ok(durable::write(&path, lines.as_bytes())?)
}

/// Whether the run folder `run` has the complete checkpoint of `point`.
pub fn exists(run: &Path, point: &UndoPoint) -> bool {
    is_name(&point.checkpoint)
        && Done::read(&run.join("checkpoints").join(&point.checkpoint)).is_ok_and(|done| done.order > 0)
}

/// Reads the checkpoint of `point`.
///
/// # Errors
/// As [`read_from`].
pub fn read(run: &Path, point: &UndoPoint) -> Result<LoadedCheckpoint, RunError> {
    let root = run.join("checkpoints");
    match is_name(&point.checkpoint) {
        true => read_from(&root.join(&point.checkpoint)),
        false => Err(RunError::damaged(&root, format!("`{}` is no name of a checkpoint", point.checkpoint))),
    }
}

/// Makes the checkpoint of `point` the last one, and what was the best at that time the best, once [`remove_later`] has removed those
/// that were saved later: until then the latest of them is the last.
///
/// # Errors
/// If that cannot be written.
pub fn go_back(folder: &Folder, point: &UndoPoint) -> Result<(), RunError> {
    folder.check_place()?;
    let root = folder.path().join("checkpoints");
    let path = root.join(&point.checkpoint);
    let mut done = Done::read(&path)?;
    (done.last, done.undo) = (true, false);
    let content = done.encode().map_err(|what| RunError::unwritable(&path.join(DONE), what))?;
    durable::write(&path.join(DONE), &content)?;
    let name_as = |which: Which, name: &str| {
        Ok::<_, RunError>(durable::write(&root.join(which.name()), format!("{name}\n").as_bytes())?)
    };
    name_as(Which::Last, &point.checkpoint)?;
    match best_of(&root, point) {
        Some(name) => name_as(Which::Best, name)?,
        None => drop(fs::remove_file(root.join(Which::Best.name()))),
    }
    Ok(())
}

/// The name of what was the best at the time of `point`, if it is still there.
fn best_of<'a>(root: &Path, point: &'a UndoPoint) -> Option<&'a String> {
    point.best.as_ref().filter(|name| is_name(name) && Done::read(&root.join(name)).is_ok())
}

/// Removes the checkpoints that were saved after that of `point`, except for what was the best at that time.
///
/// # Errors
/// If one cannot be removed; the others are removed all the same.
pub fn remove_later(folder: &Folder, point: &UndoPoint) -> Result<(), RunError> {
    let root = folder.path().join("checkpoints");
    let order = Done::read(&root.join(&point.checkpoint))?.order;
    let best = best_of(&root, point);
    let mut later: Vec<(u64, PathBuf)> = complete(&root)
        .filter(|(path, done)| done.order > order && best.is_none_or(|best| file_name(path) != *best))
        .map(|(path, done)| (done.order, path))
        .collect();
    // The latest first: whatever is left, training resumes from one of the same history.
    later.small_sort_by(|a, b| b.cmp(a));
    let removed = later.iter().map(|(_, path)| remove(path));
    removed.fold(Ok(()), Result::and)
}

/// The names of the file; none without one.
///
/// # Errors
/// If it cannot be read: it may name any checkpoint.
pub(super) fn names(root: &Path) -> io::Result<Vec<String>> {
    let content = match durable::read_regular(&root.join(UNDO)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        content => content?,
    };
    let text = String::from_utf8_lossy(&content);
    Ok(text.lines().filter(|name| is_name(name)).map(ToOwned::to_owned).collect())
}
