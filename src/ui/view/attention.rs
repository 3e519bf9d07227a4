//! The attention weights of an example: which tokens each token has read.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape;
use crate::number;
use crate::protocol::{AttentionWeights, ProbeText};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::heat_map::{HeatMap, swatch};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a name from which on an ellipsis says that it is cut.
const ELLIPSIS: usize = 5;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let weights = dash.view.attention(&dash.run);
    let name = match weights {
        Some(weights) => format!("Attention · {}", layer(dash, weights)),
        None => "Attention".to_owned(),
    };
    let title = title(dash, Panel::Attention, &name, theme);
    let example = format!("example {}", dash.view.probe_index() + 1);
    let mut left = vec![(example.into(), theme.style(Role::Dim))];
    if let Some(step) = dash.run.looks_back_to() {
        left.push((format!(" step {}", number::count(step)).into(), theme.style(Role::Cursor)));
    }
    let greatest = weights.map_or(0.0, |weights| weights.values.iter().copied().fold(0.0, f32::max));
    let right = if greatest > 0.0 { legend(greatest, theme) } else { Vec::new() };
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Attention,
        title: &title,
        note: &[vec![("from row to column".into(), theme.style(Role::Dim))]],
        left: &left,
        right: &right,
    };
    let inner = frame.render(area, buf, theme);
    let area = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let probe = dash.run.info().and_then(|info| info.probes.get(dash.view.probe_index()));
    let Some((weights, probe)) = weights.zip(probe).filter(|_| area.height > 1) else {
        let words = "waiting for the next monitored step";
        text::put(buf, area.x, area.y, usize::from(area.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let rows = names(weights.first_query, weights.queries(), probe);
    let columns = names(weights.first_key, weights.keys, probe);
    let selected = dash.view.position.and_then(|at| at.checked_sub(probe.first_step));
    let selected = selected.and_then(|at| at.checked_sub(weights.first_query.unwrap_or(0)));
    let map = HeatMap {
        values: &weights.values,
        columns: weights.keys,
        labels: &rows,
        notes: &strongest(weights, &columns, theme),
        scale: greatest.max(f32::MIN_POSITIVE),
        selected: selected.filter(|row| *row < rows.len()),
    };
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let fit = map.layout(below, theme);
    // The names of the columns, as far as they fit above them.
    for (at, name) in columns.iter().enumerate().filter(|_| fit.per_cell == 1 && fit.cell_width > 1) {
        let x = area.x + (fit.labels + at * fit.cell_width) as u16;
        if x < area.right() {
            let room = (fit.cell_width - 1).min(usize::from(area.right() - x));
            let name = if room < ELLIPSIS { text::first_columns(name, room) } else { name.as_ref() };
            text::put(buf, x, area.y, room, &[(name.into(), theme.style(Role::Dim))]);
        }
    }
    map.render(below, buf, theme);
}

/// The tokens of `count` rows or columns from `first` on; numbers where they are no tokens.
fn names(first: Option<usize>, count: usize, probe: &ProbeText) -> Vec<Cow<'_, str>> {
    let token = |at: usize| probe.tokens.get(at).map(|token| escape::foreign(token));
    let name = |i: usize| first.and_then(|first| token(first + i)).unwrap_or_else(|| i.to_string().into());
    (0..count).map(name).collect()
}

/// The name of the layer, and of the head where it has several.
fn layer(dash: &Dashboard, weights: &AttentionWeights) -> String {
    let row = dash.run.info().and_then(|info| info.model.layers.get(weights.layer));
    let class = escape::foreign(row.map_or("", |row| row.class.as_str()));
    let heads = dash.view.heads(&dash.run).filter(|other| other.layer == weights.layer).count();
    match heads {
        0 | 1 => format!("{} {class}", weights.layer),
        _ => format!("{} {class} · head {} of {heads}", weights.layer, weights.head + 1),
    }
}

/// What each row reads most.
fn strongest<'a>(weights: &AttentionWeights, columns: &[Cow<'_, str>], theme: &Theme) -> Vec<Piece<'a>> {
    let note = |row: &[f32]| {
        let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let words = most.map(|(at, weight)| {
            format!("{} {weight:.2}", columns.get(at).map_or("", |column| column.as_ref()))
        });
        (words.unwrap_or_default().into(), theme.style(Role::Text))
    };
    weights.values.chunks(weights.keys.max(1)).map(note).collect()
}

/// The legend of the colours.
fn legend<'a>(greatest: f32, theme: &Theme) -> Vec<Piece<'a>> {
    let dim = theme.style(Role::Dim);
    let shades = (0..=4).map(|i| {
        let (c, style) = swatch(i as f32 / 4.0, theme);
        (c.to_string().into(), style)
    });
    let ends = [("0".into(), dim), (format!("{greatest:.2}").into(), dim)];
    let [low, high] = ends;
    [low].into_iter().chain(shades).chain([high]).collect()
}
