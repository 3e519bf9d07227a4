//! The partial file of a download.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::FetchError;
use crate::durable::FileError;

/// `NAME.part`, and beside it `NAME.part.version` with its address and the server's validator (ETag or date). Locked while open, so that
/// only one process writes it.
#[derive(Debug)]
pub(super) struct Partial {
    pub path: PathBuf,
    file: fs::File,
    bytes: u64,
}

impl Partial {
    /// Opens an existing partial file or creates an empty one.
    ///
    /// # Errors
    /// [`FetchError::Busy`] if another process has locked it; otherwise an I/O error.
    pub fn open(path: PathBuf) -> Result<Self, FetchError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // Never write through a symbolic link, never wait for the reader of a pipe.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(&path)
            .map_err(FileError::at("write", &path))?;
        if !file.metadata().map_err(FileError::at("read", &path))?.is_file() {
            return Err(FetchError::NoFile(path));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(FileError::at("lock", &path)(error).into()),
        }
        // The previous owner may just have renamed it to the target: then it must not be written.
        let same_file = |file: &fs::File| Ok(file.metadata()?.ino() == fs::symlink_metadata(&path)?.ino());
        if !same_file(&file).map_err(FileError::at("read", &path))? {
            return Err(FetchError::Busy(path));
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(FileError::at("read", &path))?;
        Ok(Self { path, file, bytes })
    }

    /// Returns the number of bytes present.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends bytes, unbuffered, so that they survive a kill of the program.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Empties it, to download `version` of the file from the start.
    ///
    /// # Errors
    /// An I/O error.
    pub fn restart(&mut self, address: &str, version: Option<&str>) -> Result<(), FileError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(FileError::at("write", &self.path))?;
        self.bytes = 0;
        let version_file = version_path(&self.path);
        match version {
            Some(version) => replace(&version_file, &format!("{address}\n{version}\n")),
            None => ignore_missing(fs::remove_file(&version_file)),
        }
        .map_err(FileError::at("write", &version_file))
    }

    /// Returns the validator of the bytes present, if they came from `address`.
    pub fn version(&self, address: &str) -> Option<String> {
        let path = version_path(&self.path);
        // Only what this program has written: no link, no pipe.
        fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.lines();
        (lines.next()? == address).then(|| lines.next().map(str::to_owned))?
    }

    /// Rewinds the file, for reading.
    ///
    /// # Errors
    /// An I/O error.
    pub fn rewound(&mut self) -> Result<&mut fs::File, FileError> {
        self.file.seek(SeekFrom::Start(0)).map_err(FileError::at("read", &self.path))?;
        Ok(&mut self.file)
    }

    /// Removes it.
    ///
    /// # Errors
    /// An I/O error.
    pub fn discard(self) -> Result<(), FileError> {
        ignore_missing(fs::remove_file(&self.path)).map_err(FileError::at("remove", &self.path))?;
        self.remove_version();
        Ok(())
    }

    /// Syncs it and moves it by `rename`.
    ///
    /// # Errors
    /// An I/O error.
    pub fn become_file(self, rename: impl FnOnce(&Path) -> Result<(), FileError>) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::at("sync", &self.path))?;
        rename(&self.path)?;
        self.remove_version();
        Ok(())
    }

    /// Removes the version file. Best effort: without the partial file it has no effect.
    fn remove_version(self) {
        let _ = fs::remove_file(version_path(&self.path));
    }
}

fn version_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".version");
    name.into()
}

/// Replaces the file at `path`, or the link there but not its destination.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    ignore_missing(fs::remove_file(path))?;
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Ignores the error that a file to remove does not exist.
fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
