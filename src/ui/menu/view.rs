//! The menu on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::{Menu, OWN_DATA, description};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

/// Minimum size of menu and browser.
pub(in crate::ui) const SMALLEST: (u16, u16) = (24, 6);

impl Menu {
    /// Draws the menu into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        self.render_head(frame, head, theme);
        let (list, about) = split(body, self.list_width());
        self.render_list(frame, list, theme);
        if let Some(about) = about {
            self.render_description(frame, about, theme);
        }
    }

    fn list_width(&self) -> u16 {
        let longest = self.entries.iter().map(|e| e.name.width().max(e.group.width())).max().unwrap_or(0);
        u16::try_from(longest + 8).unwrap_or(u16::MAX)
    }

    fn render_head(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let name = Span::styled(" unrolled", theme.style(Role::Title));
        let says =
            fit("  recurrent networks, seen while they learn", usize::from(area.width).saturating_sub(9));
        frame.render_widget(Line::from(vec![name, Span::styled(says, theme.style(Role::Dim))]), area);
    }

    fn render_list(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let all = self.entries.iter().filter(|entry| entry.name != OWN_DATA).count();
        let presets =
            self.shown.iter().filter(|i| self.entries.get(**i).is_some_and(|entry| entry.name != OWN_DATA));
        let title = match presets.count() {
            shown if shown == all => format!(" Presets ({all}) "),
            shown => format!(" Presets ({shown} of {all}) "),
        };
        let block = panel(title, !self.description_focused, theme);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = self.filter.render_above(frame, inner, theme);
        self.page = usize::from(inner.height).saturating_sub(1).max(1);
        let width = usize::from(inner.width);
        if self.shown.is_empty() {
            let words = if all == 0 { "No presets." } else { "No preset matches. Esc clears the filter." };
            let lines: Vec<Line<'_>> = wrap(words, width).into_iter().map(Line::from).collect();
            return frame.render_widget(Paragraph::new(lines).style(theme.style(Role::Dim)), inner);
        }
        let height = usize::from(inner.height);
        let (lines, chosen) = self.rows(width, height, theme);
        // The chosen row stays in the middle as far as the ends allow.
        let first = chosen.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
        let seen: Vec<Line<'_>> = lines.into_iter().skip(first).take(height).collect();
        frame.render_widget(Paragraph::new(seen), inner);
    }

    /// Groups as headings, set apart where the height allows, their presets below; and the number of the chosen row.
    fn rows(&self, width: usize, height: usize, theme: &Theme) -> (Vec<Line<'static>>, usize) {
        let mut lines = Vec::new();
        let mut chosen = 0;
        let shown: Vec<_> = self.shown.iter().filter_map(|i| Some((*i, self.entries.get(*i)?))).collect();
        let groups = shown.chunk_by(|a, b| a.1.group == b.1.group).count();
        let apart = shown.len() + 2 * groups <= height + 1;
        let mut group = None;
        for (i, entry) in shown {
            if group.replace(&entry.group) != Some(&entry.group) {
                if apart && !lines.is_empty() {
                    lines.push(Line::default());
                }
                lines.push(Line::styled(fit(&format!(" {}", entry.group), width), theme.style(Role::Title)));
            }
            let pointer = if i == self.chosen { "▸" } else { " " };
            let mark = if entry.missing.is_some() { "!" } else { " " };
            let name = fit(&entry.name, width.saturating_sub(5));
            let gap = " ".repeat(width.saturating_sub(name.width() + 5));
            let (name_role, mark_role) = match entry.missing {
                _ if i == self.chosen => (Role::Selected, Role::Selected),
                Some(_) => (Role::Dim, Role::Warning),
                None => (Role::Text, Role::Text),
            };
            if i == self.chosen {
                chosen = lines.len();
            }
            lines.push(Line::from(vec![
                Span::styled(format!(" {pointer} {name}{gap}"), theme.style(name_role)),
                Span::styled(format!("{mark} "), theme.style(mark_role)),
            ]));
        }
        (lines, chosen)
    }

    fn render_description(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let Some(entry) = self.chosen() else {
            return frame.render_widget(panel(String::new(), self.description_focused, theme), area);
        };
        let title = format!(" {} ", fit(&entry.name, usize::from(area.width).saturating_sub(4)));
        let block = panel(title, self.description_focused, theme).padding(Padding::horizontal(1));
        let lines = description::lines(entry, usize::from(block.inner(area).width), theme);
        let instead = (!self.description_focused).then_some("Tab to scroll");
        self.scroll.render(frame, area, (block, instead), lines, theme);
    }
}

/// A frame round a part of the screen; `focused` when the arrows go to it.
pub(in crate::ui) fn panel(title: String, focused: bool, theme: &Theme) -> Block<'static> {
    let role = if focused { Role::Focus } else { Role::Border };
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(role))
        .title(Span::styled(title, Style::reset().patch(theme.style(Role::Title)))) // not in the frame's colour
}

/// Splits list and description: side by side if the description gets 40 columns, else stacked, else the list alone.
fn split(body: Rect, list_width: u16) -> (Rect, Option<Rect>) {
    let list_width = list_width.clamp(22, 36);
    if body.width >= list_width + 40 {
        let [list, about] =
            Layout::horizontal([Constraint::Length(list_width), Constraint::Fill(1)]).areas(body);
        (list, Some(about))
    } else if body.height >= 14 {
        let [list, about] = Layout::vertical([Constraint::Fill(2), Constraint::Fill(3)]).areas(body);
        (list, Some(about))
    } else {
        (body, None)
    }
}

/// Reports that the terminal is too small.
pub(in crate::ui) fn too_small(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let words = format!("Terminal too small: {}×{}", area.width, area.height);
    let lines: Vec<Line<'_>> = wrap(&words, usize::from(area.width)).into_iter().map(Line::from).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).style(theme.style(Role::Warning)), area);
}
