//! Line charts, drawn by the minimum and maximum of every column of dots.
//!
//! ```text
//! 0.8┤⢄⡀        ·        labels │ axis │ plot
//! 0.6┤  ⠑⠢⢄⡀    ·
//! 0.4┤      ⠉⠑⠒⠤⢄⣀
//! step 0    200    400   the lowest row: name and marks of the x axis
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, DotStyle, resolution};
use super::text;
use super::ticks::Tick;
use crate::ui::theme::{Glyphs, Role, Theme};

/// Columns between two marks of a [`LineStyle::Named`].
const NAMED_EVERY: usize = 24;
/// Columns between two arrows of a curve above the plot.
const ABOVE_EVERY: usize = 6;
/// Minimum width left of the plot: the name of the x axis is below it.
const GUTTER: usize = 7;

/// A curve in one column of dots.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    /// Least and greatest value in units of the y axis; `None` where no point lies.
    pub span: Option<(f64, f64)>,
    /// A mark for points that cannot be drawn; the curve breaks there.
    pub gap: Option<char>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineStyle {
    /// Behind all others.
    Behind,
    /// Behind all others, dotted.
    Faint,
    /// In front.
    Solid,
    /// A mark at every point, a dot where marks would touch, and no line: nothing was measured between them.
    Marked(char),
    /// One of several equal curves, told apart without colours.
    Named {
        /// Where it has dots.
        pattern: Pattern,
        /// Its mark, at some points and at the last.
        mark: char,
        /// Columns to the first mark: those of different curves lie apart.
        offset: usize,
    },
}

/// Where a line has dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Everywhere.
    Solid,
    /// In long pieces.
    Dashed,
    /// Here and there.
    Dotted,
}

impl LineStyle {
    /// Whether the line between two points has dots in column `x` of dots.
    fn joins(self, x: usize) -> bool {
        match self {
            Self::Behind | Self::Solid => true,
            Self::Marked(_) => false,
            Self::Faint => self.has_point(x),
            Self::Named { .. } => self.has_point(x),
        }
    }

    /// Whether a point above the plot is marked instead of drawn at its upper edge.
    fn leaves(self) -> bool {
        matches!(self, Self::Named { .. })
    }

    /// Whether a point in column `x` of dots is drawn.
    fn has_point(self, x: usize) -> bool {
        match self {
            Self::Named { pattern: Pattern::Dashed, .. } => x % 8 < 5,
            Self::Faint | Self::Named { pattern: Pattern::Dotted, .. } => x.is_multiple_of(4),
            _ => true,
        }
    }

    /// The mark of a point in this column, if the last one was at `marked`; `last` if there is no further point.
    fn mark(self, column: usize, marked: Option<usize>, last: bool) -> Option<char> {
        match self {
            Self::Behind | Self::Faint | Self::Solid => None,
            Self::Marked(mark) => marked.is_none_or(|marked| column > marked + 1).then_some(mark),
            Self::Named { mark, offset, .. } => {
                let due = marked.map_or(offset % NAMED_EVERY, |marked| marked + NAMED_EVERY);
                (last || column >= due).then_some(mark)
            }
        }
    }
}

/// A curve.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// One for each column of dots.
    pub samples: &'a [Sample],
    /// How it is drawn.
    pub line: LineStyle,
    /// Its colour.
    pub style: Style,
}

/// A chart. Values are in units of its axes: a logarithmic axis is handed exponents.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// Least and greatest value of the y axis.
    pub y: (f64, f64),
    /// Marks of the y axis.
    pub y_ticks: &'a [Tick],
    /// First and last value of the x axis.
    pub x: (f64, f64),
    /// Marks of the x axis, the most important first: one that would touch another is left out.
    pub x_ticks: &'a [Tick],
    /// A word for the x axis.
    pub x_name: &'a str,
    /// From the hindmost to the foremost.
    pub curves: &'a [Curve<'a>],
    /// Values of y to compare with, as dotted lines.
    pub rules: &'a [f64],
    /// Where on the x axis something happened, each with the letter above its line.
    pub events: &'a [(f64, char)],
    /// Where on the x axis the curves are read.
    pub cursor: Option<f64>,
}

/// Where the plot lies in the `area` of a chart with these marks: without labels, axis and the lowest row.
pub fn plot(area: Rect, y_ticks: &[Tick]) -> Rect {
    let labels = y_ticks.iter().map(|tick| text::width(&tick.text)).max().unwrap_or(0);
    let gutter = (labels + 1).max(GUTTER).min(usize::from(area.width)) as u16;
    Rect { x: area.x + gutter, width: area.width - gutter, height: area.height.saturating_sub(1), ..area }
}

/// How many lines of text the plot in the `area` of a chart has, and how many dots each.
pub fn lines(area: Rect, glyphs: Glyphs) -> (u16, usize) {
    (area.height.saturating_sub(1), resolution(glyphs).1)
}

/// How many columns of dots a plot has.
pub fn columns(plot: Rect, glyphs: Glyphs) -> usize {
    usize::from(plot.width) * resolution(glyphs).0
}

impl Chart<'_> {
    /// Draws the chart.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let plot = plot(area, self.y_ticks);
        if plot.is_empty() {
            return;
        }
        let scale = Scale::new(self, plot, theme.glyphs);
        self.y_axis(area, &scale, buf, theme);
        self.x_axis(area, &scale, buf, theme);
        for rule in self.rules {
            scale.rule(*rule, buf, theme);
        }
        let mut marks = Vec::new();
        for (at, letter) in self.events {
            let Some(x) = scale.column(*at).map(|x| x / scale.across) else { continue };
            // A letter says that the training changed there; other marks stand at the top alone.
            let style = theme.style(if letter.is_alphabetic() { Role::Warning } else { Role::Good });
            for y in (plot.top()..plot.bottom()).filter(|_| letter.is_alphabetic()) {
                set(buf, plot.x + x as u16, y, '│', style);
            }
            marks.push((x, 0, *letter, style));
        }
        let mut canvas = Canvas::new(plot, theme.glyphs);
        for curve in self.curves {
            scale.trace(curve, &mut canvas, &mut marks, theme);
        }
        canvas.paint(buf);
        if let Some(x) = self.cursor.and_then(|x| scale.column(x)) {
            self.draw_cursor(plot.x + (x / scale.across) as u16, plot, buf, theme);
        }
        for (x, y, mark, style) in marks {
            set(buf, plot.x + x as u16, plot.y + y as u16, mark, style);
        }
    }

    /// Draws the line of the cursor; what it crosses stays, in its colour.
    fn draw_cursor(&self, x: u16, plot: Rect, buf: &mut Buffer, theme: &Theme) {
        for y in plot.top()..plot.bottom() {
            let Some(cell) = buf.cell_mut((x, y)) else { continue };
            if matches!(cell.symbol(), " " | "·") {
                cell.set_char('│');
            }
            cell.set_style(theme.style(Role::Cursor));
        }
    }

    fn y_axis(&self, area: Rect, scale: &Scale, buf: &mut Buffer, theme: &Theme) {
        let axis = scale.plot.x - 1;
        for y in scale.plot.top()..scale.plot.bottom() {
            set(buf, axis, y, '│', theme.style(Role::Border));
        }
        let mut taken = Vec::new();
        for tick in self.y_ticks {
            let Some(dot) = scale.row(tick.at) else { continue };
            let row = dot / scale.down;
            if taken.contains(&row) {
                continue;
            }
            taken.push(row);
            let y = scale.plot.y + row as u16;
            let wide = text::width(&tick.text) as u16;
            let x = axis.saturating_sub(wide).max(area.x);
            text::put(
                buf,
                x,
                y,
                usize::from(axis - x),
                &[(tick.text.as_str().into(), theme.style(Role::Dim))],
            );
            set(buf, axis, y, '┤', theme.style(Role::Border));
        }
    }

    fn x_axis(&self, area: Rect, scale: &Scale, buf: &mut Buffer, theme: &Theme) {
        let y = area.bottom() - 1;
        let mut taken: Vec<(u16, u16)> = Vec::new();
        let mut label = |middle: u16, text: &str| {
            let wide = text::width(text) as u16 + 2;
            let x =
                middle.saturating_sub(wide / 2).clamp(area.x, area.right().saturating_sub(wide).max(area.x));
            if x + wide > area.right() || taken.iter().any(|(from, to)| x < *to && x + wide > *from) {
                return;
            }
            // neighbours share the blank between them
            taken.push((x, x + wide - 1));
            text::put(buf, x, y, usize::from(wide), &[(format!(" {text} ").into(), theme.style(Role::Dim))]);
        };
        label(area.x, self.x_name);
        for tick in self.x_ticks {
            if let Some(x) = scale.column(tick.at) {
                label(scale.plot.x + (x / scale.across) as u16, &tick.text);
            }
        }
    }
}

/// From values to dots.
struct Scale {
    plot: Rect,
    across: usize,
    down: usize,
    width: usize,
    height: usize,
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    fn new(chart: &Chart<'_>, plot: Rect, glyphs: Glyphs) -> Self {
        let (across, down) = resolution(glyphs);
        let (width, height) = (usize::from(plot.width) * across, usize::from(plot.height) * down);
        Self { plot, across, down, width, height, x: chart.x, y: chart.y }
    }

    /// The column of dots of `x`; `None` outside.
    fn column(&self, x: f64) -> Option<usize> {
        let (from, to) = self.x;
        let share = if to > from { (x - from) / (to - from) } else { 0.0 };
        (-1e-9..=1.0 + 1e-9)
            .contains(&share)
            .then(|| ((share * self.width as f64) as usize).min(self.width - 1))
    }

    /// The row of dots of `y`, from the top; `None` outside.
    fn row(&self, y: f64) -> Option<usize> {
        let share = (self.y.1 - y) / (self.y.1 - self.y.0);
        (-1e-9..=1.0 + 1e-9)
            .contains(&share)
            .then(|| (share.max(0.0) * (self.height - 1) as f64).round() as usize)
    }

    /// As [`Self::row`], with what lies outside at the edge.
    fn nearest_row(&self, y: f64) -> usize {
        self.row(y.clamp(self.y.0, self.y.1)).unwrap_or(0)
    }

    fn rule(&self, y: f64, buf: &mut Buffer, theme: &Theme) {
        if let Some(row) = self.row(y) {
            for x in (self.plot.left()..self.plot.right()).step_by(2) {
                set(buf, x, self.plot.y + (row / self.down) as u16, '·', theme.style(Role::Dim));
            }
        }
    }

    fn trace(&self, curve: &Curve<'_>, canvas: &mut Canvas, marks: &mut Vec<Mark>, theme: &Theme) {
        let ink = DotStyle {
            style: curve.style,
            behind: matches!(curve.line, LineStyle::Behind | LineStyle::Faint),
        };
        let last = curve.samples.iter().take(self.width).rposition(|sample| sample.span.is_some());
        let mut before: Option<(usize, usize, usize)> = None;
        let (mut marked, mut above) = (None, None);
        for (x, sample) in curve.samples.iter().enumerate().take(self.width) {
            if let Some((low, _)) = sample.span
                && curve.line.leaves()
                && low > self.y.1
            {
                let column = x / self.across;
                if above.is_none_or(|above| column >= above + ABOVE_EVERY) {
                    marks.push((column, 0, '↑', curve.style));
                    above = Some(column);
                }
                before = None;
                continue;
            }
            above = None;
            if let Some((low, high)) = sample.span {
                let (top, bottom) = (self.nearest_row(high), self.nearest_row(low));
                if let Some((from, upper, lower)) = before {
                    let start = top.clamp(upper, lower);
                    let end = start.clamp(top, bottom);
                    segment((from, start), (x, end), |x, y| {
                        if curve.line.joins(x) {
                            canvas.dot(x, y, ink);
                        }
                    });
                }
                if curve.line.has_point(x) {
                    (top..=bottom).for_each(|y| canvas.dot(x, y, ink));
                }
                before = Some((x, top, bottom));
                let (column, row) = (x / self.across, bottom.midpoint(top) / self.down);
                if let Some(mark) = curve.line.mark(column, marked, last == Some(x)) {
                    marks.push((column, row, mark, curve.style));
                    marked = Some(column);
                }
            }
            if let Some(mark) = sample.gap {
                let role = if mark == '·' { Role::Dim } else { Role::Bad };
                marks.push((x / self.across, usize::from(self.plot.height) - 1, mark, theme.style(role)));
                before = None;
            }
        }
    }
}

/// Column, row, what, how.
type Mark = (usize, usize, char, Style);

/// Every dot between two, without a hole.
fn segment((x0, y0): (usize, usize), (x1, y1): (usize, usize), mut dot: impl FnMut(usize, usize)) {
    let (across, down) = (x1 - x0, y0.abs_diff(y1));
    let steps = across.max(down).max(1);
    // To the nearest dot, of two as near to the greater; in whole numbers, for this is done in every column of every curve and frame.
    for i in 0..=steps {
        let y = match y1 < y0 {
            true => y0 - (2 * i * down + steps - 1) / (2 * steps),
            false => y0 + (2 * i * down + steps) / (2 * steps),
        };
        dot(x0 + (2 * i * across + steps) / (2 * steps), y);
    }
}

fn set(buf: &mut Buffer, x: u16, y: u16, c: char, style: Style) {
    if let Some(cell) = buf.cell_mut((x, y)) {
        cell.set_char(c).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Colors;

    const MONO: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

    fn drawn(samples: &[Sample], line: LineStyle, width: u16) -> Vec<String> {
        drawn_with(&[], samples, line, width)
    }

    fn drawn_with(events: &[(f64, char)], samples: &[Sample], line: LineStyle, width: u16) -> Vec<String> {
        let ticks = [Tick { at: 1.0, text: "1".into() }, Tick { at: 0.0, text: "0".into() }];
        let x_ticks = [0.0, 10.0, 10.2].map(|at| Tick { at, text: format!("{at}") });
        let chart = Chart {
            y: (0.0, 1.0),
            y_ticks: &ticks,
            x: (0.0, 20.0),
            x_ticks: &x_ticks,
            x_name: "step",
            curves: &[Curve { samples, line, style: Style::new() }],
            rules: &[],
            events,
            cursor: None,
        };
        let area = Rect::new(0, 0, width, 5);
        let mut buf = Buffer::empty(area);
        chart.render(area, &mut buf, &MONO);
        (0..5)
            .map(|y| (0..width).filter_map(|x| buf.cell((x, y))).map(|cell| cell.symbol()).collect())
            .collect()
    }

    fn at(low: f64, high: f64) -> Sample {
        Sample { span: Some((low, high)), gap: None }
    }

    #[test]
    fn a_spike_is_a_full_column_and_marks_never_touch() {
        let mut samples = [at(0.0, 0.0); 20];
        samples[9] = at(0.0, 1.0);
        let rows = drawn(&samples, LineStyle::Solid, 17);
        assert_eq!(rows[0], "     1┤    ⢸     ");
        assert_eq!(rows[1], "      │    ⢸     ");
        assert_eq!(rows[3], "     0┤⣀⣀⣀⣀⣸⣀⣀⣀⣀⣀");
        assert_eq!(rows[4], " step  0   10    ");
    }

    #[test]
    fn distant_points_are_joined_and_a_gap_is_marked_and_not_bridged() {
        let mut samples = [Sample::default(); 20];
        samples[0] = at(1.0, 1.0);
        samples[8] = at(0.0, 0.0);
        samples[10].gap = Some('×');
        samples[12] = at(1.0, 1.0);
        samples[19] = at(1.0, 1.0);
        let rows = drawn(&samples, LineStyle::Solid, 17);
        assert_eq!(rows[0], "     1┤⠱⡀    ⠉⠉⠉⠉");
        assert_eq!(rows[3], "     0┤   ⠱⡀×    ");
    }

    #[test]
    fn lines_of_equal_rank_differ_without_colours_and_end_with_their_letter() {
        let samples = [at(0.0, 0.0); 40];
        let row =
            |pattern| drawn(&samples, LineStyle::Named { pattern, mark: 'B', offset: 3 }, 27)[3].clone();
        assert_eq!(row(Pattern::Solid), "     0┤⣀⣀⣀B⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀B");
        assert_eq!(row(Pattern::Dashed), "     0┤⣀⣀⡀B⣀⣀⡀ ⣀⣀⡀ ⣀⣀⡀ ⣀⣀⡀B");
        assert_eq!(row(Pattern::Dotted), "     0┤⡀ ⡀B⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀ ⡀B");
        let mut alone = [Sample::default(); 40];
        alone[0] = at(0.0, 0.0);
        let line = LineStyle::Named { pattern: Pattern::Dotted, mark: 'B', offset: 3 };
        assert_eq!(drawn(&alone, line, 27)[3].trim_end(), "     0┤B");
    }

    #[test]
    fn an_event_is_a_line_behind_the_curves_with_its_letter_above() {
        let samples = [at(0.0, 0.0); 20];
        // What lies outside of the axis is not drawn.
        let rows = drawn_with(&[(8.0, 'S'), (30.0, 'D')], &samples, LineStyle::Solid, 17);
        assert_eq!(rows[0], "     1┤    S     ");
        assert_eq!(rows[1], "      │    │     ");
        assert_eq!(rows[3], "     0┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀");
    }

    #[test]
    fn every_size_is_survived() {
        let samples = [at(-7.0, 7.0); 400];
        for width in 0..20 {
            drawn(&samples, LineStyle::Marked('o'), width);
            drawn(&samples, LineStyle::Named { pattern: Pattern::Dashed, mark: 'B', offset: 9 }, width);
        }
    }
}
