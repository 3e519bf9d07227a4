//! The weights of an attention layer: a row a query, a column a key.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape;
use crate::protocol::{AttentionWeights, ProbeText};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::{HeatMap, swatch};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a cell from which on its key stands above it.
const LEAST_NAME: usize = 3;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let probe = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index()));
    let all = dash.view.probe(&dash.run).map_or(&[][..], |frame| &frame.attention);
    let shown = mean(all);
    let mut title = title(dash, Panel::Attention, "Attention", theme);
    let row = |layer: usize| dash.run.info().and_then(|info| info.model.layers.get(layer));
    if let Some((weights, heads)) = &shown {
        let class = row(weights.layer).map_or("", |row| row.class.as_str());
        let mean = if *heads > 1 { format!(", mean of {heads} heads") } else { String::new() };
        let words = format!(" · {} {}{mean}", weights.layer, escape::foreign(class));
        title.push((words.into(), theme.style(Role::Text)));
    }
    let total = dash.run.info().map_or(0, |info| info.probes.len());
    let left = [(format!("example {}/{total}", dash.view.probe_index() + 1).into(), theme.style(Role::Dim))];
    let greatest = shown.iter().flat_map(|(weights, _)| &weights.values).copied().fold(0.0_f32, f32::max);
    let right = if shown.is_some() { legend(greatest, theme) } else { Vec::new() };
    let focused = dash.view.focus(&dash.run) == Panel::Attention;
    let frame = PanelFrame { focused, title: &title, note: &[], left: &left, right: &right };
    frame.render(area, buf, theme);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let Some(((weights, _), probe)) = shown.zip(probe).filter(|_| greatest > 0.0) else {
        let words = "waiting for the first monitored step";
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let labels = names(weights.queries(), weights.first_query, probe);
    let keys = names(weights.keys, weights.first_key, probe);
    let selected = dash.view.position.and_then(|at| at.checked_sub(probe.first_step));
    let selected = selected.and_then(|token| token.checked_sub(weights.first_query?));
    let map = HeatMap {
        values: &weights.values,
        columns: weights.keys,
        labels: &labels,
        notes: &strongest(&weights, &keys, theme),
        scale: greatest,
        selected: selected.filter(|row| *row < labels.len()),
    };
    let below = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let fit = map.layout(below, theme);
    if fit.per_cell == 1 && fit.cell_width >= LEAST_NAME {
        for (column, key) in keys.iter().enumerate() {
            let x = inner.x + (fit.labels + column * fit.cell_width) as u16;
            let name = text::clip(key, fit.cell_width - 1);
            text::put(buf, x, inner.y, fit.cell_width, &[(name, theme.style(Role::Dim))]);
        }
    } else {
        let x = inner.x + fit.labels as u16;
        let room = usize::from(inner.width).saturating_sub(fit.labels);
        let words = format!("{} keys, left to right", weights.keys);
        text::put(buf, x, inner.y, room, &[(words.into(), theme.style(Role::Dim))]);
    }
    map.render(below, buf, theme);
}

/// The mean over the heads of the first layer with attention, and their number.
fn mean(all: &[AttentionWeights]) -> Option<(AttentionWeights, usize)> {
    let first = all.first()?;
    let heads: Vec<&AttentionWeights> = all.iter().filter(|weights| weights.layer == first.layer).collect();
    let mut mean = first.clone();
    for (i, value) in mean.values.iter_mut().enumerate() {
        let of_heads = heads.iter().filter_map(|weights| weights.values.get(i));
        *value = of_heads.sum::<f32>() / heads.len() as f32;
    }
    Some((mean, heads.len()))
}

/// The tokens of one axis, or the numbers of its steps.
fn names(steps: usize, first: Option<usize>, probe: &ProbeText) -> Vec<Cow<'_, str>> {
    let name = |step: usize| match first {
        Some(first) => probe.tokens.get(first + step).map_or("".into(), |token| escape::foreign(token)),
        None => step.to_string().into(),
    };
    (0..steps).map(name).collect()
}

/// What each query attends to most.
fn strongest<'a>(weights: &AttentionWeights, keys: &[Cow<'_, str>], theme: &Theme) -> Vec<Piece<'a>> {
    let note = |row: &[f32]| {
        let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let words = most.map(|(key, weight)| {
            let name = keys.get(key).map_or("", |key| key.as_ref());
            format!("{name} {weight:.2}")
        });
        (words.unwrap_or_default().into(), theme.style(Role::Text))
    };
    weights.values.chunks(weights.keys.max(1)).map(note).collect()
}

/// The ends of the colour scale.
fn legend<'a>(greatest: f32, theme: &Theme) -> Vec<Piece<'a>> {
    let dim = theme.style(Role::Dim);
    let mut pieces: Vec<Piece<'a>> = vec![("0 ".into(), dim)];
    pieces.extend((0..=4).map(|i| {
        let (c, style) = swatch(i as f32 / 4.0, theme);
        (c.to_string().into(), style)
    }));
    pieces.push((format!(" {greatest:.2}").into(), dim));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_one_layer_are_averaged() {
        let head = |layer, head, values: [f32; 2]| AttentionWeights {
            layer,
            head,
            keys: 2,
            values: values.to_vec(),
            ..AttentionWeights::default()
        };
        let all = [head(2, 0, [1.0, 0.0]), head(2, 1, [0.5, 0.5]), head(5, 0, [0.0, 1.0])];
        let (found, heads) = mean(&all).unwrap();
        assert_eq!((found.values, heads), (vec![0.75, 0.25], 2));
        assert!(mean(&[]).is_none());
    }
}
