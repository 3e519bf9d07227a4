//! What is chosen in the menu: a training, a race, a run of earlier.

use std::time::Instant;

use crossbeam_channel::Receiver;

use super::popup::Popup;
use super::{App, LaunchRequest, Launched, Link, LookBack, Overlay, RunScreen};
use crate::preset::Overrides;
use crate::ui::dashboard::Dashboard;
use crate::ui::keymap::Action;
use crate::ui::menu::{RecentRun, Request};

impl App<'_> {
    pub(super) fn act_on_menu(&mut self, action: Action) {
        match self.menu.act(action) {
            Some(Request::Train(name)) => self.train(&name, &Overrides::default()),
            Some(Request::Race(name)) => self.start_race(&name),
            Some(Request::Open(run)) => self.open_run(&run),
            Some(Request::OpenSweep(folder)) => self.open_sweep(&folder),
            Some(Request::GetData { preset, needs }) => self.ask_for_data(&preset, &needs),
            Some(Request::Edit(name)) => self.edit(&name),
            Some(Request::Copy(command)) => {
                self.show_message("Copied", &command);
                self.clipboard = Some(command);
            }
            Some(Request::Browse) => self.browse(),
            Some(Request::Runs) => self.show_runs(),
            Some(Request::Lecture) => self.open_lecture(),
            None => {}
        }
    }

    /// The lists of recent runs for the menu.
    pub fn recent_runs(&self) -> Option<&Receiver<Vec<RecentRun>>> {
        self.menu.lists()
    }

    /// Takes a list of recent runs; returns whether the screen changes.
    pub fn take_recent_runs(&mut self, runs: Vec<RecentRun>) -> bool {
        self.menu.take_list(runs, Instant::now())
    }

    /// Trains the preset `name`, which is selected in the menu from here on.
    pub(super) fn train(&mut self, name: &str, changes: &Overrides) {
        match (self.launch)(LaunchRequest::Train(name, changes)) {
            Ok(Launched::Link(link)) => {
                self.menu.select(name);
                self.show(link);
            }
            Ok(Launched::Background(text)) => self.show_message("In training", &text),
            Ok(Launched::Branch | Launched::Race(_) | Launched::Sweep(_)) => {}
            Err(error) => self.show_message("Cannot start training", &error),
        }
    }

    fn start_race(&mut self, name: &str) {
        match (self.launch)(LaunchRequest::Race(name)) {
            Ok(Launched::Race(group)) => self.show_group(group),
            Ok(_) => {}
            Err(error) => self.show_message("Cannot start the race", &error),
        }
    }

    pub(super) fn show(&mut self, link: Link) {
        let Link { events, commands } = link;
        let dashboard = Dashboard { has_menu: self.from_menu && self.sweep.is_none(), ..Dashboard::new() };
        let (events, commands) = (Some(events), Some(commands));
        let recording = LookBack::default();
        self.run = Some(RunScreen { dashboard, events, commands, replay: None, recording, ending: None });
        self.drawing = None;
    }

    pub(super) fn show_message(&mut self, title: &str, text: &str) {
        self.overlay = Some(Overlay::Popup(Popup::message(title, text)));
    }
}
