use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender, TrySendError, bounded};

use super::frames::FramesWriter;
use super::metrics::MetricsWriter;
use super::{Folder, RunError};
use crate::protocol::Event;

/// Events that may be queued for the disk: some tens of megabytes even if every step sends large probes.
const QUEUE: usize = 512;
/// How long an event is buffered at most before it is written.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How long the recorder sleeps when the queue is empty, unless it is half full earlier: woken for every event, it would
/// preempt a training thread thousands of times a second.
const IDLE_SLEEP: Duration = Duration::from_millis(20);

/// Writes the events of a run to its folder, on a thread of its own. Lossless: when the disk is slower than the
/// trainer, the trainer waits.
///
/// If dropped without [`finish`](Self::finish), it still writes all queued events, but errors are lost.
#[derive(Debug)]
pub struct Recorder {
    /// `None` once recording has ended.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    queue: Sender<Event>,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Recorder {
    /// Creates `metrics.jsonl` and `frames.bin`. All probe frames together take at most `probe_budget` bytes on disk:
    /// whenever they exceed it, those of every second watched step are dropped, so that they stay spread over the whole
    /// run.
    ///
    /// # Errors
    /// If the files or the thread cannot be created.
    pub fn start(folder: &Folder, probe_budget: u64) -> Result<Self, RunError> {
        let frames = FramesWriter::create(&folder.path().join("frames.bin"), probe_budget)?;
        let metrics = MetricsWriter::open(&folder.path().join("metrics.jsonl"))?;
        let (queue, events) = bounded(QUEUE);
        let thread = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || Files { frames, metrics }.record(&events))
            .map_err(RunError::io("start the recorder of", folder.path()))?;
        Ok(Self { running: Some(Running { queue, thread }) })
    }

    /// Queues an event; it is visible to other processes within a second. Returns how long it waited if the queue was full.
    ///
    /// # Errors
    /// The cause if recording failed (for example a full disk), once; then [`RunError::NotRecording`]. Training may continue.
    pub fn record(&mut self, event: Event) -> Result<Option<Duration>, RunError> {
        let Some(Running { queue, thread }) = &self.running else { return Err(RunError::NotRecording) };
        if queue.len() >= QUEUE / 2 {
            thread.thread().unpark();
        }
        // A closed queue means that the thread has ended early, with an error.
        enqueue(queue, event, || ()).map_err(|_| self.end().err().unwrap_or(RunError::NotRecording))
    }

    /// Waits until all events are written and synced, with the index of `frames.bin`.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn finish(mut self) -> Result<(), RunError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), RunError> {
        let Some(Running { queue, thread }) = self.running.take() else { return Err(RunError::NotRecording) };
        drop(queue);
        thread.thread().unpark();
        thread.join().unwrap_or(Err(RunError::NotRecording))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Errors are reported by `finish`; this only waits.
        let _ = self.end();
    }
}

/// Sends `event`; if the queue is full, calls `when_full`, waits for space and returns the time waited.
fn enqueue(
    queue: &Sender<Event>,
    event: Event,
    when_full: impl FnOnce(),
) -> Result<Option<Duration>, SendError<Event>> {
    match queue.try_send(event) {
        Ok(()) => Ok(None),
        Err(TrySendError::Disconnected(event)) => Err(SendError(event)),
        Err(TrySendError::Full(event)) => {
            when_full();
            let since = Instant::now();
            queue.send(event).map(|()| Some(since.elapsed()))
        }
    }
}

/// The files that the recorder's thread writes.
struct Files {
    frames: FramesWriter,
    metrics: MetricsWriter,
}

impl Files {
    fn record(mut self, events: &Receiver<Event>) -> Result<(), RunError> {
        let recorded = self.write_all(events);
        // If one file fails, the other still gets its last half second.
        let frames = if recorded.is_ok() { self.frames.finish() } else { self.frames.sync() };
        recorded.and(frames).and(self.metrics.sync())
    }

    fn write_all(&mut self, events: &Receiver<Event>) -> Result<(), RunError> {
        // When to write the buffered events; `None` if there are none.
        let mut due: Option<Instant> = None;
        loop {
            let received = match due {
                Some(due) => events.recv_deadline(due),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(event) => {
                    self.metrics.write(&event)?;
                    self.frames.write(&event)?;
                    due.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
                    match event {
                        // A checkpoint must not be more durable than its history.
                        Event::Saved(_) => self.sync()?,
                        Event::Epoch(_) | Event::Prepared(_) | Event::Status(_) => self.flush()?,
                        _ => {}
                    }
                    if events.is_empty() {
                        thread::park_timeout(IDLE_SLEEP);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if due.is_some_and(|due| Instant::now() >= due) {
                self.flush()?;
                due = None;
            }
        }
    }

    fn flush(&mut self) -> Result<(), RunError> {
        self.metrics.flush().and(self.frames.flush())
    }

    fn sync(&mut self) -> Result<(), RunError> {
        self.metrics.sync().and(self.frames.sync())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Level, LogLine};

    fn line(text: &str) -> Event {
        Event::Log(LogLine { level: Level::Info, text: text.into() })
    }

    #[test]
    fn a_full_queue_blocks_the_sender_and_loses_nothing() {
        let (queue, events) = bounded(1);
        let (stalled, gate) = bounded(1);
        let disk = thread::spawn(move || {
            gate.recv().unwrap();
            events.iter().collect::<Vec<_>>()
        });
        assert_eq!(enqueue(&queue, line("a"), || panic!("the queue has space")).unwrap(), None);
        assert!(enqueue(&queue, line("b"), || stalled.send(()).unwrap()).unwrap().is_some());
        drop(queue);
        assert_eq!(disk.join().unwrap(), [line("a"), line("b")]);
    }

    // Only Linux has a device on which every write fails for want of space.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("metrics.jsonl")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let error = loop {
            let metrics = crate::protocol::EpochMetrics::default();
            if let Err(error) = recorder.record(Event::Epoch(Box::new(metrics))) {
                break crate::error::chain(&error);
            }
        };
        assert!(error.contains("metrics.jsonl") && error.contains("No space left"), "{error}");
        assert!(matches!(recorder.record(line("later")), Err(RunError::NotRecording)));
        assert!(recorder.finish().is_err());
    }
}
