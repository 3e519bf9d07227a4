use std::fmt;
use std::path::PathBuf;

use super::fixed::is_fixed;
use crate::preset::{Difference, RunSpec};

/// Settings named in a message.
const NAMED: usize = 5;

/// What a user has edited in the `spec.yaml` of a run. Comments, and paths of data, which may have moved, are no edits.
#[derive(Debug, Clone, PartialEq)]
pub struct EditedSpec {
    /// The file.
    pub path: PathBuf,
    /// The spec with which the run was trained.
    pub trained: RunSpec,
    /// The settings that are others in the file, at least one.
    pub edits: Vec<Difference>,
}

impl fmt::Display for EditedSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was edited since the run was trained: ", self.path.display())?;
        for (i, edit) in self.edits.iter().take(NAMED).enumerate() {
            let [old, new] = edit.values();
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{} is {new}, and the run was trained with {old}", edit.setting)?;
        }
        if let Some(more @ 1..) = self.edits.len().checked_sub(NAMED) {
            write!(f, ", and {more} more")?;
        }
        let (fixed, free): (Vec<&Difference>, Vec<&Difference>) =
            self.edits.iter().take(NAMED).partition(|edit| is_fixed(&edit.setting));
        write!(f, "; put the old value back")?;
        if !free.is_empty() {
            let set: Vec<String> = free.iter().map(|edit| format!("--set {}", edit.as_set())).collect();
            let set = set.join(" ");
            write!(f, ", and change it from here on by {set} of `unrolled resume` or `unrolled branch`")?;
        }
        match fixed.first() {
            Some(edit) => write!(f, "; {} cannot be changed while training", edit.setting),
            None => Ok(()),
        }
    }
}
