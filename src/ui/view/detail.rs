//! The values behind the panel that fills the screen, in a column beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::class_name;
use super::decay::norms;
use super::hidden::windows;
use crate::escape;
use crate::number;
use crate::protocol::Activations;
use crate::sort::SmallSort as _;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::Curves;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// From this width on there is space for the values.
const LEAST: u16 = 72;
/// The columns that they take.
const WIDTH: u16 = 34;
/// Those that they take from [`WIDE`] on.
const WIDER: u16 = 42;
/// From this width on there is space for whole words.
const WIDE: u16 = 110;
/// Columns of a name, a step or a number.
const COLUMN: usize = 10;
/// Columns of the bar of a value.
const BAR: usize = 8;
/// The magnitude of a heat map whose colour a bar has.
const SIGN: f32 = 0.8;

/// The places of the panel and of its values.
pub(super) fn split(dash: &Dashboard, panel: Panel, area: Rect) -> (Rect, Option<Rect>) {
    let has_own = dash.view.shows_unit(&dash.run);
    if !dash.view.full_screen || has_own || area.width < LEAST || !panel.has_values_beside() {
        return (area, None);
    }
    let width = if area.width >= WIDE { WIDER } else { WIDTH };
    let left = Rect { width: area.width - width, ..area };
    (left, Some(Rect { x: left.right(), width, ..area }))
}

/// A row of the column.
type Row<'a> = Vec<Piece<'a>>;

/// Draws the values.
pub(super) fn render(dash: &Dashboard, panel: Panel, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let title = [("Values".into(), theme.style(Role::Title))];
    let frame = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let rows = rows(dash, panel, usize::from(inner.height), theme);
    for (y, row) in (inner.top()..inner.bottom()).zip(rows) {
        text::put(buf, inner.x + 1, y, usize::from(inner.width).saturating_sub(2), &row);
    }
}

fn rows<'a>(dash: &'a Dashboard, panel: Panel, most: usize, theme: &Theme) -> Vec<Row<'a>> {
    match panel {
        Panel::Loss => curves(dash.run.loss(), number::metric, dash, most, theme),
        Panel::Accuracy => match dash.run.forecast_errors() {
            Some(errors) => curves(&errors.rmse, number::metric, dash, most, theme),
            None if dash.run.accuracy().train.is_empty() => {
                curves(dash.run.grad_norm(), number::metric, dash, most, theme)
            }
            None => curves(dash.run.accuracy(), number::percent, dash, most, theme),
        },
        Panel::GradientNorm => curves(dash.run.grad_norm(), number::metric, dash, most, theme),
        Panel::Gradient => gradient(dash, most, theme),
        Panel::Hidden => units(dash, most, theme),
        Panel::Predictions => outputs(dash, theme),
        Panel::Waterfall => gradient(dash, most, theme),
        Panel::Influence
        | Panel::Saturation
        | Panel::Attention
        | Panel::Tensors
        | Panel::Histograms
        | Panel::Kernel
        | Panel::Neighbours
        | Panel::Trainings
        | Panel::Forecast
        | Panel::Samples
        | Panel::Confusion
        | Panel::Entities
        | Panel::Words
        | Panel::Labels
        | Panel::Findings
        | Panel::Log
        | Panel::Runs => Vec::new(),
    }
}

fn line<'a>(words: String, role: Role, theme: &Theme) -> Row<'a> {
    vec![(words.into(), theme.style(role))]
}

/// Statistics of the training curve, then the values on validation data, the latest first.
fn curves<'a>(
    curves: &Curves,
    format: impl Fn(f64) -> String,
    dash: &Dashboard,
    most: usize,
    theme: &Theme,
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut fact = |name: &str, value: String, role| {
        rows.push(vec![
            (format!("{name:<COLUMN$} ").into(), theme.style(Role::Dim)),
            (value.into(), theme.style(role)),
        ]);
    };
    if let Some(latest) = curves.train.value() {
        fact("latest", format(latest), Role::Train);
        if let Some(smoothed) = curves.train.reading(dash.view.smoothing) {
            fact("smoothed", format(smoothed), Role::Train);
        }
        let points = || curves.train.points().filter(|(_, point)| point.finite > 0);
        let extreme = |value: f64, step: u64| format!("{} · step {}", format(value), number::count(step));
        if let Some((at, point)) = points().min_by(|a, b| a.1.min.total_cmp(&b.1.min)) {
            fact("lowest", extreme(point.min, at.step), Role::Text);
        }
        if let Some((at, point)) = points().max_by(|a, b| a.1.max.total_cmp(&b.1.max)) {
            fact("highest", extreme(point.max, at.step), Role::Text);
        }
    }
    let best = dash.run.monitored().map(|monitored| monitored.best_at.step);
    let validation: Vec<_> = curves.validation.points().filter(|(_, point)| point.finite > 0).collect();
    if !validation.is_empty() {
        rows.push(Vec::new());
        rows.push(line(format!("{:>COLUMN$} {:>7}  validation", "step", "epoch"), Role::Dim, theme));
    }
    let room = most.saturating_sub(rows.len());
    for (at, point) in validation.into_iter().rev().take(room) {
        let mark = if best == Some(at.step) { " ✓" } else { "" };
        let step = number::count(at.step);
        let words = format!("{step:>COLUMN$} {:>7.2}  ", at.epoch);
        rows.push(vec![
            (words.into(), theme.style(Role::Text)),
            (format(point.mean()).into(), theme.style(Role::Validation)),
            (mark.into(), theme.style(Role::Good)),
        ]);
    }
    rows
}

/// The norm at each position, evenly chosen if there are more than rows, and as a share of the greatest.
fn gradient<'a>(dash: &Dashboard, most: usize, theme: &Theme) -> Vec<Row<'a>> {
    let Some(profiles) = dash.view.profiles(&dash.run) else { return Vec::new() };
    let norms = norms(&profiles.latest, dash.view.norm);
    let greatest = norms.iter().copied().filter(|norm| norm.is_finite()).fold(0.0_f32, f32::max);
    let mut rows = vec![line(format!("{:>5} {:<COLUMN$} ÷ greatest", "t", "norm"), Role::Dim, theme)];
    let every = norms.len().div_ceil(most.saturating_sub(1).max(1)).max(1);
    for (t, norm) in norms.iter().enumerate().rev().step_by(every) {
        let role = if dash.view.position == Some(t) { Role::Cursor } else { Role::Text };
        let value = number::metric(f64::from(*norm));
        let mut row = line(format!("{t:>5} {value:<COLUMN$} "), role, theme);
        row.extend(bar(if greatest > 0.0 { norm / greatest } else { 0.0 }, theme));
        rows.push(row);
    }
    rows
}

/// The units after the token of the cursor, or the last one, those of the greatest magnitude first.
fn units<'a>(dash: &'a Dashboard, most: usize, theme: &Theme) -> Vec<Row<'a>> {
    let Some(activations) = dash.view.activations(&dash.run) else { return Vec::new() };
    if activations.window.is_some() {
        return filters(dash, activations, most, theme);
    }
    let probe = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index()));
    let first = probe.map_or(0, |probe| probe.first_step);
    let row = dash.view.row(&dash.run).unwrap_or(0);
    let token = probe.and_then(|probe| probe.tokens.get(row)).map_or("", String::as_str);
    let values = activations.values.chunks(activations.units.max(1)).nth(row).unwrap_or_default();
    let mut units: Vec<(usize, f32)> = values.iter().copied().enumerate().collect();
    units.small_sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let greatest = units.first().map_or(0.0, |(_, value)| value.abs());
    let mut rows = vec![
        vec![
            ("after ".into(), theme.style(Role::Dim)),
            (escape::foreign(token), theme.style(Role::Title)),
            (format!(" · t = {}", first + row).into(), theme.style(Role::Dim)),
        ],
        line(format!("{:>5} {:>COLUMN$}", "unit", "value"), Role::Dim, theme),
    ];
    let chosen = dash.view.units.chosen_of(activations.units);
    // The chosen one is there, however small it is.
    let most = most.saturating_sub(2).max(1);
    if let Some(at) = units.iter().position(|(unit, _)| Some(*unit) == chosen).filter(|at| *at >= most) {
        units.swap(at, most - 1);
    }
    for (unit, value) in units.into_iter().take(most) {
        let role = if Some(unit) == chosen { Role::Selected } else { Role::Text };
        let mut row = line(format!("{unit:>5} {value:>COLUMN$.4} "), role, theme);
        row.extend(signed_bar(if greatest > 0.0 { value / greatest } else { 0.0 }, theme));
        rows.push(row);
    }
    rows
}

/// The filters of a convolution, each with its strongest window, the strongest first.
fn filters<'a>(dash: &'a Dashboard, activations: &Activations, most: usize, theme: &Theme) -> Vec<Row<'a>> {
    let probe = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index()));
    let words = match (probe, activations.window) {
        (Some(probe), Some(window)) => windows(probe, activations, window),
        _ => Vec::new(),
    };
    let units = activations.units.max(1);
    let strongest = |filter: usize| {
        let of_filter = activations.values.iter().skip(filter).step_by(units).copied().enumerate();
        of_filter.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let mut filters: Vec<(usize, (usize, f32))> =
        (0..units).filter_map(|filter| Some((filter, strongest(filter)?))).collect();
    filters.small_sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    let mut rows = vec![line(format!("{:>6} {:>7}  strongest at", "filter", "value"), Role::Dim, theme)];
    for (filter, (window, value)) in filters.into_iter().take(most.saturating_sub(1)) {
        let mut row = line(format!("{filter:>6} {value:>7.3}  "), Role::Text, theme);
        row.push((words.get(window).cloned().unwrap_or_default(), theme.style(Role::Title)));
        rows.push(row);
    }
    rows
}

/// The leading outputs after the token of the cursor, or the last one.
fn outputs<'a>(dash: &'a Dashboard, theme: &Theme) -> Vec<Row<'a>> {
    let probe = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index()));
    let Some((frame, probe)) = dash.view.probe(&dash.run).zip(probe) else { return Vec::new() };
    let last = frame.by_token.len().saturating_sub(1);
    let at =
        dash.view.position.and_then(|at| at.checked_sub(probe.first_step)).map_or(last, |at| at.min(last));
    let token = probe.tokens.get(at).map_or("", String::as_str);
    let mut rows = vec![vec![
        ("after ".into(), theme.style(Role::Dim)),
        (escape::foreign(token), theme.style(Role::Title)),
    ]];
    for (name, value) in frame.by_token.get(at).map_or(&[][..], |prediction| &prediction.outputs) {
        let mut row = line(format!("{value:>8.4} "), Role::Text, theme);
        row.extend(bar(*value, theme));
        row.push((" ".into(), theme.style(Role::Text)));
        row.push((class_name(dash.run.info(), name), theme.style(Role::Text)));
        rows.push(row);
    }
    if let Some(target) = probe.targets.get(at).filter(|target| !target.is_empty()) {
        rows.push(line(format!("target {}", escape::foreign(target)), Role::Dim, theme));
    }
    rows
}

/// A bar of a share of either sign, in the colour that its sign has in heat maps.
fn signed_bar<'a>(share: f32, theme: &Theme) -> [Piece<'a>; 2] {
    let [(full, style), rest] = bar(share.abs(), theme);
    let of_sign = theme.diverging(share.signum() * SIGN).map_or(style, |color| Style::new().fg(color));
    [(full, of_sign), rest]
}

/// A bar of a share.
fn bar<'a>(share: f32, theme: &Theme) -> [Piece<'a>; 2] {
    let full = (share.clamp(0.0, 1.0) * BAR as f32).round() as usize;
    [
        ("━".repeat(full).into(), theme.style(Role::Train)),
        ("─".repeat(BAR - full).into(), theme.style(Role::Border)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_of_a_negative_value_has_the_colour_of_negative_values() {
        let color = |share: f32| signed_bar(share, &Theme::DARK)[0].1.fg;
        assert_eq!(color(-0.5), Theme::DARK.diverging(-SIGN));
        assert_eq!(color(0.5), Theme::DARK.diverging(SIGN));
        assert_ne!(color(-0.5), color(0.5));
        let full = |share: f32| signed_bar(share, &Theme::DARK)[0].0.chars().count();
        assert_eq!((full(-0.5), full(0.5), full(-1.0)), (BAR / 2, BAR / 2, BAR));
    }
}
