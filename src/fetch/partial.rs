//! What has come of a download so far.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::FetchError;
use crate::durable::FileError;

/// `NAME.part`, and beside it `NAME.part.version`: which address it came from, and what that server calls this version of the
/// file. Locked while it is open: two processes never write one file.
#[derive(Debug)]
pub(super) struct Partial {
    pub path: PathBuf,
    file: fs::File,
    bytes: u64,
}

impl Partial {
    /// Opens what is there, or makes an empty one.
    ///
    /// # Errors
    /// [`FetchError::Busy`] when another process has it; otherwise when the disk refuses.
    pub fn open(path: PathBuf) -> Result<Self, FetchError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // a link that somebody left there is not written through
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(FileError::at("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(FileError::at("lock", &path)(error).into()),
        }
        // Whoever had it before may just have given it another name: then these bytes are no longer ours to write.
        let mine = |file: &fs::File| Ok(file.metadata()?.ino() == fs::symlink_metadata(&path)?.ino());
        if !mine(&file).map_err(FileError::at("read", &path))? {
            return Err(FetchError::Busy(path));
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(FileError::at("read", &path))?;
        Ok(Self { path, file, bytes })
    }

    /// How many bytes are there.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds what has come, unbuffered: it is there also if the program is killed the next moment.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what is there, for a `version` of the file that comes from the start.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn restart(&mut self, address: &str, version: Option<&str>) -> Result<(), FileError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(FileError::at("write", &self.path))?;
        self.bytes = 0;
        let beside = beside(&self.path);
        match version {
            Some(version) => fs::write(&beside, format!("{address}\n{version}\n")),
            None => gone(fs::remove_file(&beside)),
        }
        .map_err(FileError::at("write", &beside))
    }

    /// What the server at `address` called the version that the bytes are of, if they came from there.
    pub fn version(&self, address: &str) -> Option<String> {
        let text = fs::read_to_string(beside(&self.path)).ok()?;
        let mut lines = text.lines();
        (lines.next()? == address).then(|| lines.next().map(str::to_owned))?
    }

    /// The file from its start, for reading.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn rewound(&mut self) -> Result<&mut fs::File, FileError> {
        self.file.seek(SeekFrom::Start(0)).map_err(FileError::at("read", &self.path))?;
        Ok(&mut self.file)
    }

    /// Removes it: its bytes are of no use.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(self) -> Result<(), FileError> {
        gone(fs::remove_file(&self.path)).map_err(FileError::at("remove", &self.path))?;
        self.forget();
        Ok(())
    }

    /// Syncs it, and has it renamed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn become_file(self, rename: impl FnOnce(&Path) -> Result<(), FileError>) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::at("sync", &self.path))?;
        rename(&self.path)?;
        self.forget();
        Ok(())
    }

    /// Removes what was written beside. Best effort: without the file it says nothing.
    fn forget(self) {
        let _ = fs::remove_file(beside(&self.path));
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".version");
    name.into()
}

/// A file that is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
