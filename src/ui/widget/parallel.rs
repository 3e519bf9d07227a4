//! Parallel coordinates: vertical axes side by side, and a line across all of them for each thing.
//!
//! ```text
//!  learning_rate     units       val_accuracy
//!    0.1│⢄           64│⠉⠒⠤⣀          99 %│
//!       │ ⠑⢄⡀          │     ⠑⠢⢄⡀         │
//!   0.01│   ⠈⠑⠤⡀     16│         ⠈⠑⠒⠤⢄⡀  │
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, DotStyle, resolution};
use super::text;
use crate::ui::theme::{Role, Theme};

/// Columns at the right for the marks of the last axis.
const RIGHT: u16 = 9;

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its name, above it.
    pub name: String,
    /// Marks with their places, from 0, the lower end, to 1, the most important first: one that would touch another is left out.
    pub marks: Vec<(f64, String)>,
}

/// A line across all axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where it crosses each axis, from 0, the lower end, to 1; the line breaks where it does not.
    pub places: Vec<Option<f64>>,
    /// Its colour.
    pub style: Style,
    /// Whether it lies behind all others that do not.
    pub is_behind: bool,
}

/// Axes and lines.
#[derive(Debug, Clone, Copy)]
pub struct ParallelCoordinates<'a> {
    /// From left to right.
    pub axes: &'a [Axis],
    /// From the hindmost to the foremost.
    pub lines: &'a [Line],
    /// The line that is read, in front of all.
    pub selected: Option<&'a Line>,
}

impl ParallelCoordinates<'_> {
    /// Draws axes and lines.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        if area.height < 3 || area.width < RIGHT + 8 || self.axes.is_empty() {
            return;
        }
        let plot = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let columns = self.columns(area);
        let mut canvas = Canvas::new(plot, theme.glyphs);
        for line in self.lines.iter().chain(self.selected) {
            trace(line, &columns, plot, &mut canvas, theme);
        }
        canvas.paint(buf);
        for x in columns.iter().take(self.axes.len()) {
            for y in plot.top()..plot.bottom() {
                if let Some(cell) = buf.cell_mut((*x, y)) {
                    cell.set_char('│').set_style(theme.style(Role::Border));
                }
            }
        }
        for (i, (axis, x)) in self.axes.iter().zip(&columns).enumerate() {
            let next = columns.get(i + 1).copied().unwrap_or(area.right());
            let room = usize::from(next.saturating_sub(*x + 1));
            let is_last = i + 1 == self.axes.len();
            axis_words(axis, *x, room, is_last, (area, plot), buf, theme);
        }
        if let Some(selected) = self.selected {
            for (place, x) in selected.places.iter().zip(&columns) {
                let Some(place) = place else { continue };
                if let Some(cell) = buf.cell_mut((*x, row(*place, plot))) {
                    cell.set_char('●').set_style(selected.style);
                }
            }
        }
    }

    /// The column of each axis.
    fn columns(&self, area: Rect) -> Vec<u16> {
        let span = usize::from(area.width - RIGHT - 2);
        let gaps = (self.axes.len() - 1).max(1);
        (0..self.axes.len()).map(|i| area.x + 1 + (span * i / gaps) as u16).collect()
    }
}

/// The row of a place on an axis.
fn row(place: f64, plot: Rect) -> u16 {
    plot.y + ((1.0 - place.clamp(0.0, 1.0)) * f64::from(plot.height - 1)).round() as u16
}

/// The name above an axis, and its marks at its right.
fn axis_words(
    axis: &Axis,
    x: u16,
    room: usize,
    is_last: bool,
    (area, plot): (Rect, Rect),
    buf: &mut Buffer,
    theme: &Theme,
) {
    // The last name has the space before its axis as well.
    let most = if is_last { usize::from(RIGHT) + 6 } else { room.saturating_sub(1) };
    let name = text::clip_name(&axis.name, most).into_owned();
    let wide = text::width(&name) as u16;
    let from = if is_last { x.min(area.right().saturating_sub(wide)) } else { x };
    text::put(buf, from, area.y, most, &[(name.into(), theme.style(Role::Title))]);
    let mut taken: Vec<u16> = Vec::new();
    for (place, mark) in &axis.marks {
        let y = row(*place, plot);
        if taken.contains(&y) {
            continue;
        }
        taken.push(y);
        if let Some(cell) = buf.cell_mut((x, y)) {
            cell.set_char('├');
        }
        let mark = text::clip_name(mark, room.saturating_sub(1).min(usize::from(RIGHT) + 5)).into_owned();
        text::put(buf, x + 1, y, room.saturating_sub(1), &[(mark.into(), theme.style(Role::Dim))]);
    }
}

/// Draws a line into `canvas`.
fn trace(line: &Line, columns: &[u16], plot: Rect, canvas: &mut Canvas, theme: &Theme) {
    let (across, down) = resolution(theme.glyphs);
    let ink = DotStyle { style: line.style, behind: line.is_behind };
    let height = usize::from(plot.height) * down;
    // Of an axis the dots lie in the middle of its column and of the rows of its marks.
    let dot_row = |place: f64| {
        let line = f64::from(row(place, plot) - plot.y);
        let exact = (1.0 - place.clamp(0.0, 1.0)) * f64::from(plot.height - 1);
        let within = (exact - line) * down as f64 + (down - 1) as f64 / 2.0;
        (line * down as f64 + within).clamp(0.0, (height - 1) as f64)
    };
    for (places, columns) in line.places.windows(2).zip(columns.windows(2)) {
        let ([Some(from), Some(to)], [left, right]) = (places, columns) else { continue };
        let [first, last] = [left, right].map(|x| usize::from(x - plot.x) * across);
        let (start, end) = (dot_row(*from), dot_row(*to));
        let mut before = start;
        for x in first..=last {
            let share = (x - first) as f64 / (last - first).max(1) as f64;
            let y = start + (end - start) * share;
            // A steep line has several dots in a column.
            let (low, high) = if before <= y { (before, y) } else { (y, before) };
            let mut dot = low.round();
            if high - low >= 1.5 {
                dot += 1.0;
            }
            while dot <= high.round() {
                canvas.dot(x, dot as usize, ink);
                dot += 1.0;
            }
            before = y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Colors, Glyphs};

    #[test]
    fn a_line_crosses_the_axes_at_its_places_and_breaks_where_it_has_none() {
        let theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, ..Theme::DARK };
        let axis = |name: &str| Axis { name: name.into(), marks: vec![(1.0, "9".into()), (0.0, "1".into())] };
        let axes = ["a", "b", "c"].map(axis);
        let line = |places: [Option<f64>; 3]| Line {
            places: places.to_vec(),
            style: Style::new(),
            is_behind: false,
        };
        let (one, selected) = (line([Some(0.0), Some(1.0), None]), line([Some(0.0), Some(0.5), Some(1.0)]));
        let area = Rect::new(0, 0, 40, 6);
        let mut buf = Buffer::empty(area);
        ParallelCoordinates { axes: &axes, lines: &[one], selected: Some(&selected) }
            .render(area, &mut buf, &theme);
        let lines: Vec<String> = buf
            .content()
            .chunks(40)
            .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned())
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
