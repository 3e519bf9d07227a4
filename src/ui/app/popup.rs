//! Text over the screen: keys and help pages, the log, and messages.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};

use super::drawing::DrawingCost;
use crate::escape;
use crate::help::{PAGES, Page};
use crate::protocol::{Level, LogLine};
use crate::ui::help::{self, HelpWords};
use crate::ui::keymap::{Action, Context};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

#[derive(Debug)]
enum Content {
    /// The keys, and below them the list of help pages.
    Help(Context, &'static HelpWords),
    Page(&'static Page),
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
    /// The row of the first help page, where they are listed; known once it is drawn.
    listed_at: Option<usize>,
    /// The number of the help page that is chosen.
    chosen: Option<usize>,
    /// The popup that Esc returns to.
    parent: Option<Box<Self>>,
}

impl Popup {
    pub(super) fn help(context: Context, words: &'static HelpWords) -> Self {
        Self::new(words.title.to_owned(), Content::Help(context, words))
    }

    pub(super) fn message(title: &str, text: &str) -> Self {
        Self::new(title.to_owned(), Content::Message(text.to_owned()))
    }

    /// The log from its end, which is followed as long as nobody scrolls away from it.
    pub(super) fn log() -> Self {
        Self::new("Log".to_owned(), Content::Log)
    }

    fn new(title: String, content: Content) -> Self {
        Self { title, content, scroll: 0, end: 0, page: 1, listed_at: None, chosen: None, parent: None }
    }

    /// `true` when it is to be closed.
    pub(super) fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Open if self.chosen.is_some() || self.parent.is_some() => self.open(),
            Action::Back if self.parent.is_some() => self.close(),
            Action::Back | Action::Open | Action::Quit | Action::Help | Action::Log => return true,
            Action::Up => self.up(),
            Action::Down => self.down(),
            Action::PageUp => self.scroll_to(self.scroll.saturating_sub(self.page)),
            Action::PageDown => self.scroll_to(self.scroll + self.page),
            Action::First => self.scroll_to(0),
            Action::Last => self.scroll_to(self.end),
            _ => {}
        }
        false
    }

    /// Whether it is a message that is seen as a whole: it need not be closed before the next key.
    pub(super) fn is_notice(&self) -> bool {
        matches!(self.content, Content::Message(_)) && self.end == 0
    }

    fn scroll_to(&mut self, row: usize) {
        (self.scroll, self.chosen) = (row.min(self.end), None);
    }

    fn up(&mut self) {
        match self.chosen {
            Some(at) if at > 0 => self.choose(at - 1),
            _ => self.scroll_to(self.scroll.saturating_sub(1)),
        }
    }

    /// Scrolls until the list of help pages is on the screen, then moves down the list.
    fn down(&mut self) {
        match (self.listed_at, self.chosen) {
            (Some(_), Some(at)) => self.choose((at + 1).min(PAGES.len() - 1)),
            (Some(first), None) if first < self.scroll + self.page => self.choose(0),
            _ => self.scroll_to(self.scroll + 1),
        }
    }

    /// Chooses the help page number `at` and scrolls to it.
    fn choose(&mut self, at: usize) {
        self.chosen = Some(at);
        let row = self.listed_at.unwrap_or(0) + at;
        self.scroll = self.scroll.clamp((row + 1).saturating_sub(self.page), row);
    }

    /// Opens the help page that is chosen.
    fn open(&mut self) {
        let Some(page) = self.chosen.and_then(|at| PAGES.get(at)) else { return };
        let opened = Self::new(page.title().to_owned(), Content::Page(page));
        let list = std::mem::replace(self, opened);
        self.parent = Some(Box::new(list));
    }

    /// Returns to the list of help pages.
    fn close(&mut self) {
        if let Some(parent) = self.parent.take() {
            *self = *parent;
        }
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
        let widest = if matches!(self.content, Content::Page(_)) { 96 } else { 72 };
        let room = usize::from(area.width).saturating_sub(6).min(widest);
        let lines = match &self.content {
            Content::Help(context, words) => {
                let mut lines = help::lines(*context, words, room, theme);
                lines.push(Line::default());
                lines.push(Line::styled(words.pages, theme.style(Role::Title)));
                self.listed_at = Some(lines.len());
                lines.extend(help::contents(self.chosen, room, theme));
                lines
            }
            Content::Page(page) => help::page(page, room.max(1), theme),
            Content::Message(text) => wrap(text, room.max(1)).into_iter().map(Line::from).collect(),
            Content::Log => log_lines(log, drawing, room.max(1), theme),
        };
        let widest = match self.content {
            // What comes and goes in it must not move its frame.
            Content::Log | Content::Page(_) => room,
            Content::Help(..) | Content::Message(_) => {
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
        let esc = if self.parent.is_some() { "Esc back" } else { "Esc closes" };
        let hint = match self.end - self.scroll {
            _ if self.chosen.is_some() => format!(" Enter opens, {esc} "),
            0 if self.listed_at.is_some() => format!(" ↓ chooses a page, {esc} "),
            0 => format!(" {esc} "),
            below => format!(" ↓ {below} more, {esc} "),
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
