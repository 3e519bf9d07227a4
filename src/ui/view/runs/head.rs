//! The state of a race or a comparison, in the rows of the status.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::escape::foreign;
use crate::number;
use crate::protocol::RunStatus;
use crate::ui::dashboard::Dashboard;
use crate::ui::group::{Group, Kind, RunningRace};
use crate::ui::theme::{Role, Theme};
use crate::ui::view::status::{mark, separated};
use crate::ui::widget::text;

/// The rows that it takes, `most` at most.
pub(in crate::ui::view) fn rows(
    dash: &Dashboard,
    group: &Group,
    width: u16,
    most: u16,
    theme: &Theme,
) -> u16 {
    let is_whole = text::width_of(&separated(words(dash, group), theme)) + 2 <= usize::from(width);
    if is_whole { 1 } else { most }
}

/// Draws it; what finds no place in one row stands in the second.
pub(in crate::ui::view) fn render(
    dash: &Dashboard,
    group: &Group,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let words = words(dash, group);
    let width = usize::from(area.width).saturating_sub(2);
    let mut rest = words.as_slice();
    for y in area.top()..area.bottom() {
        let fits = |count: &usize| {
            let words = rest.iter().take(*count).cloned().collect();
            text::width_of(&separated(words, theme)) <= width
        };
        let count = (1..=rest.len()).take_while(fits).last().unwrap_or(1);
        let (row, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        text::put(buf, area.x + 1, y, width, &separated(row.to_vec(), theme));
        rest = after;
    }
}

fn words(dash: &Dashboard, group: &Group) -> Vec<(String, Role)> {
    let mut words = match &group.kind {
        Kind::Race(race) => of_race(race),
        Kind::Comparison(compared) => {
            let runs = number::counted(compared.comparison.runs.len(), "run");
            vec![(format!("Comparison of {runs}"), Role::Title)]
        }
        Kind::Trainings { .. } => of_trainings(dash),
    };
    match dash.view.cursor {
        Some(step) => {
            words.push((format!("cursor at step {}, Esc leaves it", number::count(step)), Role::Cursor));
        }
        None if group.compared().is_some() => {
            words.push(("← → move a cursor through all runs".to_owned(), Role::Dim));
        }
        None => {}
    }
    words
}

fn of_trainings(dash: &Dashboard) -> Vec<(String, Role)> {
    let live = dash.live();
    let name = live.info().map_or("", |info| info.name.as_str());
    let mut words = vec![(foreign(name).into_owned(), Role::Title)];
    if let Some(earlier) = &dash.earlier {
        words.push((format!("training {} of {}", earlier.now(), earlier.planned()), Role::Text));
    }
    let (mark, role) = mark(live.status());
    words.push((format!("{mark} {}", live.status().map_or("starting", RunStatus::word)), role));
    words
}

fn of_race(race: &RunningRace) -> Vec<(String, Role)> {
    let standings = &race.standings;
    let mut words = vec![(foreign(&standings.name).into_owned(), Role::Title)];
    let seed = standings.begun.checked_sub(1).and_then(|i| standings.seeds.get(i));
    if let Some(seed) = seed {
        words.push((format!("seed {seed} ({} of {})", standings.begun, standings.seeds.len()), Role::Text));
    }
    match (race.events.is_none(), standings.is_stopping, standings.is_paused) {
        (true, ..) => words.push(("over".to_owned(), Role::Good)),
        (_, true, _) => words.push(("stopping; q quits at once".to_owned(), Role::Warning)),
        (.., true) => words.push(("paused".to_owned(), Role::Warning)),
        _ => {}
    }
    words.push((format!("same {} for each", race.budget), Role::Dim));
    if let Some(pace) = race.pace.filter(|_| race.events.is_some()) {
        words.push((format!("slowed down to {pace} steps/s to be watched, f: full speed"), Role::Dim));
    }
    words
}
