//! Leaving a run or the program.

use super::leave_dialog::{LeaveChoice, LeaveDialog};
use super::{App, ExitReason, Overlay};
use crate::protocol::Command;

impl App<'_> {
    /// Quits if nothing is lost, else asks; while the trainer is ending, a second request quits at once.
    pub(super) fn quit(&mut self) {
        if let Some(lecture) = &mut self.lecture {
            lecture.stop();
        }
        match &self.run {
            Some(run) if !run.over() && self.attached => self.outcome = Some(ExitReason::Detached),
            Some(run) if !run.over() && run.ending.is_none() && run.replay.is_none() => self.ask(),
            _ => self.outcome = Some(ExitReason::Quit),
        }
    }

    /// Whether the run on the screen is one of several of this process.
    pub(super) fn is_several(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.dashboard.earlier.is_some())
    }

    fn leave_dialog(&self) -> LeaveDialog {
        match self.is_several() {
            _ if self.group().is_some() => LeaveDialog::race(),
            true => LeaveDialog::several(),
            false => LeaveDialog::new(self.attached),
        }
    }

    /// Asks how to leave the run.
    pub(super) fn ask(&mut self) {
        self.overlay = Some(Overlay::LeaveDialog(self.leave_dialog()));
    }

    /// Asks how to stop the run.
    pub(super) fn ask_to_stop(&mut self) {
        let dialog = self.leave_dialog().with(LeaveChoice::SaveAndStop);
        self.overlay = Some(Overlay::LeaveDialog(dialog));
    }

    /// Leaves a run, which goes on.
    pub(super) fn detach(&mut self) {
        match &self.run {
            Some(run) if run.over() || run.ending.is_some() => {}
            Some(_) if self.is_several() => self.show_message(
                "Not with several trainings",
                "q offers to go on without the screen. In the background: the same command with --headless and nohup.",
            ),
            Some(run) if run.dashboard.run.info().is_some() || self.attached => {
                self.outcome = Some(ExitReason::Detached);
            }
            _ => self.show_message("Not yet", "A run can be left once its data are prepared."),
        }
    }

    pub(super) fn leave(&mut self, way: LeaveChoice) {
        let Some(run) = &mut self.run else { return };
        let command = match way {
            LeaveChoice::Cancel => return,
            LeaveChoice::WithoutScreen => {
                self.outcome = Some(ExitReason::LeftTraining);
                return;
            }
            LeaveChoice::Detach => return self.detach(),
            LeaveChoice::SaveAndStop | LeaveChoice::SaveAndQuit => Command::SaveAndStop,
            LeaveChoice::Stop => Command::Stop,
        };
        run.ending = Some(way);
        if run.commands.as_ref().is_none_or(|commands| commands.send(command).is_err()) {
            self.outcome = Some(ExitReason::Quit);
        }
    }
}
