//! A matrix of signed values as coloured cells, a labelled row each.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text;
use crate::ui::theme::{Colors, Glyphs, Role, Theme};

/// Columns of text that one unit takes at most.
const WIDEST: usize = 12;
/// Rows that a token takes at most.
const TALLEST: usize = 2;
/// Values above 0 without colours, by size.
const POSITIVE: [char; 7] = [' ', '.', ':', '+', '*', '#', '@'];
/// Values below 0 without colours, by size.
const NEGATIVE: [char; 7] = [' ', ',', '~', 'c', 'o', 'O', 'Q'];

/// A heat map: rows are labelled, columns are not.
#[derive(Debug, Clone, Copy)]
pub struct HeatMap<'a> {
    /// Row-major, a row a label; what is missing is left blank.
    pub values: &'a [f32],
    /// Values in a row.
    pub columns: usize,
    /// One a row.
    pub labels: &'a [Cow<'a, str>],
    /// The magnitude that has the full colour.
    pub scale: f32,
    /// The row that is read.
    pub selected: Option<usize>,
}

/// How a [`HeatMap`] fits an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeatMapLayout {
    /// Columns of text for labels, the blank behind them counted.
    pub labels: usize,
    /// Values that share a cell: the one of greatest magnitude shows.
    pub per_cell: usize,
    /// Columns of text a cell; 0 when two halves of one column hold a cell each.
    pub cell_width: usize,
    /// Rows of text a row.
    pub row_height: usize,
    /// The first row that is shown.
    pub first: usize,
    /// Rows that are shown.
    pub rows: usize,
}

impl HeatMap<'_> {
    /// How the map fits `area`: rows that find no place are left out from the start, unless the selected one is
    /// there.
    pub fn layout(&self, area: Rect, theme: &Theme) -> HeatMapLayout {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let widest = self.labels.iter().map(|label| text::width(label)).max().unwrap_or(0);
        let labels =
            (widest + 1).min((width / 3).max(width.saturating_sub(2 * self.columns)).min(18)).min(width);
        let room = (width - labels).max(1);
        let halves = theme.colors != Colors::Mono && theme.glyphs >= Glyphs::Blocks;
        let (cell_width, cells) = match room.checked_div(self.columns).unwrap_or(0) {
            0 if halves => (0, room * 2),
            0 => (1, room),
            wide => (wide.min(WIDEST), self.columns),
        };
        let row_height = height.checked_div(self.labels.len()).unwrap_or(1).clamp(1, TALLEST);
        let rows = (height / row_height).min(self.labels.len());
        let tail = self.labels.len() - rows;
        let first = self.selected.map_or(tail, |row| row.saturating_sub(rows / 2).min(tail));
        HeatMapLayout {
            labels,
            per_cell: self.columns.div_ceil(cells.max(1)).max(1),
            cell_width,
            row_height,
            first,
            rows,
        }
    }

    /// Draws the map.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let fit = self.layout(area, theme);
        for (i, label) in self.labels.iter().enumerate().skip(fit.first).take(fit.rows) {
            let y = area.y + ((i - fit.first) * fit.row_height) as u16;
            let style = theme.style(if self.selected == Some(i) { Role::Selected } else { Role::Text });
            let label = text::clip(label, fit.labels.saturating_sub(1));
            let x = area.x + fit.labels.saturating_sub(1 + text::width(&label)) as u16;
            text::put(buf, x, y, fit.labels, &[(label, style)]);
            let cells = self.cells(i, fit.per_cell);
            for y in (y..area.bottom()).take(fit.row_height) {
                let row = Rect {
                    x: area.x + fit.labels as u16,
                    y,
                    width: area.width - fit.labels as u16,
                    height: 1,
                };
                paint_row(&cells, fit.cell_width, row, buf, theme);
            }
        }
    }

    /// The values of row `i` that show, from -1 to 1 by the scale.
    fn cells(&self, i: usize, per_cell: usize) -> Vec<f32> {
        let row = self.values.chunks(self.columns.max(1)).nth(i).unwrap_or_default();
        let strongest = |values: &[f32]| values.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        row.chunks(per_cell).filter_map(strongest).map(|value| value / self.scale).collect()
    }
}

fn paint_row(cells: &[f32], cell_width: usize, row: Rect, buf: &mut Buffer, theme: &Theme) {
    if cell_width == 0 {
        for (x, pair) in (row.left()..row.right()).zip(cells.chunks(2)) {
            let color = |i: usize| pair.get(i).and_then(|value| theme.diverging(*value));
            let style = Style::new();
            let style = color(0).map_or(style, |color| style.fg(color));
            let style = color(1).map_or(style, |color| style.bg(color));
            if let Some(cell) = buf.cell_mut((x, row.y)) {
                cell.set_char('▌').set_style(style);
            }
        }
        return;
    }
    let columns = cells.iter().flat_map(|value| std::iter::repeat_n(*value, cell_width));
    for (x, value) in (row.left()..row.right()).zip(columns) {
        if let Some(cell) = buf.cell_mut((x, row.y)) {
            let (c, style) = swatch(value, theme);
            cell.set_char(c).set_style(style);
        }
    }
}

/// A column of text that shows one value from -1 to 1: by colour, or by the density of a character without
/// colours.
pub fn swatch(value: f32, theme: &Theme) -> (char, Style) {
    match theme.diverging(value) {
        Some(color) => (' ', Style::new().bg(color)),
        None => (density(value), Style::new()),
    }
}

fn density(value: f32) -> char {
    if value.is_nan() {
        return ' ';
    }
    let ramp = if value < 0.0 { NEGATIVE } else { POSITIVE };
    let level = (value.abs().min(1.0) * (ramp.len() - 1) as f32).round() as usize;
    ramp.get(level).copied().unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONO: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, light: false };

    fn drawn(map: &HeatMap<'_>, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        map.render(area, &mut buf, &MONO);
        buf
    }

    #[test]
    fn signs_and_sizes_are_told_apart_without_colours() {
        let labels = ["not".into(), "bad".into()];
        let values = [1.0, -1.0, 0.0, 0.2, -0.2, f32::NAN];
        let map = HeatMap { values: &values, columns: 3, labels: &labels, scale: 1.0, selected: None };
        assert_eq!(drawn(&map, 10, 2), Buffer::with_lines(["not @@QQ  ", "bad ..,,  "]));
    }

    #[test]
    fn the_tail_stays_and_the_selected_row_is_shown() {
        let labels: Vec<Cow<'_, str>> = (0..9).map(|i| format!("t{i}").into()).collect();
        let mut map = HeatMap { values: &[0.0; 9], columns: 1, labels: &labels, scale: 1.0, selected: None };
        let area = Rect::new(0, 0, 10, 3);
        assert_eq!((map.layout(area, &MONO).first, map.layout(area, &MONO).rows), (6, 3));
        map.selected = Some(1);
        assert_eq!(map.layout(area, &MONO).first, 0);
    }

    #[test]
    fn more_units_than_room_share_cells_and_the_strongest_shows() {
        let labels = ["a".into()];
        let values: Vec<f32> = (0..40).map(|i| if i == 5 { -1.0 } else { 0.0 }).collect();
        let map = HeatMap { values: &values, columns: 40, labels: &labels, scale: 1.0, selected: None };
        let fit = map.layout(Rect::new(0, 0, 12, 1), &MONO);
        assert_eq!((fit.per_cell, fit.cell_width), (4, 1));
        assert_eq!(drawn(&map, 12, 1), Buffer::with_lines(["a  Q        "]));
    }

    #[test]
    fn every_size_and_missing_values_are_survived() {
        let labels = ["long label".into(), "b".into()];
        for columns in [0, 1, 7] {
            let map = HeatMap { values: &[0.5], columns, labels: &labels, scale: 0.0, selected: Some(7) };
            (0..12).for_each(|width| (0..4).for_each(|height| drop(drawn(&map, width, height))));
        }
    }
}
