//! The dialog that asks for a step.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::popup::{boxed, centered};
use crate::number;
use crate::ui::theme::{Role, Theme};

/// The maximum number of characters: those of the largest step.
const LONGEST: usize = 19;

/// Asks for the number of a step, or for a share of all steps as `50%`.
#[derive(Debug)]
pub(super) struct StepPrompt {
    text: String,
    last: u64,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    Nothing,
    Step(u64),
    /// 0 to 1.
    Share(f64),
}

impl StepPrompt {
    /// Asks for a step up to `last`.
    pub(super) fn new(last: u64) -> Self {
        Self { text: String::new(), last }
    }

    /// Handles a key; returns the answer once it is given.
    pub(super) fn type_key(&mut self, key: &KeyEvent) -> Option<Asked> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let interrupts = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if interrupts => return Some(Asked::Nothing),
            KeyCode::Char(c @ ('0'..='9' | '%')) if !interrupts && self.text.len() < LONGEST => {
                self.text.push(c);
            }
            KeyCode::Backspace => {
                self.text.pop();
            }
            KeyCode::Esc => return Some(Asked::Nothing),
            KeyCode::Enter => return self.answer(),
            _ => {}
        }
        None
    }

    /// `None` if what was typed is neither a number nor a share.
    fn answer(&self) -> Option<Asked> {
        if self.text.is_empty() {
            return Some(Asked::Nothing);
        }
        match self.text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.parse().ok()?;
                Some(Asked::Share((percent / 100.0).clamp(0.0, 1.0)))
            }
            None => self.text.parse().ok().map(Asked::Step),
        }
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let help = format!("0 to {}, or 50%", number::count(self.last));
        let area = centered(area, help.len().max(LONGEST + 1) + 4, 4);
        let block = boxed(" Go to step ".to_owned(), theme);
        let inner = block.inner(area);
        let typed = vec![
            Span::styled(self.text.clone(), theme.style(Role::Text)),
            Span::styled("_", theme.style(Role::Cursor)),
        ];
        let lines = vec![Line::from(typed), Line::styled(help, theme.style(Role::Dim))];
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::app::tests;

    fn typed(keys: &str) -> Option<Asked> {
        let mut prompt = StepPrompt::new(784);
        tests::typed(keys).fold(None, |_, key| prompt.type_key(&key))
    }

    #[test]
    fn a_step_or_a_share_of_all_steps_is_typed() {
        assert_eq!(typed("41x8\n"), Some(Asked::Step(418)));
        assert_eq!(typed("419<8\n"), Some(Asked::Step(418)));
        assert_eq!(typed("50%\n"), Some(Asked::Share(0.5)));
        assert_eq!(typed("500%\n"), Some(Asked::Share(1.0)));
        for nothing in ["\n", "5\x1b"] {
            assert_eq!(typed(nothing), Some(Asked::Nothing));
        }
        for invalid in ["5", "%\n", "5%5\n"] {
            assert_eq!(typed(invalid), None, "{invalid}");
        }
    }
}
