//! Branching the run on the screen.

use crossterm::event::KeyEvent;

use super::branch_dialog::{Answer, BranchDialog};
use super::launch::{BranchRequest, LaunchRequest, Launched};
use super::{App, ExitReason, Overlay};

impl App<'_> {
    /// Asks for a branch after the step of the cursor, or after the present one.
    pub(super) fn ask_for_branch(&mut self) {
        let Some(run) = &self.run else { return };
        let state = &run.dashboard.run;
        let folder = match &run.replay {
            Some(replay) => Some(replay.folder().to_owned()),
            None => state.info().map(|info| info.folder.clone()),
        };
        let Some((run_folder, latest)) = folder.zip(state.latest()) else {
            return self.show_message("Not yet", "A run can be branched after its first step.");
        };
        let last = run.replay.as_ref().map_or(latest.step, |replay| replay.last_step());
        let step = run.dashboard.view.cursor.unwrap_or(latest.step).min(last);
        let is_live = run.replay.is_none() && !run.over();
        let request = BranchRequest { run: run_folder, step, change: None, is_live };
        self.overlay = Some(Overlay::BranchDialog(BranchDialog::new(request, last)));
    }

    /// Hands a key to the dialog for a branch.
    pub(super) fn type_branch(&mut self, key: &KeyEvent) {
        let Some(Overlay::BranchDialog(dialog)) = &mut self.overlay else { return };
        match dialog.type_key(key) {
            None => {}
            Some(Answer::Closed) => self.overlay = None,
            Some(Answer::Start(request)) => match (self.launch)(LaunchRequest::Branch(&request)) {
                Err(error) => dialog.refuse(error),
                Ok(Launched::Background(text)) => self.show_message("The branch is in training", &text),
                Ok(Launched::Branch) => {
                    self.overlay = None;
                    self.outcome = Some(ExitReason::Branch);
                }
                Ok(Launched::Link(link)) => {
                    self.overlay = None;
                    self.show(link);
                }
                Ok(Launched::Race(_) | Launched::Sweep(_)) => {}
            },
        }
    }
}
