//! The table of the runs: of a race the standings, of a comparison what was recorded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::name_role;
use crate::escape::foreign;
use crate::metrics::mean_and_deviation;
use crate::number;
use crate::protocol::RunStatus;
use crate::run::race::Standing;
use crate::ui::dashboard::Dashboard;
use crate::ui::group::curves::RunCurves;
use crate::ui::group::{ComparedRuns, Group, Kind, RunningRace};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// The number of characters of a bar of progress.
const BAR: usize = 8;
/// Columns before a name: mark, place, letter and line.
const BEFORE: usize = 12;

/// The columns of a race behind the names: their widths and headings.
const OF_RACE: [(usize, &str); 7] = [
    (BAR, "progress"),
    (8, "epoch"),
    (9, "this seed"),
    (14, "mean of seeds"),
    (8, "tokens/s"),
    (7, "time"),
    (10, "parameters"),
];
/// The column of the value, in place of which the value at the cursor stands.
const VALUE: usize = 2;

/// The columns of a comparison.
const OF_COMPARISON: [(usize, &str); 7] =
    [(8, "state"), (8, "step"), (9, "last"), (9, "best"), (8, "at epoch"), (10, "parameters"), (7, "time")];

/// A cell: what it says, and how.
type Cell = (String, Style);

/// Draws the table; columns at the right that do not fit are left out, and so are runs below the last row.
pub(super) fn render(dash: &Dashboard, group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    let columns = if group.race().is_some() { &OF_RACE } else { &OF_COMPARISON };
    let widest = group.members.iter().map(|member| foreign(&member.name).width()).max().unwrap_or(0);
    let names = widest
        .clamp(7, if columns == &OF_RACE { (width / 5).max(16) } else { width.saturating_sub(50).max(16) });
    let fitting = fitting(columns, width.saturating_sub(BEFORE + names));
    let metric = match &group.kind {
        Kind::Race(race) => race.standings.judged.as_ref().map_or("value", |judged| judged.name.as_str()),
        Kind::Comparison(_) | Kind::Trainings { .. } => group.metric(),
    };
    let of = if group.race().is_some() { "network" } else { "run" };
    let mut head = format!("{:BEFORE$}{of:names$}", "");
    for (i, (columns, title)) in columns.iter().enumerate().take(fitting) {
        head += &match i {
            // At the left, as the bar and the word below.
            0 => format!("  {title:columns$}"),
            VALUE if dash.view.cursor.is_some() => format!("  {:>columns$}", "at cursor"),
            _ => format!("  {title:>columns$}"),
        };
    }
    let name = format!("  {}", foreign(metric));
    let has_space = head.width() + name.width() <= width;
    let name = if has_space { name } else { String::new() };
    let head = [(head.into(), theme.style(Role::Title)), (name.into(), theme.style(Role::Dim))];
    text::put(buf, area.x, area.y, width, &head);
    let order = group.order();
    let rows = usize::from(area.height - 1);
    let front = order.iter().position(|number| *number == group.front).unwrap_or(0);
    let is_whole = order.len() <= rows;
    // The last row counts those that are left out.
    let shown = if is_whole { rows } else { rows.saturating_sub(1) };
    let first = (front + 1).saturating_sub(shown.max(1));
    for (row, (place, number)) in order.iter().enumerate().skip(first).take(shown).enumerate() {
        let Some(member) = group.members.get(*number) else { continue };
        let style = theme.series(member.curves.color());
        let cells = match &group.kind {
            Kind::Race(race) => of_race(dash, group, race, *number, metric, theme),
            Kind::Comparison(compared) => of_comparison(dash, group, compared, *number, metric, theme),
            Kind::Trainings { .. } => of_training(dash, group, *number, metric, theme),
        };
        let name = foreign(&member.name);
        let name = text::clip_name(&name, names);
        let gap = " ".repeat(names.saturating_sub(name.width()));
        let mark = if *number == group.front { "▸" } else { " " };
        let place = if group.race().is_some() { (place + 1).to_string() } else { String::new() };
        let mut pieces: Vec<Piece<'_>> = vec![
            (mark.into(), theme.style(Role::Key)),
            (format!("{place:>2}").into(), theme.style(Role::Text)),
            (turn(group, *number).into(), theme.style(Role::Good)),
            (format!("{} {} ", member.curves.letter(), member.curves.sample()).into(), style),
            (format!("{name}{gap}").into(), theme.style(name_role(group, *number))),
        ];
        for (i, ((columns, _), (cell, style))) in columns.iter().zip(cells).enumerate().take(fitting) {
            let cell = text::clip(&cell, *columns).into_owned();
            pieces.push(match i {
                0 => (format!("  {cell:columns$}").into(), style),
                _ => (format!("  {cell:>columns$}").into(), style),
            });
        }
        if let Some(error) = &member.error {
            pieces.push((format!("  {}", foreign(error)).into(), theme.style(Role::Warning)));
        }
        text::put(buf, area.x, area.y + 1 + row as u16, width, &pieces);
    }
    if !is_whole && rows > 0 {
        let more = format!("    and {}", number::counted(order.len() - shown, "run"));
        text::put(buf, area.x, area.bottom() - 1, width, &[(more.into(), theme.style(Role::Dim))]);
    }
}

/// How many columns fit into `width`; those at the right are left out first.
fn fitting(columns: &[(usize, &str)], width: usize) -> usize {
    let ends = columns.iter().scan(0, |used, (columns, _)| {
        *used += columns + 2;
        Some(*used)
    });
    ends.take_while(|end| *end <= width).count()
}

/// A mark of the network that makes a step of a race.
fn turn(group: &Group, number: usize) -> &'static str {
    let has_turn = group.race().is_some_and(|race| {
        let is_over = race.standings.networks.get(number).is_none_or(Standing::is_over);
        race.events.is_some() && race.standings.current == Some(number) && !is_over
    });
    if has_turn { "* " } else { "  " }
}

fn value(metric: &str, value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| number::named(metric, value))
}

fn of_race(
    dash: &Dashboard,
    group: &Group,
    race: &RunningRace,
    number: usize,
    metric: &str,
    theme: &Theme,
) -> Vec<Cell> {
    let Some(network) = race.standings.networks.get(number) else { return Vec::new() };
    let style = group.members.get(number).map_or(Style::new(), |member| theme.series(member.curves.color()));
    let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    let epoch = format!("{}/{}", network.epochs.0, network.epochs.1);
    let per_second = network.total.0 as f64 / network.total.1.max(1e-9);
    let speed = if network.total.0 > 0 { number::rate(per_second) } else { "–".to_owned() };
    let shown = match dash.view.cursor {
        Some(cursor) => group.value(number, metric, Some(cursor)),
        None => network.value,
    };
    let params = if network.params > 0 { number::count(network.params as u64) } else { "–".to_owned() };
    vec![
        (bar(network), style),
        (word(network).unwrap_or(&epoch).to_owned(), theme.style(state_role(network))),
        (value(metric, shown), style),
        (mean(network, metric), text),
        (speed, dim),
        (number::duration(network.total.1), dim),
        (params, dim),
    ]
}

fn of_comparison(
    dash: &Dashboard,
    group: &Group,
    compared: &ComparedRuns,
    number: usize,
    metric: &str,
    theme: &Theme,
) -> Vec<Cell> {
    let Some(run) = compared.comparison.runs.get(number) else { return Vec::new() };
    let style = group.members.get(number).map_or(Style::new(), |member| theme.series(member.curves.color()));
    let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    let cursor = dash.view.cursor;
    let step = cursor.map_or(run.summary.steps, |cursor| group.step_of(number, cursor));
    let best = run.summary.metric(metric).filter(|_| !RunCurves::is_of_steps(metric));
    let epoch = run.summary.best.as_ref().filter(|_| best.is_some());
    vec![
        (run.state.word().to_owned(), dim),
        (number::count(step), dim),
        (value(metric, group.value(number, metric, cursor)), style),
        (value(metric, best), text),
        (epoch.map_or("–".to_owned(), |best| number::count(best.epoch)), dim),
        (number::count(run.summary.params), dim),
        (number::duration(run.summary.seconds), dim),
    ]
}

fn of_training(dash: &Dashboard, group: &Group, number: usize, metric: &str, theme: &Theme) -> Vec<Cell> {
    let run = group.run(number, &dash.run);
    let style = group.members.get(number).map_or(Style::new(), |member| theme.series(member.curves.color()));
    let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
    let cursor = dash.view.cursor;
    let latest = run.latest().map_or(0, |latest| latest.step);
    let step = cursor.map_or(latest, |cursor| group.step_of(number, cursor));
    let best = run.monitored().filter(|monitored| monitored.metric == metric);
    vec![
        (run.status().map_or("starting", RunStatus::word).to_owned(), dim),
        (number::count(step), dim),
        (value(metric, group.value(number, metric, cursor)), style),
        (value(metric, best.map(|best| best.best)), text),
        (best.map_or("–".to_owned(), |best| number::count(best.best_epoch as u64)), dim),
        (run.info().map_or("–".to_owned(), |info| number::count(info.model.params() as u64)), dim),
        (run.latest().map_or("–".to_owned(), |latest| number::duration(latest.seconds)), dim),
    ]
}

/// The mean and the standard deviation with the seeds that have ended.
fn mean(network: &Standing, metric: &str) -> String {
    let values: Vec<f64> = network.values.iter().copied().flatten().collect();
    let deviation =
        |x: f64| if metric.ends_with("accuracy") { format!("{:.1}", x * 100.0) } else { number::metric(x) };
    match mean_and_deviation(&values) {
        Some((mean, Some(sd))) => format!("{} ± {}", number::named(metric, mean), deviation(sd)),
        Some((mean, None)) => number::named(metric, mean),
        None => "–".to_owned(),
    }
}

/// The share of the steps that are made, as a bar.
fn bar(network: &Standing) -> String {
    let (made, all) = network.steps;
    let share = if all > 0 { made as f64 / all as f64 } else { 0.0 };
    let full = ((share * BAR as f64).floor() as usize).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// The state of a training that does not just train.
fn word(network: &Standing) -> Option<&str> {
    match network.status.as_ref()? {
        RunStatus::Training | RunStatus::Validating | RunStatus::Finished => None,
        RunStatus::Stopped { .. } => Some("stopped"),
        other => Some(other.word()),
    }
}

fn state_role(network: &Standing) -> Role {
    match &network.status {
        Some(RunStatus::Diverged { .. } | RunStatus::Failed { .. }) => Role::Bad,
        _ => Role::Text,
    }
}
