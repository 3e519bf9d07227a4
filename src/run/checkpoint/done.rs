//! `DONE`: the last file of a checkpoint, with the checksums of all others and of itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::run::RunError;
use crate::run::checksum::Checksum;

/// The name of the file.
pub(super) const DONE: &str = "DONE";
/// Begins the last field: the CRC-32 of all bytes before it.
const OWN_CHECKSUM: &str = ",\"crc32\":";

/// The content of `DONE`. Checkpoints of earlier versions have `step` and `files` only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    pub step: u64,
    pub files: Vec<Checksum>,
    /// The files of the run folder on which predictions depend.
    #[serde(default)]
    pub run_files: Vec<Checksum>,
    /// Increases with every checkpoint of a run; 0 if unknown.
    #[serde(default)]
    pub order: u64,
    /// What it was saved as.
    #[serde(default)]
    pub last: bool,
    #[serde(default)]
    pub best: bool,
    /// Whether it was saved only so that a change can be undone.
    #[serde(default)]
    pub undo: bool,
}

impl Done {
    /// The content of the file.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut json = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        json.pop();
        let crc32 = crc32fast::hash(&json);
        json.extend_from_slice(format!("{OWN_CHECKSUM}{crc32}}}").as_bytes());
        Ok(json)
    }

    /// Reads and verifies the file in the folder `dir` of a checkpoint.
    ///
    /// # Errors
    /// If it is missing, which means that the checkpoint is incomplete, or damaged.
    pub fn read(dir: &Path) -> Result<Self, RunError> {
        let path = dir.join(DONE);
        if !path.exists() {
            return Err(RunError::damaged(dir, "the checkpoint is incomplete: it has no file DONE"));
        }
        let bytes = durable::read_regular(&path).map_err(RunError::io("read", &path))?;
        let done: Self =
            serde_json::from_slice(&bytes).map_err(|error| RunError::damaged(&path, error.to_string()))?;
        let own = bytes.windows(OWN_CHECKSUM.len()).rposition(|part| part == OWN_CHECKSUM.as_bytes());
        let own = own.filter(|at| {
            // The checksums of files have the same key, and are not the last field.
            bytes.get(at + OWN_CHECKSUM.len()..).is_some_and(|rest| !rest.contains(&b']'))
        });
        let Some((content, checksum)) = own.and_then(|at| bytes.split_at_checked(at)) else {
            return Ok(done);
        };
        let expected = format!("{OWN_CHECKSUM}{}}}", crc32fast::hash(content));
        match checksum == expected.as_bytes() {
            true => Ok(done),
            false => Err(RunError::damaged(&path, "its checksum differs from the one that was saved")),
        }
    }

    /// The checksum of the file `name` of the checkpoint in `dir`.
    pub fn file(&self, dir: &Path, name: &str) -> Result<&Checksum, RunError> {
        let found = self.files.iter().find(|file| file.name == name);
        found.ok_or_else(|| RunError::damaged(&dir.join(DONE), format!("it does not list {name}")))
    }
}
