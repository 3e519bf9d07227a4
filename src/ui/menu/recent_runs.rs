//! The latest runs of a folder, listed again and again on a thread of its own while the menu is shown.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::runs::{self, Run};
use crate::sort::SmallSort as _;

/// The number of runs that are shown.
const SHOWN: usize = 5;
/// How often the folder is listed.
const LIST_EVERY: Duration = Duration::from_secs(2);

/// A run that the menu shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentRun {
    /// The run; the latest one of a folder of several.
    pub run: Run,
    /// The folder of the sweep that it belongs to.
    pub sweep: Option<PathBuf>,
}

/// Lists the latest runs.
#[derive(Debug)]
pub(super) struct RecentRuns {
    folder: PathBuf,
    /// When the folder is listed next; `None` while it is being listed.
    next: Option<Instant>,
    send: Sender<Vec<RecentRun>>,
    lists: Receiver<Vec<RecentRun>>,
}

impl RecentRuns {
    /// Those in `folder`, to be listed from `now` on.
    pub fn new(folder: PathBuf, now: Instant) -> Self {
        let (send, lists) = unbounded();
        Self { folder, next: Some(now), send, lists }
    }

    /// The lists, as they come.
    pub fn lists(&self) -> &Receiver<Vec<RecentRun>> {
        &self.lists
    }

    /// When [`tick`](Self::tick) is to be called next.
    pub fn next_tick(&self) -> Option<Instant> {
        self.next
    }

    /// Begins to list the folder, if it is time.
    pub fn tick(&mut self, now: Instant) {
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + LIST_EVERY);
        if !self.folder.is_dir() {
            return;
        }
        let (folder, send) = (self.folder.clone(), self.send.clone());
        let listed = std::thread::Builder::new().name("runs".into()).spawn(move || {
            // The list of runs says why a folder cannot be read; the menu may be closed.
            let latest = latest(runs::list(&folder).unwrap_or_default()).into_iter();
            let with_sweep = |run: Run| {
                let sweep = self::folder(&run).map(|name| folder.join(name));
                RecentRun { sweep: sweep.filter(|path| runs::is_sweep(path)), run }
            };
            let _ = send.send(latest.map(with_sweep).collect());
        });
        if listed.is_ok() {
            self.next = None;
        }
    }

    /// The list has come: the next one follows.
    pub fn listed(&mut self, now: Instant) {
        self.next = Some(now + LIST_EVERY);
    }
}

/// The latest of `runs`, the newest first; of those of a folder, such as a sweep or a race, the latest alone.
fn latest(mut runs: Vec<Run>) -> Vec<Run> {
    runs.small_sort_by(|a, b| b.started.cmp(&a.started).then_with(|| b.name.cmp(&a.name)));
    let mut folders = HashSet::new();
    runs.retain(|run| folder(run).is_none_or(|folder| folders.insert(folder.to_owned())));
    runs.truncate(SHOWN);
    runs
}

/// The folder of several runs that this one is in.
pub(super) fn folder(run: &Run) -> Option<&str> {
    run.name.split_once('/').map(|(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use crate::run::RunState;

    use super::*;
    use crate::ui::menu::tests::run;

    #[test]
    fn runs_of_one_folder_take_one_row() {
        let trials = (0..9).map(|i| run(&format!("sweep-1/trial-{i}"), RunState::Finished, 10 + i));
        let seeds = (0..3).map(|i| run(&format!("seeds/seed-{i}"), RunState::Finished, 5 + i));
        let others = [run("b", RunState::Finished, 2), run("a", RunState::Finished, 1)];
        let all: Vec<Run> = trials.chain(seeds).chain(others).collect();
        let names: Vec<String> = latest(all).iter().map(|run| run.name.to_string()).collect();
        assert_eq!(names, ["sweep-1/trial-8", "seeds/seed-2", "b", "a"]);
    }
}
