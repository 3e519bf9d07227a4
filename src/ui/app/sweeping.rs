//! The screen of a sweep, and the runs that are opened from it.

use std::path::Path;

use crossbeam_channel::Receiver;

use super::{App, ExitReason, LaunchRequest, Launched};
use crate::runs::{self, Card};
use crate::ui::keymap::Action;
use crate::ui::sweep::{Request, SweepUpdate};

impl App<'_> {
    /// Shows the sweep in `folder` over the menu.
    pub(super) fn open_sweep(&mut self, folder: &Path) {
        match (self.launch)(LaunchRequest::Sweep(folder)) {
            Ok(Launched::Sweep(screen)) => self.sweep = Some(screen),
            Ok(_) => {}
            Err(error) => self.show_message("Cannot show the trainings", &error),
        }
    }

    /// What the program sends for the screen of a sweep.
    pub fn sweep_updates(&self) -> Option<&Receiver<SweepUpdate>> {
        self.sweep.as_ref().map(|sweep| sweep.updates())
    }

    /// Takes what the program has sent, or its end; returns whether the screen changes.
    pub fn take_sweep_update(&mut self, update: Option<SweepUpdate>) -> bool {
        let Some(sweep) = &mut self.sweep else { return false };
        match update {
            Some(update) => sweep.take_update(update),
            None => sweep.updates_gone(),
        }
        self.run.is_none()
    }

    pub(super) fn act_on_sweep(&mut self, action: Action) {
        if action == Action::Screenshot {
            return self.screenshot();
        }
        match self.sweep.as_mut().and_then(|sweep| sweep.act(action)) {
            Some(Request::Leave) if self.has_menu => self.sweep = None,
            Some(Request::Leave) => self.outcome = Some(ExitReason::Quit),
            Some(Request::Open { folder, name }) if has_run(&folder) => {
                self.open_run(&runs::open(&folder, &name));
            }
            Some(Request::Explain { folder, name }) if has_run(&folder) => {
                let card = Card::read(&folder, &name);
                let rows = card.rows().into_iter().map(|(name, value)| format!("{name}: {value}"));
                self.show_message(&name, &rows.collect::<Vec<_>>().join("\n"));
            }
            Some(Request::Open { name, .. } | Request::Explain { name, .. }) => {
                self.show_message("Not available", &format!("Trial {name} has no run."));
            }
            Some(Request::Refuse(why)) => self.show_message("Not available", &why),
            None => {}
        }
    }

    /// What Esc goes back to from a run.
    pub(super) fn list_name(&self) -> &'static str {
        match (&self.runs, &self.sweep) {
            (_, Some(_)) => "sweep",
            (Some(_), None) => "runs",
            (None, None) => "menu",
        }
    }
}

/// Whether there is a run in `folder`; one that is being prepared has none yet.
fn has_run(folder: &Path) -> bool {
    folder.join("spec.yaml").is_file()
}
