//! The screens of the application without a training: menu, files and runs.

use std::path::Path;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::App;
use super::launch::{LaunchRequest, Launched};
use crate::error::chain;
use crate::escape::shell_word;
use crate::preset::Overrides;
use crate::protocol::{Event, Level, LogLine};
use crate::run::RunState;
use crate::runs::Run;
use crate::ui::browser::{self, Browser};
use crate::ui::filter::FilteredList;
use crate::ui::group::Group;
use crate::ui::keymap::Action;
use crate::ui::replay::{Recording, Replay};
use crate::ui::runs::{Request, RunsScreen};

impl App<'_> {
    /// The list in front while no training is on the screen.
    pub(super) fn list(&mut self) -> &mut dyn FilteredList {
        match (&mut self.sweep, &mut self.runs, &mut self.browser) {
            (Some(sweep), ..) => &mut **sweep,
            (None, Some(runs), _) => runs,
            (None, None, Some(browser)) => browser,
            (None, None, None) => &mut self.menu,
        }
    }

    /// Opens the file browser in the current folder.
    pub(super) fn browse(&mut self) {
        let Some(hooks) = self.hooks else { return };
        match std::env::current_dir() {
            Ok(folder) => self.browser = Some(Browser::new(hooks.own_data, folder)),
            Err(error) => self.show_message("Cannot list files", &format!("the current folder: {error}")),
        }
    }

    pub(super) fn act_on_files(&mut self, action: Action) {
        let (Some(browser), Some(hooks)) = (&mut self.browser, self.hooks) else { return };
        match browser.act(action) {
            Some(browser::Request::Leave) => self.browser = None,
            Some(browser::Request::ShowMessage(what)) => self.show_message("Cannot draft a preset", &what),
            Some(browser::Request::Use(path)) => self.train_on(&path),
            Some(browser::Request::Train(draft)) => match (hooks.own_data.write_preset)(&draft) {
                Ok(preset) => {
                    self.train(&preset, &Overrides::default());
                    if self.run.is_some() {
                        self.browser = None;
                        let text = format!("the preset is in {preset}: change it and train it again");
                        self.fold(&Event::Log(LogLine { level: Level::Info, text }));
                    }
                }
                Err(error) => self.show_message("Cannot write the preset", &error),
            },
            None => {}
        }
    }

    /// Opens the list of runs.
    pub(super) fn show_runs(&mut self) {
        self.runs = Some(RunsScreen::new(Path::new("runs")));
    }

    pub(super) fn act_on_runs(&mut self, action: Action) {
        match self.runs.as_mut().and_then(|runs| runs.act(action)) {
            Some(Request::Leave) => self.runs = None,
            Some(Request::Show(title, text)) => self.show_message(&title, &text),
            Some(Request::Open(run)) => self.open_run(&run),
            Some(Request::Compare(chosen)) => self.show_group(Box::new(Group::of_runs(chosen))),
            Some(Request::Refuse(what)) => self.show_message("Nothing to compare", &what),
            None => {}
        }
    }

    /// Attaches to a run in training, or replays another one.
    pub(super) fn open_run(&mut self, run: &Run) {
        if run.state == RunState::Live {
            match (self.launch)(LaunchRequest::Attach(&run.path)) {
                Ok(Launched::Link(link)) => {
                    self.attached = true;
                    self.show(link);
                }
                Ok(_) => {}
                Err(error) => self.show_message("Cannot attach", &error),
            }
            return;
        }
        let name = shell_word(&run.path.to_string_lossy());
        let recording = Recording::open(&run.path).map_err(|error| chain(&error));
        match recording
            .and_then(|recording| Replay::start(recording, name).map_err(|error| error.to_string()))
        {
            Ok(replay) => self.show_replay(Box::new(replay)),
            Err(error) => self.show_message("Cannot replay", &error),
        }
    }

    /// Draws the screen that is in front.
    pub(super) fn render_lists(&mut self, frame: &mut Frame<'_>, area: Rect) {
        if let Some(lecture) = &mut self.lecture {
            return lecture.render(frame, area, &self.theme);
        }
        if let Some(sweep) = &mut self.sweep {
            return sweep.render(frame, area, &self.theme);
        }
        match (&mut self.runs, &mut self.browser) {
            (Some(runs), _) => runs.render(frame, area, &self.theme),
            (None, Some(browser)) => browser.render(frame, area, &self.theme),
            (None, None) if self.is_editing && self.edit.is_some() => {
                self.edit.iter_mut().for_each(|edit| edit.render(frame, area, &self.theme));
            }
            (None, None) => self.menu.render(frame, area, &self.theme),
        }
    }
}
