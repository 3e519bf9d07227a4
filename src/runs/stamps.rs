//! Lengths and times of the files of a run, by which a change is noticed.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::marks;

/// The files that are summarised.
const SUMMARISED: [&str; 4] = ["spec.yaml", "metrics.jsonl", "frames.bin", marks::FILE];
/// A file that was changed so recently may change again within the same tick of its clock: it is read again next time.
const SETTLED: Duration = Duration::from_secs(2);

/// Length, and time of the last change in nanoseconds, of each of the files that are summarised; 0 for those that are not there.
pub(super) type Stamps = [[u64; 2]; SUMMARISED.len()];

/// The stamps of the run in the folder `run`.
pub(super) fn stamps(run: &Path) -> Stamps {
    SUMMARISED.map(|name| {
        let Ok(file) = fs::metadata(run.join(name)) else { return [0, 0] };
        let changed = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        // A file that is there differs from none, whatever its time.
        [file.len(), changed.map_or(1, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1))]
    })
}

/// Whether the folder contains a run: a file besides notes.
pub(super) fn is_run(stamps: &Stamps) -> bool {
    stamps.iter().take(SUMMARISED.len() - 1).any(|stamp| *stamp != [0, 0])
}

/// Whether no file has changed within the last moments, or in the future.
pub(super) fn is_settled(stamps: &Stamps) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let latest = now.saturating_sub(SETTLED).as_nanos();
    stamps.iter().all(|[_, time]| u128::from(*time) < latest)
}
