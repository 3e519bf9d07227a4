//! Turns: several trainings on one machine, of which one makes steps at a time, with all threads.
//!
//! ```text
//! racer 0  ▄▄▄▄            ▄▄▄▄            ▄▄▄
//! racer 1      ▄▄▄▄            ▄▄▄▄            ▄▄▄▄
//! racer 2          ▄▄▄▄            ▄▄▄▄
//!          └ a round ────┘└ a round ────┘
//! ```
//!
//! In round r a training makes steps until it has had r turns in all, so that an excess of one turn counts in the next. A turn changes when
//! a step is made and nothing else: validation and checkpoints fall into the turn of their training, and its clock stands still between.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The sender of the command that ends a training whose time is over.
pub const RACE: &str = "race";

/// While the others have their turns, a training at a pace gets into arrears; it makes up for so much of them.
const ARREARS: Duration = Duration::from_secs(2);

/// The length of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnLength {
    /// Tokens, or time steps: sequences times their length, padding counted.
    Tokens(u64),
    /// The time of steps, without validation and checkpoints.
    Time(Duration),
}

/// What a training has used of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens, or time steps, trained: sequences times their length, padding counted.
    pub tokens: u64,
    /// The time of its steps.
    pub time: Duration,
}

/// Passes the turn among trainings, in the order of their numbers.
#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    racers: Vec<Racer>,
    /// Whose turn it is; `None` before the start and after the end.
    current: Option<usize>,
    /// From 1.
    round: u64,
    length: TurnLength,
    is_paused: bool,
    /// The time after which all stop.
    limit: Option<Duration>,
    /// The time of a step of each training at least.
    pace: Option<Duration>,
}

#[derive(Debug, Default)]
struct Racer {
    usage: Usage,
    is_ready: bool,
    /// The tokens of a full step.
    step_tokens: u64,
    has_left: bool,
    /// When the pace allows its next step.
    due: Option<Instant>,
}

/// The turn of one training. When it is dropped, the training has left.
#[derive(Debug, Clone)]
pub struct Turn(Arc<Lane>);

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Debug)]
struct Lane {
    turns: Arc<Turns>,
    racer: usize,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.turns.leave(self.racer);
    }
}

/// Whether a training may make a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    Step,
    Wait,
    /// Its time is over.
    End,
}

impl Turns {
    /// Turns of `racers` trainings, which all stop after `limit` of training time if there is one.
    pub fn new(racers: usize, limit: Option<Duration>) -> Arc<Self> {
        let racers = (0..racers).map(|_| Racer::default()).collect();
        let length = TurnLength::Tokens(1);
        let state = State { racers, current: None, round: 1, length, is_paused: false, limit, pace: None };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The turn of a training, for its options.
    pub fn turn(self: &Arc<Self>, racer: usize) -> Turn {
        Turn(Arc::new(Lane { turns: Arc::clone(self), racer }))
    }

    /// Waits at most `timeout` until a training is prepared or has ended; returns whether it is.
    pub fn wait_until_ready(&self, racer: usize, timeout: Duration) -> bool {
        let is_ready =
            |state: &State| state.racers.get(racer).is_none_or(|racer| racer.is_ready || racer.has_left);
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !is_ready(state));
        is_ready(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Whether a training has ended.
    pub fn has_left(&self, racer: usize) -> bool {
        self.lock().racers.get(racer).is_none_or(|racer| racer.has_left)
    }

    /// The tokens, or time steps, of the largest step of a training that is prepared.
    pub fn step_tokens(&self) -> u64 {
        self.lock().racers.iter().map(|racer| racer.step_tokens).max().unwrap_or(0)
    }

    /// Gives the first turn, once all trainings are prepared or have ended.
    pub fn start(&self, length: TurnLength) {
        let mut state = self.lock();
        state.length = length;
        state.pass(None);
        self.changed.notify_all();
    }

    /// Slows down each training to a step in so much time, or not.
    pub fn set_pace(&self, pace: Option<Duration>) {
        self.lock().pace = pace;
        self.changed.notify_all();
    }

    /// Stops all trainings between two steps, or lets them go on.
    pub fn set_paused(&self, is_paused: bool) {
        self.lock().is_paused = is_paused;
        self.changed.notify_all();
    }

    /// What each training has used so far.
    pub fn usage(&self) -> Vec<Usage> {
        self.lock().racers.iter().map(|racer| racer.usage).collect()
    }

    fn leave(&self, racer: usize) {
        let mut state = self.lock();
        if let Some(of) = state.racers.get_mut(racer) {
            of.has_left = true;
        }
        if state.current == Some(racer) {
            state.pass(Some(racer));
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives the turn to the next training after `from` that has some of this round left.
    fn pass(&mut self, from: Option<usize>) {
        let count = self.racers.len();
        let first = from.map_or(0, |from| from + 1);
        self.current = None;
        while self.current.is_none() && self.racers.iter().any(|racer| !racer.has_left) {
            let is_due = |i: &usize| {
                self.racers.get(*i).is_some_and(|racer| !racer.has_left && !self.is_used(racer.usage))
            };
            self.current = (first..first + count).map(|i| i % count).find(is_due);
            self.round += u64::from(self.current.is_none());
        }
    }

    /// Whether `usage` is that of all turns so far.
    fn is_used(&self, usage: Usage) -> bool {
        let (used, length) = match self.length {
            TurnLength::Tokens(tokens) => (u128::from(usage.tokens), u128::from(tokens)),
            TurnLength::Time(time) => (usage.time.as_nanos(), time.as_nanos()),
        };
        used >= length.max(1).saturating_mul(u128::from(self.round))
    }

    /// How long a training must wait at `now`; `None` if it may make a step.
    fn must_wait(&self, racer: usize, now: Instant) -> Option<Duration> {
        if self.is_paused || self.current != Some(racer) {
            return Some(Duration::MAX);
        }
        let due = self.racers.get(racer).and_then(|racer| racer.due).filter(|_| self.pace.is_some())?;
        due.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

impl Turn {
    /// The training is prepared; its steps have at most so many tokens. One that goes on has used something before: the others catch up.
    pub(super) fn prepared(&self, step_tokens: u64, usage: Usage) {
        let Lane { turns, racer } = &*self.0;
        if let Some(of) = turns.lock().racers.get_mut(*racer) {
            (of.is_ready, of.step_tokens, of.usage) = (true, step_tokens, usage);
        }
        turns.changed.notify_all();
    }

    /// Waits at most `timeout` for the turn.
    pub(super) fn wait(&self, timeout: Duration) -> Permit {
        let Lane { turns, racer } = &*self.0;
        let begin = Instant::now();
        let mut state = turns.lock();
        loop {
            let now = Instant::now();
            let Some(due) = state.must_wait(*racer, now) else { break };
            let left = timeout.saturating_sub(now.duration_since(begin));
            if left.is_zero() {
                return Permit::Wait;
            }
            let waited = turns.changed.wait_timeout(state, due.min(left));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let used = state.racers.get(*racer).map_or(Duration::ZERO, |racer| racer.usage.time);
        if state.limit.is_some_and(|limit| used >= limit) { Permit::End } else { Permit::Step }
    }

    /// Counts a step.
    pub(super) fn count(&self, tokens: u64, time: Duration) {
        let Lane { turns, racer } = &*self.0;
        let mut state = turns.lock();
        let (pace, now) = (state.pace, Instant::now());
        let Some(of) = state.racers.get_mut(*racer) else { return };
        of.usage.tokens += tokens;
        of.usage.time += time;
        of.due = pace.map(|pace| {
            let due = of.due.unwrap_or(now) + pace;
            now.checked_sub(ARREARS).map_or(due, |earliest| due.max(earliest))
        });
        let usage = of.usage;
        if state.is_used(usage) && state.current == Some(*racer) {
            state.pass(Some(*racer));
            turns.changed.notify_all();
        }
    }

    /// The training has made all its steps; where turns are times, the others end after the same time.
    pub(super) fn finish(&self) {
        let Lane { turns, racer } = &*self.0;
        let mut state = turns.lock();
        let used = state.racers.get(*racer).map_or(Duration::ZERO, |racer| racer.usage.time);
        if matches!(state.length, TurnLength::Time(_)) {
            state.limit = Some(state.limit.map_or(used, |limit| limit.min(used)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_TIME: Duration = Duration::ZERO;

    /// Makes steps of so many tokens for each racer until none may; returns who made them.
    fn steps(turns: &Arc<Turns>, length: u64, sizes: &[u64], count: usize) -> Vec<usize> {
        let racers: Vec<Turn> = (0..sizes.len()).map(|i| turns.turn(i)).collect();
        racers.iter().for_each(|racer| assert_eq!(racer.wait(NO_TIME), Permit::Wait));
        turns.start(TurnLength::Tokens(length));
        let mut made = Vec::new();
        while made.len() < count {
            let permits: Vec<Permit> = racers.iter().map(|racer| racer.wait(NO_TIME)).collect();
            let i = permits.iter().position(|permit| *permit == Permit::Step).unwrap();
            assert_eq!(permits.iter().filter(|permit| **permit != Permit::Wait).count(), 1);
            racers[i].count(sizes[i], Duration::from_millis(1));
            made.push(i);
        }
        made
    }

    #[test]
    fn a_turn_has_its_tokens_and_an_excess_counts_in_the_next() {
        let turns = Turns::new(2, None);
        assert_eq!(steps(&turns, 4, &[2, 3], 11), [0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0]);
        let tokens: Vec<u64> = turns.usage().iter().map(|usage| usage.tokens).collect();
        assert_eq!(tokens, [14, 12]);
    }

    #[test]
    fn who_leaves_passes_the_turn_on_and_a_pause_stops_all() {
        let turns = Turns::new(3, None);
        let mut racers: Vec<Option<Turn>> = (0..3).map(|i| Some(turns.turn(i))).collect();
        assert!(!turns.wait_until_ready(0, NO_TIME));
        racers[0].as_ref().unwrap().prepared(7, Usage::default());
        assert!(turns.wait_until_ready(0, NO_TIME));
        assert_eq!(turns.step_tokens(), 7);
        turns.start(TurnLength::Tokens(1));
        let wait = |racers: &[Option<Turn>], i: usize| racers[i].as_ref().unwrap().wait(NO_TIME);
        assert_eq!(wait(&racers, 0), Permit::Step);
        turns.set_paused(true);
        assert_eq!(wait(&racers, 0), Permit::Wait);
        turns.set_paused(false);
        racers[0] = None;
        assert_eq!((wait(&racers, 1), wait(&racers, 2)), (Permit::Step, Permit::Wait));
        racers[2] = None;
        racers[1].as_ref().unwrap().count(1, NO_TIME);
        assert_eq!(wait(&racers, 1), Permit::Step, "a round alone");
    }

    #[test]
    fn equal_time_ends_when_the_first_has_made_all_its_steps() {
        let turns = Turns::new(2, None);
        let (first, second) = (turns.turn(0), turns.turn(1));
        turns.start(TurnLength::Time(Duration::from_millis(3)));
        first.count(1, Duration::from_millis(5));
        first.finish();
        drop(first);
        second.count(1, Duration::from_millis(4));
        assert_eq!(second.wait(NO_TIME), Permit::Step);
        second.count(1, Duration::from_millis(1));
        assert_eq!(second.wait(NO_TIME), Permit::End);
        // Equal tokens end with the epochs.
        let turns = Turns::new(1, None);
        let alone = turns.turn(0);
        turns.start(TurnLength::Tokens(1));
        alone.count(1, Duration::from_millis(5));
        alone.finish();
        assert_eq!(alone.wait(NO_TIME), Permit::Step);
    }

    #[test]
    fn a_training_that_goes_on_waits_until_the_others_have_caught_up() {
        let turns = Turns::new(2, None);
        let racers = [turns.turn(0), turns.turn(1)];
        racers[0].prepared(1, Usage { tokens: 5, time: Duration::from_millis(5) });
        racers[1].prepared(1, Usage { tokens: 2, time: Duration::from_millis(2) });
        turns.start(TurnLength::Tokens(1));
        for _ in 0..3 {
            assert_eq!((racers[0].wait(NO_TIME), racers[1].wait(NO_TIME)), (Permit::Wait, Permit::Step));
            racers[1].count(1, Duration::from_millis(1));
        }
        assert_eq!(racers[0].wait(NO_TIME), Permit::Step);
        assert_eq!(turns.usage(), [Usage { tokens: 5, time: Duration::from_millis(5) }; 2]);
    }

    #[test]
    fn a_pace_slows_down_every_training_until_it_is_lifted() {
        const PACE: Duration = Duration::from_millis(20);
        let turns = Turns::new(2, None);
        turns.set_pace(Some(PACE));
        let racers = [turns.turn(0), turns.turn(1)];
        turns.start(TurnLength::Tokens(1));
        let begin = Instant::now();
        for step in 0..8 {
            let racer = &racers[step % 2];
            while racer.wait(Duration::from_secs(1)) != Permit::Step {}
            racer.count(1, NO_TIME);
        }
        // The first step of each needs no wait, and both wait at the same time.
        assert!(begin.elapsed() >= 3 * PACE, "{:?}", begin.elapsed());
        turns.set_pace(Some(Duration::from_secs(3600)));
        for racer in &racers {
            while racer.wait(Duration::from_secs(1)) != Permit::Step {}
            racer.count(1, NO_TIME);
        }
        assert_eq!(racers[0].wait(NO_TIME), Permit::Wait, "an hour to go");
        turns.set_pace(None);
        assert_eq!(racers[0].wait(NO_TIME), Permit::Step);
    }
}
