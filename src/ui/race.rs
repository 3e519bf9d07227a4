//! A race of several networks on the screen, and its result as table and text.
//!
//! ```text
//!  race lecture · seed 2 (2 of 3) · equal tokens
//! ╭ val_accuracy by steps ─────────────────────╮╭ loss by steps ────────────────────────────╮
//! │100 %┤     ⣀⠤⠔⠒A                            ││0.7┤A⢄⡀                                    │
//! ╰────────────────────────────────────────────╯╰───────────────────────────────────────────╯
//!     network        progress      epoch   now      mean of seeds    tokens/s  time
//!  1▸ A ━━━━ conv1d  ████████░░░░   8/12   100.0 %  100.0 % ± 0.0    1.3M      0.4 s
//!  no winner: 1 seed of 3 that are needed at least
//! ```

mod gradients;
mod result;
mod view;

use crossbeam_channel::Receiver;

use super::compare::Axis;
use super::compare::curves::RunCurves;
use super::keymap::Action;
use super::run_state::smoothing::Smoothing;
use crate::protocol::{Command, CommandSender, Event, RaceEvent};
use crate::run::race::{Standings, judge};
use gradients::GradientReach;

pub use super::compare::MAX_RUNS as MAX_NETWORKS;
pub use result::{Lines, method, table, values, verdict};

/// Earlier seeds whose curves stay.
const EARLIER: usize = 9;

/// The screen of a race.
#[derive(Debug)]
pub struct RaceScreen {
    standings: Standings,
    /// What the networks have the same amount of: `tokens`, `time`.
    budget: &'static str,
    /// The steps a second to which each training is slowed down.
    pace: Option<f64>,
    /// `None` once the race is over.
    events: Option<Receiver<RaceEvent>>,
    commands: CommandSender,
    /// The curves with the current seed, one a network.
    curves: Vec<RunCurves>,
    /// Those with the seeds before it, at most [`EARLIER`].
    earlier: Vec<RunCurves>,
    /// How far back the gradients reach with the current seed.
    reach: Vec<GradientReach>,
    slots: Vec<usize>,
    /// The metric that the user chose.
    metric: Option<String>,
    axis: Axis,
    log: bool,
    smoothing: Smoothing,
    /// Whether the charts have the whole screen.
    alone: bool,
    /// Whether the gradients are in the place of the curves.
    gradients: bool,
    /// Whether there is a winner, once a seed has ended.
    verdict: Option<String>,
}

impl RaceScreen {
    /// The screen of a race with these standings, whose networks have the same amount of `budget` and, slowed down, a `pace` in steps a
    /// second.
    pub fn new(
        standings: Standings,
        (budget, pace): (&'static str, Option<f64>),
        (events, commands): (Receiver<RaceEvent>, CommandSender),
    ) -> Self {
        let names: Vec<&str> = standings.networks.iter().map(|network| network.name.as_str()).collect();
        // In the order of the networks: letters that look like the names of others would mislead.
        let slots: Vec<usize> = (0..names.len()).collect();
        Self {
            curves: slots.iter().map(|slot| RunCurves::new(*slot)).collect(),
            earlier: Vec::new(),
            reach: slots.iter().map(|_| GradientReach::default()).collect(),
            slots,
            standings,
            budget,
            pace,
            events: Some(events),
            commands,
            metric: None,
            axis: Axis::Steps,
            log: false,
            smoothing: Smoothing::default(),
            alone: false,
            gradients: false,
            verdict: None,
        }
    }

    /// The events, while the race goes on.
    pub(super) fn events(&self) -> Option<&Receiver<RaceEvent>> {
        self.events.as_ref()
    }

    /// Folds an event.
    pub(super) fn apply(&mut self, event: &RaceEvent) {
        self.standings.apply(event);
        match event {
            RaceEvent::Seed(_) => {
                let fresh = self.slots.iter().map(|slot| RunCurves::new(*slot)).collect();
                let ended = std::mem::replace(&mut self.curves, fresh);
                // Before the first seed there are none.
                self.earlier.extend(ended.into_iter().filter(|curves| curves.names().next().is_some()));
                let excess = self.earlier.len().saturating_sub(EARLIER * self.slots.len());
                self.earlier.drain(..excess);
                self.reach = self.slots.iter().map(|_| GradientReach::default()).collect();
            }
            RaceEvent::Training { network, event } => {
                if let Some(curves) = self.curves.get_mut(*network) {
                    curves.apply(event);
                }
                if let Some(reach) = self.reach.get_mut(*network) {
                    reach.apply(event);
                }
                if matches!(event, Event::Status(status) if status.is_over()) {
                    let judgement = judge(&self.standings);
                    self.verdict =
                        (judgement.seeds > 0).then(|| result::verdict(&self.standings, &judgement));
                }
            }
            _ => {}
        }
    }

    /// The race is over.
    pub(super) fn end(&mut self) {
        self.events = None;
    }

    /// Whether the race is ended before its end.
    pub(super) fn is_stopping(&self) -> bool {
        self.standings.is_stopping
    }

    /// Sends a command to the race; returns whether it goes on.
    pub(super) fn send(&mut self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Handles a key; returns whether the screen is to be left.
    pub(super) fn act(&mut self, action: Action) -> bool {
        match action {
            Action::PauseResume if self.events.is_some() => {
                let command = if self.standings.is_paused { Command::Resume } else { Command::Pause };
                self.send(command);
            }
            Action::FullSpeed if self.pace.take().is_some() => {
                self.send(Command::FullSpeed);
            }
            Action::NextMetric => self.turn_metric(1),
            Action::PreviousMetric => self.turn_metric(-1),
            Action::XAxis => self.axis = self.axis.next(),
            Action::LogScale => self.log = !self.log,
            Action::SmoothMore => self.smoothing = self.smoothing.more(),
            Action::SmoothLess => self.smoothing = self.smoothing.less(),
            Action::SmoothOff => self.smoothing = Smoothing::OFF,
            Action::Open => self.alone = !self.alone,
            Action::Quantity if self.has_gradients() => self.gradients = !self.gradients,
            Action::Back if self.alone => self.alone = false,
            Action::Back => return true,
            _ => {}
        }
        false
    }

    /// What the screen shows, in a few sentences.
    pub(super) fn explanation(&self) -> String {
        let mut text = "The networks train in turns on the same data, so that none has the quieter machine. A curve each: the judged \
                        metric, and the loss where there is width for it. The table below has the best value of each with this \
                        seed, and mean and standard deviation of the seeds that have ended; a winner is named when the \
                        difference over the seeds is significant."
            .to_owned();
        if self.has_gradients() {
            text += "\n\nThe gradients (g): how much each position t of the input contributes to the gradient of the recurrent \
                     kernel, ‖∂L/∂U_t‖ as a share of the greatest. A line that falls to the left is the vanishing gradient: the \
                     network cannot learn from the first words. One that stays level reaches them: it can remember. The dim \
                     line is the step at which most reached the start.";
        }
        text
    }

    /// What the footer says of a key instead of the table's word.
    pub(super) fn footer_word(&self, action: Action) -> Option<&'static str> {
        match action {
            Action::PauseResume if self.events.is_none() => Some(""),
            Action::PauseResume if self.standings.is_paused => Some("resume"),
            Action::FullSpeed if self.pace.is_none() || self.events.is_none() => Some(""),
            Action::Open if self.alone => Some("back"),
            Action::Quantity if !self.has_gradients() => Some(""),
            Action::Quantity if self.gradients => Some("curves"),
            _ => None,
        }
    }

    /// The names of the metrics: the judged one first.
    fn metrics(&self) -> Vec<&str> {
        let judged = self.standings.judged.iter().map(|judged| judged.name.as_str());
        let mut names: Vec<&str> = Vec::new();
        for name in judged.chain(self.curves.iter().flat_map(RunCurves::names)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The metric that is shown.
    fn metric(&self) -> &str {
        let metrics = self.metrics();
        let chosen = self.metric.as_deref().filter(|name| metrics.contains(name));
        chosen.or(metrics.first().copied()).unwrap_or("loss")
    }

    fn turn_metric(&mut self, by: isize) {
        let metrics = self.metrics();
        let at = metrics.iter().position(|name| *name == self.metric()).unwrap_or(0);
        let count = metrics.len() as isize;
        if count > 0 {
            let next = (at as isize + by).rem_euclid(count) as usize;
            self.metric = metrics.get(next).map(|name| (*name).to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
