//! The gradient through time over training: a row a monitored step, a column a time step.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::gradient::{layer_name, padding_words};
use super::title;
use crate::number;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::run_state::{GradientHistory, GradientRow, HalfLife};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::{HeatMap, swatch};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Decades of the colour scale at most: what is smaller has the colour of 0.
const MOST_DECADES: f64 = 12.0;
/// From this width on each row has its half-life.
const NOTES: u16 = 46;

/// From this width on the half-life has its spread.
const SPREAD: u16 = 76;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let layer = dash.view.layer(&dash.run);
    let mut title = title(dash, Panel::Waterfall, "Gradient over training", theme);
    let name = layer.map(|layer| format!(" ‖∂L/∂h_t‖ · {}", layer_name(dash, layer)));
    let name: Piece<'_> = (name.unwrap_or_default().into(), theme.style(Role::Text));
    if text::width_of(&title) + text::width(&name.0) + 6 <= usize::from(area.width) {
        title.push(name);
    }
    let history = layer.and_then(|layer| dash.run.gradient_history(layer));
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    // The upper row has the names of the columns.
    let map_area = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let rows = history.map_or(Vec::new(), |history| spread(history.rows(), usize::from(map_area.height)));
    let decades = decades(&rows);
    let left = history
        .and_then(|history| history.rows().last())
        .map(|row| now(row, area.width >= SPREAD, theme))
        .unwrap_or_default();
    let right = decades.map(|decades| legend(decades, theme)).unwrap_or_default();
    let focused = dash.view.focus(&dash.run) == Panel::Waterfall;
    let frame = PanelFrame { focused, title: &title, note: &[], left: &left, right: &right };
    frame.render(area, buf, theme);
    let (Some(history), Some(decades)) = (history, decades) else {
        let words = "waiting for the first monitored step with a gradient";
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let values: Vec<f32> =
        rows.iter().flat_map(|row| row.norms.iter().map(|norm| shade(*norm, decades))).collect();
    let labels: Vec<Cow<'_, str>> = rows.iter().map(|row| number::count(row.step).into()).collect();
    let notes: Vec<Piece<'_>> = match area.width >= NOTES {
        true => rows.iter().map(|row| note(row, theme)).collect(),
        false => Vec::new(),
    };
    let columns = rows.last().map_or(0, |row| row.norms.len());
    let map =
        HeatMap { values: &values, columns, labels: &labels, notes: &notes, scale: 1.0, selected: None };
    let fit = map.layout(map_area, theme);
    let padding = dash.view.profiles(&dash.run).and_then(|profiles| padding_words(&profiles.latest));
    header((history, padding), fit.labels, fit.notes, inner, buf, theme);
    map.render(map_area, buf, theme);
    cursor(dash, history, fit.labels, fit.notes, inner, buf, theme);
}

/// At most so many of the rows, evenly chosen, the first and the last among them.
fn spread(rows: &[GradientRow], most: usize) -> Vec<&GradientRow> {
    let last = rows.len().saturating_sub(1);
    if rows.len() <= most {
        return rows.iter().collect();
    }
    let gaps = most.saturating_sub(1).max(1);
    (0..most).filter_map(|i| rows.get((i * last + gaps / 2) / gaps)).collect()
}

/// The decades of the colour scale: whole ones, so that it rarely changes; `None` if all norms are 0. Those at padding, many decades lower, have
/// no part in it unless there are no others.
fn decades(rows: &[&GradientRow]) -> Option<(f64, f64)> {
    let read = |row: &&GradientRow| row.norms.get(row.read.clone()).unwrap_or_default().to_vec();
    let all = |row: &&GradientRow| row.norms.to_vec();
    decades_of(rows.iter().flat_map(read)).or_else(|| decades_of(rows.iter().flat_map(all)))
}

fn decades_of(norms: impl Iterator<Item = f32>) -> Option<(f64, f64)> {
    let usable = norms.filter(|norm| norm.is_finite() && *norm > 0.0).map(|norm| f64::from(norm).log10());
    let (low, high) =
        usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let (low, high) = (low.floor(), high.ceil());
    (low <= high).then(|| (low.min(high - 1.0).max(high - MOST_DECADES), high))
}

/// The place of a norm on the scale, from 0 to 1.
fn shade(norm: f32, (low, high): (f64, f64)) -> f32 {
    match norm > 0.0 {
        true => ((f64::from(norm).log10() - low) / (high - low)).clamp(0.0, 1.0) as f32,
        false => 0.0,
    }
}

/// `t` of the first and of the last column, above the map, and where the padding is.
fn header(
    (history, padding): (&GradientHistory, Option<String>),
    labels: usize,
    notes: usize,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let dim = theme.style(Role::Dim);
    let room = usize::from(area.width).saturating_sub(labels + notes);
    let x = area.x + labels as u16;
    if labels > text::width("step") {
        text::put(buf, area.x, area.y, labels - 1, &[("step".into(), dim)]);
    }
    let last = history.positions().saturating_sub(1).to_string();
    let wide = text::width(&last);
    let padding = padding.map(|padding| format!("t = 0 · {padding}"));
    let first = padding.filter(|words| text::width(words) + wide + 1 < room);
    text::put(buf, x, area.y, room, &[(first.unwrap_or_else(|| "t = 0".into()).into(), dim)]);
    if room > wide + 6 {
        text::put(buf, x + (room - wide) as u16, area.y, wide, &[(last.into(), dim)]);
    }
    if notes > 0 {
        let words = [("half-life".into(), dim)];
        text::put(buf, area.right() - (notes as u16 - 1), area.y, notes - 1, &words);
    }
}

/// Marks the column of the cursor above the map.
fn cursor(
    dash: &Dashboard,
    history: &GradientHistory,
    labels: usize,
    notes: usize,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let room = usize::from(area.width).saturating_sub(labels + notes);
    let Some(at) = dash.view.position.filter(|at| *at < history.positions() && room > 0) else { return };
    let words = format!("t = {at} ▼");
    // The arrow stands above the column.
    let wide = text::width(&words);
    let column = at * room / history.positions().max(1);
    let x = (labels + column + 1).saturating_sub(wide).max(labels);
    let pieces = [(words.into(), theme.style(Role::Cursor))];
    text::put(buf, area.x + x as u16, area.y, room.saturating_sub(x - labels), &pieces);
}

/// The half-life of a row.
fn note<'a>(row: &GradientRow, theme: &Theme) -> Piece<'a> {
    match row.half_life {
        // As wide as the name of the column.
        Some(half_life) => (format!("{:<9}", rounded(half_life.median)).into(), theme.style(Role::Text)),
        None => ("no clear slope".into(), theme.style(Role::Dim)),
    }
}

/// The half-life of the latest row, with its spread if there is space.
fn now<'a>(row: &GradientRow, with_spread: bool, theme: &Theme) -> Vec<Piece<'a>> {
    let grows = row.half_life.is_some_and(|half_life| half_life.median < 0.0 && half_life.median > -1000.0);
    let label = if grows { "doubles every " } else { "half-life " };
    let rounded = |steps: f32| rounded(if grows { steps.abs() } else { steps });
    match row.half_life {
        Some(HalfLife { median, .. }) if !with_spread => {
            vec![(label.into(), theme.style(Role::Dim)), (rounded(median).into(), theme.style(Role::Title))]
        }
        Some(HalfLife { median, quartiles: [low, high], clear, batches }) => vec![
            (label.into(), theme.style(Role::Dim)),
            (rounded(median).into(), theme.style(Role::Title)),
            (
                format!(" ({} to {}, {clear} of {batches} batches)", rounded(low), rounded(high)).into(),
                theme.style(Role::Dim),
            ),
        ],
        None => vec![("no clear slope".into(), theme.style(Role::Dim))],
    }
}

/// A number of steps back in which the norm halves, or grows to the double; beyond thousands it is as good as constant.
fn rounded(half_life: f32) -> String {
    let steps = match half_life.abs() {
        x if !x.is_finite() || x >= 1000.0 => return "constant".into(),
        x if x >= 10.0 => format!("{x:.0}"),
        x => format!("{x:.1}"),
    };
    if half_life < 0.0 { format!("doubles {steps}") } else { steps }
}

/// The ends of the colour scale.
fn legend<'a>((low, high): (f64, f64), theme: &Theme) -> Vec<Piece<'a>> {
    let dim = theme.style(Role::Dim);
    // Whole decades; a float may be -0.
    let (low, high) = (low as i32, high as i32);
    let mut pieces = vec![(format!("≤1e{low} ").into(), dim)];
    pieces.extend((0..=4).map(|i| {
        let (c, style): (char, Style) = swatch(i as f32 / 4.0, theme);
        (c.to_string().into(), style)
    }));
    pieces.push((format!(" 1e{high}").into(), dim));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(pieces: &[Piece<'_>]) -> String {
        pieces.iter().map(|(text, _)| text.as_ref()).collect()
    }

    fn row(step: u64, norms: &[f32]) -> GradientRow {
        GradientRow { step, norms: norms.into(), read: 0..norms.len(), half_life: None }
    }

    #[test]
    fn a_norm_that_grows_back_in_time_is_no_negative_half_life() {
        let texts = [12.34, 5.67, -31.2, -2000.0, f32::INFINITY].map(rounded);
        assert_eq!(texts, ["12", "5.7", "doubles 31", "constant", "constant"]);
    }

    #[test]
    fn rows_are_chosen_evenly_with_the_first_and_the_last() {
        let rows: Vec<GradientRow> = (0..10).map(|step| row(step, &[1.0])).collect();
        let steps = |most| spread(&rows, most).iter().map(|row| row.step).collect::<Vec<_>>();
        assert_eq!(steps(4), [0, 3, 6, 9]);
        assert_eq!(steps(20).len(), 10);
        assert_eq!((steps(1), steps(0)), (vec![0], vec![]));
    }

    #[test]
    fn the_scale_has_whole_decades_and_zero_has_its_lower_end() {
        let rows = [row(0, &[0.0, 2e-3]), row(1, &[f32::NAN, 0.5])];
        let scale = decades(&rows.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(scale, (-3.0, 0.0));
        assert_eq!((shade(0.0, scale), shade(1.0, scale), shade(f32::NAN, scale)), (0.0, 1.0, 0.0));
        assert!((shade(0.1, scale) - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(decades(&[&row(0, &[0.0])]), None);
        // Of a small last batch with short sentences: behind them there is padding.
        let padded = GradientRow { read: 0..1, ..row(2, &[0.02, 2e-9]) };
        assert_eq!(decades(&[&rows[1], &padded]), Some((-2.0, 0.0)));
        assert_eq!(
            decades(&[&GradientRow { read: 0..0, ..padded }]),
            Some((-9.0, -1.0)),
            "all of it is padding"
        );
        let words = text_of(&legend(scale, &Theme::DARK));
        assert!(words.starts_with("≤1e-3 ") && words.ends_with(" 1e0"), "{words}");
    }
}
