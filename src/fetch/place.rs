//! One file, from its addresses to its place.

use std::fs;
use std::io;
use std::path::Path;

use super::part::Partial;
use super::swap::{recover, remove, take_place};
use super::transfer::{self, Fault};
use super::{Failure, FetchError, Fetched, File, Form, Progress, Way, archive, http, part, sum, unpack};
use crate::durable::{self, FileError};

/// Brings `file` to its target.
pub(super) fn fetch(
    file: &File<'_>,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<Fetched, FetchError> {
    let target = way.into.join(file.target);
    if !way.force && there(file, &target, way, tell)? {
        return Ok(Fetched::There(target));
    }
    let folder = target.parent().unwrap_or(way.into);
    if !folder.as_os_str().is_empty() {
        fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    }
    // Whoever has the part may unpack beside the target, and nobody else.
    let mut part = Partial::open(part(file, way.into))?;
    recover(&target)?;
    if !way.force && part.bytes() == 0 && there(file, &target, way, tell)? {
        part.discard()?;
        return Ok(Fetched::There(target));
    }
    if file.form != Form::Plain {
        let done = given(file, &target, way, tell);
        if part.bytes() == 0 && !matches!(done, Ok(false)) || matches!(done, Ok(true)) {
            part.discard()?;
            done?;
            return Ok(Fetched::New(target));
        }
        done?;
    }
    download(file, &mut part, way, tell)?;
    match file.form {
        Form::Plain => part.become_file(|part| take_place(part, &target))?,
        Form::TarGz(_) | Form::Zip(_) => {
            let path = part.path.clone();
            let placed = place((part.rewound()?, &path), file, &target, way, tell);
            // An archive that is refused now would be refused again.
            if matches!(placed, Ok(()) | Err(FetchError::Archive { .. })) {
                part.discard()?;
            }
            placed?;
        }
    }
    Ok(Fetched::New(target))
}

/// Whether the target stands already; what else stands there is an error.
fn there(
    file: &File<'_>,
    target: &Path,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<bool, FetchError> {
    let kind = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FileError::at("read", target)(error).into()),
        // A link that somebody made to where the data are is as good as the data.
        Ok(_) => fs::metadata(target).map_err(FileError::at("read", target))?,
    };
    let taken = |what: &str| Err(FetchError::Taken { path: target.to_owned(), what: what.to_owned() });
    match (file.is_folder(), kind.is_dir()) {
        (true, true) => Ok(true),
        (true, false) => taken("no folder"),
        (false, true) => taken("a folder"),
        // The checksum is of the archive that it came out of.
        (false, false) if file.form != Form::Plain => Ok(true),
        (false, false) => {
            tell(Progress::Checking);
            let mut there = fs::File::open(target).map_err(FileError::at("read", target))?;
            match check(&mut there, target, file, way)? {
                Ok(()) => Ok(true),
                Err(_) => taken("another file, or changed"),
            }
        }
    }
}

/// Unpacks an archive that stands beside the target, under its own name: fetched by hand, where there is no network.
fn given(
    file: &File<'_>,
    target: &Path,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<bool, FetchError> {
    let path = archive(file, way.into);
    let mut given = match fs::File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        given => given.map_err(FileError::at("read", &path))?,
    };
    tell(Progress::Checking);
    if let Err(found) = check(&mut given, &path, file, way)? {
        return Err(FetchError::Wrong { path, why: mismatch(file, &found) });
    }
    io::Seek::rewind(&mut given).map_err(FileError::at("read", &path))?;
    place((&mut given, &path), file, target, way, tell)?;
    Ok(true)
}

/// Completes `part` from the first address that gives the right file.
fn download(
    file: &File<'_>,
    part: &mut Partial,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let agent = http::agent(way);
    let mut failures = Vec::new();
    for address in file.addresses {
        let mut fail = |why| failures.push(Failure { address: (*address).to_owned(), why });
        let mut anew = false;
        loop {
            room(file, part)?;
            let pieced = match transfer::complete(&agent, address, file, part, way, tell) {
                Ok(pieced) => pieced,
                Err(Fault::Here(error)) => return Err(error),
                Err(Fault::There(trouble)) => {
                    fail(trouble.why);
                    break;
                }
            };
            tell(Progress::Checking);
            let path = part.path.clone();
            let Err(found) = check(part.rewound()?, &path, file, way)? else { return Ok(()) };
            part.restart(address, None)?;
            if !pieced || anew {
                fail(mismatch(file, &found));
                break;
            }
            // Perhaps the pieces are not of one version.
            anew = true;
            let why = "the pieces do not fit together: once more from the start".to_owned();
            tell(Progress::Again { why, pause: std::time::Duration::ZERO });
        }
    }
    // What nobody could go on with is of no use.
    if part.bytes() == 0 {
        let _ = fs::remove_file(&part.path);
    }
    Err(FetchError::Unreachable(failures))
}

fn mismatch(file: &File<'_>, found: &str) -> String {
    let (kind, expected) = (file.sum.name(), file.sum.hex());
    format!(
        "it came with {kind} {found}, and {expected} was expected: it was changed there or on the way, and is not used"
    )
}

fn check(
    bytes: &mut fs::File,
    path: &Path,
    file: &File<'_>,
    way: &Way<'_>,
) -> Result<Result<(), String>, FetchError> {
    sum::check(bytes, file.sum, way.stop).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => FetchError::Stopped,
        _ => FileError::at("read", path)(error).into(),
    })
}

/// Refuses what the disk has no room for, before an hour is spent on it.
fn room(file: &File<'_>, part: &Partial) -> Result<(), FetchError> {
    // What is unpacked takes at least as much as what it comes out of.
    let unpacked = if file.form == Form::Plain { 0 } else { file.size.bytes() };
    let needed = file.size.bytes().saturating_sub(part.bytes()) + unpacked;
    let folder = part.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Where the system does not say, the writing will.
    let Ok(disk) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(FetchError::Full { path: part.path.clone(), more: needed - free })
}

/// Unpacks beside the target, and puts it in place of what may stand there.
fn place(
    (archive, path): (&mut fs::File, &Path),
    file: &File<'_>,
    target: &Path,
    way: &Way<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let beside = durable::beside(target);
    remove(&beside)?;
    let placed = unpack::unpack((archive, path), file.form, &beside, way, tell).and_then(|()| {
        sync(&beside)?;
        Ok(take_place(&beside, target)?)
    });
    if placed.is_err() {
        // Best effort: the failure to report is the first one.
        let _ = remove(&beside);
    }
    placed
}

/// Everything below `path`, on the disk. A folder may hold a hundred thousand small files: one by one that takes minutes.
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
