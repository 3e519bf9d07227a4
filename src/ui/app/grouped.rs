//! The dashboard of the runs of a race or a comparison: its events and keys.

use crossbeam_channel::Receiver;

use super::leave_dialog::LeaveChoice;
use super::{App, ExitReason, LookBack, Overlay, RunScreen};
use crate::protocol::RaceEvent;
use crate::ui::dashboard::Dashboard;
use crate::ui::group::{Content, Group, Kind};
use crate::ui::keymap::Action;
use crate::ui::panel::Tab;

/// Whether an action changes a training that is shown alone, and so is refused where several runs are shown.
fn is_of_one_training(action: Action) -> bool {
    matches!(
        action,
        Action::SingleStep
            | Action::SlowerLearning
            | Action::FasterLearning
            | Action::Save
            | Action::Detach
            | Action::Branch
            | Action::TypeText
            | Action::ReverseText
            | Action::ReplaceWord
            | Action::LowerTemperature
            | Action::HigherTemperature
            | Action::SmallerBatches
            | Action::LargerBatches
            | Action::Undo
    )
}

impl App<'_> {
    /// Shows the runs of a race or a comparison.
    pub(super) fn show_group(&mut self, group: Box<Group>) {
        let commands = group.commands().cloned();
        self.run = Some(RunScreen {
            dashboard: Dashboard::of_group(group),
            events: None,
            commands,
            replay: None,
            recording: LookBack::default(),
            ending: None,
        });
        self.drawing = None;
    }

    /// The runs that the one on the screen is shown together with.
    pub(super) fn group(&self) -> Option<&Group> {
        self.run.as_ref()?.dashboard.group.as_deref()
    }

    /// Whether the tab of all runs is in front.
    pub(super) fn shows_all_runs(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.dashboard.view.tab == Tab::Runs)
    }

    /// The events of a race, while it goes on.
    pub fn race_events(&self) -> Option<&Receiver<RaceEvent>> {
        self.group()?.race()?.events.as_ref()
    }

    /// Folds an event of a race.
    pub fn fold_race(&mut self, event: &RaceEvent) {
        if let Some(run) = &mut self.run {
            run.dashboard.apply_to_race(event);
        }
    }

    /// Handles the end of a race.
    pub fn race_over(&mut self) {
        let Some(run) = &mut self.run else { return };
        let Some(Kind::Race(race)) = run.dashboard.group.as_mut().map(|group| &mut group.kind) else {
            return;
        };
        race.end();
        let is_stopping = race.standings.is_stopping;
        let quits = run.ending.take().is_some_and(LeaveChoice::quits);
        if matches!(self.overlay, Some(Overlay::LeaveDialog(_))) {
            self.overlay = None;
        }
        // One that was started from the menu stays to be looked at.
        if is_stopping && (!self.from_menu || quits) {
            self.outcome = Some(ExitReason::Quit);
        }
    }

    /// Handles a key that concerns several runs; returns whether it was one.
    pub(super) fn act_on_group(&mut self, action: Action) -> bool {
        let shows_all = self.shows_all_runs();
        let Some(run) = &mut self.run else { return false };
        let Dashboard { run: front, group: Some(group), view, .. } = &mut run.dashboard else { return false };
        // Of several seeds one is trained at a time, and takes commands as a run alone does.
        let is_of_trainings = group.is_of_trainings();
        match action {
            Action::Back if is_of_trainings && !shows_all => return false,
            Action::Back => self.back_in_group(),
            Action::PauseResume | Action::FullSpeed if !is_of_trainings => {
                if !group.control(action) {
                    self.refuse_control();
                }
            }
            Action::NextRun => run.dashboard.turn_front(1),
            Action::PreviousRun => run.dashboard.turn_front(-1),
            Action::Down if shows_all => run.dashboard.turn_front(1),
            Action::Up if shows_all => run.dashboard.turn_front(-1),
            Action::Open if shows_all => view.show_tab(Tab::Overview),
            // Those of a single training.
            _ if is_of_one_training(action) && !is_of_trainings => self.refuse_control(),
            _ => return shows_all && group.act(action, front),
        }
        true
    }

    /// Closes one thing, goes back to the tab of all runs, or leaves them.
    fn back_in_group(&mut self) {
        let shows_all = self.shows_all_runs();
        let Some(run) = &mut self.run else { return };
        if run.ending.is_some() {
            return;
        }
        let Dashboard { run: front, group: Some(group), view, .. } = &mut run.dashboard else { return };
        let is_open = view.explain
            || match shows_all {
                true => view.cursor.is_some(),
                false => view.full_screen || view.warning(front).is_some(),
            };
        if shows_all && !view.explain && group.act(Action::Back, front) {
            return;
        }
        if is_open && run.act_on_view(Action::Back) {
            return;
        }
        match (shows_all, self.from_menu && run.over()) {
            (false, _) => run.dashboard.view.show_tab(Tab::Runs),
            (true, true) => self.run = None,
            // What was not opened from a list ends the program.
            (true, false) => self.quit(),
        }
    }

    fn refuse_control(&mut self) {
        let Some(group) = self.group() else { return };
        let text = match group.race() {
            Some(_) => {
                "In a race all networks train by their presets, on equal terms: Space pauses all of them, X stops the race."
            }
            None => {
                "A comparison shows recorded runs. `unrolled branch RUN --at STEP` goes on from one of them."
            }
        };
        self.show_message("Not available", text);
    }

    /// What the footer says of a key instead of the table's word, where several runs are shown; `None` if it is as in the dashboard of one.
    pub(super) fn group_word(&self, group: &Group, action: Action) -> Option<&'static str> {
        let run = self.run.as_ref()?;
        let (shows_all, is_over) = (self.shows_all_runs(), run.over());
        let race = group.race();
        let is_of_one = group.is_of_trainings();
        match action {
            Action::PauseResume | Action::FullSpeed if is_over => Some(""),
            Action::NextRun if group.members.len() < 2 => Some(""),
            Action::FocusNext if shows_all => Some(""),
            Action::Open if shows_all => Some("open"),
            Action::Quantity if shows_all => Some(match group.next_content(&run.dashboard.run) {
                Content::All => "all panels",
                Content::Curves => "curves alone",
                Content::Gradients => "gradients",
                Content::States => "states",
                Content::Settings => "settings",
            }),
            Action::NextLayer if shows_all && run.dashboard.run.shown_layers().count() < 2 => Some(""),
            Action::NextProbe if shows_all && !group.has_states(&run.dashboard.run) => Some(""),
            _ if is_of_one => None,
            Action::FullSpeed if race.is_none_or(|race| race.pace.is_none()) => Some(""),
            Action::PauseResume if race.is_some_and(|race| race.standings.is_paused) => Some("resume"),
            Action::PauseResume => Some("pause"),
            _ if is_of_one_training(action) => Some(""),
            Action::Back if !shows_all => Some("all runs"),
            Action::Back if is_over && self.from_menu => {
                Some(if self.runs.is_some() { "runs" } else { "menu" })
            }
            _ => None,
        }
    }
}
