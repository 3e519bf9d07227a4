//! The line at the bottom: the keys that do something at present.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::leave_dialog::LeaveChoice;
use super::{App, Overlay, replaying};
use crate::protocol::RunStatus;
use crate::ui::help;
use crate::ui::keymap::Action;
use crate::ui::text::fit;
use crate::ui::theme::Role;

impl App<'_> {
    /// What the footer says of a key instead of the table's word: empty for a key without effect at present.
    fn footer_word(&self, action: Action) -> Option<&'static str> {
        let has_panels =
            self.run.is_some() || (self.runs.is_none() && self.compare.is_none() && self.race.is_none());
        if action == Action::FocusNext && !has_panels {
            return Some("");
        }
        if let Some(race) = &self.race {
            return race.footer_word(action);
        }
        if let Some(lecture) = &self.lecture {
            return lecture.footer_word(action);
        }
        if let (None, None, Some(runs)) = (&self.run, &self.compare, &self.runs) {
            return runs.footer_word(action);
        }
        if let (None, None, None, None, None) =
            (&self.run, &self.compare, &self.runs, &self.browser, &self.race)
        {
            return match &self.edit {
                Some(edit) if self.is_editing => edit.footer_word(action),
                _ if self.hooks.is_none() && action == Action::Edit => Some(""),
                _ => self.menu.footer_word(action),
            };
        }
        if let (None, None, None, None, Some(browser)) =
            (&self.run, &self.compare, &self.runs, &self.race, &self.browser)
        {
            return browser.footer_word(action);
        }
        let run = self.run.as_ref()?;
        let (status, view) = (run.dashboard.run.status(), &run.dashboard.view);
        if let Some(replay) = &run.replay {
            if action == Action::Back && self.from_menu && !view.full_screen && !view.explain {
                return Some(if self.runs.is_some() { "runs" } else { "menu" });
            }
            return replaying::footer_word(replay, view, action);
        }
        let trains = matches!(status, Some(RunStatus::Training | RunStatus::Validating | RunStatus::Paused));
        match action {
            Action::PauseResume if matches!(status, Some(RunStatus::Paused)) => Some("resume"),
            Action::Quit if self.attached && !run.over() => Some("detach"),
            Action::Back if self.attached && self.from_menu && !run.over() => {
                Some(if self.runs.is_some() { "runs" } else { "menu" })
            }
            Action::Detach if self.attached || self.is_several() || !trains => Some(""),
            // Without a cursor it is the last step: of a run in training another one in a moment.
            Action::Branch if view.cursor.is_none() && !run.over() => Some(""),
            Action::PauseResume
            | Action::SingleStep
            | Action::SlowerLearning
            | Action::FasterLearning
            | Action::Save
            | Action::TypeText
                if !trains =>
            {
                Some("")
            }
            Action::TypeText if !run.dashboard.run.info().is_some_and(|info| info.reads_tokens()) => Some(""),
            Action::Open if view.full_screen => Some(""),
            Action::Back if view.full_screen || view.explain => Some("back"),
            Action::Back if run.over() && self.from_menu => Some("menu"),
            _ => None,
        }
    }

    /// The keys, or what the program does before it ends.
    pub(super) fn footer(&self, area: Rect) -> Line<'static> {
        if let Some(said) = &self.said {
            let width = usize::from(area.width);
            let said = Span::styled(format!(" {} ", fit(said, width)), self.theme.style(Role::Good));
            // The keys beside it, as far as there is space: the first screen of all may have such a line.
            let mut line = self.keys_line(width.saturating_sub(said.width()));
            line.spans.insert(0, said);
            return line;
        }
        let words = match self.run.as_ref().and_then(|run| run.ending) {
            Some(LeaveChoice::SaveAndStop) => " saving and stopping; q quits at once",
            Some(LeaveChoice::SaveAndQuit) => " saving, then quitting; q quits at once",
            Some(_) => " stopping; q quits at once",
            None if matches!(self.overlay, Some(Overlay::LeaveDialog(_))) => {
                return Line::styled(
                    " ↑ ↓ or a number chooses  Enter  Esc back",
                    self.theme.style(Role::Dim),
                );
            }
            None => return self.keys_line(area.width.into()),
        };
        Line::styled(words, self.theme.style(Role::Warning))
    }

    fn keys_line(&self, width: usize) -> Line<'static> {
        help::footer(self.context(), width, &self.theme, |action| self.footer_word(action))
    }
}
