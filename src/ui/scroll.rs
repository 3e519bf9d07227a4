//! Scrolls lines in a frame that is too low for all of them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::keymap::Action;
use super::theme::{Role, Theme};

/// A scroll position.
#[derive(Debug, Default)]
pub struct Scroll {
    /// The first visible line.
    first: usize,
    /// Its maximum; known once lines are drawn.
    end: usize,
}

impl Scroll {
    /// Handles a key; a page has `page` lines.
    pub fn act(&mut self, action: Action, page: usize) {
        let to = match action {
            Action::Up => self.first.saturating_sub(1),
            Action::Down => self.first + 1,
            Action::PageUp => self.first.saturating_sub(page),
            Action::PageDown => self.first + page,
            Action::First => 0,
            Action::Last => self.end,
            _ => return,
        };
        self.first = to.min(self.end);
    }

    /// Back to the first line.
    pub fn rewind(&mut self) {
        self.first = 0;
    }

    /// Draws `lines` within `block`, which shows at the bottom how many lines follow, or the hint `instead`.
    pub fn render(
        &mut self,
        frame: &mut Frame<'_>,
        area: Rect,
        (mut block, instead): (Block<'static>, Option<&str>),
        lines: Vec<Line<'_>>,
        theme: &Theme,
    ) {
        let inner = block.inner(area);
        self.end = lines.len().saturating_sub(usize::from(inner.height));
        self.first = self.first.min(self.end);
        if self.end > 0 {
            let more = match (instead, self.end - self.first) {
                (Some(instead), _) => format!(" {instead} "),
                (None, 0) => " end ".to_owned(),
                (None, below) => format!(" ↓ {below} more "),
            };
            block = block.title_bottom(Line::styled(more, theme.style(Role::Dim)).right_aligned());
        }
        frame.render_widget(block, area);
        let seen: Vec<Line<'_>> =
            lines.into_iter().skip(self.first).take(usize::from(inner.height)).collect();
        frame.render_widget(Paragraph::new(seen), inner);
    }
}
