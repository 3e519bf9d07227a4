//! What the user types and pastes.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, ExitReason, Overlay, interrupts};
use crate::ui::input::Input;
use crate::ui::runs::RunsScreen;

impl App<'_> {
    /// Handles user input.
    pub fn input(&mut self, input: Input) {
        match input {
            Input::HangUp => self.outcome = Some(ExitReason::HungUp),
            Input::Paste(_) | Input::Burst(_) if self.lecture.is_some() => {}
            Input::Paste(text) if self.run.is_none() && self.overlay.is_none() => self.list().paste(&text),
            Input::Paste(text) => match &mut self.overlay {
                Some(Overlay::BranchDialog(dialog)) => dialog.paste(&text),
                Some(Overlay::TextPrompt(prompt)) => prompt.paste(&text),
                Some(Overlay::WordPrompt(prompt)) => prompt.paste(&text),
                _ => {}
            },
            // Text that was pasted or typed fast; it starts nothing.
            Input::Burst(keys)
                if matches!(
                    self.overlay,
                    Some(Overlay::BranchDialog(_) | Overlay::TextPrompt(_) | Overlay::WordPrompt(_))
                ) =>
            {
                keys.iter().filter(|key| key.code != KeyCode::Enter).for_each(|key| self.key(key));
            }
            Input::Burst(keys) => self.burst(&keys),
            Input::Background { light } => self.theme.light = light,
            Input::Mouse(event) => self.mouse(event),
            Input::Key(key) => {
                self.said = None;
                self.key(&key);
            }
        }
    }

    /// Says something at the bottom, until the next key.
    pub fn show_notice(&mut self, notice: Option<&str>) {
        self.said = notice.map(str::to_owned);
    }

    /// Pasted text is no command, but it may be a filter, also with the `/` before it.
    fn burst(&mut self, keys: &[KeyEvent]) {
        if self.run.is_some() || self.overlay.is_some() || self.is_asking() {
            return;
        }
        let is_filter = keys.first().is_some_and(|key| key.code == KeyCode::Char('/'));
        if is_filter && !self.list().is_typing() {
            self.key(&KeyEvent::new(KeyCode::Char('/'), KeyModifiers::NONE));
        }
        for key in keys.iter().skip(usize::from(is_filter)).filter(|key| key.code != KeyCode::Enter) {
            if self.list().is_typing() {
                self.list().type_key(key);
            }
        }
    }

    /// Whether a dialog waits for an answer.
    pub fn is_asking(&self) -> bool {
        match &self.overlay {
            Some(Overlay::LeaveDialog(_) | Overlay::BranchDialog(_)) => true,
            Some(_) => false,
            None => self.run.is_none() && self.runs.as_ref().is_some_and(RunsScreen::is_asking),
        }
    }

    /// Whether `input` answers the dialog that waits, unless it is Ctrl-C: that never waits. Text in its fields is no answer.
    pub fn answers(&self, input: &Input) -> bool {
        match input {
            Input::Key(key) if interrupts(key) => false,
            Input::Key(key) if matches!(self.overlay, Some(Overlay::BranchDialog(_))) => {
                key.code == KeyCode::Enter
            }
            Input::Key(_) => self.is_asking(),
            _ => false,
        }
    }
}
