//! Downloads one file and installs it at its target.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::partial::Partial;
use super::replace::{recover, remove, replace_target};
use super::transfer::{self, TransferError};
use super::{
    AddressError, FetchError, FetchOptions, Fetched, File, Form, Progress, archive, checksum, http, part,
    unpack,
};
use crate::durable::{self, FileError};

/// See [`super::fetch`].
pub(super) fn fetch(
    file: &File<'_>,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, FetchError> {
    let target = options.into.join(file.target);
    if !options.force && is_installed(file, &target, options, progress)? {
        return Ok(Fetched::Existing(target));
    }
    let folder = target.parent().unwrap_or(options.into);
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    }
    // The lock on the partial file also guards unpacking beside the target.
    let mut part = Partial::open(part(file, options.into))?;
    recover(&target)?;
    if !options.force && part.bytes() == 0 && is_installed(file, &target, options, progress)? {
        part.discard()?;
        return Ok(Fetched::Existing(target));
    }
    if file.form != Form::Plain {
        let installed = install_archive(file, &target, options, progress);
        if part.bytes() == 0 && !matches!(installed, Ok(false)) || matches!(installed, Ok(true)) {
            part.discard()?;
            installed?;
            return Ok(Fetched::New(target));
        }
        installed?;
    }
    download(file, &mut part, options, progress)?;
    match file.form {
        Form::Plain => part.become_file(|part| replace_target(part, &target))?,
        Form::TarGz(_) | Form::Zip(_) => {
            let path = part.path.clone();
            let result = install((part.rewound()?, &path), file, &target, options, progress);
            // A rejected archive would be rejected again.
            if matches!(result, Ok(()) | Err(FetchError::Archive { .. })) {
                part.discard()?;
            }
            result?;
        }
    }
    Ok(Fetched::New(target))
}

/// Returns whether the target exists already.
///
/// # Errors
/// If something else is at the target, or it cannot be read.
fn is_installed(
    file: &File<'_>,
    target: &Path,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, FetchError> {
    let kind = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FileError::at("read", target)(error).into()),
        // A symbolic link to the data is as good as the data.
        Ok(_) => fs::metadata(target).map_err(FileError::at("read", target))?,
    };
    let taken = |what: &str| Err(FetchError::Taken { path: target.to_owned(), what: what.to_owned() });
    match (file.is_folder(), kind.is_dir()) {
        (true, true) => Ok(true),
        (true, false) => taken("no folder"),
        (false, true) => taken("a folder"),
        // The checksum is that of the archive.
        (false, false) if !kind.is_file() => taken("no file"),
        (false, false) if file.form != Form::Plain => Ok(true),
        (false, false) => {
            progress(Progress::Checking);
            let mut existing = open(target).map_err(FileError::at("read", target))?;
            match check(&mut existing, target, file, options)? {
                Ok(()) => Ok(true),
                Err(_) => taken("another file, or changed"),
            }
        }
    }
}

/// Installs from an archive beside the target under its own name, downloaded by hand; returns whether there was one.
fn install_archive(
    file: &File<'_>,
    target: &Path,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, FetchError> {
    let path = archive(file, options.into);
    let mut archive = match open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        archive => archive.map_err(FileError::at("read", &path))?,
    };
    if !archive.metadata().map_err(FileError::at("read", &path))?.is_file() {
        return Err(FetchError::NoFile(path));
    }
    progress(Progress::Checking);
    if let Err(found) = check(&mut archive, &path, file, options)? {
        return Err(FetchError::Wrong { path, why: mismatch(file, &found) });
    }
    io::Seek::rewind(&mut archive).map_err(FileError::at("read", &path))?;
    install((&mut archive, &path), file, target, options, progress)?;
    Ok(true)
}

/// Opens a file for reading, without waiting for the writer of a pipe.
fn open(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// Completes `part` from the first address that serves the right file.
fn download(
    file: &File<'_>,
    part: &mut Partial,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let agent = http::agent(options);
    let mut failures = Vec::new();
    for address in file.addresses {
        let mut fail = |why| failures.push(AddressError { address: (*address).to_owned(), why });
        let mut restarted = false;
        loop {
            check_free_space(file, part)?;
            let in_pieces = match transfer::complete(&agent, address, file, part, options, progress) {
                Ok(in_pieces) => in_pieces,
                Err(TransferError::Local(error)) => return Err(error),
                Err(TransferError::Remote(error)) => {
                    fail(error.why);
                    break;
                }
            };
            progress(Progress::Checking);
            let path = part.path.clone();
            let Err(found) = check(part.rewound()?, &path, file, options)? else { return Ok(()) };
            part.restart(address, None)?;
            if !in_pieces || restarted {
                fail(mismatch(file, &found));
                break;
            }
            // The pieces may be of different versions of the file.
            restarted = true;
            let why = "the pieces do not fit together: once more from the start".to_owned();
            progress(Progress::Retrying { why, pause: std::time::Duration::ZERO });
        }
    }
    // An empty partial file is useless.
    if part.bytes() == 0 {
        let _ = fs::remove_file(&part.path);
    }
    Err(FetchError::Unreachable(failures))
}

fn mismatch(file: &File<'_>, found: &str) -> String {
    let (kind, expected) = (file.sum.name(), file.sum.hex());
    format!(
        "it came with {kind} {found}, and {expected} was expected: it was changed on the server or in transit, and is not used"
    )
}

fn check(
    bytes: &mut fs::File,
    path: &Path,
    file: &File<'_>,
    options: &FetchOptions<'_>,
) -> Result<Result<(), String>, FetchError> {
    checksum::check(bytes, file.sum, options.stop).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => FetchError::Stopped,
        _ => FileError::at("read", path)(error).into(),
    })
}

/// Returns [`FetchError::Full`] if the disk has too little free space, before the download.
fn check_free_space(file: &File<'_>, part: &Partial) -> Result<(), FetchError> {
    // The unpacked files take at least as much space as the archive.
    let unpacked = if file.form == Form::Plain { 0 } else { file.size.bytes() };
    let needed = file.size.bytes().saturating_sub(part.bytes()) + unpacked;
    let folder = part.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // If the free space is unknown, writing will report a full disk.
    let Ok(disk) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(FetchError::Full { path: part.path.clone(), more: needed - free })
}

/// Unpacks an archive beside the target and replaces the target.
fn install(
    (archive, path): (&mut fs::File, &Path),
    file: &File<'_>,
    target: &Path,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let beside = durable::beside(target);
    remove(&beside)?;
    let installed = unpack::unpack((archive, path), file.form, &beside, options, progress).and_then(|()| {
        sync(&beside)?;
        Ok(replace_target(&beside, target)?)
    });
    if installed.is_err() {
        // Best effort: the failure to report is the first one.
        let _ = remove(&beside);
    }
    installed
}

/// Syncs everything below `path` to disk at once: file by file, 100,000 small files take minutes.
fn sync(path: &Path) -> Result<(), FileError> {
    let file = fs::File::open(path).map_err(FileError::at("sync", path))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return rustix::fs::syncfs(&file).map_err(|error| FileError::at("sync", path)(error.into()));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        rustix::fs::sync();
        file.sync_all().map_err(FileError::at("sync", path))
    }
}
