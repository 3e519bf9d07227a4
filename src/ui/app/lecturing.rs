//! The lecture on the screen: its trainings and keys.

use super::launch::{LaunchRequest, Launched};
use super::link::Link;
use super::{App, ExitReason};
use crate::protocol::RunStatus;
use crate::ui::keymap::Action;
use crate::ui::lecture::{Language, LectureScreen, Request};

impl App<'_> {
    /// Opens the lecture over the menu, in the language of the locale.
    pub(super) fn open_lecture(&mut self) {
        let language = Language::of_locale(|name| std::env::var(name).ok());
        self.show_lecture(Box::new(LectureScreen::new(language.shown_with(self.theme.glyphs), 1)));
    }

    /// Shows the lecture and trains the network of its page.
    pub(super) fn show_lecture(&mut self, lecture: Box<LectureScreen>) {
        self.lecture = Some(lecture);
        self.train_network();
    }

    fn train_network(&mut self) {
        let Some(lecture) = &mut self.lecture else { return };
        let Some(network) = lecture.network() else { return };
        match (self.launch)(LaunchRequest::Lecture(network)) {
            Ok(Launched::Link(Link { events, commands })) => lecture.watch(events, commands),
            Ok(_) => {}
            Err(error) => lecture.fail(error),
        }
    }

    pub(super) fn act_on_lecture(&mut self, action: Action) {
        match self.lecture.as_mut().and_then(|lecture| lecture.act(action)) {
            Some(Request::Train) => self.train_network(),
            Some(Request::Leave) if self.from_menu => self.lecture = None,
            Some(Request::Leave) => self.outcome = Some(ExitReason::Quit),
            None => {}
        }
    }

    /// Handles the end of the training of a page.
    pub(super) fn lecture_trainer_gone(&mut self) {
        let Some(lecture) = &mut self.lecture else { return };
        if !lecture.is_over() {
            let what = "the training thread exited unexpectedly".to_owned();
            lecture.apply(&crate::protocol::Event::Status(RunStatus::Failed { what }));
        }
        lecture.end();
    }
}
