//! Where the socket of a run is.

use std::fs::{self, DirBuilder, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::durable;
use crate::run::owner;

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
        remove_dead(elsewhere);
        let mut hash = DefaultHasher::new();
        run.hash(&mut hash);
        let path = elsewhere.join(format!("{:016x}.sock", hash.finish()));
        let listener = bind(&path)?;
        write_line(&owned(&path), &run)?;
        write_line(&name, &path)?;
        Ok(Self { listener, path, name: Some(name) })
    }
}

impl Socket {
    /// Removes its files.
    pub fn remove(&self) {
        for path in [Some(&self.path), self.name.as_ref(), Some(&owned(&self.path))].into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a path as the only line of a file.
fn write_line(file: &Path, path: &Path) -> io::Result<()> {
    let line = [path.as_os_str().as_encoded_bytes(), b"\n"].concat();
    durable::write(file, &line).map_err(|error| error.source)
}

/// Reads the path that [`write_line`] has written.
fn read_line(file: &Path) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let mut line = fs::read(file)?;
    line.pop_if(|last| *last == b'\n');
    Ok(std::ffi::OsString::from_vec(line).into())
}

/// The file beside a socket outside of its run folder, with the path of that.
fn owned(socket: &Path) -> PathBuf {
    socket.with_extension("run")
}

/// Removes the sockets in `elsewhere` that processes that were killed have left: those of this user that nobody listens to, and whose runs
/// nobody trains, as far as this and other hosts know.
fn remove_dead(elsewhere: &Path) {
    let entries = fs::read_dir(elsewhere).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in entries.filter(|path| path.extension().is_some_and(|extension| extension == "sock")) {
        if let Ok(run) = read_line(&owned(&path)) {
            remove_if_dead(&path, &run);
        }
    }
}

/// Removes the socket `path` of the run in the folder `run`, if it is proven to be that of a process that was killed.
fn remove_if_dead(path: &Path, run: &Path) {
    let is_own = fs::symlink_metadata(path)
        .is_ok_and(|file| file.file_type().is_socket() && file.uid() == geteuid().as_raw());
    let refuses =
        || UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if is_own && !owner::is_live(run) && refuses() {
        for path in [path, &owned(path)] {
            let _ = fs::remove_file(path);
        }
        if read_line(&run.join(NAME)).is_ok_and(|named| named == path) {
            let _ = fs::remove_file(run.join(NAME));
        }
    }
}

/// Removes the sockets of the runs in the folders `runs`, and all outside of run folders, where processes that were killed have left them.
pub fn remove_dead_sockets<'r>(runs: impl IntoIterator<Item = &'r Path>) {
    for run in runs {
        if let Some(path) = find(run) {
            remove_if_dead(&path, run);
        }
    }
    remove_dead(&elsewhere());
}

/// The path of the socket of the run in the folder `run`, if it has one.
pub(super) fn find(run: &Path) -> Option<PathBuf> {
    let run = run.canonicalize().ok()?;
    if let Ok(path) = read_line(&run.join(NAME)) {
        return Some(path);
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
    fn sockets_of_processes_that_were_killed_are_removed_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("e");
        let run = |name: &str| {
            let run = dir.path().join(name.repeat(40));
            fs::create_dir(&run).unwrap();
            run
        };
        let [killed, live, unknown, removed] = ["kill", "live", "them", "gone"].map(run);
        let sockets = [&killed, &live, &unknown, &removed].map(|run| Socket::bind(run, &elsewhere).unwrap());
        let paths = [&killed, &live, &unknown, &removed].map(|run| find(run).unwrap());
        let [of_killed, of_live, of_unknown, of_removed] = sockets;
        // The process is gone, and its socket is not.
        drop((of_killed, of_unknown, of_removed));
        // Nobody knows whose it is; another one's run was removed.
        fs::remove_file(owned(&paths[2])).unwrap();
        fs::remove_dir_all(&removed).unwrap();
        // The process of another host may be alive.
        let remote = run("host");
        drop(Socket::bind(&remote, &elsewhere).unwrap());
        let of_remote = find(&remote).unwrap();
        let owner = r#"{"host":"elsewhere","boot_id":"","pid":1,"process_start":null,"user":"","started":"","state":"live"}"#;
        fs::write(remote.join("owner.json"), owner).unwrap();
        fs::write(elsewhere.join("other.sock"), "no socket").unwrap();
        remove_dead(&elsewhere);
        let left = paths.each_ref().map(|path| path.exists());
        assert_eq!((left, of_remote.exists()), ([false, true, true, false], true));
        assert!(
            !killed.join(NAME).exists()
                && !owned(&paths[0]).exists()
                && elsewhere.join("other.sock").exists()
        );
        drop(of_live);
        // The next run that starts finds it.
        Socket::bind(&killed, &elsewhere).unwrap();
        assert!(!paths[1].exists() && paths[0].exists());
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
