//! A comparison on the screen.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::CompareScreen;
use super::chart::MetricChart;
use super::curves::RunCurves;
use crate::escape::foreign;
use crate::number;
use crate::runs::{Column, Differing, Table};
use crate::ui::menu::{SMALLEST, panel, too_small};
use crate::ui::run_state::smoothing::Smoothing;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Rows of the legend at most; more runs are counted.
const LEGEND: usize = 8;
/// Columns from which settings and gradients are beside each other.
const WIDE: u16 = 70;

impl CompareScreen {
    /// Draws the screen into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let legend = self.curves.len().min(LEGEND) as u16;
        let (chart, legend, below) = match self.alone || area.height < legend + 14 {
            true => {
                let [chart, legend] =
                    Layout::vertical([Constraint::Fill(1), Constraint::Length(legend.min(area.height / 3))])
                        .areas(area);
                (chart, legend, None)
            }
            false => {
                let parts = [Constraint::Fill(3), Constraint::Length(legend), Constraint::Fill(2)];
                let [chart, legend, below] = Layout::vertical(parts).areas(area);
                (chart, legend, Some(below))
            }
        };
        self.render_chart(chart, frame.buffer_mut(), theme);
        self.render_legend(legend, frame.buffer_mut(), theme);
        let Some(below) = below else { return };
        if below.width >= WIDE && !self.layers.is_empty() {
            let [settings, gradients] = Layout::horizontal([Constraint::Fill(1); 2]).areas(below);
            self.render_settings(frame, settings, theme);
            self.render_gradients(gradients, frame.buffer_mut(), theme);
        } else {
            self.render_settings(frame, below, theme);
        }
    }

    fn render_chart(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let name = self.metric().unwrap_or("no metric");
        let Self { axis, log, smoothing, .. } = *self;
        MetricChart { name, axis, log, smoothing, focused: true, curves: &self.curves, earlier: &[] }
            .render(area, buf, theme);
    }

    fn render_legend(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let name = self.metric().unwrap_or_default();
        let runs = &self.comparison.runs;
        let longest = runs.iter().map(|run| foreign(&run.name).width()).max().unwrap_or(0);
        let longest = longest.min(usize::from(area.width).saturating_sub(40).max(10));
        for (i, (curves, run)) in self.curves.iter().zip(runs).enumerate() {
            let y = area.y + i as u16;
            if y >= area.bottom() {
                break;
            }
            let more = self.curves.len() - i;
            if y + 1 == area.bottom() && more > 1 {
                let words =
                    [(format!(" and {}", number::counted(more, "run")).into(), theme.style(Role::Dim))];
                text::put(buf, area.x, y, usize::from(area.width), &words);
                break;
            }
            let style = theme.series(curves.color());
            let run_name = foreign(&run.name);
            let shown = text::clip(&run_name, longest);
            let gap = " ".repeat(longest.saturating_sub(shown.width()));
            let value =
                |value: Option<f64>| value.map_or("–".to_owned(), |value| number::named(name, value));
            let last = value(curves.series(name).and_then(|series| series.reading(Smoothing::OFF)));
            let best = run.summary.metric(name).filter(|_| !RunCurves::is_of_steps(name));
            let best = best.map_or(String::new(), |best| format!("  best {}", value(Some(best))));
            let note = curves.error.as_deref().map_or(String::new(), |error| format!("  {}", foreign(error)));
            let pieces: [Piece<'_>; 6] = [
                (format!(" {} {} ", curves.letter(), curves.sample()).into(), style),
                (format!("{shown}{gap}").into(), theme.style(Role::Text)),
                (format!("  {:8}", run.state.word()).into(), theme.style(Role::Dim)),
                (format!("  {last:>8}").into(), style),
                (best.into(), theme.style(Role::Dim)),
                (note.into(), theme.style(Role::Warning)),
            ];
            text::put(buf, area.x, y, usize::from(area.width), &pieces);
        }
    }

    fn render_settings(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let settings: Vec<&Differing> = self.comparison.of_training().collect();
        let frame_of = |title: &str| panel(format!(" {title} "), false, theme);
        let inner = frame_of("").inner(area);
        let width = usize::from(inner.width);
        self.page = usize::from(inner.height).saturating_sub(1).max(1);
        // More than half of the width is for the values.
        let room = (width * 3 / 5 / self.curves.len().max(1)).saturating_sub(2).clamp(6, 16);
        let paths = settings.iter().map(|(path, _)| foreign(path).into_owned()).collect();
        let mut columns = vec![Column::text("", u8::MAX, paths)];
        for (i, curves) in self.curves.iter().enumerate() {
            let cell = |values: &Vec<Option<Arc<str>>>| match values.get(i) {
                Some(Some(value)) => text::clip(&foreign(value), room).into_owned(),
                _ => "–".to_owned(),
            };
            // The runs at the right are left out first.
            let rank = 200_u8.saturating_sub(i as u8);
            let cells = settings.iter().map(|(_, values)| cell(values)).collect();
            columns.push(Column::text(curves.letter(), rank, cells));
        }
        let table = Table { columns };
        let hidden = table.hidden(width);
        let block = frame_of(&match hidden {
            0 => "Settings that differ".to_owned(),
            hidden => format!("Settings that differ · + {} (--json)", number::counted(hidden, "run")),
        });
        let (head, rows) = table.lines(width);
        let mut lines = vec![Line::styled(head, theme.style(Role::Title))];
        if rows.is_empty() {
            lines = vec![Line::styled("None: the runs have the same settings.", theme.style(Role::Dim))];
        }
        lines.extend(rows.into_iter().map(|row| Line::styled(row, theme.style(Role::Text))));
        self.scroll.render(frame, area, (block, None), lines, theme);
    }
}
