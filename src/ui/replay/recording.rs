use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::chain;
use crate::protocol::Event;
use crate::run::{Events, Position, Reader, RunError};
use crate::ui::run_state::{Pictures, RunState};

/// The number of events between two looks at the clock.
const LOOK_EVERY: u32 = 64;

/// How often pictures before a step are looked for, from a wider range each time.
const LOOKS_BACK: u32 = 6;

/// The recording of a run, as far as it was written when it was opened or later.
#[derive(Debug)]
pub struct Recording {
    reader: Reader,
    folder: PathBuf,
}

/// Where to stop: before the first step beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// After this step and what followed it.
    Step(u64),
    /// After so many seconds of training.
    Seconds(f64),
    /// After the last event.
    End,
}

/// How far events were folded.
#[derive(Debug)]
pub(super) struct Progress {
    /// The position after the last folded event.
    pub position: Position,
    pub stopped: Stopped,
}

/// Why no more events were folded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The limit is reached.
    AtLimit,
    /// There are no more events.
    AtEnd,
    /// The time is up.
    TimeUp,
}

impl Recording {
    /// Opens the recording in the run folder `folder`.
    ///
    /// # Errors
    /// If there is none, or it is of another version.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        Ok(Self { reader: Reader::open(folder)?, folder: folder.to_owned() })
    }

    /// The last step that was recorded when it was opened.
    pub fn last_step(&self) -> u64 {
        self.reader.last_step()
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether it is still that of its run; see [`Reader::is_current`].
    pub(in crate::ui) fn is_current(&self) -> bool {
        self.reader.is_current()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its events, as far as they are readable.
    pub(in crate::ui) fn events(&self) -> impl Iterator<Item = Event> {
        self.reader.events_at(Position::START).into_iter().flatten().map_while(Result::ok)
    }

    /// Folds an event of the recording: as it was, except that the run may have been moved since.
    pub(super) fn apply(&self, run: &mut RunState, event: Event) {
        match event {
            Event::Prepared(mut info) => {
                info.folder.clone_from(&self.folder);
                run.apply(&Event::Prepared(info));
            }
            event => run.apply(&event),
        }
    }

    /// Folds the events after `from` up to `limit`, or until `deadline`.
    pub(super) fn advance(
        &self,
        run: &mut RunState,
        from: Position,
        limit: Limit,
        deadline: Option<Instant>,
    ) -> Progress {
        let Ok(mut events) = self.reader.events_at(from) else {
            return Progress { position: from, stopped: Stopped::AtEnd };
        };
        let mut count = 0;
        loop {
            let position = events.position();
            // Damage ends the recording here; the scan of the whole recording reports it.
            let Some(Ok(event)) = events.next() else {
                return Progress { position, stopped: Stopped::AtEnd };
            };
            if limit.is_before(&event) {
                return Progress { position, stopped: Stopped::AtLimit };
            }
            self.apply(run, event);
            count += 1;
            if count % LOOK_EVERY == 0 && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Progress { position: events.position(), stopped: Stopped::TimeUp };
            }
        }
    }

    /// The latest pictures at `step`, of a run that is monitored `every` so many steps and has recurrent layers and probes as `has` says;
    /// `None` if there are none near.
    pub fn pictures_at(&self, step: u64, every: u64, has: [bool; 2]) -> Option<Pictures> {
        let limit = Limit::Step(step);
        let (mut back, mut found) = (every.max(1), None);
        for _ in 0..LOOKS_BACK {
            let from = step.saturating_sub(back);
            let mut pictures = Pictures::default();
            let events = self.reader.events_from(from).ok()?.map_while(Result::ok);
            events.take_while(|event| !limit.is_before(event)).for_each(|event| pictures.apply(&event));
            let (has_all, is_complete) = (pictures.has_all(has), pictures.has_predictions());
            if has_all || from == 0 {
                found = Some(pictures);
            }
            // Predictions after tokens are made at fewer steps, if at all.
            if has_all && is_complete || from == 0 {
                break;
            }
            back = back.saturating_mul(4);
        }
        found.filter(|pictures| !pictures.is_empty())
    }

    /// The seconds of training at the first step after `from`; 0 if there is none, or no such time.
    pub(super) fn next_seconds(&self, from: Position) -> f64 {
        let steps = self.reader.events_at(from).into_iter().flatten().map_while(Result::ok);
        let mut seconds = steps.filter_map(|event| match event {
            Event::Step(metrics) => Some(metrics.seconds),
            _ => None,
        });
        seconds.next().filter(|seconds| seconds.is_finite()).unwrap_or(0.0)
    }

    /// The seconds of training of the whole recording.
    pub fn seconds(&self) -> f64 {
        let events = self.reader.events_from(self.reader.last_step());
        let steps = events.into_iter().flatten().map_while(Result::ok).filter_map(|event| match event {
            Event::Step(metrics) => Some(metrics.seconds),
            _ => None,
        });
        steps.last().filter(|seconds| seconds.is_finite()).unwrap_or(0.0)
    }

    /// Folds the single events after each of `positions`.
    pub(super) fn apply_single(&self, run: &mut RunState, positions: &[Position]) {
        for position in positions {
            let event = self.reader.events_at(*position).ok().and_then(|mut events| events.next());
            if let Some(Ok(event)) = event {
                self.apply(run, event);
            }
        }
    }
}

impl Limit {
    fn is_before(self, event: &Event) -> bool {
        match (self, event) {
            (Self::Step(step), Event::Step(metrics)) => metrics.step > step,
            (Self::Seconds(seconds), Event::Step(metrics)) => metrics.seconds > seconds,
            _ => false,
        }
    }
}

/// Why `events` ended with `error` or without one, where that is not simply the end of the recording.
pub(super) fn damage(events: &Events<'_>, error: Option<&RunError>) -> Option<String> {
    match (error, events.trailing_bytes()) {
        (Some(error), _) => Some(chain(error)),
        (None, 0) => None,
        (None, bytes) => {
            Some(format!("the recording ends within an event: its last {bytes} bytes are not read"))
        }
    }
}
