//! The form on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Padding, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::{EditScreen, Estimate, Field, range};
use crate::escape::foreign;
use crate::number;
use crate::preset::PresetError;
use crate::ui::menu::{SMALLEST, description, panel, too_small};
use crate::ui::text::{fit, wrap};
use crate::ui::theme::{Role, Theme};

/// Columns of the form, where the network stands beside it.
const FORM: u16 = 44;
/// Columns of what is before a value: pointer, number, kind, key.
const KIND: usize = 22;
const KEY: usize = 11;
/// Rows of an error at most.
const MOST_OF_AN_ERROR: usize = 6;

impl EditScreen {
    /// Draws the form into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let width = usize::from(area.width).saturating_sub(2);
        let below = self.below(width, theme);
        let room = area.height.saturating_sub(1 + SMALLEST.1);
        let rows = u16::try_from(below.len()).unwrap_or(u16::MAX).min(room);
        let [head, body, foot] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(rows)])
                .areas(area);
        let name = Span::styled(" unrolled", theme.style(Role::Title));
        let says = format!("  edit {}: ←→ change, digits type a value", self.edited.name());
        let says = fit(&says, usize::from(head.width).saturating_sub(9));
        frame.render_widget(Line::from(vec![name, Span::styled(says, theme.style(Role::Dim))]), head);
        let (form, network) = match body.width >= FORM + 30 {
            true => {
                let [form, network] =
                    Layout::horizontal([Constraint::Length(FORM), Constraint::Fill(1)]).areas(body);
                (form, Some(network))
            }
            false => (body, None),
        };
        self.render_form(frame, form, theme);
        if let Some(network) = network {
            self.render_network(frame, network, theme);
        }
        frame.render_widget(Paragraph::new(below), foot);
    }

    fn render_form(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let changes = match self.edited.changes().len() {
            0 => "unchanged".to_owned(),
            count => number::counted(count, "change"),
        };
        let title =
            fit(&format!(" {}, {changes} ", self.edited.name()), usize::from(area.width).saturating_sub(2));
        let mut block = panel(title, !self.is_network_focused, theme);
        let inner = block.inner(area);
        let (width, height) = (usize::from(inner.width), usize::from(inner.height));
        let (lines, chosen, cursor) = self.lines(width, theme);
        let first = chosen.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
        let after = lines.len().saturating_sub(first + height);
        if let Some(accepted) = self.accepted() {
            let accepted = fit(&format!(" {accepted} "), usize::from(area.width).saturating_sub(13));
            block = block.title_bottom(Line::styled(accepted, theme.style(Role::Dim)));
        }
        if after > 0 {
            let more = Line::styled(format!(" ↓ {after} more "), theme.style(Role::Dim));
            block = block.title_bottom(more.right_aligned());
        }
        frame.render_widget(block, area);
        let seen: Vec<Line<'_>> = lines.into_iter().skip(first).take(height).collect();
        frame.render_widget(Paragraph::new(seen), inner);
        if let Some(column) = cursor {
            let x = inner.x + u16::try_from(column).unwrap_or(u16::MAX).min(inner.width.saturating_sub(1));
            let y = inner.y + u16::try_from(chosen - first).unwrap_or(0);
            frame.set_cursor_position(Position::new(x, y.min(inner.bottom().saturating_sub(1))));
        }
    }

    /// What the chosen field may be.
    pub(super) fn accepted(&self) -> Option<String> {
        match self.field()? {
            Field::Layer(at) => {
                let (key, _) = self.edited.layers().into_iter().nth(at)?.size?;
                Some(format!("{key}: {}", range(key)))
            }
            Field::LayerNumber(_, key) | Field::Setting((key, _)) => Some(format!("{key}: {}", range(key))),
            Field::Optimizer => None,
        }
    }

    /// The lines of the form, the number of the chosen one, and the column of the cursor in it.
    fn lines(&self, width: usize, theme: &Theme) -> (Vec<Line<'static>>, usize, Option<usize>) {
        let mut lines = vec![Line::styled(" Layers", theme.style(Role::Title))];
        let layers = self.edited.layers();
        let (mut chosen, mut cursor) = (0, None);
        for (i, field) in self.fields().into_iter().enumerate() {
            if field == Field::Optimizer {
                lines.push(Line::styled(" Training", theme.style(Role::Title)));
            }
            let is_chosen = i == self.chosen;
            let (kind, key, value, others) = match field {
                Field::Layer(at) => {
                    let layer = layers.get(at);
                    let size = layer.and_then(|layer| layer.size.clone());
                    let (key, value) = size.map_or(("", String::new()), |(key, value)| (key, value));
                    let kind = layer.map_or(String::new(), |layer| format!("{at} {}", layer.kind));
                    (kind, key, value, layer.map_or(String::new(), |layer| layer.others.clone()))
                }
                Field::LayerNumber(at, name) => {
                    let further = layers.get(at).map_or(&[][..], |layer| &layer.further);
                    let value = further.iter().find(|(other, _)| *other == name);
                    let value = value.map(|(_, value)| value.clone()).unwrap_or_default();
                    (String::new(), name, value, String::new())
                }
                Field::Optimizer => ("optimizer".into(), "", self.edited.optimizer(), String::new()),
                Field::Setting((name, path)) => {
                    let default = match self.edited.value(path) {
                        None => self.default(path),
                        Some(_) => String::new(),
                    };
                    (name.to_owned(), "", self.edited.value(path).unwrap_or_default(), default)
                }
            };
            if is_chosen {
                chosen = lines.len();
            }
            let pointer = if is_chosen { "▸" } else { " " };
            let head = match key {
                "" => format!(" {pointer} {:KIND$} ", fit(&kind, KIND)),
                key => format!(" {pointer} {:KIND$} {key:KEY$} ", fit(&kind, KIND)),
            };
            let shown = match &self.typed {
                Some(typed) if is_chosen => {
                    cursor = Some(head.width() + typed.visual_cursor());
                    typed.value().to_owned()
                }
                _ => value,
            };
            let role = if is_chosen { Role::Selected } else { Role::Text };
            let mut spans =
                vec![Span::styled(head, theme.style(role)), Span::styled(shown, theme.style(role))];
            let used: usize = spans.iter().map(Span::width).sum();
            if !others.is_empty() && used + 6 < width {
                spans.push(Span::styled(
                    format!("  {}", fit(&others, width - used - 2)),
                    theme.style(Role::Dim),
                ));
            }
            lines.push(Line::from(spans));
        }
        (lines, chosen, cursor)
    }

    /// The value of a setting that the preset does not have.
    fn default(&self, path: &[&str]) -> String {
        let key = path.join(".");
        let found = self.settings.iter().find(|(name, _)| *name == key);
        found.map_or_else(|| "none".to_owned(), |(_, value)| format!("{value} by default"))
    }

    fn render_network(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let block =
            panel(" The network ".to_owned(), self.is_network_focused, theme).padding(Padding::horizontal(1));
        let inner = block.inner(area);
        self.page = usize::from(inner.height).max(1);
        let width = usize::from(inner.width);
        let lines = match &self.checked {
            Ok(entry) => description::network(entry, width, theme),
            Err(_) => vec![Line::styled("What is wrong is said below.", theme.style(Role::Dim))],
        };
        let instead = (!self.is_network_focused).then_some("Tab to scroll");
        self.scroll.render(frame, area, (block, instead), lines, theme);
    }

    /// What is wrong, or what the training costs; and the command that does the same.
    fn below(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let said = |text: &str, role: Role, most: usize| {
            let style = theme.style(role);
            let rows = wrap(text, width).into_iter().take(most);
            rows.map(move |row| Line::styled(format!(" {row}"), style)).collect::<Vec<_>>()
        };
        let mut lines = match &self.checked {
            // Where it is said of the preset, a long list of layers, is the command below.
            Err(PresetError { field, message, .. }) => {
                let place = if field.is_empty() { String::new() } else { format!("{field}: ") };
                said(&foreign(&format!("{place}{message}")), Role::Bad, MOST_OF_AN_ERROR)
            }
            Ok(entry) => {
                let params = number::counted(entry.model.params(), "parameter");
                let cost = match self.estimating.of(&self.edited) {
                    None => "measuring…".to_owned(),
                    Some(Err(why)) => format!("not measured: {why}"),
                    Some(Ok(estimate)) => cost(estimate),
                };
                said(&format!("{params} · {cost}"), Role::Good, 2)
            }
        };
        if let Some(note) = &self.note {
            lines.extend(said(note, Role::Warning, 2));
        }
        lines.extend(said(&self.command(), Role::Dim, if self.checked.is_ok() { 3 } else { 1 }));
        lines
    }
}

/// Memory and time, and how the time was measured.
fn cost(estimate: &Estimate) -> String {
    let time = match estimate.steps {
        Some(steps) => format!("{} an epoch", number::duration(estimate.step * steps as f64)),
        None => {
            let sequences = estimate.batch.max(1) as f64;
            format!("{} for 10,000 sequences", number::duration(estimate.step * 10_000.0 / sequences))
        }
    };
    let steps = number::counted(estimate.measured, "step");
    format!("{} · {time}, by {steps} on random data here", number::bytes(estimate.bytes))
}
