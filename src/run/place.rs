use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::RunError;

/// Checks that the open file or folder is that at `path`.
///
/// # Errors
/// [`RunError::Moved`] if nothing or another one is there; also if that cannot be known.
pub(super) fn is_at(open: &File, path: &Path) -> Result<(), RunError> {
    let known = |file: io::Result<fs::Metadata>| file.map(|data| (data.dev(), data.ino()));
    let ours = known(open.metadata()).map_err(RunError::io("look at", path))?;
    match known(fs::metadata(path)) {
        Ok(found) if found == ours => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RunError::io("look at", path)(error)),
        _ => Err(RunError::Moved(path.to_owned())),
    }
}
