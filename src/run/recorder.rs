use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender, TrySendError, bounded};

use super::frames::FramesWriter;
use super::metrics::MetricsWriter;
use super::{Folder, RunError};
use crate::protocol::Event;

/// Events that may wait for the disk: some tens of megabytes even if every step sends large probes.
const QUEUE: usize = 512;
/// How long an event waits in memory for others before it is written.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How long the recorder sleeps where nothing is left to take, unless the queue is half full before: woken for every event, it would
/// drive a thread that trains off its core thousands of times a second.
const NAP: Duration = Duration::from_millis(20);

/// Writes the events of a run to its folder, on a thread of its own. It loses nothing: when the disk is slower than
/// the trainer, the trainer waits.
///
/// Dropped without [`finish`](Self::finish) it still writes what it was given, but nobody learns of a failure.
#[derive(Debug)]
pub struct Recorder {
    /// None once recording has ended.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    queue: Sender<Event>,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Recorder {
    /// Begins `metrics.jsonl` and `frames.bin`. All probe frames together take at most `probe_budget` bytes on disk:
    /// whenever they would take more, those of every second watched step are dropped, so that they stay spread over the
    /// whole run.
    ///
    /// # Errors
    /// If the files cannot be made, or the thread.
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

    /// Hands over an event; visible to other processes within a second. If the queue was full: how long that took.
    ///
    /// # Errors
    /// Why recording failed (the disk is full, say): once, then [`RunError::NotRecording`]. Training may go on.
    pub fn record(&mut self, event: Event) -> Result<Option<Duration>, RunError> {
        let Some(Running { queue, thread }) = &self.running else { return Err(RunError::NotRecording) };
        if queue.len() >= QUEUE / 2 {
            thread.thread().unpark();
        }
        // If nobody takes it, the thread has ended before its time: for a reason.
        enqueue(queue, event, || ()).map_err(|_| self.end().err().unwrap_or(RunError::NotRecording))
    }

    /// Waits until everything is on disk, synced, with the index of `frames.bin`.
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
        // What failed was for `finish` to say; here it is only waited for.
        let _ = self.end();
    }
}

/// Sends `event`; if the queue is full, calls `when_full`, waits for room and gives the time waited.
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

/// What the recorder's thread owns.
struct Files {
    frames: FramesWriter,
    metrics: MetricsWriter,
}

impl Files {
    fn record(mut self, events: &Receiver<Event>) -> Result<(), RunError> {
        let recorded = self.write_all(events);
        // One file's failure is no reason to lose the other's last half second.
        let frames = if recorded.is_ok() { self.frames.finish() } else { self.frames.sync() };
        recorded.and(frames).and(self.metrics.sync())
    }

    fn write_all(&mut self, events: &Receiver<Event>) -> Result<(), RunError> {
        // When what waits in memory is to be written; none if nothing waits.
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
                        // A checkpoint is not to outlive its history.
                        Event::Saved(_) => self.sync()?,
                        Event::Epoch(_) | Event::Prepared(_) | Event::Status(_) => self.flush()?,
                        _ => {}
                    }
                    if events.is_empty() {
                        thread::park_timeout(NAP);
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
    fn a_full_queue_makes_the_sender_wait_and_loses_nothing() {
        let (queue, events) = bounded(1);
        let (stalled, gate) = bounded(1);
        let disk = thread::spawn(move || {
            gate.recv().unwrap();
            events.iter().collect::<Vec<_>>()
        });
        assert_eq!(enqueue(&queue, line("a"), || panic!("there is room")).unwrap(), None);
        assert!(enqueue(&queue, line("b"), || stalled.send(()).unwrap()).unwrap().is_some());
        drop(queue);
        assert_eq!(disk.join().unwrap(), [line("a"), line("b")]);
    }

    // Only Linux has a device on which every write fails for want of space.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_for_the_trainer_and_no_panic() {
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
