//! The dialog that asks for a branch: after which step, and with which change.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};

use super::launch::BranchRequest;
use super::popup::{boxed, centered};
use crate::escape::foreign;
use crate::number;
use crate::ui::text::wrap;
use crate::ui::theme::{Role, Theme};

/// Columns of the text.
const WIDTH: usize = 64;
/// Columns before what is typed.
const LABEL: usize = 8;
/// The maximum number of characters of a step.
const LONGEST: usize = 19;

/// A field of the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Step,
    Change,
}

/// Asks for a step and a change.
#[derive(Debug)]
pub(super) struct BranchDialog {
    /// What is asked for, but for the fields.
    request: BranchRequest,
    /// The last step of the parent.
    last: u64,
    step: LineInput,
    change: LineInput,
    field: Field,
    /// Why the branch cannot be trained.
    error: Option<String>,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Closed,
    Start(BranchRequest),
}

impl BranchDialog {
    /// Asks for a branch of a run with `last` steps, and proposes `request`.
    pub(super) fn new(request: BranchRequest, last: u64) -> Self {
        let step = LineInput::new(request.step.to_string());
        Self { request, last, step, change: LineInput::default(), field: Field::Change, error: None }
    }

    /// Says why there is no such branch; it can be corrected.
    pub(super) fn refuse(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Handles a key; returns the answer once it is given.
    pub(super) fn type_key(&mut self, key: &KeyEvent) -> Option<Answer> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let interrupts = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Some(Answer::Closed),
            KeyCode::Char('c') if interrupts => return Some(Answer::Closed),
            KeyCode::Enter => return self.answer(),
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down => {
                self.field = if self.field == Field::Step { Field::Change } else { Field::Step };
            }
            KeyCode::Char(c) if self.field == Field::Step && !interrupts => {
                if c.is_ascii_digit() && self.step.value().len() < LONGEST {
                    self.step.handle(InputRequest::InsertChar(c));
                }
            }
            _ => drop(self.line().handle_event(&Event::Key(*key))),
        }
        self.error = None;
        None
    }

    /// Adds pasted text to the field.
    pub(super) fn paste(&mut self, text: &str) {
        let text = foreign(text.trim()).into_owned();
        let is_step = self.field == Field::Step;
        for c in text.chars().filter(|c| !is_step || c.is_ascii_digit()) {
            self.line().handle(InputRequest::InsertChar(c));
        }
    }

    fn line(&mut self) -> &mut LineInput {
        match self.field {
            Field::Step => &mut self.step,
            Field::Change => &mut self.change,
        }
    }

    /// `None` if a field is wrong, which is said.
    fn answer(&mut self) -> Option<Answer> {
        let Some(step) = self.step.value().parse().ok().filter(|step| *step <= self.last) else {
            let last = number::count(self.last);
            self.error = Some(format!("found step {:?}; expected 0 to {last}", self.step.value()));
            return None;
        };
        let change = self.change.value().trim();
        if !change.is_empty() && !change.contains('=') {
            self.error = Some(format!("found {change:?}; expected KEY=VALUE"));
            return None;
        }
        let change = (!change.is_empty()).then(|| change.to_owned());
        Some(Answer::Start(BranchRequest { step, change, ..self.request.clone() }))
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let width = usize::from(area.width).saturating_sub(4).min(WIDTH);
        let room = width.saturating_sub(LABEL + 1);
        let field = |label: &str, line: &LineInput, field: Field| {
            let role = if field == self.field { Role::Key } else { Role::Dim };
            let first = line.visual_scroll(room);
            let seen: String = line.value().chars().skip(first).take(room).collect();
            Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme.style(role)),
                Span::styled(seen, theme.style(Role::Text)),
            ])
        };
        let mut lines =
            vec![field("step", &self.step, Field::Step), field("change", &self.change, Field::Change)];
        let (words, role) = match (&self.error, self.request.is_live) {
            (Some(error), _) => (error.as_str(), Role::Bad),
            (None, true) => (
                "The change is one setting, as train.optimizer.learning_rate=0.01, or none. This run goes on; the branch \
                 is trained in the background, on the same cores.",
                Role::Dim,
            ),
            (None, false) => (
                "The change is one setting, as train.optimizer.learning_rate=0.01, or none. The branch is a run of its \
                 own, which takes this screen.",
                Role::Dim,
            ),
        };
        lines
            .extend(wrap(&foreign(words), width).into_iter().map(|row| Line::styled(row, theme.style(role))));
        let place = centered(area, width + 4, lines.len() + 2);
        let hint = Line::styled(" Enter starts, Tab other field, Esc closes ", theme.style(Role::Dim));
        let block = boxed(" Branch this run ".to_owned(), theme).title_bottom(hint.right_aligned());
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        frame.render_widget(Paragraph::new(lines), inner);
        let (row, line) = match self.field {
            Field::Step => (0, &self.step),
            Field::Change => (1, &self.change),
        };
        let column = LABEL + line.visual_cursor().saturating_sub(line.visual_scroll(room));
        let x = inner.x + u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1));
        if row < inner.height {
            frame.set_cursor_position(Position::new(x, inner.y + row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::app::tests;

    fn typed(keys: &str, is_live: bool) -> (Option<Answer>, Option<String>) {
        let request = BranchRequest { run: "runs/a".into(), step: 418, change: None, is_live };
        let mut dialog = BranchDialog::new(request, 784);
        let answer = tests::typed(keys).fold(None, |_, key| dialog.type_key(&key));
        (answer, dialog.error)
    }

    fn start(step: u64, change: Option<&str>) -> Option<Answer> {
        let change = change.map(str::to_owned);
        Some(Answer::Start(BranchRequest { run: "runs/a".into(), step, change, is_live: false }))
    }

    #[test]
    fn a_step_and_a_change_are_typed() {
        assert_eq!(typed("\n", false).0, start(418, None));
        assert_eq!(typed("seed=2\n", false).0, start(418, Some("seed=2")));
        assert_eq!(typed("\t<x9\ta=b\n", false).0, start(419, Some("a=b")));
        assert_eq!(typed("abc\x1b", false).0, Some(Answer::Closed));
    }

    #[test]
    fn what_is_wrong_is_said_until_it_is_changed() {
        assert_eq!(typed("\t<<<785\n", false), (None, Some("found step \"785\"; expected 0 to 784".into())));
        assert_eq!(typed("\t<<<\n", false), (None, Some("found step \"\"; expected 0 to 784".into())));
        assert_eq!(typed("rate\n", false), (None, Some("found \"rate\"; expected KEY=VALUE".into())));
        assert_eq!(typed("rate\n=", false), (None, None));
    }
}
