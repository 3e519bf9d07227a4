//! Text over the screen: the help, the log, and messages that have to be read.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};

use super::drawing::DrawingCost;
use crate::escape;
use crate::protocol::{Level, LogLine};
use crate::ui::help;
use crate::ui::keymap::{Action, Place};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

#[derive(Debug)]
enum Content {
    Help(Place),
    Message(String),
    /// As it is when it is drawn.
    Log,
}

/// A box with text that scrolls when it is longer than the screen.
#[derive(Debug)]
pub(super) struct Popup {
    title: String,
    content: Content,
    scroll: usize,
    /// As far as it scrolls, and how far a page is; known once it is drawn.
    end: usize,
    page: usize,
}

impl Popup {
    pub(super) fn help(place: Place) -> Self {
        Self::new("Keys".to_owned(), Content::Help(place))
    }

    pub(super) fn message(title: &str, text: &str) -> Self {
        Self::new(title.to_owned(), Content::Message(text.to_owned()))
    }

    /// The log from its end, which is followed as long as nobody scrolls away from it.
    pub(super) fn log() -> Self {
        Self::new("Log".to_owned(), Content::Log)
    }

    fn new(title: String, content: Content) -> Self {
        Self { title, content, scroll: 0, end: 0, page: 1 }
    }

    /// `true` when it is to be closed.
    pub(super) fn act(&mut self, action: Action) -> bool {
        self.scroll = match action {
            Action::Back | Action::Open | Action::Quit | Action::Help | Action::Log => return true,
            Action::Up => self.scroll.saturating_sub(1),
            Action::Down => self.scroll + 1,
            Action::PageUp => self.scroll.saturating_sub(self.page),
            Action::PageDown => self.scroll + self.page,
            Action::First => 0,
            Action::Last => self.end,
            _ => self.scroll,
        }
        .min(self.end);
        false
    }

    /// Draws it over `area`; of the `log` and of what drawing costs only where it shows them.
    pub(super) fn render<'l>(
        &mut self,
        frame: &mut Frame<'_>,
        area: Rect,
        log: impl Iterator<Item = &'l LogLine>,
        drawing: Option<DrawingCost>,
        theme: &Theme,
    ) {
        let room = usize::from(area.width).saturating_sub(6).min(72);
        let lines = match &self.content {
            Content::Help(place) => help::lines(*place, room, theme),
            Content::Message(text) => wrap(text, room.max(1)).into_iter().map(Line::from).collect(),
            Content::Log => log_lines(log, drawing, room.max(1), theme),
        };
        let widest = match self.content {
            // What comes and goes in it must not move its frame.
            Content::Log => room,
            Content::Help(_) | Content::Message(_) => {
                lines.iter().map(Line::width).max().unwrap_or(0).max(28).min(room)
            }
        };
        let title = format!(" {} ", fit(&self.title, widest));
        let area = centered(area, widest + 4, lines.len() + 2);
        let block = boxed(title, theme);
        let inner = block.inner(area);
        let follows = matches!(self.content, Content::Log) && self.scroll == self.end;
        self.page = usize::from(inner.height).max(1);
        self.end = lines.len().saturating_sub(usize::from(inner.height));
        self.scroll = if follows { self.end } else { self.scroll.min(self.end) };
        let hint = match self.end - self.scroll {
            0 => " Esc closes ".to_owned(),
            below => format!(" ↓ {below} more, Esc closes "),
        };
        let block = block.title_bottom(Line::styled(hint, theme.style(Role::Dim)).right_aligned());
        let seen: Vec<Line<'_>> =
            lines.into_iter().skip(self.scroll).take(usize::from(inner.height)).collect();
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(seen).style(theme.style(Role::Text)), inner);
    }
}

/// The log, oldest line first; the last line is what drawing costs now.
fn log_lines<'l>(
    log: impl Iterator<Item = &'l LogLine>,
    drawing: Option<DrawingCost>,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |text: &str, role: Role| {
        let rows = wrap(&escape::foreign(text), width).into_iter();
        lines.extend(rows.map(|row| Line::styled(row, theme.style(role))));
    };
    for line in log {
        let role = match line.level {
            Level::Info => Role::Text,
            Level::Warning => Role::Warning,
            Level::Error => Role::Bad,
        };
        say(&line.text, role);
    }
    if let Some(cost) = drawing {
        say(&cost.line(), Role::Dim);
    }
    lines
}

/// The frame of what lies over the screen.
pub(super) fn boxed(title: String, theme: &Theme) -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(Role::Focus))
        .title(Span::styled(title, Style::reset().patch(theme.style(Role::Title)))) // not in the frame's colour
        .padding(Padding::horizontal(1))
}

/// `width` × `height` in the middle of `area`, as much of it as there is room for.
pub(super) fn centered(area: Rect, width: usize, height: usize) -> Rect {
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}
