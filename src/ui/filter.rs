//! The input line of a filter.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};
use unicode_width::UnicodeWidthChar;

use super::theme::{Role, Theme};
use crate::escape::foreign;

/// A list whose rows a [`Filter`] hides.
pub trait FilteredList {
    /// The filter, unless something covers the list.
    fn filter_mut(&mut self) -> Option<&mut Filter>;

    /// Applies the filter to the rows again.
    fn refilter(&mut self);

    /// Whether keys are text.
    fn is_typing(&mut self) -> bool {
        self.filter_mut().is_some_and(|filter| filter.typing())
    }

    /// Hands `key` to the filter if it is being typed; returns whether the filter uses it.
    fn type_key(&mut self, key: &KeyEvent) -> bool {
        let Some(filter) = self.filter_mut().filter(|filter| filter.typing()) else { return false };
        let taken = filter.type_key(key);
        self.refilter();
        taken
    }

    /// Adds pasted text to the filter if it is being typed.
    fn paste(&mut self, text: &str) {
        if let Some(filter) = self.filter_mut().filter(|filter| filter.typing()) {
            filter.paste(text);
            self.refilter();
        }
    }
}

/// Words that rows must contain, and whether they are being typed.
#[derive(Debug, Default)]
pub struct Filter {
    line: LineInput,
    typing: bool,
}

impl Filter {
    /// Whether keys are text for the filter.
    pub fn typing(&self) -> bool {
        self.typing
    }

    /// Whether the line is visible.
    pub fn is_shown(&self) -> bool {
        self.typing || !self.line.value().is_empty()
    }

    /// Starts typing.
    pub fn start(&mut self) {
        self.typing = true;
    }

    /// Clears the filter and stops typing.
    pub fn clear(&mut self) {
        self.typing = false;
        self.line.reset();
    }

    /// A key while [`typing`](Self::typing); returns `false` if the line does not use it.
    pub fn type_key(&mut self, key: &KeyEvent) -> bool {
        match key.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => self.clear(),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => return false,
            _ => drop(self.line.handle_event(&Event::Key(*key))),
        }
        true
    }

    /// Pasted text, taken as typed.
    pub fn paste(&mut self, text: &str) {
        for c in foreign(text.trim()).chars() {
            self.line.handle(InputRequest::InsertChar(c));
        }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        self.line.value()
    }

    /// Whether `text`, in lower case, contains every word of the filter.
    pub fn passes(&self, text: &str) -> bool {
        self.line.value().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// Draws the line, where it is visible, as the first of `area`; returns the rest.
    pub fn render_above(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) -> Rect {
        if !self.is_shown() {
            return area;
        }
        let [line, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        self.render(frame, line, theme);
        rest
    }

    /// Draws the line, and the cursor while it is typed.
    pub fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let columns = usize::from(area.width).saturating_sub(2); // the slash and the cursor behind the text
        let first = self.line.visual_scroll(columns);
        let mut skipped = 0;
        let seen: String = self
            .line
            .value()
            .chars()
            .skip_while(|c| {
                skipped += c.width().unwrap_or(0);
                skipped <= first
            })
            .collect();
        let text = Line::from(vec![
            Span::styled("/", theme.style(Role::Key)),
            Span::styled(seen, theme.style(Role::Text)),
        ]);
        frame.render_widget(text, area);
        if self.typing {
            let column = self.line.visual_cursor().saturating_sub(first) + 1;
            let x = area.x + u16::try_from(column).unwrap_or(0).min(area.width.saturating_sub(1));
            frame.set_cursor_position(Position::new(x, area.y));
        }
    }
}
