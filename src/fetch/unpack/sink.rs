//! Extraction of the entries of an archive, independent of its format.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::UnpackError;
use crate::durable::FileError;
use crate::fetch::{FetchError, FetchOptions, Part, Progress};
use crate::number::{bytes, count};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 16;
/// Maximum length of a name in messages.
const LONGEST: usize = 200;

/// Extracts files and folders, rejects all else, and enforces the limits.
pub(super) struct Sink<'a> {
    root: &'a Path,
    part: Part<'a>,
    options: &'a FetchOptions<'a>,
    progress: &'a mut dyn FnMut(Progress),
    chunk: Vec<u8>,
    /// Entries of the archive, extracted or not.
    entries: u64,
    /// Unpacked bytes.
    bytes: u64,
    /// Extracted files.
    files: u64,
    /// The folder created last: archives list files folder by folder.
    made: PathBuf,
}

impl<'a> Sink<'a> {
    pub fn new(
        root: &'a Path,
        part: Part<'a>,
        options: &'a FetchOptions<'a>,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        let (chunk, made) = (vec![0; CHUNK], PathBuf::new());
        Self { root, part, options, progress, chunk, entries: 0, bytes: 0, files: 0, made }
    }

    /// Returns the limit on all bytes of the archive.
    pub fn most(&self) -> u64 {
        self.part.limits.bytes
    }

    /// Creates a folder.
    pub fn folder(&mut self, name: &str) -> Result<(), UnpackError> {
        match self.target_path(name)? {
            Some(path) => self.make(&path),
            None => Ok(()),
        }
    }

    /// Extracts the file `name` of `size` bytes.
    pub fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), UnpackError> {
        let place = self.target_path(name)?;
        let limits = self.part.limits;
        if size > limits.file {
            let (size, most) = (bytes(size), bytes(limits.file));
            return Err(UnpackError::Archive(format!(
                "{} has {size}, and at most {most} may be",
                shown(name)
            )));
        }
        let Some(path) = place else { return self.copy(name, size, content, None) };
        if let Some(folder) = path.parent().filter(|_| path != self.root) {
            let folder = folder.to_owned();
            self.make(&folder)?;
        }
        let file = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(UnpackError::Archive(format!("{} is in it twice", shown(name))));
            }
            file => file.map_err(FileError::at("create", &path))?,
        };
        self.copy(name, size, content, Some((file, &path)))?;
        self.files += 1;
        (self.progress)(Progress::Unpacked { files: self.files, bytes: self.bytes });
        Ok(())
    }

    /// Returns the error for an entry that is neither file nor folder.
    pub fn refuse(&self, name: &str, what: &str) -> UnpackError {
        UnpackError::Archive(format!("{} is {what}, and only files and folders are taken", shown(name)))
    }

    /// Checks at the end that the selected part was found.
    pub fn end(&self) -> Result<(), UnpackError> {
        if self.files == 0 {
            return Err(UnpackError::Archive(format!("it holds no {}", self.part.within)));
        }
        Ok(())
    }

    /// Returns the target path of the entry `name`; `None` outside of the selected part.
    fn target_path(&mut self, name: &str) -> Result<Option<PathBuf>, UnpackError> {
        if self.options.stop.load(Ordering::Relaxed) {
            return Err(UnpackError::Disk(FetchError::Stopped));
        }
        self.entries += 1;
        if self.entries > self.part.limits.entries {
            return Err(UnpackError::Archive(format!(
                "it holds more than {} entries",
                count(self.part.limits.entries)
            )));
        }
        let steps =
            steps(name).ok_or_else(|| UnpackError::Archive(format!("{} leads elsewhere", shown(name))))?;
        let within: Vec<&str> = self.part.within.split('/').filter(|step| !step.is_empty()).collect();
        let Some(rest) = steps.strip_prefix(within.as_slice()) else { return Ok(None) };
        let left_out = |path: &&str| rest.starts_with(&path.split('/').collect::<Vec<_>>());
        if self.part.without.iter().any(left_out) {
            return Ok(None);
        }
        let mut path = self.root.to_owned();
        path.extend(rest);
        Ok(Some(path))
    }

    fn make(&mut self, folder: &Path) -> Result<(), UnpackError> {
        if self.made != folder {
            // Below the root are only folders created here, so this follows no link.
            fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
            self.made = folder.to_owned();
        }
        Ok(())
    }

    /// Copies exactly `size` bytes, or discards them.
    fn copy(
        &mut self,
        name: &str,
        size: u64,
        content: &mut dyn Read,
        to: Option<(File, &Path)>,
    ) -> Result<(), UnpackError> {
        let mut left = size;
        let mut to = to;
        loop {
            if self.options.stop.load(Ordering::Relaxed) {
                return Err(UnpackError::Disk(FetchError::Stopped));
            }
            let n = match content.read(&mut self.chunk) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(UnpackError::read(&error)),
            };
            self.bytes += n as u64;
            if self.bytes > self.part.limits.bytes {
                let most = bytes(self.part.limits.bytes);
                return Err(UnpackError::Archive(format!("more than {most} come out of it")));
            }
            match left.checked_sub(n as u64) {
                Some(rest) if n > 0 => left = rest,
                Some(0) => return Ok(()),
                _ => return Err(UnpackError::Archive(format!("{} is not as long as it says", shown(name)))),
            }
            if let Some((file, path)) = &mut to {
                let written = file.write_all(self.chunk.get(..n).unwrap_or_default());
                written.map_err(|error| UnpackError::Disk(FetchError::of_disk(error, path, left)))?;
            }
        }
    }
}

/// Splits `name` into its components; `None` if it is absolute, has `..` or control characters.
fn steps(name: &str) -> Option<Vec<&str>> {
    if name.starts_with('/') || name.chars().any(char::is_control) {
        return None;
    }
    let steps: Vec<&str> = name.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    (!steps.contains(&"..")).then_some(steps)
}

fn shown(name: &str) -> String {
    let short: String = name.chars().take(LONGEST).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn names_outside_of_the_root_are_rejected() {
        assert_eq!(steps("a/b.txt"), Some(vec!["a", "b.txt"]));
        assert_eq!(steps("./a//b/"), Some(vec!["a", "b"]));
        assert_eq!(steps("..a/b.."), Some(vec!["..a", "b.."]));
        for name in ["/a", "//a", "..", "a/../b", "a/..", "../a", "a\0b", "a\nb", "a/\u{1b}[2J"] {
            assert_eq!(steps(name), None, "{name:?}");
        }
    }
}
