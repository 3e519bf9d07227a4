//! The replay of a recorded run: the dashboard at any step, as it was when that step was made.
//!
//! ```text
//! frames.bin ─▶ scan (a thread, once): snapshots of the fold, monitored steps, epochs, marks ─▶ Timeline ─┐
//!       │                                                                          key: the step to go to ─▶ Replay
//!       └── events between the nearest snapshot and that step ─▶ the fold that a live dashboard uses ─▶ RunState
//! ```
//!
//! A position is always before a step, so a state is that of a live screen which has taken all events up to there: what
//! follows a step (gradients, validation, checkpoint) belongs to it.

mod cast;
mod film;
mod look_back;
mod recording;
mod scan;
mod speed;
mod time_bar;
mod timeline;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use cast::{Cast, CastLength, CastVersion};
pub use film::{Film, FilmPicture};
pub use look_back::LookBack;
pub use recording::Recording;
pub use speed::Speed;

use super::keymap::Action;
use super::run_state::RunState;
use crate::run::Position;
use recording::{Limit, Stopped};
use scan::{Scan, Update};
use timeline::Timeline;

/// The time between two frames of a replay that plays.
const FRAME: Duration = Duration::from_millis(66);
/// How long a key or a frame may fold events; what is left follows with the next frame.
const BUDGET: Duration = Duration::from_millis(45);

/// A recorded run and the position in it.
#[derive(Debug)]
pub struct Replay {
    recording: Arc<Recording>,
    scan: Scan,
    timeline: Timeline,
    /// The position after the events that the state has taken.
    position: Position,
    goal: Option<Goal>,
    speed: Option<Speed>,
    playing: Option<Playing>,
    ticked: Instant,
    /// The name of the run on a command line.
    name: String,
}

/// Where to go, as soon as so much of the recording is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Goal {
    Step(u64),
    Share(f64),
    End,
    WorstGradient,
    BestValidation,
}

/// Seconds of training at some instant, from which they go on at the replay's speed.
#[derive(Debug, Clone, Copy)]
struct Playing {
    since: Instant,
    seconds: f64,
}

impl Replay {
    /// Starts to replay `recording`, whose run is `name` on a command line.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(recording: Recording, name: String) -> io::Result<Self> {
        let recording = Arc::new(recording);
        let now = Instant::now();
        Ok(Self {
            scan: Scan::start(Arc::clone(&recording))?,
            timeline: Timeline::new(recording.reader().last_step()),
            recording,
            position: Position::START,
            goal: Some(Goal::Step(0)),
            speed: None,
            playing: Some(Playing { since: now, seconds: 0.0 }),
            ticked: now,
            name,
        })
    }

    /// Sets the speed; by default a whole run takes a minute at most, as far as 64× allows that.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = Some(speed);
    }

    /// Starts at `step`, paused.
    pub fn start_at(&mut self, step: u64) {
        (self.goal, self.playing) = (Some(Goal::Step(step)), None);
    }

    /// The name of the run on a command line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The run folder.
    pub fn folder(&self) -> &Path {
        self.recording.folder()
    }

    /// Whether the whole recording was read: from then on every step is reached at once.
    pub fn is_complete(&self) -> bool {
        self.timeline.is_complete()
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Whether a step was chosen that is not reached yet.
    pub fn is_seeking(&self) -> bool {
        self.goal.is_some()
    }

    /// The last step recorded so far.
    pub fn last_step(&self) -> u64 {
        self.timeline.last
    }

    /// When [`tick`](Self::tick) is to be called next; `None` while nothing changes by itself.
    pub fn next_tick(&self) -> Option<Instant> {
        let changes = self.goal.is_some()
            || self.playing.is_some()
            || !self.timeline.is_complete()
            || self.timeline.is_live();
        changes.then(|| self.ticked + FRAME)
    }

    /// Goes on with `run`, the state at the present position, until `now`; returns whether anything changed.
    pub fn tick(&mut self, run: &mut RunState, now: Instant) -> bool {
        self.ticked = now;
        let changed = self.take_updates(self.step(run));
        let before = (self.position, self.playing.is_some());
        if self.goal.is_some() {
            self.seek(run, now);
        } else {
            self.play(run, now);
        }
        changed || before != (self.position, self.playing.is_some())
    }

    /// Applies a key's action if it concerns time; returns whether it did.
    pub fn act(&mut self, action: Action, run: &mut RunState, now: Instant) -> bool {
        let step = self.step(run);
        let hundredth = (self.timeline.last / 100).max(1);
        let goal = match action {
            Action::PauseResume => {
                self.pause_or_resume(run, now);
                return true;
            }
            Action::SlowerPlayback | Action::FasterPlayback | Action::FullSpeed => {
                self.change_speed(action, run, now);
                return true;
            }
            Action::Left => Goal::Step(self.timeline.monitored_before(step)),
            Action::Right => Goal::Step(self.timeline.monitored_after(step).unwrap_or(step + 1)),
            Action::SingleStep => Goal::Step(step + 1),
            Action::StepBack => Goal::Step(step.saturating_sub(1)),
            Action::PageUp => Goal::Step(step.saturating_sub(hundredth)),
            Action::PageDown => Goal::Step(step + hundredth),
            Action::First => Goal::Step(0),
            Action::Last => Goal::End,
            Action::NextEpoch => self.timeline.epoch_after(step).map_or(Goal::End, Goal::Step),
            Action::PreviousEpoch => Goal::Step(self.timeline.epoch_before(step)),
            Action::WorstGradient => Goal::WorstGradient,
            Action::BestValidation => Goal::BestValidation,
            _ => return false,
        };
        self.go(goal, run, now);
        true
    }

    /// Goes to `step`, or to the last one if there are fewer.
    pub fn go_to_step(&mut self, step: u64, run: &mut RunState, now: Instant) {
        self.go(Goal::Step(step), run, now);
    }

    /// Goes to a share of all steps, 0 to 1.
    pub fn go_to_share(&mut self, share: f64, run: &mut RunState, now: Instant) {
        self.go(Goal::Share(share), run, now);
    }

    /// Whether there is a step to go to with `action`, as far as is known.
    pub fn has_goal(&self, action: Action) -> bool {
        match action {
            Action::WorstGradient => !self.is_complete() || self.timeline.marks.worst.is_some(),
            Action::BestValidation => !self.is_complete() || self.timeline.marks.best().is_some(),
            _ => true,
        }
    }

    /// The step at the present position, or the one that is being gone to.
    fn step(&self, run: &RunState) -> u64 {
        match self.goal {
            Some(Goal::Step(step)) => step.min(self.timeline.last),
            _ => run.latest().map_or(0, |latest| latest.step),
        }
    }

    fn go(&mut self, goal: Goal, run: &mut RunState, now: Instant) {
        self.take_updates(self.step(run));
        // A run that goes on is followed from its end; else choosing a step stops at it.
        let follows = goal == Goal::End && self.timeline.is_live();
        self.playing = follows.then_some(Playing { since: now, seconds: f64::INFINITY });
        self.goal = Some(goal);
        self.seek(run, now);
    }

    fn pause_or_resume(&mut self, run: &mut RunState, now: Instant) {
        if self.playing.take().is_some() {
            return;
        }
        let is_at_end = self.goal.is_none() && self.step(run) >= self.timeline.last;
        if is_at_end && self.is_complete() && !self.timeline.is_live() {
            self.go(Goal::Step(0), run, now);
        }
        self.anchor(run, now);
    }

    fn change_speed(&mut self, action: Action, run: &RunState, now: Instant) {
        let speed = self.speed();
        self.speed = Some(match action {
            Action::SlowerPlayback => speed.slower(),
            Action::FasterPlayback => speed.faster(),
            _ => Speed::Fastest,
        });
        if self.playing.is_some() {
            self.anchor(run, now);
        }
    }

    /// Plays from the present position on.
    fn anchor(&mut self, run: &RunState, now: Instant) {
        let seconds = run.latest().map_or(0.0, |latest| latest.seconds);
        self.playing = Some(Playing { since: now, seconds: if seconds.is_finite() { seconds } else { 0.0 } });
    }

    fn speed(&self) -> Speed {
        self.speed.unwrap_or_else(|| Speed::for_training(self.timeline.latest.1))
    }

    /// Takes what the scan has found, at `step`; returns whether it was anything.
    fn take_updates(&mut self, step: u64) -> bool {
        let mut any = false;
        while let Ok(update) = self.scan.updates.try_recv() {
            any = true;
            match update {
                Update::Found(found) => self.timeline.add(*found),
                Update::Reopened(recording) => {
                    // The position is void: back to the same step, once it is read again.
                    self.timeline = Timeline::new(recording.reader().last_step());
                    self.recording = recording;
                    self.position = Position::START;
                    self.goal.get_or_insert(Goal::Step(step));
                }
            }
        }
        if self.is_complete() {
            // Of a run that goes on it must not change all the time.
            self.speed.get_or_insert(Speed::for_training(self.timeline.latest.1));
        }
        any
    }

    /// Goes towards the goal as long as the budget lasts.
    fn seek(&mut self, run: &mut RunState, now: Instant) {
        let Some(goal) = self.goal else { return };
        let Some((step, limit)) = self.resolve(goal) else { return };
        let snapshot = self.timeline.snapshot(step);
        let is_ahead = self.position < snapshot.position;
        // A position without events taken, or one behind: from the snapshot.
        if is_ahead || self.step_of(run) > step || self.position == Position::START {
            *run = snapshot.restore(&self.recording);
            self.position = snapshot.position;
        }
        self.fold(run, limit, now);
    }

    fn step_of(&self, run: &RunState) -> u64 {
        run.latest().map_or(0, |latest| latest.step)
    }

    /// The step of `goal`, and where to stop; `None` as long as that is not read.
    fn resolve(&self, goal: Goal) -> Option<(u64, Limit)> {
        let (last, is_complete) = (self.timeline.last, self.is_complete());
        let end = || is_complete.then_some((last, Limit::End));
        let step = match goal {
            Goal::End => return end(),
            Goal::Step(step) => step,
            Goal::Share(share) => (last as f64 * share).round() as u64,
            Goal::WorstGradient => {
                is_complete.then(|| self.timeline.marks.worst.map_or(0, |(step, _)| step))?
            }
            Goal::BestValidation => is_complete.then(|| self.timeline.marks.best())?.unwrap_or(0),
        };
        match step {
            step if step < self.timeline.latest.0 || step == 0 => Some((step, Limit::Step(step))),
            _ => end(),
        }
    }

    /// Folds events up to `limit`, as long as the budget lasts; the goal is reached when all of them are folded.
    fn fold(&mut self, run: &mut RunState, limit: Limit, now: Instant) {
        let progress = self.recording.advance(run, self.position, limit, Some(Instant::now() + BUDGET));
        self.position = progress.position;
        if progress.stopped == Stopped::TimeUp {
            return;
        }
        if self.goal.take().is_some() && self.playing.is_some_and(|playing| playing.seconds.is_finite()) {
            self.anchor(run, now);
        } else if progress.stopped == Stopped::AtEnd
            && self.timeline.end.as_ref().is_some_and(|end| !end.is_live)
        {
            self.playing = None;
        }
    }

    fn play(&mut self, run: &mut RunState, now: Instant) {
        let Some(playing) = self.playing else { return };
        let limit = match self.speed() {
            Speed::Times(times) => {
                Limit::Seconds(playing.seconds + times * now.duration_since(playing.since).as_secs_f64())
            }
            Speed::Fastest => Limit::End,
        };
        self.fold(run, limit, now);
    }
}
