//! A matrix of signed values as coloured cells, a labelled row each.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::text::{self, Piece};
use crate::ui::theme::{Colors, Glyphs, Role, Theme};

/// Columns of text that one unit takes at most.
const WIDEST: usize = 12;
/// Lines of text that a row takes at most: so many, or more of wide cells, which are no taller than wide.
const TALLEST: [usize; 2] = [2, 4];
/// Values above 0 without colours, by size.
const POSITIVE: [char; 7] = [' ', '.', ':', '+', '*', '#', '@'];
/// Values below 0 without colours, by size.
const NEGATIVE: [char; 7] = [' ', ',', '~', 'c', 'o', 'O', 'Q'];

/// Columns that labels of rows take at most, unless the map leaves more.
const LABELS: usize = 18;
/// Columns that the map keeps beside notes.
const LEAST_MAP: usize = 10;

/// Swatches of a legend where there is no space for more.
pub const FEWEST_SWATCHES: usize = 5;

/// A heat map: rows are labelled, columns are not.
#[derive(Debug, Clone, Copy)]
pub struct HeatMap<'a> {
    /// Row-major, a row a label; what is missing is left blank.
    pub values: &'a [f32],
    /// Values in a row.
    pub columns: usize,
    /// One a row.
    pub labels: &'a [Cow<'a, str>],
    /// What stands behind each row: one a row, or none at all.
    pub notes: &'a [Piece<'a>],
    /// The magnitude that has the full colour.
    pub scale: f32,
    /// The row that is read.
    pub selected: Option<usize>,
}

/// Whether a line of text can show two rows, as its upper and lower half.
pub fn has_halves(theme: &Theme) -> bool {
    theme.colors != Colors::Mono && theme.glyphs >= Glyphs::Blocks
}

/// How a [`HeatMap`] fits an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeatMapLayout {
    /// Columns of text for labels, the blank behind them counted.
    pub labels: usize,
    /// Columns of text for notes, the blank before them counted.
    pub notes: usize,
    /// Values that share a cell: the one of greatest magnitude shows.
    pub per_cell: usize,
    /// Columns of text a cell; 0 when two halves of one column hold a cell each.
    pub cell_width: usize,
    /// Lines of text a row.
    pub row_height: usize,
    /// Rows that share a line of text, as its upper and lower half: 1 or 2.
    pub per_line: usize,
    /// The first row that is shown.
    pub first: usize,
    /// Rows that are shown.
    pub rows: usize,
    /// Rows that are not shown above and below; a line of text says so.
    pub hidden: [usize; 2],
}

impl HeatMap<'_> {
    /// How the map fits `area`. Rows that find no place share lines in pairs, where the labels of both fit; else they are left out from the
    /// start, unless the selected one is there.
    pub fn layout(&self, area: Rect, theme: &Theme) -> HeatMapLayout {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let halves = has_halves(theme);
        let widest = self.labels.iter().map(|label| text::width(label)).max().unwrap_or(0);
        let most = (width / 3).max(width.saturating_sub(2 * self.columns)).min(LABELS);
        // The note of a pair is that of its second row.
        let pairs = halves && self.labels.len() > height && 2 * widest < most;
        let per_line = 1 + usize::from(pairs);
        let labels = (widest * per_line + per_line).min(most).min(width);
        let widest = self.notes.iter().map(|(note, _)| text::width(note)).max().unwrap_or(0);
        let notes = match (widest + 1).min(LABELS) {
            1 => 0,
            notes if width < labels + LEAST_MAP + notes => 0,
            notes => notes,
        };
        let room = (width - labels - notes).max(1);
        let (cell_width, cells) = match room.checked_div(self.columns).unwrap_or(0) {
            0 if halves && !pairs => (0, room * 2),
            0 => (1, room),
            wide => (wide.min(WIDEST), self.columns),
        };
        let [tallest, of_wide] = TALLEST;
        let tallest = (cell_width / 2).clamp(tallest, of_wide);
        let row_height = height.checked_div(self.labels.len()).unwrap_or(1).clamp(1, tallest);
        let (first, rows, hidden) = self.shown(height, row_height, per_line);
        HeatMapLayout {
            labels,
            notes,
            per_cell: self.columns.div_ceil(cells.max(1)).max(1),
            cell_width,
            row_height,
            per_line,
            first,
            rows,
            hidden,
        }
    }

    /// The first row that is shown, how many are, and how many are not above and below them.
    fn shown(&self, height: usize, row_height: usize, per_line: usize) -> (usize, usize, [usize; 2]) {
        let (all, lines) = (self.labels.len(), self.labels.len().div_ceil(per_line));
        if lines * row_height <= height {
            return (0, all, [0, 0]);
        }
        let middle = height.saturating_sub(1) / 2;
        let selected = self.selected.map_or(lines, |row| row / per_line);
        // A mark that says how many are hidden takes a line; without space for it, it is not said.
        let (first, fit) = match height {
            0..4 => (selected.saturating_sub(middle).min(lines - height), height),
            _ if selected <= middle => (0, height - 1),
            _ if selected + middle >= lines => (lines + 1 - height, height - 1),
            _ => (selected - (height - 2) / 2, height - 2),
        };
        let rows = (fit * per_line).min(all - first * per_line);
        let hidden = [first * per_line, all - first * per_line - rows];
        (first * per_line, rows, if height < 4 { [0, 0] } else { hidden })
    }

    /// Draws the map.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let fit = self.layout(area, theme);
        let mut y = area.y;
        let mut mark = |y: &mut u16, arrow: char, rows: usize| {
            if rows > 0 {
                let said = format!("{arrow} {rows} more");
                let pieces = [(said.into(), theme.style(Role::Dim))];
                text::put(buf, area.x, *y, usize::from(area.width), &pieces);
                *y += 1;
            }
        };
        mark(&mut y, '↑', fit.hidden[0]);
        let mut below = y + fit.rows.div_ceil(fit.per_line) as u16;
        mark(&mut below, '↓', fit.hidden[1]);
        let shown: Vec<usize> = (fit.first..fit.first + fit.rows).collect();
        for rows in shown.chunks(fit.per_line) {
            self.render_labels(rows, &fit, Rect { y, ..area }, buf, theme);
            let cells: Vec<_> = rows.iter().map(|row| self.cells(*row, fit.per_cell)).collect();
            let columns = usize::from(area.width) - fit.labels - fit.notes;
            let line = Rect { x: area.x + fit.labels as u16, y, width: columns as u16, height: 1 };
            for y in (y..area.bottom()).take(fit.row_height) {
                let line = Rect { y, ..line };
                match cells.as_slice() {
                    [upper, rest @ ..] if fit.per_line == 2 => {
                        let lower = rest.first().map_or(&[][..], Vec::as_slice);
                        paint_pair(upper, lower, fit.cell_width, line, buf, theme);
                    }
                    [cells] => paint_row(cells, fit.cell_width, line, buf, theme),
                    _ => {}
                }
            }
            y += fit.row_height as u16;
        }
    }

    /// Draws the labels of the rows of a line, and the note of a row that has it alone.
    fn render_labels(
        &self,
        rows: &[usize],
        fit: &HeatMapLayout,
        line: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let each = fit.labels.saturating_sub(1) / fit.per_line;
        let pieces: Vec<Piece<'_>> = rows
            .iter()
            .filter_map(|row| Some((*row, self.labels.get(*row)?)))
            .enumerate()
            .flat_map(|(i, (row, label))| {
                let role = if self.selected == Some(row) { Role::Selected } else { Role::Text };
                let gap = (Cow::Borrowed(if i > 0 { " " } else { "" }), Style::new());
                [gap, (text::clip(label, each), theme.style(role))]
            })
            .collect();
        let x = line.x + fit.labels.saturating_sub(1 + text::width_of(&pieces)) as u16;
        text::put(buf, x, line.y, fit.labels, &pieces);
        if let Some(note) = rows.last().and_then(|row| self.notes.get(*row)).filter(|_| fit.notes > 0) {
            let x = line.right() - (fit.notes as u16 - 1);
            text::put(buf, x, line.y, fit.notes - 1, std::slice::from_ref(note));
        }
    }

    /// The values of row `i` that show, from -1 to 1 by the scale.
    fn cells(&self, i: usize, per_cell: usize) -> Vec<f32> {
        let row = self.values.chunks(self.columns.max(1)).nth(i).unwrap_or_default();
        let strongest = |values: &[f32]| values.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        row.chunks(per_cell).filter_map(strongest).map(|value| value / self.scale).collect()
    }
}

/// Draws two rows on one line, as the upper and lower halves of its columns.
fn paint_pair(upper: &[f32], lower: &[f32], cell_width: usize, line: Rect, buf: &mut Buffer, theme: &Theme) {
    for (i, x) in (line.left()..line.right()).enumerate() {
        let color = |cells: &[f32]| theme.diverging(*cells.get(i / cell_width.max(1))?);
        let (upper, lower) = (color(upper), color(lower));
        if upper.is_none() && lower.is_none() {
            return;
        }
        let style = upper.map_or(Style::new(), |color| Style::new().fg(color));
        let style = lower.map_or(style, |color| style.bg(color));
        if let Some(cell) = buf.cell_mut((x, line.y)) {
            cell.set_char('▀').set_style(style);
        }
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
/// colours, reversed below 0.
pub fn swatch(value: f32, theme: &Theme) -> (char, Style) {
    match theme.diverging(value) {
        Some(color) => (' ', Style::new().bg(color)),
        None => match density(value) {
            c if value < 0.0 && c != ' ' => (c, Style::new().add_modifier(Modifier::REVERSED)),
            c => (c, Style::new()),
        },
    }
}

/// How many swatches a legend has, for values of both signs or of one: without many colours each that a map has.
pub fn swatches(signed: bool, theme: &Theme) -> usize {
    let levels = match theme.colors {
        Colors::Mono => POSITIVE.len(),
        Colors::Ansi16 => 4,
        Colors::Ansi256 | Colors::True => return FEWEST_SWATCHES,
    };
    if signed { 2 * levels - 1 } else { levels }
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

    const MONO: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, light: false, ..Theme::DARK };

    fn drawn(map: &HeatMap<'_>, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        map.render(area, &mut buf, &MONO);
        buf
    }

    #[test]
    fn without_colours_negative_values_are_reversed_and_a_legend_has_every_character() {
        let ramp = |signed: bool| -> String {
            let last = swatches(signed, &MONO) - 1;
            let value = |i: usize| i as f32 / last as f32;
            (0..=last)
                .map(|i| swatch(if signed { 2.0 * value(i) - 1.0 } else { value(i) }, &MONO).0)
                .collect()
        };
        assert_eq!(ramp(true), "QOoc~, .:+*#@");
        assert_eq!(ramp(false), " .:+*#@");
        let is_reversed = |value| swatch(value, &MONO).1.add_modifier.contains(Modifier::REVERSED);
        assert_eq!(
            [-1.0, -0.2, -0.01, 0.0, 0.2, 1.0].map(is_reversed),
            [true, true, false, false, false, false]
        );
    }

    /// Lines with negative values in `areas`.
    fn with_negatives<const N: usize>(lines: [&str; N], areas: &[Rect]) -> Buffer {
        let mut buf = Buffer::with_lines(lines);
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        areas.iter().for_each(|area| buf.set_style(*area, reversed));
        buf
    }

    #[test]
    fn rows_with_notes_share_lines_as_well_so_that_the_first_stays_in_sight() {
        let labels: Vec<Cow<'_, str>> = (0..8).map(|i| format!("{i}").into()).collect();
        let notes: Vec<Piece<'_>> = (0..8).map(|i| (format!("n{i}").into(), Style::new())).collect();
        let theme = Theme { colors: Colors::True, glyphs: Glyphs::Blocks, ..MONO };
        let map = HeatMap {
            values: &[0.5; 16],
            columns: 2,
            labels: &labels,
            notes: &notes,
            scale: 1.0,
            selected: None,
        };
        let area = Rect::new(0, 0, 40, 4);
        let fit = map.layout(area, &theme);
        assert_eq!((fit.per_line, fit.first, fit.rows), (2, 0, 8));
        let mut buf = Buffer::empty(area);
        map.render(area, &mut buf, &theme);
        let first: String = (0..40).map(|x| buf[(x, 0)].symbol()).collect();
        assert!(first.contains("0 1") && first.contains("n1") && !first.contains("n0"), "{first}");
    }

    #[test]
    fn signs_and_sizes_are_told_apart_without_colours() {
        let labels = ["not".into(), "bad".into()];
        let values = [1.0, -1.0, 0.0, 0.2, -0.2, f32::NAN];
        let map =
            HeatMap { values: &values, columns: 3, labels: &labels, notes: &[], scale: 1.0, selected: None };
        let expected = with_negatives(["not @@QQ  ", "bad ..,,  "], &[Rect::new(6, 0, 2, 2)]);
        assert_eq!(drawn(&map, 10, 2), expected);
    }

    #[test]
    fn the_tail_stays_and_the_selected_row_is_shown() {
        let labels: Vec<Cow<'_, str>> = (0..9).map(|i| format!("t{i}").into()).collect();
        let mut map = HeatMap {
            values: &[0.0; 9],
            columns: 1,
            labels: &labels,
            notes: &[],
            scale: 1.0,
            selected: None,
        };
        let area = Rect::new(0, 0, 10, 3);
        assert_eq!((map.layout(area, &MONO).first, map.layout(area, &MONO).rows), (6, 3));
        map.selected = Some(1);
        assert_eq!(map.layout(area, &MONO).first, 0);
        map.selected = None;
        let mut marked = Buffer::with_lines(["↑ 6 more  ", "t6        ", "t7        ", "t8        "]);
        marked.set_style(Rect::new(0, 0, 8, 1), MONO.style(Role::Dim));
        assert_eq!(drawn(&map, 10, 4), marked);
    }

    #[test]
    fn wherever_the_selected_row_is_it_shows_and_what_is_hidden_is_counted() {
        let labels: Vec<Cow<'_, str>> = (0..23).map(|i| format!("t{i:02}").into()).collect();
        for selected in 0..23 {
            for height in 1..30 {
                let map = HeatMap {
                    values: &[0.0; 23],
                    columns: 1,
                    labels: &labels,
                    notes: &[],
                    scale: 1.0,
                    selected: Some(selected),
                };
                let fit = map.layout(Rect::new(0, 0, 12, height), &MONO);
                assert!((fit.first..fit.first + fit.rows).contains(&selected), "{selected:?} {fit:?}");
                let marks = fit.hidden.iter().filter(|rows| **rows > 0).count();
                assert!(fit.rows + marks <= usize::from(height), "{fit:?}");
                if height >= 4 {
                    assert_eq!(fit.hidden[0] + fit.rows + fit.hidden[1], 23);
                }
            }
        }
    }

    #[test]
    fn short_rows_share_lines_in_pairs_where_they_find_no_place() {
        let theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };
        let labels: Vec<Cow<'_, str>> = ["a", "b", "c", "d", "e"].map(Cow::from).into();
        let values = [1.0, -1.0, 0.0, 0.5, -0.5];
        let map =
            HeatMap { values: &values, columns: 1, labels: &labels, notes: &[], scale: 1.0, selected: None };
        let area = Rect::new(0, 0, 8, 3);
        let fit = map.layout(area, &theme);
        assert_eq!((fit.per_line, fit.rows, fit.hidden), (2, 5, [0, 0]));
        let mut buf = Buffer::empty(area);
        map.render(area, &mut buf, &theme);
        let cell = &buf[(5, 0)];
        assert_eq!(
            (cell.symbol(), Some(cell.fg), Some(cell.bg)),
            ("▀", theme.diverging(1.0), theme.diverging(-1.0))
        );
        assert_eq!(buf[(0, 0)].symbol().to_owned() + buf[(2, 0)].symbol(), "ab");
    }

    #[test]
    fn notes_stand_behind_their_rows_where_there_is_space() {
        let labels = ["not".into(), "bad".into()];
        let values = [1.0, -1.0];
        let notes = ["no 0.9", "yes 0.8"].map(|note| (Cow::from(note), Style::new()));
        let map = HeatMap {
            values: &values,
            columns: 1,
            labels: &labels,
            notes: &notes,
            scale: 1.0,
            selected: None,
        };
        let lines = ["not @@@@@@@@@@@@  no 0.9 ", "bad QQQQQQQQQQQQ  yes 0.8"];
        assert_eq!(drawn(&map, 25, 2), with_negatives(lines, &[Rect::new(4, 1, 12, 1)]));
        assert_eq!(drawn(&map, 14, 1), with_negatives(["bad QQQQQQQQQQ"], &[Rect::new(4, 0, 10, 1)]));
    }

    #[test]
    fn more_units_than_room_share_cells_and_the_strongest_shows() {
        let labels = ["a".into()];
        let values: Vec<f32> = (0..40).map(|i| if i == 5 { -1.0 } else { 0.0 }).collect();
        let map =
            HeatMap { values: &values, columns: 40, labels: &labels, notes: &[], scale: 1.0, selected: None };
        let fit = map.layout(Rect::new(0, 0, 12, 1), &MONO);
        assert_eq!((fit.per_cell, fit.cell_width), (4, 1));
        assert_eq!(drawn(&map, 12, 1), with_negatives(["a  Q        "], &[Rect::new(3, 0, 1, 1)]));
    }

    #[test]
    fn every_size_and_missing_values_are_survived() {
        let labels = ["long label".into(), "b".into()];
        for columns in [0, 1, 7] {
            let map = HeatMap {
                values: &[0.5],
                columns,
                labels: &labels,
                notes: &[],
                scale: 0.0,
                selected: Some(7),
            };
            (0..12).for_each(|width| (0..4).for_each(|height| drop(drawn(&map, width, height))));
        }
    }
}
