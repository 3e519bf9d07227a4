//! The states of each run at the same example, side by side.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{beside, letter, name_role};
use crate::escape::foreign;
use crate::ui::dashboard::Dashboard;
use crate::ui::group::Group;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::hidden::{by_token, windows};
use crate::ui::widget::heat_map::HeatMap;
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns from which the title and the prediction after every token have space for whole words.
const WIDE: u16 = 44;

/// Draws a panel for each run that has any.
pub(super) fn render(dash: &Dashboard, group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let has_layers = |number| group.run(number, &dash.run).shown_layers().next().is_some();
    let numbers = beside(group, area.width, has_layers);
    let areas = Layout::horizontal(vec![Constraint::Fill(1); numbers.len()]).split(area);
    for (number, area) in numbers.iter().zip(areas.iter()) {
        panel(dash, group, *number, *area, buf, theme);
    }
}

fn panel(dash: &Dashboard, group: &Group, number: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(member) = group.members.get(number) else { return };
    let (view, run) = (&dash.view, group.run(number, &dash.run));
    let probe = run.info().and_then(|info| info.probes.get(view.probe_index()));
    let shown = view.probe(run).zip(view.activations(run));
    let quantity = shown.map_or("h", |(_, activations)| activations.quantity.as_str());
    let after = if area.width < WIDE { "by token" } else { "after each token" };
    let title: [Piece<'_>; 3] = [
        letter(&member.curves, theme),
        (foreign(&member.name), theme.style(name_role(group, number))),
        (format!(" {} {after}", foreign(quantity)).into(), theme.style(Role::Dim)),
    ];
    let frame = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let (Some((frame, activations)), Some(probe)) = (shown, probe) else {
        let words = [("not monitored yet".into(), theme.style(Role::Dim))];
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &words);
        return;
    };
    let labels: Vec<Cow<'_, str>> = match activations.window {
        Some(window) => windows(probe, activations, window),
        None => probe.tokens.iter().map(|token| foreign(token)).collect(),
    };
    let notes = match activations.window {
        Some(_) => Vec::new(),
        None => by_token((frame, probe), run.info(), area.width < WIDE, theme),
    };
    let (values, columns) = (&activations.values, activations.units);
    let scale = run.heat_scale((activations.layer, activations.direction), &activations.quantity);
    HeatMap { values, columns, labels: &labels, notes: &notes, scale, selected: None }
        .render(inner, buf, theme);
}
