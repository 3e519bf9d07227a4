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
use std::time::Duration;

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
    length: TurnLength,
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
    is_started: bool,
    is_paused: bool,
    /// The time after which all stop.
    limit: Option<Duration>,
}

#[derive(Debug, Default)]
struct Racer {
    usage: Usage,
    /// Whether it waits for its first turn, or has had it.
    is_ready: bool,
    has_left: bool,
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
    pub fn new(racers: usize, length: TurnLength, limit: Option<Duration>) -> Arc<Self> {
        let racers = (0..racers).map(|_| Racer::default()).collect();
        let state =
            State { racers, current: None, round: 1, is_started: false, is_paused: false, limit };
        Arc::new(Self { length, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The turn of a training, for its options.
    pub fn turn(self: &Arc<Self>, racer: usize) -> Turn {
        Turn(Arc::new(Lane { turns: Arc::clone(self), racer }))
    }

    /// Waits at most `timeout` until a training is prepared or has ended; returns whether it is.
    pub fn wait_until_ready(&self, racer: usize, timeout: Duration) -> bool {
        let is_ready = |state: &State| {
            state.racers.get(racer).is_none_or(|racer| racer.is_ready || racer.has_left)
        };
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !is_ready(state));
        is_ready(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Gives the first turn.
    pub fn start(&self) {
        let mut state = self.lock();
        state.is_started = true;
        self.pass(&mut state, None);
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

    /// Gives the turn to the next training after `from` that has some of this round left.
    fn pass(&self, state: &mut State, from: Option<usize>) {
        let count = state.racers.len();
        let first = from.map_or(0, |from| from + 1);
        if state.racers.iter().all(|racer| racer.has_left) {
            state.current = None;
            return;
        }
        loop {
            let round = state.round;
            let is_due = |i: &usize| {
                state.racers.get(*i).is_some_and(|racer| !racer.has_left && !self.is_used(racer.usage, round))
            };
            let next = (first..first + count).map(|i| i % count).find(is_due);
            if next.is_some() {
                state.current = next;
                return;
            }
            state.round += 1;
        }
    }

    /// Whether `usage` is that of so many turns.
    fn is_used(&self, usage: Usage, turns: u64) -> bool {
        match self.length {
            TurnLength::Tokens(tokens) => usage.tokens >= tokens.max(1).saturating_mul(turns),
            TurnLength::Time(time) => {
                usage.time.as_nanos() >= time.as_nanos().max(1).saturating_mul(u128::from(turns))
            }
        }
    }

    fn leave(&self, racer: usize) {
        let mut state = self.lock();
        if let Some(of) = state.racers.get_mut(racer) {
            of.has_left = true;
        }
        if state.current == Some(racer) {
            self.pass(&mut state, Some(racer));
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Waits at most `timeout` for the turn.
    pub(super) fn wait(&self, timeout: Duration) -> Permit {
        let Lane { turns, racer } = &*self.0;
        let mut state = turns.lock();
        if let Some(of) = state.racers.get_mut(*racer).filter(|of| !of.is_ready) {
            of.is_ready = true;
            turns.changed.notify_all();
        }
        let must_wait = |state: &mut State| state.is_paused || state.current != Some(*racer);
        let waited = turns.changed.wait_timeout_while(state, timeout, must_wait);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if must_wait(&mut state) {
            return Permit::Wait;
        }
        let used = state.racers.get(*racer).map_or(Duration::ZERO, |racer| racer.usage.time);
        if state.limit.is_some_and(|limit| used >= limit) { Permit::End } else { Permit::Step }
    }

    /// Counts a step.
    pub(super) fn count(&self, tokens: u64, time: Duration) {
        let Lane { turns, racer } = &*self.0;
        let mut state = turns.lock();
        let Some(of) = state.racers.get_mut(*racer) else { return };
        of.usage.tokens += tokens;
        of.usage.time += time;
        of.is_ready = true;
        let usage = of.usage;
        if turns.is_used(usage, state.round) && state.current == Some(*racer) {
            turns.pass(&mut state, Some(*racer));
            turns.changed.notify_all();
        }
    }

    /// The training has made all its steps; where turns are times, the others end after the same time.
    pub(super) fn finish(&self) {
        let Lane { turns, racer } = &*self.0;
        let mut state = turns.lock();
        let used = state.racers.get(*racer).map_or(Duration::ZERO, |racer| racer.usage.time);
        if matches!(turns.length, TurnLength::Time(_)) {
            state.limit = Some(state.limit.map_or(used, |limit| limit.min(used)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_TIME: Duration = Duration::ZERO;

    /// Makes steps of so many tokens for each racer until none may; returns who made them.
    fn steps(turns: &Arc<Turns>, sizes: &[u64], count: usize) -> Vec<usize> {
        let racers: Vec<Turn> = (0..sizes.len()).map(|i| turns.turn(i)).collect();
        racers.iter().for_each(|racer| assert_eq!(racer.wait(NO_TIME), Permit::Wait));
        turns.start();
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
        let turns = Turns::new(2, TurnLength::Tokens(4), None);
        assert_eq!(steps(&turns, &[2, 3], 11), [0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0]);
        let tokens: Vec<u64> = turns.usage().iter().map(|usage| usage.tokens).collect();
        assert_eq!(tokens, [14, 12]);
    }

    #[test]
    fn who_leaves_passes_the_turn_on_and_a_pause_stops_all() {
        let turns = Turns::new(3, TurnLength::Tokens(1), None);
        let mut racers: Vec<Option<Turn>> = (0..3).map(|i| Some(turns.turn(i))).collect();
        assert!(!turns.wait_until_ready(0, NO_TIME));
        turns.start();
        let wait = |racers: &[Option<Turn>], i: usize| racers[i].as_ref().unwrap().wait(NO_TIME);
        assert_eq!(wait(&racers, 0), Permit::Step);
        assert!(turns.wait_until_ready(0, NO_TIME));
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
        let turns = Turns::new(2, TurnLength::Time(Duration::from_millis(3)), None);
        let (first, second) = (turns.turn(0), turns.turn(1));
        turns.start();
        first.count(1, Duration::from_millis(5));
        first.finish();
        drop(first);
        second.count(1, Duration::from_millis(4));
        assert_eq!(second.wait(NO_TIME), Permit::Step);
        second.count(1, Duration::from_millis(1));
        assert_eq!(second.wait(NO_TIME), Permit::End);
        // Equal tokens end with the epochs.
        let turns = Turns::new(1, TurnLength::Tokens(1), None);
        let alone = turns.turn(0);
        turns.start();
        alone.count(1, Duration::from_millis(5));
        alone.finish();
        assert_eq!(alone.wait(NO_TIME), Permit::Step);
    }
}
