//! Reads the whole recording once, in the background, and sends what seeking needs: states to start from, and the steps worth going to.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::recording::{Recording, damage};
use crate::protocol::{Event, StepMetrics};
use crate::run::{Position, RunError, owner};
use crate::sort::SmallSort as _;
use crate::ui::run_state::RunState;

/// The number of events between two snapshots of a short recording; it doubles whenever there would be more than [`MAX_SNAPSHOTS`].
const SPACING: u64 = 2048;
/// The maximum number of snapshots in memory, each of up to 1.4 MB: of a recording of a million steps
/// a seek then folds 3 % at most.
pub(super) const MAX_SNAPSHOTS: usize = 64;
/// The number of events between two messages.
const BATCH: u64 = 4096;
/// How often a recording that still grows is read on.
const POLL: Duration = Duration::from_millis(250);

/// What the scan has found since the last message.
#[derive(Debug)]
pub(super) enum Update {
    Found(Box<Found>),
    /// The recording was rewritten: positions found before are void.
    Reopened(Arc<Recording>),
}

/// What was found in a part of the recording.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Before some of its steps.
    pub snapshots: Vec<Snapshot>,
    /// The monitored steps, in order.
    pub monitored: Vec<u64>,
    /// The last step of every epoch, with the number of the epoch.
    pub epochs: Vec<(usize, u64)>,
    /// The latest step.
    pub latest: Option<StepMetrics>,
    pub marks: Marks,
    /// The number of bytes read so far.
    pub bytes: u64,
    /// Set once the end of the recording is reached.
    pub end: Option<End>,
}

/// The end of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// What is not read, if anything, and why.
    pub damage: Option<String>,
    /// Whether more is to come: the run has not ended, and a process trains it.
    pub is_live: bool,
    /// Whether the run had ended when this was recorded.
    pub is_over: bool,
}

/// Steps worth going to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Marks {
    /// The step with the greatest gradient norm, with the norm; the first that is not finite is greater than all.
    pub worst: Option<(u64, f64)>,
    /// The step of the latest checkpoint that was the best.
    best_checkpoint: Option<u64>,
    /// The step of the lowest validation loss, with the loss.
    lowest: Option<(u64, f64)>,
}

impl Marks {
    /// The best validation: that of the checkpoint that the run calls the best, else that with the lowest loss.
    pub fn best(&self) -> Option<u64> {
        self.best_checkpoint.or(self.lowest.map(|(step, _)| step))
    }

    fn step(&mut self, metrics: &StepMetrics) {
        let norm = metrics.grad_norm;
        let is_worse = |worst: f64| worst.is_finite() && (!norm.is_finite() || norm > worst);
        if self.worst.is_none_or(|(_, worst)| is_worse(worst)) {
            self.worst = Some((metrics.step, norm));
        }
    }

    fn validated(&mut self, step: u64, loss: Option<f64>) {
        let Some(loss) = loss.filter(|loss| loss.is_finite()) else { return };
        if self.lowest.is_none_or(|(_, lowest)| loss < lowest) {
            self.lowest = Some((step, loss));
        }
    }
}

/// The state of the run at a position, to fold on from.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Before a step, or the start.
    pub position: Position,
    /// The latest step of the state: 0 if there is none.
    pub step: u64,
    run: RunState,
    /// The positions of the frames of probes of which something is the latest, in their order.
    probes: Vec<Position>,
}

impl Snapshot {
    pub fn start() -> Self {
        Self { position: Position::START, step: 0, run: RunState::new(), probes: Vec::new() }
    }

    pub fn restore(&self, recording: &Recording) -> RunState {
        let mut run = self.run.clone();
        recording.apply_single(&mut run, &self.probes);
        run
    }
}

/// Ends the scan when it is dropped.
#[derive(Debug)]
pub(super) struct Scan {
    pub updates: Receiver<Update>,
    stop: Arc<AtomicBool>,
}

impl Scan {
    pub fn start(recording: Arc<Recording>) -> io::Result<Self> {
        let (to_screen, updates) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let scanner = Scanner::new(recording, to_screen, Arc::clone(&stop));
        thread::Builder::new().name("replay".into()).spawn(move || scanner.run())?;
        Ok(Self { updates, stop })
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Scanner {
    recording: Arc<Recording>,
    to_screen: Sender<Update>,
    stop: Arc<AtomicBool>,
    position: Position,
    run: RunState,
    /// The positions of the latest frame of every probe, and of the latest with predictions after its tokens and with their influence.
    probes: BTreeMap<(usize, usize), Position>,
    marks: Marks,
    monitored: Option<u64>,
    found: Found,
    /// Events since the last snapshot, and until the next.
    since: u64,
    spacing: u64,
    snapshots: usize,
}

impl Scanner {
    fn new(recording: Arc<Recording>, to_screen: Sender<Update>, stop: Arc<AtomicBool>) -> Self {
        Self {
            recording,
            to_screen,
            stop,
            position: Position::START,
            run: RunState::new(),
            probes: BTreeMap::new(),
            marks: Marks::default(),
            monitored: None,
            found: Found::default(),
            since: 0,
            spacing: SPACING,
            snapshots: 0,
        }
    }

    /// Reads to the end, and on as long as the run goes on. `None` when nobody needs it any more.
    fn run(mut self) -> Option<()> {
        let mut reported = None;
        loop {
            // Before reading: what is recorded between reading and looking is read the next time.
            let is_live = owner::is_live(self.recording.folder());
            let damage = self.read()?;
            let is_over = self.run.is_over();
            // A live recording may end within an event that is being written.
            let end = End { damage: damage.filter(|_| !is_live), is_live: is_live && !is_over, is_over };
            if self.found.latest.is_some() || reported.as_ref() != Some(&end) {
                self.found.end = Some(end.clone());
                self.send()?;
            }
            if !end.is_live {
                return None;
            }
            reported = Some(end);
            thread::sleep(POLL);
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if !self.recording.reader().is_current() {
                self.reopen()?;
            }
        }
    }

    /// Starts again with the file that has replaced that of the recording, if there is one.
    fn reopen(&mut self) -> Option<()> {
        let Ok(recording) = Recording::open(self.recording.folder()) else { return Some(()) };
        let recording = Arc::new(recording);
        self.to_screen.send(Update::Reopened(Arc::clone(&recording))).ok()?;
        *self = Self::new(recording, self.to_screen.clone(), Arc::clone(&self.stop));
        Some(())
    }

    /// Reads what there is; returns why it cannot read on if that is not just the end.
    fn read(&mut self) -> Option<Option<String>> {
        let recording = Arc::clone(&self.recording);
        let mut events = match recording.reader().events_at(self.position) {
            Ok(events) => events,
            Err(error) => return Some(Some(crate::error::chain(&error))),
        };
        let (mut count, mut error): (u64, Option<RunError>) = (0, None);
        loop {
            self.position = events.position();
            match events.next() {
                None => break,
                Some(Err(found)) => {
                    error = Some(found);
                    break;
                }
                Some(Ok(event)) => self.take(event, &recording),
            }
            count += 1;
            if count.is_multiple_of(BATCH) {
                self.send()?;
            }
        }
        Some(damage(&events, error.as_ref()))
    }

    fn send(&mut self) -> Option<()> {
        let mut found = std::mem::take(&mut self.found);
        (found.marks, found.bytes) = (self.marks, self.position.bytes());
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        self.to_screen.send(Update::Found(Box::new(found))).ok()
    }

    fn take(&mut self, event: Event, recording: &Recording) {
        match &event {
            Event::Step(metrics) => {
                if self.since >= self.spacing {
                    self.snapshot();
                }
                self.marks.step(metrics);
                self.found.latest = Some(*metrics);
            }
            Event::Gradient(profile) => self.monitored(profile.step),
            Event::Instruments(read) => self.monitored(read.step),
            Event::Probe(frame) => {
                self.monitored(frame.step);
                let has = [true, frame.has_predictions(), frame.influence.is_some()];
                for (kind, _) in has.into_iter().enumerate().filter(|(_, has)| *has) {
                    self.probes.insert((frame.probe, kind), self.position);
                }
            }
            Event::Epoch(metrics) => {
                self.found.epochs.push((metrics.epoch, metrics.step));
                self.marks.validated(metrics.step, metrics.get("val_loss"));
            }
            Event::Validation(metrics) => self.marks.validated(metrics.step, metrics.get("val_loss")),
            Event::Saved(saved) if saved.best => self.marks.best_checkpoint = Some(saved.step),
            _ => {}
        }
        self.since += 1;
        // Of no use for a snapshot, and costly.
        if !matches!(event, Event::Probe(_)) {
            recording.apply(&mut self.run, event);
        }
    }

    fn monitored(&mut self, step: u64) {
        if self.monitored.is_none_or(|latest| latest < step) {
            self.monitored = Some(step);
            self.found.monitored.push(step);
        }
    }

    fn snapshot(&mut self) {
        let mut probes: Vec<Position> = self.probes.values().copied().collect();
        probes.small_sort_by(Ord::cmp);
        probes.dedup();
        self.found.snapshots.push(Snapshot {
            position: self.position,
            step: self.run.latest().map_or(0, |latest| latest.step),
            run: self.run.clone(),
            probes,
        });
        (self.since, self.snapshots) = (0, self.snapshots + 1);
        if self.snapshots == MAX_SNAPSHOTS {
            (self.snapshots, self.spacing) = (MAX_SNAPSHOTS / 2, self.spacing * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::Timeline;
    use super::*;
    use crate::run::{Folder, Recorder};

    const STEPS: u64 = 150_000;

    #[test]
    fn snapshots_are_few_and_everywhere_near() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::start(&Folder::create(dir.path()).unwrap(), 0).unwrap();
        for step in 1..=STEPS {
            let metrics = StepMetrics {
                step,
                epoch: 1,
                loss: 1.0,
                accuracy: None,
                learning_rate: 1e-3,
                grad_norm: 1.0,
                sequences_per_s: 1.0,
                seconds: step as f64,
            };
            recorder.record(Event::Step(metrics)).unwrap();
        }
        recorder.finish().unwrap();
        let recording = Arc::new(Recording::open(dir.path()).unwrap());
        let mut timeline = Timeline::new(recording.reader().last_step());
        let scan = Scan::start(recording).unwrap();
        let mut most = 0;
        for update in &scan.updates {
            let Update::Found(found) = update else { panic!("nobody rewrites it") };
            timeline.add(*found);
            most = most.max(timeline.snapshots().count());
        }
        assert!(timeline.is_complete() && timeline.last == STEPS);
        assert!((MAX_SNAPSHOTS / 2..=MAX_SNAPSHOTS).contains(&timeline.snapshots().count()));
        assert!(most <= MAX_SNAPSHOTS, "{most}");
        let farthest = (0..=STEPS).map(|step| step - timeline.snapshot(step).step).max().unwrap();
        assert!(farthest <= STEPS / (MAX_SNAPSHOTS as u64 / 2), "{farthest}");
    }
}
