//! Several runs on one dashboard, those of a race, of a comparison or of several seeds or folds: their curves over one another, their gradients and states side by
//! side. One of them is in front: the other tabs show that one.
//!
//! ```text
//! Runs   Overview   Gradients   States   Text   Log
//! ╭ val_accuracy by steps ─────────────────────╮╭ loss by steps ────────────────────────────╮
//! │100 %┤     ⣀⠤⠔⠒B                            ││0.7┤A⢄⡀                                    │
//! ╰────────────────────────────────────────────╯╰───────────────────────────────────────────╯
//! ╭ A rnn ‖∂L/∂U_t‖ / greatest ────────────────╮╭ B lstm ‖∂L/∂U_t‖ / greatest ──────────────╮
//! ╰ t ─ 0 ────────────────────────────────── 30 ╯╰ t ─ 0 ──────────────────────────────── 30 ╯
//!     network        progress      epoch   this seed  mean of seeds   tokens/s  time
//! ▸ 1 B ━━ ━ lstm    ████████░░░░   8/12   100.0 %    100.0 % ± 0.0   1.3M      0.4 s
//! ```
//!
//! A run of a comparison has the colour, the letter and the line of its name, whatever it is compared with.

pub(super) mod chart;
mod comparison;
pub(super) mod curves;
mod member;
mod race;
mod slots;

use std::time::Instant;

use crossbeam_channel::Receiver;

use super::keymap::Action;
use super::run_state::RunState;
use super::run_state::series::Series;
use crate::protocol::{Command, CommandSender, Event, RaceEvent};
use crate::run::race::Standings;
use crate::runs::Run;
pub use comparison::ComparedRuns;
use curves::RunCurves;
pub use member::Member;
pub use race::RunningRace;

/// The largest number of runs that can be told apart.
pub const MOST_RUNS: usize = slots::SLOTS;

/// Rows of the settings that a page key scrolls by.
const PAGE: usize = 5;

/// The unit of the x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Optimizer updates.
    Steps,
    /// Passes over the training data.
    Epochs,
    /// Sequences times their length, padding counted.
    Tokens,
    /// Seconds of training.
    Seconds,
}

impl Axis {
    fn next(self) -> Self {
        match self {
            Self::Steps => Self::Epochs,
            Self::Epochs => Self::Tokens,
            Self::Tokens => Self::Seconds,
            Self::Seconds => Self::Steps,
        }
    }

    /// Its label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Epochs => "epochs",
            Self::Tokens => "tokens",
            Self::Seconds => "seconds",
        }
    }
}

/// What the tab of the runs shows beside their table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All that there is space for.
    All,
    /// The curves alone, without the table.
    Curves,
    /// How far back the gradients reach.
    Gradients,
    /// The states at the same example.
    States,
    /// The settings that differ.
    Settings,
}

/// Where the runs come from.
#[derive(Debug)]
pub enum Kind {
    /// Networks that are trained in turns.
    Race(Box<RunningRace>),
    /// Recorded runs.
    Comparison(ComparedRuns),
    /// Trainings with several seeds or folds, one after another: the last is the one at hand.
    Trainings {
        /// The metric that decides which epoch is the best.
        monitor: Option<String>,
    },
}

/// Runs that are shown together.
#[derive(Debug)]
pub struct Group {
    /// The runs.
    pub members: Vec<Member>,
    /// The number of the run in front, whose state is that of the dashboard.
    pub front: usize,
    /// Where they come from.
    pub kind: Kind,
    /// The metric that the user chose.
    metric: Option<String>,
    /// The unit of the x axis of the curves.
    pub axis: Axis,
    /// Whether the y axis of the curves is logarithmic.
    pub log: bool,
    /// What is shown.
    pub content: Content,
    /// Settings that differ above the first that is shown.
    pub scrolled: usize,
    /// The curves with earlier seeds of a race.
    pub earlier: Vec<RunCurves>,
}

impl Group {
    fn new(members: Vec<Member>, kind: Kind) -> Self {
        Self {
            members,
            front: 0,
            kind,
            metric: None,
            axis: Axis::Steps,
            log: false,
            content: Content::All,
            scrolled: 0,
            earlier: Vec::new(),
        }
    }

    /// The networks of a race with these standings, which have the same amount of `budget` and, slowed down, a `pace` in steps a second.
    pub fn of_race(
        standings: Standings,
        (budget, pace): (&'static str, Option<f64>),
        (events, commands): (Receiver<RaceEvent>, CommandSender),
    ) -> Self {
        // In the order of the networks: letters that look like the names of others would mislead.
        let names = standings.networks.iter().enumerate();
        let members = names.map(|(slot, network)| Member::new(network.name.clone(), slot)).collect();
        Self::new(
            members,
            Kind::Race(Box::new(RunningRace::new(standings, (budget, pace), (events, commands)))),
        )
    }

    /// Reads the recordings of `runs`; a run that cannot be read has no curves.
    pub fn of_runs(runs: Vec<Run>) -> Self {
        let names: Vec<&str> = runs.iter().map(|run| &*run.name).collect();
        let slots = slots::slots(&names);
        let members = runs.iter().zip(slots).map(|(run, slot)| {
            let mut member = Member::new(run.name.to_string(), slot);
            member.read_on(&run.path, None);
            member
        });
        Self::new(members.collect(), Kind::Comparison(ComparedRuns::new(runs)))
    }

    /// The first of several trainings, one after another.
    pub fn of_trainings() -> Self {
        let mut group = Self::new(Vec::new(), Kind::Trainings { monitor: None });
        group.members.push(Member::of_training(0));
        group
    }

    /// The race, if it is one.
    pub fn race(&self) -> Option<&RunningRace> {
        match &self.kind {
            Kind::Race(race) => Some(race),
            Kind::Comparison(_) | Kind::Trainings { .. } => None,
        }
    }

    /// The compared runs, if it is a comparison.
    pub fn compared(&self) -> Option<&ComparedRuns> {
        match &self.kind {
            Kind::Comparison(compared) => Some(compared),
            Kind::Race(_) | Kind::Trainings { .. } => None,
        }
    }

    /// Whether they are trainings with several seeds or folds.
    pub fn is_of_trainings(&self) -> bool {
        matches!(self.kind, Kind::Trainings { .. })
    }

    /// The number of the training at hand, where one follows another; else that of the run in front.
    pub fn live(&self) -> usize {
        if self.is_of_trainings() { self.members.len().saturating_sub(1) } else { self.front }
    }

    /// Adds the next training. It comes to the front if the one before was there; returns whether it did.
    pub fn begin_training(&mut self, front: &mut RunState) -> bool {
        let follows = self.front == self.live();
        let next = self.members.last().map_or(0, |member| member.curves.slot() + 1);
        self.members.push(Member::of_training(next));
        if follows {
            self.bring_to_front(self.live(), front);
        }
        if self.members.len() > MOST_RUNS {
            let oldest = usize::from(self.front == 0);
            self.members.remove(oldest);
            self.front -= usize::from(self.front > oldest);
        }
        follows
    }

    /// Folds an event of the training at hand.
    pub fn fold_training(&mut self, event: &Event, front: &mut RunState) {
        let live = self.live();
        let front = (self.front == live).then_some(front);
        let Some(member) = self.members.get_mut(live) else { return };
        if let (Event::Prepared(info), Kind::Trainings { monitor }) = (event, &mut self.kind) {
            if let Some(name) = info.folder.file_name() {
                member.name = name.to_string_lossy().into_owned();
            }
            *monitor = info.monitor.as_ref().map(|monitor| monitor.metric.clone());
        }
        member.fold(event, front);
    }

    /// Whether its runs are trained by this process.
    pub fn is_in_training(&self) -> bool {
        self.race().is_some_and(|race| race.events.is_some())
    }

    /// The commands to the trainings, if this process trains.
    pub fn commands(&self) -> Option<&CommandSender> {
        self.race().map(|race| &race.commands)
    }

    /// Takes the state of the run in front out of the group; [`bring_to_front`](Self::bring_to_front) puts it back.
    pub fn take_front(&mut self) -> RunState {
        self.members.get_mut(self.front).map(|member| std::mem::take(&mut member.run)).unwrap_or_default()
    }

    /// Brings the run of this number to the front: its state takes the place of that in `front`.
    pub fn bring_to_front(&mut self, number: usize, front: &mut RunState) {
        if number >= self.members.len() {
            return;
        }
        for at in [self.front, number] {
            if let Some(member) = self.members.get_mut(at) {
                std::mem::swap(&mut member.run, front);
            }
        }
        self.front = number;
    }

    /// The run `by` rows below the one in front in the order of the table.
    pub fn neighbour(&self, by: isize) -> usize {
        let order = self.order();
        let at = order.iter().position(|number| *number == self.front).unwrap_or(0);
        let next = (at + order.len()).saturating_add_signed(by).checked_rem(order.len()).unwrap_or(0);
        order.get(next).copied().unwrap_or(self.front)
    }

    /// The numbers of the runs in the order of the table: in a race the best first.
    pub fn order(&self) -> Vec<usize> {
        match &self.kind {
            Kind::Race(race) => race.standings.order(),
            Kind::Comparison(_) | Kind::Trainings { .. } => (0..self.members.len()).collect(),
        }
    }

    /// The state of the run of this number, where that of the run in front is `front`.
    pub fn run<'r>(&'r self, number: usize, front: &'r RunState) -> &'r RunState {
        match self.members.get(number) {
            Some(member) if number != self.front => &member.run,
            _ => front,
        }
    }

    /// The curves of all runs.
    pub fn curves(&self) -> impl Iterator<Item = &RunCurves> + Clone {
        self.members.iter().map(|member| &member.curves)
    }

    /// Folds an event of a race; returns whether its trainings begin anew.
    pub fn apply(&mut self, event: &RaceEvent, front: &mut RunState) -> bool {
        let Kind::Race(race) = &mut self.kind else { return false };
        race.apply(event);
        match event {
            RaceEvent::Seed(_) => {
                for (number, member) in self.members.iter_mut().enumerate() {
                    let ended = member.restart();
                    // Before the first seed there are none.
                    self.earlier.extend(Some(ended).filter(|curves| curves.names().next().is_some()));
                    if number == self.front {
                        *front = RunState::in_group();
                    }
                }
                let excess = self.earlier.len().saturating_sub(race::EARLIER * self.members.len());
                self.earlier.drain(..excess);
                true
            }
            RaceEvent::Training { network, event } => {
                let front = (*network == self.front).then_some(front);
                if let Some(member) = self.members.get_mut(*network) {
                    member.fold(event, front);
                }
                false
            }
            _ => false,
        }
    }

    /// When [`tick`](Self::tick) is to be called next; `None` if no run is trained by another process.
    pub fn next_tick(&self) -> Option<Instant> {
        self.compared()?.next_tick()
    }

    /// Reads what compared runs in training have recorded; returns whether that is anything.
    pub fn tick(&mut self, now: Instant, front: &mut RunState) -> bool {
        let (at, Kind::Comparison(compared)) = (self.front, &mut self.kind) else { return false };
        compared.tick(now, &mut self.members, (at, front))
    }

    /// Shows the pictures of all runs but the one in front at the step that corresponds to `cursor`, a step of the one in front; without
    /// one the latest.
    pub fn look_back(&mut self, cursor: Option<u64>) {
        for number in (0..self.members.len()).filter(|number| *number != self.front) {
            let step = cursor.map(|cursor| self.step_of(number, cursor));
            if let Some(member) = self.members.get_mut(number) {
                member.look_back.show(&mut member.run, step);
            }
        }
    }

    /// The step of a run that lies where `cursor` does, a step of the run in front, on the x axis.
    pub fn step_of(&self, number: usize, cursor: u64) -> u64 {
        let curves = |number: usize| self.members.get(number).map(|member| &member.curves);
        let Some((front, other)) = curves(self.front).zip(curves(number)) else { return cursor };
        other.step_at(self.axis, front.place_of(self.axis, cursor))
    }

    /// Handles a key of the tab of the runs; returns whether it was one.
    pub fn act(&mut self, action: Action, front: &RunState) -> bool {
        match action {
            Action::NextMetric => self.turn_metric(1),
            Action::PreviousMetric => self.turn_metric(-1),
            Action::XAxis => self.axis = self.axis.next(),
            Action::LogScale => self.log = !self.log,
            Action::Quantity => self.content = self.next_content(front),
            Action::PageUp if self.compared().is_some() => self.scrolled = self.scrolled.saturating_sub(PAGE),
            Action::PageDown if self.compared().is_some() => {
                let last = self.compared().map_or(0, |compared| compared.comparison.of_training().count());
                self.scrolled = (self.scrolled + PAGE).min(last.saturating_sub(1));
            }
            Action::Back if self.content != Content::All => self.content = Content::All,
            _ => return false,
        }
        true
    }

    /// Pauses a race, lets it go on, or ends its pace; returns whether the key was one of these.
    pub fn control(&mut self, action: Action) -> bool {
        let Kind::Race(race) = &mut self.kind else { return false };
        match action {
            Action::PauseResume if race.events.is_some() => {
                let command = if race.standings.is_paused { Command::Resume } else { Command::Pause };
                race.send(command);
            }
            Action::FullSpeed if race.pace.take().is_some() => race.send(Command::FullSpeed),
            Action::PauseResume | Action::FullSpeed => {}
            _ => return false,
        }
        true
    }

    /// What can be shown, in the order of the key that turns through it.
    fn contents(&self, front: &RunState) -> impl Iterator<Item = Content> {
        [
            (Content::All, true),
            (Content::Curves, true),
            (Content::Gradients, self.has_gradients()),
            (Content::States, self.has_states(front)),
            (Content::Settings, self.compared().is_some()),
        ]
        .into_iter()
        .filter_map(|(content, is_there)| is_there.then_some(content))
    }

    /// What [`Action::Quantity`] shows next.
    pub fn next_content(&self, front: &RunState) -> Content {
        let after = self.contents(front).skip_while(|content| *content != self.content).nth(1);
        after.unwrap_or(Content::All)
    }

    /// Whether any run has gradients through time.
    pub fn has_gradients(&self) -> bool {
        self.members.iter().any(|member| !member.reach.is_empty())
    }

    /// Whether any run has states to show.
    pub fn has_states(&self, front: &RunState) -> bool {
        (0..self.members.len()).any(|number| {
            let run = self.run(number, front);
            let probes = run.info().map_or(0, |info| info.probes.len());
            run.shown_layers().next().is_some() && (0..probes).any(|probe| run.probe(probe).is_some())
        })
    }

    /// The names of the metrics: the one that decides first.
    fn metrics(&self) -> Vec<&str> {
        let (judged, monitored): (Option<&str>, Vec<&str>) = match &self.kind {
            Kind::Race(race) => {
                (race.standings.judged.as_ref().map(|judged| judged.name.as_str()), Vec::new())
            }
            Kind::Trainings { monitor } => (None, monitor.as_deref().into_iter().collect()),
            Kind::Comparison(compared) => {
                (None, compared.comparison.runs.iter().map(|run| &*run.summary.monitor).collect())
            }
        };
        let is_recorded = |name: &&str| self.curves().any(|curves| curves.series(name).is_some());
        let recorded = self.curves().flat_map(RunCurves::names);
        let mut names: Vec<&str> = Vec::new();
        for name in judged.into_iter().chain(monitored.into_iter().filter(is_recorded)).chain(recorded) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The metric that is shown.
    pub fn metric(&self) -> &str {
        let metrics = self.metrics();
        let chosen = self.metric.as_deref().filter(|name| metrics.contains(name));
        chosen.or(metrics.first().copied()).unwrap_or("loss")
    }

    fn turn_metric(&mut self, by: isize) {
        let metrics = self.metrics();
        let at = metrics.iter().position(|name| *name == self.metric()).unwrap_or(0);
        let next = (at + metrics.len()).saturating_add_signed(by).checked_rem(metrics.len());
        self.metric = next.and_then(|next| metrics.get(next)).map(|name| (*name).to_owned());
    }

    /// A metric of a run at the step that corresponds to `cursor`, or without one the latest.
    pub fn value(&self, number: usize, name: &str, cursor: Option<u64>) -> Option<f64> {
        let series: &Series = self.members.get(number)?.curves.series(name)?;
        match cursor {
            Some(cursor) => Some(series.nearest(self.step_of(number, cursor))?.1.mean()),
            None => series.value(),
        }
    }

    /// What the tab shows, in a few sentences.
    pub fn explanation(&self) -> String {
        let mut text = match &self.kind {
            Kind::Race(race) => format!(
                "The networks train in turns (* has the turn) on the same data, so that none has the quieter machine, each with \
                 the same {}. {}The table has the best value of each with this seed, and mean and standard deviation of the \
                 seeds that have ended; a winner is named when the difference over the seeds is significant.",
                match race.budget {
                    "tokens" => "number of tokens, which are words or symbols read",
                    time => time,
                },
                if race.pace.is_some() { "They are slowed down so that one can follow; f ends that. " } else { "" },
            ),
            Kind::Comparison(_) => "Recorded runs over one another: a colour, a letter and a line each. The arrows left and right move a \
                                    cursor through all of them, by steps, epochs, tokens or seconds as the axis (x): values, \
                                    gradients and states are those of that place."
                .to_owned(),
            Kind::Trainings { .. } => "The same network trained with several seeds or folds, one after another: a curve each, their mean \
                                       as a bright line, and bars from the least to the greatest of them. Differences within the \
                                       bars are chance."
                .to_owned(),
        };
        text += "\n\nEnter shows the run marked ▸ in all tabs of the dashboard, and Esc comes back.";
        if self.has_gradients() {
            text += "\n\nThe gradients: how much each position t of the input contributes to the gradient of the recurrent \
                     kernel, ‖∂L/∂U_t‖ as a share of the greatest. A line that falls to the left is the vanishing gradient: the \
                     network cannot learn from the first words. One that stays level reaches them: it can remember. The dim \
                     line is the step at which most reached the start, when the network learned from there. Now it may fall \
                     also in a network that has learned: its states hold what they remember against small changes. The \
                     half-life is that of ‖∂L/∂h_t‖: after so many steps back half is left.";
        }
        text
    }
}

#[cfg(test)]
mod race_tests;
#[cfg(test)]
pub(in crate::ui) mod tests;
