//! The hub: what a run records is sent to subscribers as well, each at its own speed.
//!
//! ```text
//! trainer ── Event ──▶ recorder's thread ─┬─▶ metrics.jsonl, frames.bin     lossless
//!                                         └─▶ Queue of each subscriber      bounded; frames as in frames.bin
//! socket's thread ── subscribe ──▶ recorder's thread ── Prefix, Queue ──▶ socket's thread
//! ```
//!
//! The recorder's thread is the one place through which every event goes in order, so that subscribing needs neither the trainer nor a
//! lock: between two events the thread answers with a handle of `frames.bin`, the number of bytes of its whole frames, those that are not
//! written yet, and a queue for all that follows. [`Prefix`], then queue, is one stream in the format of `frames.bin`. An event is encoded
//! for subscribers once, and only while there are any; to the trainer they cost nothing.
//!
//! Events other than pictures (gradients, instruments, probes) are numbered from 1 in the order of the recording: thinning of probes does
//! not change their numbers.

mod queue;

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::frames::{FileAt, FrameStream, frame};
use crate::protocol::{EpochMetrics, Event, RunInfo, RunStatus, StepMetrics, ValidationMetrics};
use queue::Picture;
pub use queue::{Queue, Received};

/// How long subscribing waits for the recorder's thread, which may wait for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where events can be subscribed to, from any thread.
#[derive(Debug, Clone)]
pub struct Hub {
    requests: Sender<SubscribeRequest>,
    summary: Arc<Mutex<Summary>>,
}

/// The latest events of a run.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The number of the last event that is no picture.
    pub seq: u64,
    /// The facts of the run.
    pub info: Option<Arc<RunInfo>>,
    /// The status of the trainer.
    pub status: Option<RunStatus>,
    /// How many commands this process has applied.
    pub commands: u64,
    /// The last step; with the learning rate of the next, if a command has changed it.
    pub step: Option<StepMetrics>,
    /// The last epoch.
    pub epoch: Option<EpochMetrics>,
    /// The last validation between two steps of an epoch.
    pub validation: Option<ValidationMetrics>,
}

/// Why nothing can be subscribed to.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The recorder has ended.
    #[error("the run has ended")]
    Ended,
    /// The recorder's thread does not answer.
    #[error("the recorder waits for the disk; try again later")]
    Stalled,
    /// The recording cannot be read.
    #[error("cannot read frames.bin")]
    Unreadable(#[source] io::Error),
}

#[derive(Debug)]
pub(super) struct SubscribeRequest {
    reply: Sender<io::Result<Subscription>>,
}

/// All events of a run: those so far, and those that follow.
#[derive(Debug)]
pub struct Subscription {
    /// The recording so far.
    pub prefix: Prefix,
    /// The frames after it.
    pub queue: Arc<Queue>,
}

/// The whole frames of a recording up to a moment. Those that the recorder could not or did not yet write are in memory.
#[derive(Debug)]
pub struct Prefix {
    /// Open for reading: `frames.bin`, which may be replaced meanwhile.
    pub(super) file: File,
    /// Bytes of its whole frames.
    pub(super) written: u64,
    /// The frames after them.
    pub(super) pending: Vec<u8>,
    /// The number of the last event in it that is no picture.
    pub(super) seq: u64,
}

impl Prefix {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// The number of the last event in it that is no picture.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Its bytes.
    pub fn reader(&self) -> impl Read {
        FileAt { file: &self.file, offset: 0 }.take(self.written).chain(self.pending.as_slice())
    }

    /// Its frames.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn frames(&self) -> io::Result<FrameStream<impl Read>> {
        FrameStream::new(io::BufReader::with_capacity(64 * 1024, self.reader()))
    }
}

impl Hub {
    /// A hub, and the side of the recorder's thread. `seq` events that are no pictures are recorded already; `latest` are the last of them.
    pub(super) fn after((seq, latest): (u64, Vec<Event>)) -> (Self, Broadcast) {
        let (requests, to_answer) = unbounded();
        let summary = Arc::new(Mutex::new(Summary { seq, ..Summary::default() }));
        let broadcast =
            Broadcast { requests: to_answer, summary: Arc::clone(&summary), queues: Vec::new(), seq };
        latest.iter().for_each(|event| broadcast.summarize(event));
        (Self { requests, summary }, broadcast)
    }

    /// Subscribes to all events of the run, from the first on.
    ///
    /// # Errors
    /// When the run has ended, or its recording cannot be read.
    pub fn subscribe(&self) -> Result<Subscription, SubscribeError> {
        let (reply, answer) = bounded(1);
        self.requests.send(SubscribeRequest { reply }).map_err(|_| SubscribeError::Ended)?;
        match answer.recv_timeout(PATIENCE) {
            Ok(subscription) => subscription.map_err(SubscribeError::Unreadable),
            Err(error) if error.is_timeout() => Err(SubscribeError::Stalled),
            Err(_) => Err(SubscribeError::Ended),
        }
    }

    /// The latest events.
    pub fn summary(&self) -> Summary {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The recorder's side of a [`Hub`].
pub(super) struct Broadcast {
    /// Requests to subscribe.
    pub requests: Receiver<SubscribeRequest>,
    summary: Arc<Mutex<Summary>>,
    queues: Vec<Arc<Queue>>,
    /// The number of the last event that is no picture.
    seq: u64,
}

impl Broadcast {
    /// Sends `event`, which is recorded, to all subscribers; `step` is its own, or that of the latest event that has one.
    pub fn publish(&mut self, event: &Event, step: u64) {
        let picture = Picture::of(event);
        if picture.is_none() {
            self.seq += 1;
            self.summarize(event);
        }
        if self.queues.is_empty() {
            return;
        }
        let Some(frame) = frame(event, step) else { return };
        let frame: Arc<[u8]> = frame.into();
        // Who has gone is no subscriber any more.
        self.queues.retain(|queue| Arc::strong_count(queue) > 1);
        for queue in &self.queues {
            queue.push(picture, &frame);
        }
    }

    /// The number of the last event that is no picture.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The recording has gone back to its first `seq` events that are no pictures; `latest` are the last of them.
    pub fn rewind(&mut self, seq: u64, latest: &[Event]) {
        self.seq = seq;
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        (summary.step, summary.epoch, summary.validation) = (None, None, None);
        drop(summary);
        latest.iter().for_each(|event| self.summarize(event));
        self.queues.iter().for_each(|queue| queue.rewind(seq));
    }

    fn summarize(&self, event: &Event) {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        summary.seq = self.seq;
        match event {
            Event::Prepared(info) => summary.info = Some(Arc::new((**info).clone())),
            Event::Status(status) => summary.status = Some(status.clone()),
            Event::Step(step) => summary.step = Some(*step),
            Event::Command(applied) => {
                summary.commands += 1;
                if let Some(step) = &mut summary.step {
                    step.learning_rate = applied.learning_rate;
                }
            }
            Event::Undone(_) => summary.commands += 1,
            Event::Epoch(epoch) => summary.epoch = Some((**epoch).clone()),
            Event::Validation(validation) => summary.validation = Some(validation.clone()),
            _ => {}
        }
    }

    /// Answers the requests to subscribe so far; `recording` returns handle, size and pending frames of the recording.
    pub fn answer(&mut self, recording: impl Fn() -> io::Result<(File, u64, Vec<u8>)>) {
        while let Ok(request) = self.requests.try_recv() {
            self.accept(request, recording());
        }
    }

    /// Answers a request to subscribe.
    pub fn accept(&mut self, request: SubscribeRequest, recording: io::Result<(File, u64, Vec<u8>)>) {
        let subscription = recording.map(|(file, written, pending)| {
            let queue = Arc::new(Queue::default());
            self.queues.push(Arc::clone(&queue));
            Subscription { prefix: Prefix { file, written, pending, seq: self.seq }, queue }
        });
        let _ = request.reply.send(subscription);
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.queues.iter().for_each(|queue| queue.end());
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::protocol::{Activations, ProbeFrame, Saved};
    use crate::run::{Folder, Recorder, ResumePoint};

    const SOON: Duration = Duration::from_millis(1);

    fn step(step: u64) -> Event {
        Event::Step(StepMetrics {
            step,
            epoch: 1,
            loss: 1.0 / step as f64,
            accuracy: None,
            learning_rate: 0.001,
            grad_norm: 1.0,
            sequences_per_s: 640.0,
            seconds: step as f64,
        })
    }

    fn probe(step: u64) -> Event {
        let values = (0..500).map(|i| ((i * step) as f32).sin()).collect();
        let activations = vec![Activations {
            layer: 0,
            direction: None,
            quantity: "h".into(),
            units: 50,
            values,
            ..Activations::default()
        }];
        Event::Probe(Box::new(ProbeFrame {
            step,
            probe: 0,
            prediction: vec![0.5],
            by_token: Vec::new(),
            activations,
            ..ProbeFrame::default()
        }))
    }

    /// Reads the steps of `frames`; returns how many of them are no pictures.
    fn read(mut frames: FrameStream<impl Read>, steps: &mut Vec<u64>) -> u64 {
        let mut scalars = 0;
        while let Some(frame) = frames.next_frame().unwrap() {
            scalars += u64::from(frame.is_scalar());
            if let Some(Event::Step(metrics)) = frame.event() {
                steps.push(metrics.step);
            }
        }
        scalars
    }

    /// The steps that a subscriber reads up to the end of the run.
    fn steps(subscription: &Subscription) -> Vec<u64> {
        let mut steps = Vec::new();
        let before = read(subscription.prefix.frames().unwrap(), &mut steps);
        assert_eq!(before, subscription.prefix.seq());
        loop {
            match subscription.queue.receive(SOON) {
                Received::Frames(frames, scalars) => {
                    let bytes = frames.concat();
                    assert_eq!(read(FrameStream::after_header(bytes.as_slice()), &mut steps), scalars);
                }
                Received::Overflow | Received::Rewound(_) => panic!("the queue is large enough"),
                Received::End => return steps,
            }
        }
    }

    #[test]
    fn a_subscriber_at_any_time_reads_everything_once_also_where_probes_are_thinned() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        // Probes are thinned, which replaces the file, all the time.
        let mut recorder = Recorder::start(&folder, 10_000).unwrap();
        let mut readers = Vec::new();
        for at in 1..=3000 {
            recorder.record(step(at)).unwrap();
            recorder.record(probe(at)).unwrap();
            if at % 300 == 1 {
                let hub = recorder.hub().clone();
                readers.push(thread::spawn(move || steps(&hub.subscribe().unwrap())));
            }
        }
        let hub = recorder.hub().clone();
        assert!(hub.summary().step.is_some());
        // Every reader has subscribed before the end.
        thread::sleep(Duration::from_millis(300));
        recorder.finish().unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), (1..=3000).collect::<Vec<_>>());
        }
        assert!(matches!(hub.subscribe(), Err(SubscribeError::Ended)));
        assert_eq!((hub.summary().seq, hub.summary().step.unwrap().step), (3000, 3000));
    }

    #[test]
    fn a_subscriber_reads_what_was_undone_and_then_the_recording_from_there_on() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let saved = Saved { step: 10, path: "checkpoints/step-10".into(), ..Saved::default() };
        (1..=10).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        recorder.record(Event::Saved(saved.clone())).unwrap();
        recorder.sync().unwrap();
        let subscription = recorder.hub().subscribe().unwrap();
        (11..=20).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        let to = ResumePoint { checkpoint: saved, epoch: 1, before_validation: false, metrics_bytes: None };
        assert!(matches!(recorder.rewind(to), (11, Ok(()))));
        assert_eq!(recorder.hub().summary().step.unwrap().step, 10);
        (11..=13).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        assert!(matches!(subscription.queue.receive(SOON), Received::Rewound(11)));
        let again = recorder.hub().subscribe().unwrap();
        recorder.finish().unwrap();
        assert_eq!(steps(&again), (1..=13).collect::<Vec<_>>());
        // Whoever reads the old file reads it to its end.
        let mut before = Vec::new();
        read(subscription.prefix.frames().unwrap(), &mut before);
        assert_eq!(before, (1..=10).collect::<Vec<_>>());
        let lines = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 13);
    }

    #[test]
    fn numbers_go_on_where_a_recording_cannot_go_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("run")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        let saved = Saved { step: 10, path: "checkpoints/step-10".into(), ..Saved::default() };
        (1..=10).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        recorder.record(Event::Saved(saved.clone())).unwrap();
        (11..=20).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        recorder.sync().unwrap();
        let subscription = recorder.hub().subscribe().unwrap();
        let to = ResumePoint { checkpoint: saved, epoch: 1, before_validation: false, metrics_bytes: None };
        // The copy of the frames cannot be written.
        let copy = crate::durable::beside(&folder.path().join("frames.bin"));
        std::fs::create_dir(&copy).unwrap();
        assert!(matches!(recorder.rewind(to.clone()), (21, Err(_))));
        std::fs::remove_dir(&copy).unwrap();
        // The metrics cannot be opened again.
        let metrics = folder.path().join("metrics.jsonl");
        std::fs::remove_file(&metrics).unwrap();
        std::fs::create_dir(&metrics).unwrap();
        assert!(matches!(recorder.rewind(to), (11, Err(_))));
        assert!(matches!(subscription.queue.receive(SOON), Received::Rewound(11)));
        assert_eq!(recorder.hub().summary().seq, 11);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_full_disk_does_not_take_reaches_subscribers() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("metrics.jsonl")).unwrap();
        let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
        (1..=100).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        let subscription = recorder.hub().subscribe().unwrap();
        (101..=200).for_each(|at| assert!(recorder.record(step(at)).is_ok()));
        assert!(recorder.finish().is_err());
        assert_eq!(steps(&subscription), (1..=200).collect::<Vec<_>>());
    }
}
