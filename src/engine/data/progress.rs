//! Progress messages of reader threads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::error::DataError;
use super::scoped;
use super::source::RequiredFile;
use crate::number;

/// Checks that all files exist, before reading the first takes minutes.
pub(crate) fn check_exists(files: &[RequiredFile<'_>]) -> Result<(), DataError> {
    files.iter().try_for_each(|file| match file.path.metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(DataError::read(file.path, file.needs, error)),
    })
}

/// Sends the progress of a reader thread to the loading thread.
pub struct ProgressSender(mpsc::Sender<String>);

impl ProgressSender {
    /// A sender whose messages are discarded.
    pub fn disconnected() -> Self {
        Self(mpsc::channel().0)
    }

    /// Reports that reading `path` starts.
    pub(crate) fn start(&self, path: &Path) {
        self.send(format!("reading {}", path.display()));
    }

    /// Reports that `texts` texts of `path` are read, for every 10,000 at first, later for every 100,000 and so on.
    pub(crate) fn texts(&self, path: &Path, texts: usize) {
        let every = 10_usize.pow(texts.max(10_000).ilog10());
        if texts.is_multiple_of(every) {
            self.send(format!("reading {}: {} texts", path.display(), number::count(texts as u64)));
        }
    }

    pub(crate) fn send(&self, line: String) {
        // The receiver may have been dropped.
        let _ = self.0.send(line);
    }
}

/// Runs `work` on a thread of its own and passes its messages to `progress`; sets the flag passed to `work` once `stop` returns true.
pub(crate) fn run_with_progress<T: Send>(
    progress: &mut dyn FnMut(String),
    stop: &mut dyn FnMut() -> bool,
    work: impl FnOnce(&ProgressSender, &AtomicBool) -> T + Send,
) -> T {
    let (sender, messages) = mpsc::channel();
    let stopped = &AtomicBool::new(false);
    thread::scope(|scope| {
        let done = scoped::spawn(scope, move || work(&ProgressSender(sender), stopped));
        loop {
            match messages.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => progress(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if stop() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        done.join()
    })
}

/// Reads both splits, each on its own thread.
pub(crate) fn read_splits<S: Copy + Send, T: Send>(
    train: S,
    validation: Option<S>,
    read: impl Fn(S, &ProgressSender) -> Result<T, DataError> + Sync,
    progress: &mut dyn FnMut(String),
) -> Result<(T, Option<T>), DataError> {
    let (sender, messages) = mpsc::channel();
    let read = &read;
    thread::scope(|scope| {
        let start = |source| {
            let report = ProgressSender(sender.clone());
            scoped::spawn(scope, move || read(source, &report))
        };
        let (train, validation) = (start(train), validation.map(start));
        drop(sender);
        messages.iter().for_each(progress);
        let train = train.join()?;
        let validation = match validation {
            Some(thread) => Some(thread.join()?),
            None => None,
        };
        Ok((train, validation))
    })
}
