//! Charts of metrics for standard output.
//!
//! ```text
//! loss  ━ loss 0.0936, smoothed 0.9  ◆ val_loss 0.0674
//!   0.8┤⢄⡀
//!   0.6┤  ⠑⠢⢄⡀
//! step 0     200     400
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::metric::{TRAIN, VALIDATION, bounds, linear_ticks, samples, x_ticks};
use crate::escape;
use crate::number;
use crate::ui::plot::MetricChart;
use crate::ui::run_state::axis::XAxis;
use crate::ui::run_state::series::{Series, Summary};
use crate::ui::run_state::smoothing::Smoothing;
use crate::ui::theme::{Colors, Role, Theme};
use crate::ui::widget::chart::{self, Chart, Curve, LineStyle};
use crate::ui::widget::text::{self, Piece};
use crate::ui::widget::{glyph_fallback, ticks};

/// Draws `charts` below one another, each over the whole run.
pub fn render(charts: &[MetricChart<'_>], axis: XAxis, area: Rect, theme: &Theme) -> Buffer {
    let mut buf = Buffer::empty(area);
    let (count, mut y) = (charts.len() as u16, area.y);
    for (chart, left) in charts.iter().zip((1..=count).rev()) {
        let height = (area.bottom() - y) / left;
        render_chart(chart, axis, Rect { y, height, ..area }, &mut buf, theme);
        y += height;
    }
    glyph_fallback::replace(&mut buf, area, theme.glyphs);
    buf
}

fn render_chart(metric: &MetricChart<'_>, axis: XAxis, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let width = usize::from(area.width);
    text::put(buf, area.x, area.y, width, &legend(metric, theme));
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let window = window(metric, axis);
    let sampled = |curve: Option<(&str, &Series)>, columns: usize| {
        curve.map_or(Vec::new(), |(_, series)| series.columns(axis, window.0, window.1, columns))
    };
    // Without colours the single values cannot be told apart from their smoothed curve, and are left out.
    let (smoothing, has_raw) = (smoothing(metric), theme.colors != Colors::Mono);
    let value = |column: &Summary| column.smoothed(smoothing);
    let whole = sampled(metric.train, width * 2);
    let of = |series: Option<(&str, &Series)>| {
        series.map_or(Summary::EMPTY, |(_, series)| series.within(axis, window.0, window.1))
    };
    let (mut train, validation) = (of(metric.train), of(metric.validation));
    if !has_raw {
        let drawn = || whole.iter().filter(|column| column.finite > 0).map(value);
        (train.min, train.max) =
            (drawn().fold(f64::INFINITY, f64::min), drawn().fold(f64::NEG_INFINITY, f64::max));
    }
    let is_share = [metric.train, metric.validation].iter().flatten().any(|(name, _)| is_share(name));
    let Some(y) = bounds([&train, &validation], &[], false, is_share) else {
        let pieces = [("no finite values".into(), theme.style(Role::Dim))];
        text::put(buf, area.x, area.y, width, &pieces);
        return;
    };
    let y_ticks = linear_ticks(y, is_share, ticks::fitting(area.height.saturating_sub(1)));
    let plot = chart::plot(area, &y_ticks);
    let columns = chart::columns(plot, theme.glyphs);
    let (train, validation) = (sampled(metric.train, columns), sampled(metric.validation, columns));
    let raw = samples(&train, false, |column| (column.min, column.max));
    let smoothed = samples(&train, false, |column| (value(column), value(column)));
    let validation = samples(&validation, false, |column| (column.min, column.max));
    let (behind, front) = (theme.style(Role::Raw), theme.style(Role::Train));
    let curves = [
        Curve { samples: &raw, line: LineStyle::Behind, style: behind },
        Curve { samples: &smoothed, line: LineStyle::Solid, style: front },
        Curve {
            samples: &validation,
            line: LineStyle::Marked(VALIDATION),
            style: theme.style(Role::Validation),
        },
    ];
    let shown = if has_raw { &curves } else { curves.get(1..).unwrap_or_default() };
    Chart {
        y,
        y_ticks: &y_ticks,
        x: window,
        x_ticks: &x_ticks(axis, window, usize::from(plot.width)),
        x_name: axis.name(),
        curves: shown,
        rules: &[],
        events: &[],
        cursor: None,
    }
    .render(area, buf, theme);
}

/// Whether values are shown in per cent, as [`number::named`] does.
fn is_share(name: &str) -> bool {
    name.ends_with("accuracy")
}

/// Single values of a short run or of every epoch are not smoothed.
fn smoothing(metric: &MetricChart<'_>) -> Smoothing {
    let points = metric.train.map_or(0, |(_, series)| series.points().count());
    if points < 50 { Smoothing::OFF } else { Smoothing::default() }
}

/// From 0 to the last point.
fn window(metric: &MetricChart<'_>, axis: XAxis) -> (f64, f64) {
    let ends = [metric.train, metric.validation].into_iter().flatten();
    let last = ends.filter_map(|(_, series)| series.extent()).map(|(_, last)| last.on(axis));
    (0.0, last.fold(f64::MIN_POSITIVE, f64::max))
}

/// The curves with their last values.
fn legend<'a>(metric: &MetricChart<'_>, theme: &Theme) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    if let Some((name, series)) = metric.train {
        let smoothing = smoothing(metric);
        let value = series.reading(smoothing).map_or("–".into(), |value| number::named(name, value));
        let smoothed = match smoothing.factor() {
            0.0 => String::new(),
            factor => format!(", smoothed {factor}"),
        };
        let words = format!("{TRAIN} {} {value}{smoothed}", escape::foreign(name));
        pieces.push((words.into(), theme.style(Role::Train)));
    }
    if let Some((name, series)) = metric.validation {
        let value = series.value().map_or("–".into(), |value| number::named(name, value));
        let gap = if pieces.is_empty() { "" } else { "   " };
        let words = format!("{gap}{VALIDATION} {} {value}", escape::foreign(name));
        pieces.push((words.into(), theme.style(Role::Validation)));
    }
    pieces
}
