use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Owner, OwnerGuard};
use crate::run::{RunError, folder};

/// A folder of this process among those of others that do the same work: [`is_live`](super::is_live) says whether the process of one is
/// alive. It is removed when this is dropped.
#[derive(Debug)]
pub struct Membership {
    folder: PathBuf,
    name: String,
    /// `None` while it is dropped.
    guard: Option<Arc<OwnerGuard>>,
}

/// Makes a folder for this process in `members`.
///
/// # Errors
/// If it cannot be created.
pub fn join(members: &Path) -> Result<Membership, RunError> {
    let Owner { host, pid, process_start, .. } = Owner::this_process(None);
    let base = format!("{host}-{pid}-{}", process_start.unwrap_or_default()).replace('/', "-");
    let mut count = 1;
    loop {
        let name = if count == 1 { base.clone() } else { format!("{base}-{count}") };
        let path = members.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => {
                let (guard, _) = folder::claim(&path)?;
                return Ok(Membership { folder: path, name, guard: Some(guard) });
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => count += 1,
            Err(source) => return Err(RunError::Io { action: "create", path, source }),
        }
    }
}

impl Membership {
    /// The name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.guard = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
