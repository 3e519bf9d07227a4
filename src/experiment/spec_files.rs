//! The specs of a run whose settings were changed while it went on.

use std::path::{Path, PathBuf};

use crate::run::RunError;

/// The files `spec-until-STEP.yaml` of the run in the folder `run`, in the order of their steps.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn specs_until(run: &Path) -> Result<Vec<(u64, PathBuf)>, RunError> {
    let entries =
        run.read_dir().map_err(|source| RunError::Io { action: "read", path: run.to_owned(), source })?;
    let until = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("spec-until-")?.strip_suffix(".yaml")?.parse::<u64>().ok()
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut all: Vec<(u64, PathBuf)> = paths.filter_map(|path| Some((until(&path)?, path))).collect();
    all.sort();
    Ok(all)
}
