//! The browser on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Padding, Paragraph};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Browser, InspectionPage, Row};
use crate::escape::foreign;
use crate::number;
use crate::protocol::Draft;
use crate::ui::findings::{self, Detail};
use crate::ui::menu::{SMALLEST, panel, too_small};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

/// Columns of the size of a file.
const SIZE: usize = 9;
/// Maximum width of a line: longer ones are hard to read.
const WIDEST: usize = 96;

impl Browser {
    /// Draws the browser into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        let says = match (&self.inspection, &self.preset) {
            (None, Some(preset)) => format!("  data for {preset}: Enter takes a file, Space a folder"),
            (None, None) => "  your data: open a file, or inspect a folder with Space".to_owned(),
            (Some(InspectionPage { draft: Some(Ok(Draft { preset: Ok(_), .. })), .. }), _) => {
                "  your data: inspection; Enter writes the preset and trains".to_owned()
            }
            (Some(_), _) => "  your data: inspection".to_owned(),
        };
        let name = Span::styled(" unrolled", theme.style(Role::Title));
        let says = fit(&says, usize::from(head.width).saturating_sub(9));
        frame.render_widget(Line::from(vec![name, Span::styled(says, theme.style(Role::Dim))]), head);
        self.page = usize::from(body.height).saturating_sub(3).max(1);
        match &mut self.inspection {
            Some(inspection) => inspection.render(frame, body, theme),
            None => self.render_list(frame, body, theme),
        }
    }

    fn render_list(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let room = usize::from(area.width).saturating_sub(16);
        let count = match self.shown.len() == self.rows().len() {
            true => number::count(self.shown.len() as u64),
            false => format!(
                "{} of {}",
                number::count(self.shown.len() as u64),
                number::count(self.rows().len() as u64)
            ),
        };
        let title = format!(" {} ({count}) ", end_of(&self.folder.display().to_string(), room));
        let block = panel(title, true, theme);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = self.filter.render_above(frame, inner, theme);
        let (width, height) = (usize::from(inner.width), usize::from(inner.height));
        let say = |frame: &mut Frame<'_>, words: &str, role| {
            let lines: Vec<Line<'_>> = wrap(words, width).into_iter().map(Line::from).collect();
            frame.render_widget(Paragraph::new(lines).style(theme.style(role)), inner);
        };
        match &self.rows {
            None => return say(frame, "reading…", Role::Dim),
            Some(Err(error)) => return say(frame, &format!("{error}. ← goes up."), Role::Bad),
            Some(Ok(_)) if self.shown.is_empty() => {
                return say(
                    frame,
                    "No matching files. Esc clears a filter, . shows hidden files.",
                    Role::Dim,
                );
            }
            Some(Ok(_)) => {}
        }
        let chosen = self.place_of_chosen().unwrap_or(0);
        // The chosen row stays in the middle as far as the ends allow.
        let first = chosen.saturating_sub(height / 2).min(self.shown.len().saturating_sub(height));
        let seen =
            self.shown.iter().skip(first).take(height).filter_map(|at| Some((*at, self.rows().get(*at)?)));
        let lines: Vec<Line<'_>> = seen.map(|(at, row)| line(row, at == self.chosen, width, theme)).collect();
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn line(row: &Row, chosen: bool, width: usize, theme: &Theme) -> Line<'static> {
    let pointer = if chosen { "▸" } else { " " };
    let room = width.saturating_sub(4 + SIZE).max(1);
    let slash = usize::from(row.is_folder);
    let mut name = fit(&row.name, room.saturating_sub(slash));
    if row.is_folder {
        name.push('/');
    }
    let gap = " ".repeat(room.saturating_sub(name.width()));
    let size = row.size.map(number::bytes).unwrap_or_default();
    let role = match row.is_folder {
        _ if chosen => Role::Selected,
        true => Role::Title,
        false => Role::Text,
    };
    let dim = if chosen { Role::Selected } else { Role::Dim };
    Line::from(vec![
        Span::styled(format!(" {pointer} {name}{gap}"), theme.style(role)),
        Span::styled(format!("{size:>SIZE$} "), theme.style(dim)),
    ])
}

/// The end of a path in at most `width` columns, with `…` in front where something is left out.
fn end_of(path: &str, width: usize) -> String {
    let path = foreign(path);
    if path.width() <= width {
        return path.into_owned();
    }
    let mut used = 1;
    let kept = path.chars().rev().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let kept: Vec<char> = kept.collect();
    ['…'].into_iter().chain(kept.into_iter().rev()).collect()
}

impl InspectionPage {
    fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned();
        let title = format!(" {} ", fit(&name, usize::from(area.width).saturating_sub(4)));
        let block = panel(title, true, theme).padding(Padding::horizontal(1));
        let width = usize::from(block.inner(area).width).clamp(1, WIDEST);
        let words = |text: &str, role| -> Vec<Line<'static>> {
            wrap(text, width).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
        };
        let lines = match &self.draft {
            None => words("inspecting…", Role::Dim),
            Some(Err(error)) => words(error, Role::Bad),
            Some(Ok(draft)) => findings::lines(draft, Detail::Screen, width, theme),
        };
        self.scroll.render(frame, area, (block, None), lines, theme);
    }
}
