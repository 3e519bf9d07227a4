use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::{CliError, CliResult, OutputFile};
use crate::durable::{self, FileError};

/// A folder to be written as a whole.
#[derive(Debug)]
pub(super) struct OutputFolder {
    path: PathBuf,
    /// Names and contents.
    files: Vec<(&'static str, Vec<u8>)>,
}

/// What Python adds when a module is imported.
const CACHE: &str = "__pycache__";

impl OutputFolder {
    /// That of these files at `path`.
    pub fn new(path: &Path, files: Vec<(&'static str, Vec<u8>)>) -> Self {
        // A path that ends in a slash has a name all the same.
        Self { path: path.components().collect(), files }
    }

    /// Checks that nothing is lost: the folder does not exist, is empty or has the same content; or it may be replaced and has no other
    /// files.
    ///
    /// # Errors
    /// With the file that would be lost.
    pub fn check(&self, force: bool) -> CliResult<()> {
        let path = &self.path;
        let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
        if !metadata.is_dir() {
            return Err(CliError::usage(format!("{} exists and is no folder", path.display())));
        }
        for name in self.names()? {
            let name = name.to_string_lossy();
            let known = self.files.iter().find(|(file, _)| *file == name);
            let content = || durable::read_regular(&path.join(&*name)).ok();
            match known {
                None if name == CACHE => {}
                None => {
                    let what = format!(
                        "{} has a file `{name}`, which export does not write; name a new folder",
                        path.display()
                    );
                    return Err(CliError::usage(what));
                }
                Some((_, new)) if !force && content().as_ref() != Some(new) => {
                    let file = path.join(&*name);
                    let what = format!("{} exists with another content; --force replaces it", file.display());
                    return Err(CliError::usage(what));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The names in the folder that exists.
    fn names(&self) -> CliResult<Vec<OsString>> {
        let fail = |error| FileError::at("read", &self.path)(error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            names.push(entry.map_err(fail)?.file_name());
        }
        names.sort();
        Ok(names)
    }

    /// Writes the folder beside, and puts it in its place; returns its files.
    ///
    /// # Errors
    /// If a file cannot be written; the folder is then as it was.
    pub fn write(self) -> CliResult<Vec<OutputFile>> {
        let beside = durable::beside(&self.path);
        let written = self.write_to(&beside).and_then(|()| self.put(&beside));
        if written.is_err() {
            // Best effort: the failure to report is the first one.
            let _ = fs::remove_dir_all(&beside);
        }
        written?;
        let Self { path, files } = self;
        Ok(files.into_iter().map(|(name, content)| (path.join(name), content)).collect())
    }

    fn write_to(&self, beside: &Path) -> CliResult<()> {
        if beside.symlink_metadata().is_ok() {
            // What a crash has left.
            fs::remove_dir_all(beside).map_err(FileError::at("remove", beside))?;
        }
        fs::create_dir_all(beside).map_err(FileError::at("create", beside))?;
        for (name, content) in &self.files {
            durable::write_synced(&beside.join(name), content)?;
        }
        Ok(durable::sync_folder(beside)?)
    }

    fn put(&self, beside: &Path) -> CliResult<()> {
        let old = beside.with_extension("old");
        let replaces = self.path.symlink_metadata().is_ok();
        if replaces {
            if old.symlink_metadata().is_ok() {
                fs::remove_dir_all(&old).map_err(FileError::at("remove", &old))?;
            }
            durable::rename(&self.path, &old)?;
        }
        if let Err(error) = durable::rename(beside, &self.path) {
            if replaces {
                let _ = durable::rename(&old, &self.path);
            }
            return Err(error.into());
        }
        if replaces {
            fs::remove_dir_all(&old).map_err(FileError::at("remove", &old))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, content: &str) -> OutputFolder {
        OutputFolder::new(path, vec![("a.py", content.into()), ("b.json", b"{}".to_vec())])
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_nothing_else_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("torch");
        let names = || {
            let all = fs::read_dir(dir.path()).unwrap();
            all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        folder(&path, "one").check(false).unwrap();
        let written = folder(&path, "one").write().unwrap();
        assert_eq!(written[0], (path.join("a.py"), b"one".to_vec()));
        // The same again, then another.
        folder(&path, "one").check(false).unwrap();
        let error = folder(&path, "two").check(false).unwrap_err().to_string();
        assert!(error.contains("a.py exists with another content; --force replaces it"), "{error}");
        fs::create_dir(path.join(CACHE)).unwrap();
        folder(&path, "two").check(true).unwrap();
        folder(&path, "two").write().unwrap();
        assert_eq!(
            (fs::read(path.join("a.py")).unwrap(), names()),
            (b"two".to_vec(), vec!["torch".to_owned()])
        );
        fs::write(path.join("mine.txt"), "notes").unwrap();
        let error = folder(&path, "three").check(true).unwrap_err().to_string();
        assert!(error.contains("has a file `mine.txt`, which export does not write"), "{error}");
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(folder(&file, "x").check(true).unwrap_err().to_string().ends_with("exists and is no folder"));
    }
}
