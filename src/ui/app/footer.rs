//! The line at the bottom: the keys that do something at present.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::leave_dialog::LeaveChoice;
use super::text_prompt::Purpose;
use super::{App, Overlay, replaying};
use crate::protocol::RunStatus;
use crate::ui::dashboard::Dashboard;
use crate::ui::help;
use crate::ui::keymap::Action;
use crate::ui::panel::{Panel, Tab};
use crate::ui::text::fit;
use crate::ui::theme::Role;

/// What the footer says of keys that choose units where a heat map of states is in front.
fn unit_word(dash: &Dashboard, action: Action) -> Option<&'static str> {
    let (view, run) = (&dash.view, &dash.run);
    match action {
        Action::UnitOrder if view.focus(run) != Panel::Hidden => Some(""),
        Action::Open if view.chooses_units(run) && !view.shows_unit(run) => Some("unit"),
        Action::Open if view.full_screen => Some(""),
        Action::Left if view.chooses_units(run) => Some("unit"),
        _ => None,
    }
}

impl App<'_> {
    /// What the footer says of a key instead of the table's word: empty for a key without effect at present.
    fn footer_word(&self, action: Action) -> Option<&'static str> {
        let has_panels = self.run.is_some() || self.runs.is_none();
        if action == Action::FocusNext && !has_panels {
            return Some("");
        }
        if let Some(lecture) = &self.lecture {
            // Without a menu to go back to, Esc does what the key before it does.
            let is_hidden = action == Action::Back && !self.from_menu;
            return if is_hidden { Some("") } else { lecture.footer_word(action) };
        }
        if let (None, Some(sweep)) = (&self.run, &self.sweep) {
            let leaves = action == Action::Back && self.has_menu;
            return sweep.footer_word(action).or(leaves.then_some("menu"));
        }
        if let (None, Some(runs)) = (&self.run, &self.runs) {
            return runs.footer_word(action);
        }
        if let (None, None, None) = (&self.run, &self.runs, &self.browser) {
            return match &self.edit {
                Some(edit) if self.is_editing => edit.footer_word(action),
                _ if self.hooks.is_none() && action == Action::Edit => Some(""),
                _ => self.menu.footer_word(action),
            };
        }
        if let (None, None, Some(browser)) = (&self.run, &self.runs, &self.browser) {
            return browser.footer_word(action);
        }
        let run = self.run.as_ref()?;
        match &run.dashboard.group {
            Some(group) => {
                if let Some(word) = self.group_word(group, action) {
                    return Some(word);
                }
            }
            None if action == Action::NextRun => return Some(""),
            None => {}
        }
        let (status, view) = (run.dashboard.live().status(), &run.dashboard.view);
        if !view.has_effect(action, &run.dashboard.run) {
            return Some("");
        }
        if let Some(replay) = &run.replay {
            if action == Action::Back && self.from_menu && !view.full_screen && !view.explain {
                return Some(self.list_name());
            }
            if matches!(action, Action::Open | Action::UnitOrder) {
                return unit_word(&run.dashboard, action);
            }
            return replaying::footer_word(replay, view, action);
        }
        let trains = matches!(status, Some(RunStatus::Training | RunStatus::Validating | RunStatus::Paused));
        match action {
            Action::PauseResume if matches!(status, Some(RunStatus::Paused)) => Some("resume"),
            Action::Quit if self.attached && !run.over() => Some("detach"),
            Action::Back if self.attached && self.from_menu && !run.over() => Some(self.list_name()),
            Action::Detach if self.attached || self.is_several() || !trains => Some(""),
            // Without a cursor it is the last step: of a run in training another one in a moment.
            Action::Branch if view.cursor.is_none() && !run.over() => Some(""),
            Action::FullSpeed
                if !trains || run.dashboard.live().info().is_none_or(|info| info.pace.is_none()) =>
            {
                Some("")
            }
            Action::PauseResume
            | Action::SingleStep
            | Action::SlowerLearning
            | Action::FasterLearning
            | Action::Save
            | Action::TypeText
            | Action::ReplaceWord
                if !trains =>
            {
                Some("")
            }
            Action::Undo if !trains || !run.dashboard.live().can_undo() => Some(""),
            Action::TypeText if !run.dashboard.run.info().is_some_and(|info| info.reads_tokens()) => Some(""),
            Action::TypeText => match Purpose::on(&run.dashboard) {
                Purpose::Word => Some("word"),
                Purpose::Beginning => Some("beginning"),
                Purpose::Example => None,
            },
            Action::ReplaceWord if !matches!(view.tab, Tab::Text | Tab::Weights) => Some(""),
            Action::Open | Action::UnitOrder | Action::Left => unit_word(&run.dashboard, action),
            Action::Back if view.full_screen || view.explain => Some("back"),
            Action::Back if run.over() && self.from_menu => Some(self.list_name()),
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
