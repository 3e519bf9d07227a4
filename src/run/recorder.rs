use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{
    Receiver, RecvTimeoutError, SendError, Sender, TryRecvError, TrySendError, after, bounded, never, select,
    unbounded,
};

use super::frames::FramesWriter;
use super::hub::{Broadcast, Hub};
use super::lost_lines;
use super::metrics::MetricsWriter;
use super::record_file::MAX_PENDING;
use super::{Folder, ResumePoint, RunError};
use crate::error::chain;
use crate::protocol::{Event, Level, LogLine};

/// Events that may be queued for the disk: some tens of megabytes even if every step sends large probes.
const QUEUE: usize = 512;
/// How long an event is buffered at most before it is written.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How long the recorder sleeps when the queue is empty, unless it is half full earlier: woken for every event, it would
/// preempt a training thread thousands of times a second.
const IDLE_SLEEP: Duration = Duration::from_millis(20);
/// The pause before the last attempt to write.
const LAST_ATTEMPT: Duration = Duration::from_millis(200);

/// Writes the events of a run to its folder, on a thread of its own. Lossless: when the disk is slower than the
/// trainer, the trainer waits.
///
/// While nothing can be written (a full disk), 16 MiB of events for each file stay in memory and are written as soon as that is possible;
/// more are dropped, and a record in their place has their number.
///
/// If dropped without [`finish`](Self::finish), it still writes all queued events, but errors are lost.
#[derive(Debug)]
pub struct Recorder {
    /// `None` once recording has ended.
    running: Option<Running>,
    notices: Receiver<LogLine>,
    hub: Hub,
    /// The highest number of an [`Undone`](crate::protocol::Undone) that was recorded before.
    undone: u64,
}

/// What the recorder's thread receives.
#[derive(Debug)]
enum Message {
    /// An event to write.
    Event(Event),
    /// Write all events so far, and send the length of `metrics.jsonl`, if they are written.
    Sync(Sender<Option<u64>>),
    /// Drop what was recorded after a checkpoint, and send the number of events left that are no pictures.
    Rewind(Box<ResumePoint>, Sender<(u64, Result<(), RunError>)>),
}

#[derive(Debug)]
struct Running {
    queue: Sender<Message>,
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
        Self::write_to(folder, frames, metrics)
    }

    /// Continues the files of a run that goes on at `from`, or from the start without it: what was recorded after that is dropped. Returns
    /// what is damaged or missing before it, in sentences, as well.
    ///
    /// # Errors
    /// If the files cannot be read or truncated, or the thread cannot be created.
    pub fn resume(
        folder: &Folder,
        probe_budget: u64,
        from: Option<&ResumePoint>,
    ) -> Result<(Self, Vec<String>), RunError> {
        let path = folder.path().join("frames.bin");
        let (frames, damage) = match path.exists() {
            true => FramesWriter::resume(&path, probe_budget, from)?,
            false => {
                let lost = from
                    .map(|_| "frames.bin is missing: what was recorded before cannot be shown".to_owned());
                (FramesWriter::create(&path, probe_budget)?, lost)
            }
        };
        let lines = folder.path().join("metrics.jsonl");
        let (metrics, lost) = MetricsWriter::resume(&lines, from, || lost_lines::recorded(&path, from))?;
        Ok((Self::write_to(folder, frames, metrics)?, damage.into_iter().chain(lost).collect()))
    }

    fn write_to(folder: &Folder, frames: FramesWriter, metrics: MetricsWriter) -> Result<Self, RunError> {
        let (queue, events) = bounded(QUEUE);
        let (to_notices, notices) = unbounded();
        let undone = frames.undone;
        let (hub, broadcast) = Hub::after(frames.scalars());
        let files = Files { frames, metrics, broadcast, notices: to_notices, stalls: 0, is_stalled: false };
        let thread = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || files.record(&events))
            .map_err(RunError::io("start the recorder of", folder.path()))?;
        Ok(Self { running: Some(Running { queue, thread }), notices, hub, undone })
    }

    /// Where others can subscribe to what is recorded.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The highest number of an [`Undone`](crate::protocol::Undone) that was recorded before a run went on; 0 without any.
    pub fn undone_before(&self) -> u64 {
        self.undone
    }

    /// What has happened to the recording since the last call: nothing can be written, or everything can again.
    pub fn notices(&self) -> Vec<LogLine> {
        self.notices.try_iter().collect()
    }

    /// Queues an event; it is visible to other processes within a second. Returns how long it waited if the queue was full.
    ///
    /// # Errors
    /// [`RunError::NotRecording`] if the recorder has ended because of a bug. Training may continue.
    pub fn record(&mut self, event: Event) -> Result<Option<Duration>, RunError> {
        let Some(Running { queue, thread }) = &self.running else { return Err(RunError::NotRecording) };
        if queue.len() >= QUEUE / 2 {
            thread.thread().unpark();
        }
        // A closed queue means that the thread has ended early, with an error.
        let sent = enqueue(queue, Message::Event(event), || ());
        sent.map_err(|_| self.end().err().unwrap_or(RunError::NotRecording))
    }

    /// Waits until all events so far are written and synced; returns the length of `metrics.jsonl`, or `None` if that fails.
    pub fn sync(&self) -> Option<u64> {
        let Running { queue, thread } = self.running.as_ref()?;
        let (reply, length) = bounded(1);
        queue.send(Message::Sync(reply)).ok()?;
        thread.thread().unpark();
        length.recv().ok()?
    }

    /// Drops all that was recorded after the checkpoint of `to`; returns the number of events that are left and no pictures, also where
    /// that fails: the files cannot be read or written.
    pub fn rewind(&self, to: ResumePoint) -> (u64, Result<(), RunError>) {
        let rewound = || {
            let Running { queue, thread } = self.running.as_ref()?;
            let (reply, rewound) = bounded(1);
            queue.send(Message::Rewind(Box::new(to), reply)).ok()?;
            thread.thread().unpark();
            rewound.recv().ok()
        };
        rewound().unwrap_or_else(|| (self.hub.summary().seq, Err(RunError::NotRecording)))
    }

    /// Waits until all events are written and synced, with the index of `frames.bin`.
    ///
    /// # Errors
    /// If the last events cannot be written, or the files are no longer in the folder.
    pub fn finish(mut self) -> Result<(), RunError> {
        self.end()
    }

    /// [`finish`](Self::finish), with the last [`notices`](Self::notices).
    pub fn complete(mut self) -> (Vec<LogLine>, Result<(), RunError>) {
        let ended = self.end();
        (self.notices(), ended)
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
fn enqueue<T>(
    queue: &Sender<T>,
    event: T,
    when_full: impl FnOnce(),
) -> Result<Option<Duration>, SendError<T>> {
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
    /// Those who read along.
    broadcast: Broadcast,
    notices: Sender<LogLine>,
    /// How often writing began to fail.
    stalls: u64,
    /// Whether it fails now.
    is_stalled: bool,
}

impl Files {
    fn record(mut self, events: &Receiver<Message>) -> Result<(), RunError> {
        self.write_all(events);
        if self.sync().is_err() {
            thread::sleep(LAST_ATTEMPT);
        }
        let lost = self.lost();
        // If one file fails, the other is still completed.
        let (metrics, frames) = (self.metrics.finish(), self.frames.finish());
        let written = metrics.and(frames);
        if lost > 0 && written.is_ok() {
            let _ = self.notices.send(resumed(lost));
        }
        written
    }

    fn write_all(&mut self, events: &Receiver<Message>) {
        // When to write the buffered events; `None` if there are none.
        let mut due: Option<Instant> = None;
        loop {
            match self.receive(events, due) {
                Ok(Message::Sync(reply)) => {
                    let synced = self.sync();
                    let length = synced.is_ok().then(|| self.metrics.bytes()).flatten();
                    self.note(synced);
                    // The sender may have stopped waiting.
                    let _ = reply.send(length);
                }
                Ok(Message::Rewind(to, reply)) => {
                    let rewound = self.rewind(&to);
                    let _ = reply.send(rewound);
                }
                Ok(Message::Event(event)) => {
                    let written = self.metrics.write(&event).and(self.frames.write(&event));
                    self.note(written);
                    self.broadcast.publish(&event, self.frames.step());
                    due.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
                    let flushed = match event {
                        // A checkpoint must not be more durable than its history.
                        Event::Saved(_) => self.sync(),
                        Event::Epoch(_) | Event::Prepared(_) | Event::Status(_) => self.flush(),
                        _ => Ok(()),
                    };
                    self.note(flushed);
                    if events.is_empty() {
                        thread::park_timeout(IDLE_SLEEP);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if due.is_some_and(|due| Instant::now() >= due) {
                let flushed = self.flush();
                self.note(flushed);
                // What could not be written is due again.
                due = self.is_stalled.then(|| Instant::now() + FLUSH_EVERY);
            }
        }
    }

    /// Drops what was recorded after the checkpoint of `to`; returns the number of events that are left and no pictures.
    fn rewind(&mut self, to: &ResumePoint) -> (u64, Result<(), RunError>) {
        if let Err(error) = self.sync().and_then(|()| self.frames.rewind(to)) {
            return (self.broadcast.seq(), Err(error));
        }
        // Whoever reads along has the numbers of the frames.
        let (seq, latest) = self.frames.scalars();
        self.broadcast.rewind(seq, &latest);
        let frames = self.metrics.folder().join("frames.bin");
        (seq, self.metrics.rewind(to, || lost_lines::recorded(&frames, Some(to))))
    }

    /// Receives a message, at the latest at `due`; answers requests to subscribe meanwhile.
    fn receive(
        &mut self,
        events: &Receiver<Message>,
        due: Option<Instant>,
    ) -> Result<Message, RecvTimeoutError> {
        let wait = due.map_or_else(never, |due| after(due.saturating_duration_since(Instant::now())));
        loop {
            let Self { broadcast, frames, .. } = self;
            broadcast.answer(|| frames.recording());
            match events.try_recv() {
                Ok(event) => return Ok(event),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            select! {
                recv(events) -> event => return event.map_err(|_| RecvTimeoutError::Disconnected),
                recv(broadcast.requests) -> request => match request {
                    Ok(request) => broadcast.accept(request, frames.recording()),
                    // No one can subscribe any more.
                    Err(_) => broadcast.requests = never(),
                },
                recv(wait) -> _ => return Err(RecvTimeoutError::Timeout),
            }
        }
    }

    /// Reports when writing begins to fail, and when it succeeds again; not every time if that alternates.
    fn note(&mut self, result: Result<(), RunError>) {
        let is_stalled = self.metrics.is_failing() || self.frames.is_failing();
        match result {
            Err(error) if !self.is_stalled => {
                self.stalls += 1;
                if self.stalls.is_power_of_two() {
                    let text = format!(
                        "{}; up to {} MiB of the metrics are kept in memory and written as soon as that is possible",
                        chain(&error),
                        MAX_PENDING >> 20
                    );
                    let _ = self.notices.send(LogLine { level: Level::Error, text });
                }
            }
            Ok(()) if self.is_stalled && !is_stalled && self.stalls.is_power_of_two() => {
                let _ = self.notices.send(resumed(self.lost()));
            }
            _ => {}
        }
        self.is_stalled = is_stalled;
    }

    /// All dropped lines and events.
    fn lost(&self) -> u64 {
        self.metrics.lost + self.frames.lost
    }

    fn flush(&mut self) -> Result<(), RunError> {
        let metrics = self.metrics.flush();
        metrics.and(self.frames.flush())
    }

    fn sync(&mut self) -> Result<(), RunError> {
        let metrics = self.metrics.sync();
        metrics.and(self.frames.sync())
    }
}

/// The line of the log when everything is written again.
fn resumed(lost: u64) -> LogLine {
    match lost {
        0 => LogLine {
            level: Level::Info,
            text: "everything is recorded again, and nothing is missing".into(),
        },
        _ => {
            let text = format!(
                "everything is recorded again, but {lost} records are missing: gaps in metrics.jsonl and frames.bin say where"
            );
            LogLine { level: Level::Warning, text }
        }
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
    fn a_full_disk_is_reported_once_and_the_other_file_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("metrics.jsonl")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let mut notices = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while notices.is_empty() && Instant::now() < deadline {
            recorder.record(Event::Epoch(Box::default())).unwrap();
            notices.extend(recorder.notices());
        }
        recorder.record(line("later")).unwrap();
        let error = chain(&recorder.finish().unwrap_err());
        assert!(error.contains("metrics.jsonl") && error.contains("No space left"), "{error}");
        assert!(notices.len() == 1 && notices[0].text.starts_with(&error), "{notices:?}");
        let reader = crate::run::Reader::open(dir.path()).unwrap();
        assert_eq!(reader.events().unwrap().last().unwrap().unwrap(), line("later"));
    }

    #[test]
    fn recording_into_a_folder_that_was_removed_is_an_error_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        recorder.record(line("before")).unwrap();
        std::fs::remove_dir_all(folder.path()).unwrap();
        recorder.record(line("after")).unwrap();
        assert!(matches!(recorder.finish(), Err(RunError::Moved(_))));
    }
}
