//! What each token of an example contributes to the prediction: occlusion beside gradient × input.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{class_name, title};
use crate::escape;
use crate::number;
use crate::protocol::{ProbeText, TokenInfluence};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::swatch;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a number.
const NUMBER: usize = 7;
/// Lines of an example besides its text and its tokens: its number, a blank one, the names of the columns.
const HEADS: u16 = 3;
/// Columns of a bar to one side.
const BAR: usize = 6;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let probe = dash.view.probe_index();
    let text = dash.run.info().and_then(|info| info.probes.get(probe));
    let measured = dash.run.influence(probe).zip(text);
    let name = match measured.and_then(|((_, influence), _)| output(dash, influence)) {
        Some(output) => format!("Influence of each token on {output}"),
        None => "Influence of each token".to_owned(),
    };
    let title = title(dash, Panel::Influence, &name, theme);
    let example = [(format!("example {}", probe + 1).into(), theme.style(Role::Dim))];
    let step = measured.map(|((step, _), _)| format!("step {}", number::count(step)));
    let right: Vec<Piece<'_>> = step.into_iter().map(|step| (step.into(), theme.style(Role::Dim))).collect();
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Influence,
        title: &title,
        note: &[],
        left: &example,
        right: &right,
    };
    let inner = frame.render(area, buf, theme);
    let area = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(((_, influence), text)) = measured else {
        let words = words(dash, probe);
        for (y, row) in (area.top()..area.bottom()).zip(text::wrap(words, usize::from(area.width))) {
            text::put(buf, area.x, y, usize::from(area.width), &[(row.into(), theme.style(Role::Dim))]);
        }
        return;
    };
    let table = Table::of(influence, text, dash.view.position);
    let used = if area.height >= 8 { table.sentence(area, buf, theme) } else { 0 };
    let below = Rect { y: area.y + used, height: area.height - used, ..area };
    table.render(below, buf, theme);
    let used = (table.tokens.len() as u16).saturating_add(2).min(below.height);
    others(dash, probe, Rect { y: below.y + used, height: below.height - used, ..below }, buf, theme);
}

/// The other examples below the chosen one, as many as are whole there.
fn others(dash: &Dashboard, chosen: usize, mut area: Rect, buf: &mut Buffer, theme: &Theme) {
    let probes = dash.run.info().map_or(&[][..], |info| &info.probes);
    for (probe, text) in probes.iter().enumerate().filter(|(probe, _)| *probe != chosen) {
        let Some((_, influence)) = dash.run.influence(probe) else { continue };
        let table = Table::of(influence, text, None);
        let lines = HEADS + table.lines(usize::from(area.width)) + table.tokens.len() as u16;
        if lines > area.height {
            break;
        }
        let mut head = vec![(format!("example {}", probe + 1).into(), theme.style(Role::Dim))];
        head.extend(output(dash, influence).map(|on| (format!(" on {on}").into(), theme.style(Role::Dim))));
        text::put(buf, area.x, area.y, usize::from(area.width), &head);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let used = table.sentence(area, buf, theme);
        area = Rect { y: area.y + used, height: area.height - used, ..area };
        table.render(area, buf, theme);
        let used = (table.tokens.len() as u16 + 2).min(area.height);
        area = Rect { y: area.y + used, height: area.height - used, ..area };
    }
}

/// What is said where there is no influence.
fn words(dash: &Dashboard, probe: usize) -> &'static str {
    let was_monitored = dash.run.probe(probe).is_some();
    match dash.view.cursor {
        Some(_) if was_monitored => "not measured up to this step",
        None if was_monitored && dash.run.is_over() => "not measured in this run",
        _ => "waiting: it is measured at every tenth monitored step or less",
    }
}

/// The name of the output that the tokens contribute to.
fn output<'a>(dash: &'a Dashboard, influence: &TokenInfluence) -> Option<Cow<'a, str>> {
    let class = dash.run.info()?.data.classes.get(influence.output)?;
    Some(class_name(dash.run.info(), &class.label))
}

/// The tokens with both measures.
struct Table<'a> {
    tokens: Vec<Cow<'a, str>>,
    influence: &'a TokenInfluence,
    /// The greatest magnitude of each measure.
    scales: [f32; 2],
    selected: Option<usize>,
}

impl<'a> Table<'a> {
    fn of(influence: &'a TokenInfluence, text: &'a ProbeText, position: Option<usize>) -> Self {
        let tokens = text.tokens.iter().skip(influence.first).map(|token| escape::foreign(token)).collect();
        let scale = |values: &[f32]| {
            values.iter().filter(|value| value.is_finite()).fold(0.0_f32, |max, value| max.max(value.abs()))
        };
        let selected = position.and_then(|at| at.checked_sub(text.first_step + influence.first));
        let scales = [scale(&influence.occlusion), scale(&influence.gradient_input)];
        Self { tokens, influence, scales, selected }
    }

    /// The values of a measure, and the greatest magnitude of them.
    fn measure(&self, measure: usize) -> (&[f32], f32) {
        let values = if measure == 0 { &self.influence.occlusion } else { &self.influence.gradient_input };
        (values, self.scales.get(measure).copied().unwrap_or(0.0))
    }

    /// The value of a measure for a token, from -1 to 1 by the scale of the measure.
    fn share(&self, measure: usize, at: usize) -> Option<(f32, f32)> {
        let (values, scale) = self.measure(measure);
        let share = |value: f32| if scale > 0.0 { value / scale } else { 0.0 };
        values.get(at).map(|value| (*value, share(*value)))
    }

    /// The lines of the text in so many columns.
    fn lines(&self, columns: usize) -> u16 {
        let mut lines = 1;
        let mut used = 0;
        for token in &self.tokens {
            let wide = text::width(token);
            if used > 0 && used + wide > columns {
                (lines, used) = (lines + 1, 0);
            }
            used += wide + 1;
        }
        lines
    }

    /// Draws the text, each token on the colour of its occlusion; returns the rows, a blank one counted.
    fn sentence(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> u16 {
        let (mut x, mut y) = (area.x, area.y);
        let most = area.y + area.height / 3;
        for (at, token) in self.tokens.iter().enumerate() {
            let wide = text::width(token) as u16;
            if x > area.x && x + wide > area.right() {
                (x, y) = (area.x, y + 1);
            }
            if y >= most {
                break;
            }
            let share = self.share(0, at).map_or(0.0, |(_, share)| share);
            let piece = [(Cow::Borrowed(token.as_ref()), on(share, theme))];
            let room = usize::from(area.right().saturating_sub(x));
            x += text::put(buf, x, y, room, &piece) as u16 + 1;
        }
        (y + 2 - area.y).min(area.height)
    }

    fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let width = usize::from(area.width);
        let longest = self.tokens.iter().map(|token| text::width(token)).max().unwrap_or(0);
        let least = 2 * (NUMBER + 1);
        let labels = longest.max(5).min(width.saturating_sub(least)).min(20);
        let bars = width >= labels + least + 2 * (2 * BAR + 2);
        let column = NUMBER + 1 + if bars { 2 * BAR + 2 } else { 0 };
        if area.height < 2 {
            return;
        }
        let heads = if bars { ["occlusion", "gradient × input"] } else { ["occl.", "g × in"] };
        for (i, head) in heads.into_iter().enumerate() {
            let x = area.x + (labels + 1 + i * column) as u16;
            text::put(buf, x, area.y, column, &[(head.into(), theme.style(Role::Dim))]);
        }
        let rows = usize::from(area.height - 1);
        // The last tokens, or those up to the cursor.
        let all = self.tokens.len();
        let last = self.selected.filter(|row| *row < all).map_or(all, |row| (row + 1).max(rows.min(all)));
        let first = last.saturating_sub(rows);
        for (at, token) in self.tokens.iter().enumerate().take(last).skip(first) {
            let y = area.y + 1 + (at - first) as u16;
            if at == first && first > 0 && rows > 1 {
                let more = format!("↑ {} more", first + 1);
                text::put(buf, area.x, y, width, &[(more.into(), theme.style(Role::Dim))]);
                continue;
            }
            let style = theme.style(if self.selected == Some(at) { Role::Selected } else { Role::Text });
            text::put(buf, area.x, y, labels, &[(token.as_ref().into(), style)]);
            for measure in 0..2 {
                let Some((value, share)) = self.share(measure, at) else { continue };
                let x = area.x + (labels + 1 + measure * column) as u16;
                let (_, scale) = self.measure(measure);
                let mut pieces = vec![(signed(value, scale).into(), theme.style(Role::Text))];
                if bars {
                    pieces.push((" ".into(), Style::new()));
                    pieces.extend(bar(share, theme));
                }
                text::put(buf, x, y, column, &pieces);
            }
        }
    }
}

/// A signed number in [`NUMBER`] columns, as precise as the greatest magnitude of its measure needs it: a bar beside it never stands for a 0.
fn signed(value: f32, scale: f32) -> String {
    if scale < 0.001 && value != 0.0 {
        return format!("{value:>+NUMBER$.0e}");
    }
    let digits = match scale {
        size if size < 0.01 => 4,
        size if size < 10.0 => 3,
        size if size < 1000.0 => 1,
        _ => 0,
    };
    // Without the sign of a zero.
    let shown = format!("{value:+.digits$}");
    let is_zero = shown.trim_start_matches(['+', '-']).chars().all(|c| matches!(c, '0' | '.'));
    format!("{:>NUMBER$}", if is_zero { "0" } else { shown.as_str() })
}

/// The background of a value from -1 to 1, with a text on it that can be read; underlined and bold without colours.
fn on(share: f32, theme: &Theme) -> Style {
    use ratatui::style::Modifier;
    match theme.diverging(share) {
        Some(background) => {
            let style = Style::new().bg(background);
            match share.abs() >= 0.45 {
                // The background's own black or white.
                true => theme.diverging(0.0).map_or(style, |color| style.fg(color)),
                false => style,
            }
        }
        None if share >= 0.5 => Style::new().add_modifier(Modifier::BOLD),
        None if share <= -0.5 => Style::new().add_modifier(Modifier::UNDERLINED),
        None => theme.style(Role::Dim),
    }
}

/// A bar to the left of the middle for negative values, to the right for positive ones.
fn bar<'a>(share: f32, theme: &Theme) -> Vec<Piece<'a>> {
    let full = (share.abs().min(1.0) * BAR as f32).round() as usize;
    let (mark, style) = swatch(share.signum() * 0.8, theme);
    let block = mark.to_string().repeat(full);
    let blank = |columns| (Cow::Owned(" ".repeat(columns)), Style::new());
    let middle = (Cow::Borrowed("│"), theme.style(Role::Border));
    if share < 0.0 {
        vec![blank(BAR - full), (block.into(), style), middle, blank(BAR)]
    } else {
        vec![blank(BAR), middle, (block.into(), style), blank(BAR - full)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_as_precise_as_the_greatest_of_its_measure_needs_it() {
        let shown = |value: f32, scale: f32| signed(value, scale).trim_start().to_owned();
        assert_eq!(shown(0.148, 0.5), "+0.148");
        assert_eq!(shown(-0.0002, 0.5), "0", "no sign of a zero, as its bar is empty");
        assert_eq!(shown(0.0, 0.0), "0");
        assert_eq!(shown(3.7e-5, 3.7e-5), "+4e-5", "its bar is full");
        assert_eq!(shown(-1.2e-6, 3.7e-5), "-1e-6");
        assert_eq!(shown(0.0, 3.7e-5), "0");
        assert_eq!((shown(12.34, 25.0), shown(-0.0004, 0.006)), ("+12.3".into(), "-0.0004".into()));
        assert!([-1e-30, 3.7e-5, -123_456.0].iter().all(|v: &f32| signed(*v, v.abs()).len() == NUMBER));
    }
}
