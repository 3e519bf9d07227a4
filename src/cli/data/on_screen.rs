//! Fetching for the menu.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::fetch::by_hand;
use crate::error::chain;
use crate::fetch::catalog::{self, DATASETS};
use crate::fetch::{self, Dataset, FetchError, FetchOptions, Progress};
use crate::number::{bytes, count, duration};
use crate::ui::{DatasetOffer, FetchEvent, FetchHooks};

/// What the program does to fetch data sets for the menu.
pub(in crate::cli) const FETCH: FetchHooks = FetchHooks { find, start };

/// Whether a thread fetches: one that was cancelled needs a moment to end.
static IS_BUSY: AtomicBool = AtomicBool::new(false);

/// The data set of a preset.
fn find(preset: &str) -> Option<DatasetOffer> {
    let dataset = DATASETS.iter().find(|dataset| dataset.presets.contains(&preset))?;
    Some(DatasetOffer {
        name: dataset.name.to_owned(),
        bytes: dataset.files.iter().map(|file| file.size.bytes()).sum(),
        terms: dataset.terms.to_owned(),
    })
}

/// Begins to fetch the data set `name`.
fn start(name: &str, stop: Arc<AtomicBool>) -> Result<Receiver<FetchEvent>, String> {
    let dataset = catalog::find(name).ok_or_else(|| format!("{name}: there is no such data set"))?;
    if IS_BUSY.swap(true, Ordering::AcqRel) {
        return Err("The download that was cancelled has not ended yet: try again in a moment.".into());
    }
    let busy = Busy;
    let (send, events) = unbounded();
    let worker = thread::Builder::new().name("fetch".into());
    let work = move || {
        let _busy = busy;
        fetch_all(dataset, &stop, &send);
    };
    worker.spawn(work).map_err(|error| error.to_string())?;
    Ok(events)
}

/// Ends [`IS_BUSY`].
struct Busy;

impl Drop for Busy {
    fn drop(&mut self) {
        IS_BUSY.store(false, Ordering::Release);
    }
}

fn fetch_all(dataset: &Dataset, stop: &AtomicBool, send: &Sender<FetchEvent>) {
    let into = Path::new("");
    for file in dataset.files {
        let mut progress = |progress: Progress| {
            // The dialog may be closed.
            let _ = send.send(event(file.name(), progress));
        };
        match fetch::fetch(file, &FetchOptions::new(into, stop), &mut progress) {
            Ok(_) => {}
            Err(FetchError::Stopped) => return,
            Err(error) => {
                let text = format!("{}\n{}", chain(&error), by_hand(&error, file, into, dataset.name));
                let _ = send.send(FetchEvent::Failed(text));
                return;
            }
        }
    }
    let _ = send.send(FetchEvent::Done);
}

/// Progress of the file `name` for the screen.
fn event(name: &str, progress: Progress) -> FetchEvent {
    FetchEvent::Note(match progress {
        Progress::Received { bytes, of } => return FetchEvent::Received { bytes, of },
        Progress::Connecting { address, from: 0 } => address,
        Progress::Connecting { address, from } => format!("{address}, resuming at {}", bytes(from)),
        Progress::Retrying { why, pause } => format!("{why}; retrying in {}", duration(pause.as_secs_f64())),
        Progress::Checking => format!("{name}: verifying the checksum"),
        Progress::Unpacked { files, bytes: unpacked } => {
            format!("{name}: unpacked {} files, {}", count(files), bytes(unpacked))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_of_a_preset_is_found() {
        let offer = find("imdb-lstm").unwrap();
        assert_eq!(offer.name, "imdb");
        assert!(offer.bytes > 50 << 20, "{}", offer.bytes);
        assert_eq!(find("word-order"), None);
    }

    #[test]
    fn what_happens_is_said_in_a_line() {
        let retrying = Progress::Retrying { why: "timeout".into(), pause: std::time::Duration::from_secs(4) };
        assert_eq!(event("a.zip", retrying), FetchEvent::Note("timeout; retrying in 4.0 s".into()));
        let unpacked = Progress::Unpacked { files: 1200, bytes: 2048 };
        assert_eq!(event("a.zip", unpacked), FetchEvent::Note("a.zip: unpacked 1,200 files, 2.0 KiB".into()));
        assert_eq!(
            event("a.zip", Progress::Received { bytes: 5, of: None }),
            FetchEvent::Received { bytes: 5, of: None }
        );
    }
}
