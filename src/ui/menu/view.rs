//! The menu on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::{Menu, Row, description};
use crate::run::RunState;
use crate::ui::text::{fit, fit_name, wrap};
use crate::ui::theme::{Role, Theme};

/// What the mark of a row without data means.
const MISSING: &str = " ! no data yet ";

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
        let presets = self.rows.iter().filter(|row| !matches!(row, Row::Run(_)));
        let longest = presets.map(|row| row.name().width().max(row.group().width())).max().unwrap_or(0);
        u16::try_from(longest + 8).unwrap_or(u16::MAX)
    }

    fn render_head(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let name = Span::styled(" unrolled", theme.style(Role::Title));
        let says =
            fit("  recurrent networks, seen while they learn", usize::from(area.width).saturating_sub(9));
        frame.render_widget(Line::from(vec![name, Span::styled(says, theme.style(Role::Dim))]), area);
    }

    fn render_list(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let all = self.presets().count();
        let shown = self.shown.iter().filter_map(|i| self.rows.get(*i)?.preset()).count();
        let title = match shown {
            shown if shown == all => format!(" Presets ({all}) "),
            shown => format!(" Presets ({shown} of {all}) "),
        };
        let mut block = panel(title, !self.description_focused, theme);
        let inner = block.inner(area);
        let [line, below] =
            Layout::vertical([Constraint::Length(u16::from(self.filter.is_shown())), Constraint::Fill(1)])
                .areas(inner);
        self.page = usize::from(below.height).saturating_sub(1).max(1);
        let (width, height) = (usize::from(below.width), usize::from(below.height));
        let (lines, chosen) = match self.shown.is_empty() {
            true => {
                let words =
                    if all == 0 { "No presets." } else { "No preset matches. Esc clears the filter." };
                let lines = wrap(words, width).into_iter();
                (lines.map(|line| Line::styled(line, theme.style(Role::Dim))).collect(), 0)
            }
            false => self.lines(width, height, theme),
        };
        // The chosen row stays in the middle as far as the ends allow.
        let first = chosen.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
        let more = match (first, lines.len().saturating_sub(first + height)) {
            (0, 0) => None,
            (above, 0) => Some(format!(" ↑ {above} more ")),
            (0, below) => Some(format!(" ↓ {below} more ")),
            (above, below) => Some(format!(" ↑ {above} · ↓ {below} more ")),
        };
        let columns = usize::from(area.width).saturating_sub(2);
        let needs = self.shown.iter().any(|i| self.rows.get(*i).is_some_and(Row::is_missing_data));
        if needs && MISSING.width() + more.as_ref().map_or(0, |more| more.width() + 1) <= columns {
            block = block.title_bottom(Line::styled(MISSING, theme.style(Role::Warning)));
        }
        if let Some(more) = more {
            block = block.title_bottom(Line::styled(more, theme.style(Role::Dim)).right_aligned());
        }
        frame.render_widget(block, area);
        self.filter.render_above(frame, line, theme);
        let seen: Vec<Line<'_>> = lines.into_iter().skip(first).take(height).collect();
        frame.render_widget(Paragraph::new(seen), below);
    }

    /// Groups as headings, set apart where the height allows, their rows below; and the number of the chosen row.
    fn lines(&self, width: usize, height: usize, theme: &Theme) -> (Vec<Line<'static>>, usize) {
        let mut lines = Vec::new();
        let mut chosen = 0;
        let shown: Vec<_> = self.shown.iter().filter_map(|i| Some((*i, self.rows.get(*i)?))).collect();
        let groups = shown.chunk_by(|a, b| a.1.group() == b.1.group()).count();
        let apart = shown.len() + 2 * groups <= height + 1;
        let mut group = None;
        for (i, row) in shown {
            if group.replace(row.group()) != Some(row.group()) {
                if apart && !lines.is_empty() {
                    lines.push(Line::default());
                }
                lines.push(Line::styled(fit(&format!(" {}", row.group()), width), theme.style(Role::Title)));
            }
            let pointer = if i == self.chosen { "▸" } else { " " };
            let name = fit_name(&row.label(), width.saturating_sub(5));
            let gap = " ".repeat(width.saturating_sub(name.width() + 5));
            let (name_role, mark_role) = match row {
                _ if i == self.chosen => (Role::Selected, Role::Selected),
                row if row.is_missing_data() => (Role::Dim, Role::Warning),
                Row::Run(recent) => (Role::Text, state_role(recent.run.state)),
                _ => (Role::Text, Role::Text),
            };
            if i == self.chosen {
                chosen = lines.len();
            }
            lines.push(Line::from(vec![
                Span::styled(format!(" {pointer} {name}{gap}"), theme.style(name_role)),
                Span::styled(format!("{} ", row.mark()), theme.style(mark_role)),
            ]));
        }
        (lines, chosen)
    }

    fn render_description(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let Some(row) = self.chosen() else {
            return frame.render_widget(panel(String::new(), self.description_focused, theme), area);
        };
        let title = format!(" {} ", fit(row.name(), usize::from(area.width).saturating_sub(4)));
        let block = panel(title, self.description_focused, theme).padding(Padding::horizontal(1));
        let inner = block.inner(area);
        let lines = match row {
            Row::Preset(entry) => description::preset(entry, usize::from(inner.width), theme),
            Row::Run(recent) => description::run(recent, usize::from(inner.width), theme),
            Row::Race(race, missing) => {
                description::race(race, missing.as_deref(), usize::from(inner.width), theme)
            }
            Row::OwnData => description::own_data(usize::from(inner.width), theme),
        };
        let instead = (!self.description_focused).then_some("Tab to scroll");
        self.scroll.render(frame, area, (block, instead), lines, theme);
    }
}

/// The role of a run's state.
fn state_role(state: RunState) -> Role {
    match state {
        RunState::Live | RunState::Finished => Role::Good,
        RunState::Stopped => Role::Dim,
        RunState::Diverged | RunState::Failed | RunState::Crashed | RunState::Damaged => Role::Bad,
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
