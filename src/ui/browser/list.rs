//! What is in a folder.

use std::path::{Path, PathBuf};

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Foreign.
    pub name: String,
    pub path: PathBuf,
    pub is_folder: bool,
    /// Bytes of a file, where the system tells.
    pub size: Option<u64>,
}

impl Row {
    /// Whether it leads to the folder above.
    pub fn is_parent(&self) -> bool {
        self.name == ".."
    }

    /// Whether it is one that people do not want to see as a rule.
    pub fn is_hidden(&self) -> bool {
        self.name.starts_with('.') && !self.is_parent()
    }
}

/// What is in `folder`: the folder above, folders, then files, each by name, upper and lower case alike.
pub(super) fn read(folder: &Path) -> Result<Vec<Row>, String> {
    let entries = folder.read_dir().map_err(|error| error.to_string())?;
    let row = |entry: std::fs::DirEntry| {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        // A link is what it leads to; one that leads nowhere is a file without a size.
        let kind = path.metadata().ok();
        let is_folder = kind.as_ref().is_some_and(std::fs::Metadata::is_dir);
        let size = kind.filter(std::fs::Metadata::is_file).map(|kind| kind.len());
        Row { name, path, is_folder, size }
    };
    let mut rows: Vec<Row> = entries.filter_map(|entry| entry.ok().map(row)).collect();
    rows.sort_by_cached_key(|row| (!row.is_folder, row.name.to_lowercase(), row.name.clone()));
    if let Some(above) = folder.parent() {
        rows.insert(0, Row { name: "..".into(), path: above.into(), is_folder: true, size: None });
    }
    Ok(rows)
}
