//! All settings and the metric side by side, a line a trial.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::SweepScreen;
use super::axis::{AxisScale, SettingAxis};
use super::data::{Quality, TrialState};
use super::matrix::{axis, legend, shade};
use crate::escape::foreign;
use crate::number;
use crate::sort::SmallSort as _;
use crate::ui::keymap::Action;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::parallel::{Axis, Line, ParallelCoordinates};
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::ticks;

/// Lines at most: of more trials those are drawn that lie evenly from the best to the worst.
const MOST_LINES: usize = 1000;
/// The share of quality of the quietest line: thin lines need more contrast than cells.
const QUIETEST: f32 = 0.25;

impl SweepScreen {
    /// Handles a key of the coordinates: the next better or worse trial; returns whether it was one.
    pub(super) fn act_on_coordinates(&mut self, action: Action) -> bool {
        let by = match action {
            Action::Left => 1,
            Action::Right => -1,
            _ => return false,
        };
        let drawn = self.ranked();
        let at = drawn.iter().position(|trial| *trial == self.chosen);
        let at = at.map_or(0, |at| at.saturating_add_signed(by)).min(drawn.len().saturating_sub(1));
        self.chosen = drawn.get(at).copied().unwrap_or(self.chosen);
        true
    }

    /// The trials of the table that have a value, the best first.
    fn ranked(&self) -> Vec<usize> {
        let value = |trial: &usize| self.data.trials.get(*trial).and_then(|trial| trial.value);
        let mut ranked: Vec<usize> =
            self.shown.iter().copied().filter(|trial| value(trial).is_some()).collect();
        ranked.small_sort_by(|a, b| self.data.compare(value(a), value(b)).then(a.cmp(b)));
        ranked
    }

    /// Draws the coordinates.
    pub(super) fn render_coordinates(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let width = usize::from(area.width);
        let [plot, below] = [
            Rect { height: area.height.saturating_sub(1), ..area },
            Rect { y: area.bottom().saturating_sub(1), height: 1, ..area },
        ];
        let ranked = self.ranked();
        let Some(quality) = self.quality.filter(|_| !ranked.is_empty()) else {
            let words = if self.quality.is_none() {
                "no trial has ended yet"
            } else {
                "no trial of the table has a value"
            };
            text::put(
                buf,
                area.x + 1,
                area.y,
                width.saturating_sub(1),
                &[(words.into(), theme.style(Role::Dim))],
            );
            return;
        };
        let settings = self.data.settings.iter().enumerate().filter(|(_, setting)| !setting.is_repeat);
        let settings: Vec<(usize, SettingAxis)> =
            settings.filter_map(|(number, _)| Some((number, axis(&self.data, number)?))).collect();
        let most = (usize::from(plot.height) / 2).max(2);
        let of_setting = |(number, axis): &(usize, SettingAxis)| {
            let log = self.data.settings.get(*number).is_some_and(|setting| setting.scale == AxisScale::Log);
            let name = format!("{}{}", foreign(self.data.label(*number)), if log { " (log)" } else { "" });
            let marks = axis.marks(most).into_iter();
            Axis { name, marks: marks.map(|(at, text)| (at, foreign(&text).into_owned())).collect() }
        };
        let of_metric = Axis {
            name: format!("{}{}", foreign(&self.data.metric), if quality.is_log { " (log)" } else { "" }),
            marks: metric_marks(&self.data.metric, &quality, most),
        };
        let axes: Vec<Axis> = settings.iter().map(of_setting).chain([of_metric]).collect();
        let line = |trial: usize, style: Style, is_behind: bool| {
            let trial = self.data.trials.get(trial)?;
            let place = |(number, axis): &(usize, SettingAxis)| axis.place(trial.settings.get(*number)?);
            let metric = trial.value.map(|value| f64::from(quality.share(value)));
            Some(Line { places: settings.iter().map(place).chain([metric]).collect(), style, is_behind })
        };
        let step = ranked.len().div_ceil(MOST_LINES).max(1);
        let lines = ranked.iter().step_by(step).rev().filter_map(|trial| {
            let found = self.data.trials.get(*trial)?;
            let share = quality.share(found.value?);
            let (_, style) = shade(QUIETEST + (1.0 - QUIETEST) * share, theme);
            // What is being trained has no final value.
            let style = match (style.bg, found.state) {
                (_, TrialState::Running) => theme.style(Role::Border),
                (Some(color), _) => Style::new().fg(color),
                (None, _) => Style::new(),
            };
            line(*trial, style, true)
        });
        let lines: Vec<Line> = lines.collect();
        let style = theme.style(Role::Cursor).add_modifier(Modifier::BOLD);
        let selected = self.row().and_then(|_| line(self.chosen, style, false));
        ParallelCoordinates { axes: &axes, lines: &lines, selected: selected.as_ref() }
            .render(plot, buf, theme);
        let mut pieces: Vec<Piece<'_>> = vec![(" ".into(), Style::new())];
        if let Some(trial) = self.data.trials.get(self.chosen).filter(|_| selected.is_some()) {
            pieces.push((format!("● {}", trial.name).into(), style));
            pieces.push(("   ".into(), Style::new()));
        }
        pieces.extend(legend(self.quality, &self.data, theme));
        text::put(buf, below.x, below.y, width, &pieces);
    }
}

/// Marks of the metric: its ends, the best one above, and round values between.
fn metric_marks(metric: &str, quality: &Quality, most: usize) -> Vec<(f64, String)> {
    let Quality { best, worst, is_log, .. } = *quality;
    let (low, high) = (worst.min(best), worst.max(best));
    let between = match is_log {
        true => ticks::logarithmic(low.log10(), high.log10(), most),
        false => ticks::linear(low, high, most),
    };
    let values = between.into_iter().map(|tick| if is_log { 10_f64.powf(tick.at) } else { tick.at });
    let mark = |value: f64| (f64::from(quality.share(value)), number::named(metric, value));
    [best, worst].into_iter().chain(values).map(mark).collect()
}
