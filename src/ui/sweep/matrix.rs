//! The matrix of two settings as a heat map.
//!
//! ```text
//!  units ↓   learning_rate →
//!          0.001   0.003   0.01
//!   8      0.512   0.634   0.701
//!  16      0.498  [0.712]    –
//!  worst 0.498 ▒▒▒▒▒ 0.712 best
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::SweepScreen;
use super::axis::{Levels, SettingAxis};
use super::data::{Quality, SweepData};
use crate::escape::foreign;
use crate::number;
use crate::ui::keymap::Action;
use crate::ui::theme::{Role, Theme, rgb};
use crate::ui::widget::heat_map::{swatch, swatches};
use crate::ui::widget::text::{self, Piece};

/// Columns of a cell at least, and at most.
const CELL: [usize; 2] = [3, 16];
/// Lines of a cell at most.
const TALLEST: usize = 5;
/// Columns of the name of a row at most.
const NAME: usize = 16;
/// The quietest colour of a value: it differs from the background.
const QUIETEST: f32 = 0.15;

/// The values of two settings, and of the trials with each pair of them.
#[derive(Debug, PartialEq)]
pub(super) struct Matrix {
    pub x: Levels,
    /// `None` where there is one setting alone.
    pub y: Option<Levels>,
    /// Row by row.
    pub cells: Vec<Cell>,
}

/// The trials with a pair of values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    /// The best value or the mean of the trials that have ended.
    pub value: Option<f64>,
    /// The trial that has the best value; of none that has ended the first one.
    pub trial: Option<usize>,
}

impl Matrix {
    /// Of the settings with these numbers, the same twice if there is one alone; of the values as many as there are columns and rows.
    pub fn new(data: &SweepData, [x, y]: [usize; 2], is_mean: bool, most: [usize; 2]) -> Option<Self> {
        let levels = |number: usize, most: usize| Some(Levels::new(axis(data, number)?, most));
        let (columns, rows) = (levels(x, most[0])?, if x == y { None } else { Some(levels(y, most[1])?) });
        let count = columns.labels.len();
        let height = rows.as_ref().map_or(1, |rows| rows.labels.len());
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); count * height];
        for (number, trial) in data.trials.iter().enumerate() {
            let level = |levels: &Levels, setting: usize| levels.level(trial.settings.get(setting)?);
            let row = rows.as_ref().map_or(Some(0), |rows| level(rows, y));
            if let Some((column, row)) = level(&columns, x).zip(row)
                && let Some(cell) = members.get_mut(row * count + column)
            {
                cell.push(number);
            }
        }
        let cell = |members: &Vec<usize>| {
            let ended = members.iter().filter_map(|trial| Some((*trial, data.ended_value(*trial)?)));
            let ended: Vec<(usize, f64)> = ended.collect();
            let best = ended.iter().copied().min_by(|a, b| data.compare(Some(a.1), Some(b.1)));
            let mean = || ended.iter().map(|(_, value)| value).sum::<f64>() / ended.len() as f64;
            Cell {
                value: best.map(|(_, value)| if is_mean { mean() } else { value }),
                trial: best.map(|(trial, _)| trial).or_else(|| members.first().copied()),
            }
        };
        Some(Self { x: columns, y: rows, cells: members.iter().map(cell).collect() })
    }

    /// The position of the cell of a trial.
    pub fn cell_of(&self, data: &SweepData, [x, y]: [usize; 2], trial: usize) -> Option<usize> {
        let settings = &data.trials.get(trial)?.settings;
        let row = self.y.as_ref().map_or(Some(0), |rows| rows.level(settings.get(y)?))?;
        Some(row * self.x.labels.len() + self.x.level(settings.get(x)?)?)
    }
}

/// The axis of a setting.
pub(super) fn axis(data: &SweepData, number: usize) -> Option<SettingAxis> {
    let scale = data.settings.get(number)?.scale;
    Some(SettingAxis::new(
        scale,
        data.trials.iter().filter_map(|trial| trial.settings.get(number)).map(String::as_str),
    ))
}

/// The colour of a share of quality, or a character where there are no colours.
pub(super) fn shade(share: f32, theme: &Theme) -> (char, Style) {
    swatch(QUIETEST + (1.0 - QUIETEST) * share, theme)
}

/// How text is written on a cell of this style.
fn on(style: Style) -> Style {
    let light = style
        .bg
        .and_then(rgb)
        .map(|[r, g, b]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b) > 128.0);
    match light {
        Some(true) => style.fg(Color::Black),
        Some(false) => style.fg(Color::White),
        None => style,
    }
}

impl SweepScreen {
    /// Handles a key of the matrix; returns whether it was one.
    pub(super) fn act_on_matrix(&mut self, action: Action) -> bool {
        let (across, down) = match action {
            Action::Left => (-1, 0),
            Action::Right => (1, 0),
            Action::Up => (0, -1),
            Action::Down => (0, 1),
            _ => return false,
        };
        let Some(matrix) = self.matrix(self.matrix_room) else { return true };
        let columns = matrix.x.labels.len();
        let Some(at) = matrix.cell_of(&self.data, self.axes, self.chosen) else { return true };
        // The next cell with a trial in this direction.
        let mut place = (at % columns, at / columns);
        let step = || {
            place = (place.0.checked_add_signed(across)?, place.1.checked_add_signed(down)?);
            let cell = matrix.cells.get(place.1 * columns + place.0).filter(|_| place.0 < columns)?;
            Some(cell.trial)
        };
        self.chosen = std::iter::from_fn(step).flatten().next().unwrap_or(self.chosen);
        true
    }

    fn matrix(&self, room: [usize; 2]) -> Option<Matrix> {
        Matrix::new(&self.data, self.axes, self.is_mean, room)
    }

    /// Draws the matrix.
    pub(super) fn render_matrix(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let [x, y] = self.axes;
        let width = usize::from(area.width);
        let name_of = |number: usize| foreign(self.data.label(number)).into_owned();
        let longest = |number: usize| {
            let names = self.data.trials.iter().filter_map(|trial| trial.settings.get(number));
            names.map(|name| text::width(name)).max().unwrap_or(0)
        };
        let names = if x == y { 4 } else { longest(y).clamp(7, NAME) };
        let height = usize::from(area.height).saturating_sub(3);
        let space = width.saturating_sub(names + 2);
        self.matrix_room = [space / CELL[0], height];
        let Some(matrix) = self.matrix(self.matrix_room).filter(|_| height > 0 && space >= CELL[0]) else {
            text::put(
                buf,
                area.x + 1,
                area.y,
                width.saturating_sub(1),
                &[("there is no setting to show".into(), theme.style(Role::Dim))],
            );
            return;
        };
        let (columns, rows) =
            (matrix.x.labels.len().max(1), matrix.cells.len() / matrix.x.labels.len().max(1));
        let wide = (space / columns).clamp(CELL[0], CELL[1]);
        let tall = (height / rows.max(1)).clamp(1, TALLEST.min((wide / 3).max(1)));
        let dim = theme.style(Role::Dim);
        let mut axes: Vec<Piece<'_>> = vec![(" ".into(), dim)];
        if x != y {
            axes.push((format!("{} ↓", name_of(y)).into(), theme.style(Role::Title)));
            axes.push(("   ".into(), dim));
        }
        axes.push((format!("{} →", name_of(x)).into(), theme.style(Role::Title)));
        text::put(buf, area.x, area.y, width, &axes);
        let left = area.x + names as u16 + 2;
        for (at, label) in matrix.x.labels.iter().enumerate() {
            let label = text::clip_name(label, wide.saturating_sub(1)).into_owned();
            put_in_middle(
                buf,
                left + (at * wide) as u16,
                area.y + 1,
                wide,
                (&foreign(&label), dim),
                area.right(),
            );
        }
        let chosen = self.row().and_then(|_| matrix.cell_of(&self.data, self.axes, self.chosen));
        for row in 0..rows.min(height / tall.max(1)) {
            let top = area.y + 2 + (row * tall) as u16;
            let label = matrix.y.as_ref().and_then(|rows| rows.labels.get(row)).map_or("all", String::as_str);
            let label = text::clip_name(&foreign(label), names).into_owned();
            let gap = (names + 1).saturating_sub(text::width(&label));
            let middle = top + (tall as u16 - 1) / 2;
            text::put(buf, area.x, middle, names + 1, &[(" ".repeat(gap).into(), dim), (label.into(), dim)]);
            for column in 0..columns {
                let at = row * columns + column;
                let Some(cell) = matrix.cells.get(at) else { continue };
                let place = Rect {
                    x: left + (column * wide) as u16,
                    y: top,
                    width: wide as u16,
                    height: tall as u16,
                };
                self.render_cell(*cell, chosen == Some(at), place.intersection(area), buf, theme);
            }
        }
        self.render_legend(Rect { y: area.bottom() - 1, height: 1, ..area }, buf, theme);
    }

    fn render_cell(&self, cell: Cell, is_chosen: bool, place: Rect, buf: &mut Buffer, theme: &Theme) {
        let wide = usize::from(place.width);
        let shade = cell.value.zip(self.quality).map(|(value, quality)| shade(quality.share(value), theme));
        let style = shade.map_or(Style::new(), |(_, style)| style);
        // A gap of one column keeps cells apart.
        let fill = Rect { width: place.width.saturating_sub(1), ..place };
        if let Some((c, style)) = shade {
            for position in fill.positions() {
                if let Some(found) = buf.cell_mut(position) {
                    found.set_char(c).set_style(style);
                }
            }
        }
        let words = match (cell.value, cell.trial) {
            (Some(value), _) => short(&self.data.metric, value, wide.saturating_sub(3)),
            // Trials, but none has ended; no trial at all.
            (None, Some(_)) => "…".to_owned(),
            (None, None) => "–".to_owned(),
        };
        let words = if is_chosen { format!("[{words}]") } else { words };
        let words = if text::width(&words) < wide {
            words
        } else if is_chosen {
            "[]".to_owned()
        } else {
            String::new()
        };
        let ink = match cell.value {
            Some(_) if style.bg.is_some() => on(style),
            Some(_) => Style::new(),
            None => theme.style(Role::Dim),
        };
        let ink = if is_chosen { ink.add_modifier(Modifier::BOLD) } else { ink };
        let middle = place.y + place.height.saturating_sub(1) / 2;
        // Without colours blanks set the number off from the characters around it.
        let words =
            if style.bg.is_none() && shade.is_some() && !words.is_empty() && text::width(&words) + 2 < wide {
                format!(" {words} ")
            } else {
                words
            };
        put_in_middle(buf, place.x, middle, wide.saturating_sub(1), (&words, ink), place.right());
    }

    /// The scale of colours, with what it means.
    fn render_legend(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let mut pieces: Vec<Piece<'_>> = vec![(" ".into(), Style::new())];
        pieces.extend(legend(self.quality, &self.data, theme));
        let empty = self.data.combinations.iter().any(|of| of.statistic.is_none());
        let words = "  … not ended  – no trial";
        if empty && text::width_of(&pieces) + text::width(words) <= usize::from(area.width) {
            pieces.push((words.into(), theme.style(Role::Dim)));
        }
        if text::width_of(&pieces) <= usize::from(area.width) && self.quality.is_some() {
            let direction = if self.data.higher_is_better { "more is better" } else { "less is better" };
            let gap = usize::from(area.width) - text::width_of(&pieces);
            let words = format!("  {direction}");
            if text::width(&words) <= gap {
                pieces.push((words.into(), theme.style(Role::Dim)));
            }
        }
        text::put(buf, area.x, area.y, area.width.into(), &pieces);
    }
}

/// The scale of colours from the worst to the best value.
pub(super) fn legend(quality: Option<Quality>, data: &SweepData, theme: &Theme) -> Vec<Piece<'static>> {
    let dim = theme.style(Role::Dim);
    let Some(quality) = quality else { return vec![("no trial has ended yet".into(), dim)] };
    let value = |value: f64| number::named(&data.metric, value);
    let beyond = match (quality.is_cut, data.higher_is_better) {
        (false, _) => "",
        (true, true) => "≤ ",
        (true, false) => "≥ ",
    };
    let count = swatches(false, theme);
    let mut pieces = vec![(format!("worst {beyond}{} ", value(quality.worst)).into(), dim)];
    pieces.extend((0..count).map(|i| {
        let (c, style) = shade(i as f32 / (count - 1).max(1) as f32, theme);
        (c.to_string().repeat(2).into(), style)
    }));
    pieces.push((format!(" {} best", value(quality.best)).into(), dim));
    pieces
}

/// A value in at most `width` columns, with fewer digits if there is no space for all; empty if that does not suffice.
fn short(metric: &str, value: f64, width: usize) -> String {
    let full = number::named(metric, value);
    let short = match value.abs() {
        _ if metric.ends_with("accuracy") => format!("{:.0}%", value * 100.0),
        size if (0.095..100.0).contains(&size) => format!("{value:.2}"),
        _ => format!("{value:.0e}"),
    };
    let shortest = short.strip_prefix('0').unwrap_or(&short).to_owned();
    [full, short, shortest].into_iter().find(|text| text.chars().count() <= width).unwrap_or_default()
}

fn put_in_middle(buf: &mut Buffer, x: u16, y: u16, width: usize, (words, style): (&str, Style), right: u16) {
    let gap = width.saturating_sub(text::width(words)) / 2;
    let from = x + gap as u16;
    if from >= right {
        return;
    }
    text::put(buf, from, y, usize::from(right - from), &[(words.into(), style)]);
}
