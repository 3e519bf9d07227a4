//! Where the socket of a run is.

use std::fs::{self, DirBuilder, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::durable;

/// The socket in the run folder.
const SOCKET: &str = "control.sock";
/// The file with the path of a socket that is elsewhere.
const NAME: &str = "control";
/// Bytes of a socket's path that every system allows, with some for a temporary name.
const MAX_PATH: usize = 90;

/// A listening socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub listener: UnixListener,
    path: PathBuf,
    /// The file with its path.
    name: Option<PathBuf>,
}

impl Socket {
    /// Binds the socket of the run in the folder `run`, which this process owns: in the folder, or in `elsewhere`.
    ///
    /// # Errors
    /// If neither place has one.
    pub fn bind(run: &Path, elsewhere: &Path) -> io::Result<Self> {
        let run = run.canonicalize()?;
        let (inside, name) = (run.join(SOCKET), run.join(NAME));
        if inside.as_os_str().len() <= MAX_PATH
            && let Ok(listener) = bind(&inside)
        {
            let _ = fs::remove_file(&name);
            return Ok(Self { listener, path: inside, name: None });
        }
        private_folder(elsewhere)?;
        let mut hash = DefaultHasher::new();
        run.hash(&mut hash);
        let path = elsewhere.join(format!("{:016x}.sock", hash.finish()));
        let listener = bind(&path)?;
        let line = [path.as_os_str().as_encoded_bytes(), b"\n"].concat();
        durable::write(&name, &line).map_err(|error| error.source)?;
        Ok(Self { listener, path, name: Some(name) })
    }
}

impl Socket {
    /// Removes its files.
    pub fn remove(&self) {
        for path in [Some(&self.path), self.name.as_ref()].into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
    }
}

/// The path of the socket of the run in the folder `run`, if it has one.
pub(super) fn find(run: &Path) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let run = run.canonicalize().ok()?;
    if let Ok(mut line) = fs::read(run.join(NAME)) {
        line.pop_if(|last| *last == b'\n');
        return Some(std::ffi::OsString::from_vec(line).into());
    }
    Some(run.join(SOCKET)).filter(|path| path.exists())
}

/// The folder of sockets that cannot be in the folders of their runs.
pub(super) fn elsewhere() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() && runtime.as_os_str().len() < MAX_PATH - 30 => {
            runtime.join("unrolled")
        }
        _ => PathBuf::from(format!("/tmp/unrolled-{}", geteuid().as_raw())),
    }
}

/// Creates a folder that only this user can enter.
///
/// # Errors
/// If it exists, and belongs to someone else, or can be entered by others.
fn private_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Not of what a link leads to.
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
        let what = format!("{} is not a folder of this user alone", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(())
}

/// Binds a socket that only this user can connect to; one that a crash has left is replaced.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let placed =
        fs::set_permissions(&beside, Permissions::from_mode(0o600)).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = placed {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_is_in_its_folder_or_where_the_folder_says() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("e");
        let short = dir.path().join("run");
        let long = dir.path().join("long".repeat(30));
        for run in [&short, &long] {
            fs::create_dir(run).unwrap();
            assert_eq!(find(run), None);
            // What a crash has left.
            fs::write(run.join(SOCKET), "").unwrap();
            let socket = Socket::bind(run, &elsewhere).unwrap();
            let path = find(run).unwrap();
            assert_eq!(path.starts_with(&elsewhere), run == &long);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            UnixStream::connect(&path).unwrap();
            socket.remove();
            assert!(!path.exists() && !run.join(NAME).exists());
        }
        assert_eq!(fs::metadata(&elsewhere).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_can_enter_holds_no_socket() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(private_folder(&open).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        std::os::unix::fs::symlink(&open, dir.path().join("link")).unwrap();
        assert!(private_folder(&dir.path().join("link")).is_err());
    }
}
