//! The runs of a race or a comparison: curves over one another, gradients and states side by side, a table.

mod gradients;
mod head;
mod settings;
mod states;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

pub(super) use gradients::sentence;
pub(super) use head::{render as render_head, rows as head_rows};

use crate::ui::dashboard::Dashboard;
use crate::ui::group::chart::MetricChart;
use crate::ui::group::curves::RunCurves;
use crate::ui::group::{Content, Group};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::Piece;

/// Columns from which the loss has a chart of its own, and gradients and states stand below the curves.
const WIDE: u16 = 100;
/// Rows of a chart at least.
const CHART: u16 = 6;
/// Rows above the table from which the gradients have some of them.
const WITH_GRADIENTS: u16 = 22;
/// Rows above the table from which the states have some of them as well.
const WITH_STATES: u16 = 40;
/// Rows above the table from which the settings have some of them.
const WITH_SETTINGS: u16 = 14;
/// Rows of the settings at most, their frame counted.
const SETTINGS: u16 = 8;
/// Columns of the panel of a run at least.
const NARROW: u16 = 26;

/// Draws the tab.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(group) = &dash.group else { return };
    if group.content == Content::Curves {
        return charts(dash, group, area, buf, theme);
    }
    let rows = group.members.len() as u16 + 1;
    let table = rows.min(area.height.saturating_sub(CHART + 1).max(2));
    let [above, table] = Layout::vertical([Constraint::Fill(1), Constraint::Length(table)]).areas(area);
    table::render(dash, group, table, buf, theme);
    match group.content {
        Content::All => all(dash, group, above, buf, theme),
        Content::Curves => {}
        Content::Gradients => gradients::render(dash, group, above, buf, theme),
        Content::States => states::render(dash, group, above, buf, theme),
        Content::Settings => settings::render(group, above, buf, theme),
    }
}

/// The curves, and below them what else there is space for.
fn all(dash: &Dashboard, group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let differing = group.compared().map(|compared| compared.comparison.of_training().count() as u16);
    let settings = differing.filter(|_| area.height >= WITH_SETTINGS);
    let settings =
        settings.map_or(0, |differing| (differing.max(1) + 3).min(SETTINGS).min(area.height * 2 / 5));
    let rest = area.height - settings;
    let is_wide = area.width >= WIDE;
    let has_gradients = is_wide && rest >= WITH_GRADIENTS && group.has_gradients();
    let has_states = is_wide && rest >= WITH_STATES && group.has_states(&dash.run);
    let parts = [
        Constraint::Fill(3),
        Constraint::Fill(if has_gradients { 2 } else { 0 }),
        Constraint::Fill(if has_states { 3 } else { 0 }),
        Constraint::Length(settings),
    ];
    let [curves, reach, states, settings] = Layout::vertical(parts).areas(area);
    charts(dash, group, curves, buf, theme);
    if has_gradients {
        gradients::render(dash, group, reach, buf, theme);
    }
    if has_states {
        states::render(dash, group, states, buf, theme);
    }
    if !settings.is_empty() {
        settings::render(group, settings, buf, theme);
    }
}

fn charts(dash: &Dashboard, group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let name = group.metric();
    let curves: Vec<&RunCurves> = group.curves().collect();
    let front = group.members.get(group.front);
    let cursor = dash.view.cursor.zip(front).map(|(step, front)| front.curves.place_of(group.axis, step));
    let chart = |name, focused| MetricChart {
        name,
        axis: group.axis,
        log: group.log,
        smoothing: dash.view.smoothing,
        focused,
        curves: &curves,
        earlier: &group.earlier,
        cursor,
    };
    if area.width < WIDE || name == "loss" {
        return chart(name, true).render(area, buf, theme);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
    chart(name, true).render(left, buf, theme);
    chart("loss", false).render(right, buf, theme);
}

/// The runs for which `is_shown` says so, as many as have a place of their own in `width` columns: the one in front among them.
fn beside(group: &Group, width: u16, is_shown: impl Fn(usize) -> bool) -> Vec<usize> {
    let all: Vec<usize> = (0..group.members.len()).filter(|number| is_shown(*number)).collect();
    let most = usize::from(width / NARROW).max(1);
    let front = all.iter().position(|number| *number == group.front).unwrap_or(0);
    let first = (front + 1).saturating_sub(most);
    all.into_iter().skip(first).take(most).collect()
}

/// The letter of a run in its colour.
fn letter<'a>(curves: &RunCurves, theme: &Theme) -> Piece<'a> {
    (format!("{} ", curves.letter()).into(), theme.series(curves.color()))
}

/// The colour of the name of a run: that of the one in front is bright.
fn name_role(group: &Group, number: usize) -> Role {
    if number == group.front { Role::Title } else { Role::Text }
}
