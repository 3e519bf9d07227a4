//! A race in training.

use crossbeam_channel::Receiver;

use crate::protocol::{Command, CommandSender, Event, RaceEvent};
use crate::run::race::{Standings, judge};
use crate::ui::race::verdict;

/// Earlier seeds whose curves stay.
pub(super) const EARLIER: usize = 9;

/// Networks that are trained in turns on the same data.
#[derive(Debug)]
pub struct RunningRace {
    /// The standings.
    pub standings: Standings,
    /// What the networks have the same amount of: `tokens`, `time`.
    pub budget: &'static str,
    /// The steps a second to which each training is slowed down.
    pub pace: Option<f64>,
    /// `None` once the race is over.
    pub events: Option<Receiver<RaceEvent>>,
    pub(super) commands: CommandSender,
    /// Whether there is a winner, once a seed has ended.
    pub verdict: Option<String>,
}

impl RunningRace {
    pub(super) fn new(
        standings: Standings,
        (budget, pace): (&'static str, Option<f64>),
        (events, commands): (Receiver<RaceEvent>, CommandSender),
    ) -> Self {
        Self { standings, budget, pace, events: Some(events), commands, verdict: None }
    }

    pub(super) fn apply(&mut self, event: &RaceEvent) {
        self.standings.apply(event);
        if let RaceEvent::Training { event: Event::Status(status), .. } = event
            && status.is_over()
        {
            let judgement = judge(&self.standings);
            self.verdict = (judgement.seeds > 0).then(|| verdict(&self.standings, &judgement));
        }
    }

    /// The race is over.
    pub fn end(&mut self) {
        self.events = None;
    }

    pub(super) fn send(&self, command: Command) {
        // A race that is over ignores it.
        let _ = self.commands.send(command);
    }
}
