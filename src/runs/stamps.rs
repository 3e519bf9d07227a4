//! Lengths and times of the files of a run, by which a change is noticed.
//!
//! A file that is created, removed or replaced changes its folder's time, and so does each of our commands: a run that is resumed
//! replaces `owner.json`, a note `notes.json`. What is overwritten or appended in place by another program does not.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::marks;

/// The files that are summarised.
const SUMMARISED: [&str; 4] = ["spec.yaml", "metrics.jsonl", "frames.bin", marks::FILE];
/// A file that was changed so recently may change again within the same tick of its clock: it is read again next time.
const SETTLED: Duration = Duration::from_secs(2);

/// Length, and time of the last change in nanoseconds, of each of the files that are summarised; 0 for those that are not there.
pub(super) type Stamps = [[u64; 2]; SUMMARISED.len()];

/// Number of the inode, and time of the last change in nanoseconds, of the folder of a run; 0 if they are unknown.
pub(super) type FolderStamp = [u64; 2];

/// The stamp of the folder `run`: unknown if there is none, or if it has changed within the last moments.
pub(super) fn folder_stamp(run: &Path) -> FolderStamp {
    let Ok(folder) = fs::metadata(run) else { return [0, 0] };
    let time = nanoseconds(folder.modified());
    if is_past(time, SystemTime::now()) { [folder.ino(), time] } else { [0, 0] }
}

/// The stamps of the run in the folder `run`.
pub(super) fn stamps(run: &Path) -> Stamps {
    SUMMARISED.map(|name| {
        let Ok(file) = fs::metadata(run.join(name)) else { return [0, 0] };
        [file.len(), nanoseconds(file.modified())]
    })
}

/// Nanoseconds since 1970, at least 1: a file that is there differs from none, whatever its time.
fn nanoseconds(time: io::Result<SystemTime>) -> u64 {
    let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(1, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1))
}

/// Whether `time` is neither within the last moments before `now` nor in the future.
fn is_past(time: u64, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u128::from(time) < now.saturating_sub(SETTLED).as_nanos()
}

/// Whether the folder contains a run: a file besides notes.
pub(super) fn is_run(stamps: &Stamps) -> bool {
    stamps.iter().take(SUMMARISED.len() - 1).any(|stamp| *stamp != [0, 0])
}

/// Whether no file has changed within the last moments, or in the future.
pub(super) fn is_settled(stamps: &Stamps) -> bool {
    let now = SystemTime::now();
    stamps.iter().all(|[_, time]| is_past(*time, now))
}
