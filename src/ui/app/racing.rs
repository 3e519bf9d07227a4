//! A race on the screen: its events and keys.

use crossbeam_channel::Receiver;

use super::leave_dialog::{LeaveChoice, LeaveDialog};
use super::{App, ExitReason, Overlay};
use crate::protocol::{Command, RaceEvent};
use crate::ui::keymap::Action;

impl App<'_> {
    /// The events of a race, while it goes on.
    pub fn race_events(&self) -> Option<&Receiver<RaceEvent>> {
        self.race.as_ref().and_then(|race| race.events())
    }

    /// Folds an event of a race.
    pub fn fold_race(&mut self, event: &RaceEvent) {
        if let Some(race) = &mut self.race {
            race.apply(event);
        }
    }

    /// Handles the end of a race.
    pub fn race_over(&mut self) {
        let Some(race) = &mut self.race else { return };
        race.end();
        if matches!(self.overlay, Some(Overlay::LeaveDialog(_))) {
            self.overlay = None;
        }
        // One that was started from the menu stays to be looked at.
        if race.is_stopping() && (!self.from_menu || self.quits_after_race) {
            self.outcome = Some(ExitReason::Quit);
        }
    }

    pub(super) fn act_on_race(&mut self, action: Action) {
        let Some(race) = &mut self.race else { return };
        let is_over = race.events().is_none();
        match action {
            Action::Stop if !is_over => self.quit_race(),
            Action::Stop => {}
            Action::Explain => {
                let text = race.explanation();
                self.show_message("What this screen shows", &text);
            }
            _ if race.act(action) => match self.from_menu && is_over {
                true => self.race = None,
                false => self.quit_race(),
            },
            _ => {}
        }
    }

    /// Quits if the race is over, else asks; while it is ending, a second request quits at once.
    pub(super) fn quit_race(&mut self) {
        let Some(race) = &self.race else { return };
        match race.events().is_none() || race.is_stopping() {
            true => self.outcome = Some(ExitReason::Quit),
            false => self.overlay = Some(Overlay::LeaveDialog(LeaveDialog::race())),
        }
    }

    pub(super) fn leave_race(&mut self, way: LeaveChoice) {
        let Some(race) = &mut self.race else { return };
        self.quits_after_race = way.quits();
        match way {
            LeaveChoice::WithoutScreen | LeaveChoice::Detach => self.outcome = Some(ExitReason::LeftTraining),
            LeaveChoice::SaveAndStop | LeaveChoice::SaveAndQuit | LeaveChoice::Stop => {
                if !race.send(Command::SaveAndStop) {
                    self.outcome = Some(ExitReason::Quit);
                }
            }
            LeaveChoice::Cancel => {}
        }
    }
}
