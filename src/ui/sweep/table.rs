//! The table of the trials, or of the combinations of settings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::SweepScreen;
use super::data::{SweepCombination, SweepTrial, TrialState};
use super::order::SortKey;
use crate::escape::foreign;
use crate::number;
use crate::runs::{Column, Table};
use crate::ui::text::wrap;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text;

/// Columns before a row: pointer and mark.
const MARGIN: usize = 4;
/// Columns of the bar of a trial that is being trained.
const BAR: usize = 8;
/// The rank of the column that the table is sorted by.
const SORTED: u8 = 20;

/// The table as it was drawn last.
#[derive(Debug)]
pub(super) struct Drawn {
    width: usize,
    heading: String,
    rows: Vec<String>,
}

impl SweepScreen {
    /// Draws the table, and what is said instead of rows.
    pub(super) fn render_table(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let width = usize::from(area.width);
        let mut area = area;
        let instead = match (&self.error, &self.doubt) {
            (Some(error), _) => Some((error.clone(), Role::Bad)),
            (None, Some(doubt)) => Some((doubt.clone(), Role::Warning)),
            _ if self.shown.is_empty() => {
                Some(("No trial matches. Esc clears the filter.".to_owned(), Role::Dim))
            }
            _ => None,
        };
        if let Some((words, role)) = instead {
            for line in wrap(&words, width.saturating_sub(1)) {
                text::put(
                    buf,
                    area.x + 1,
                    area.y,
                    width.saturating_sub(1),
                    &[(line.into(), theme.style(role))],
                );
                area = below(area);
            }
        }
        if area.height < 2 || self.shown.is_empty() {
            return;
        }
        let row_width = width.saturating_sub(MARGIN);
        if self.drawn.as_ref().is_none_or(|drawn| drawn.width != row_width) {
            let (heading, rows) = self.table().lines(row_width);
            self.drawn = Some(Drawn { width: row_width, heading, rows });
        }
        let Some(drawn) = &self.drawn else { return };
        let height = usize::from(area.height) - 1;
        self.page = height.saturating_sub(1).max(1);
        let chosen = self.row();
        // The chosen row stays in the middle as far as the ends allow.
        let first = chosen.unwrap_or(0).saturating_sub(height / 2);
        let first = first.min(self.shown.len().saturating_sub(height));
        let heading = (format!("{}{}", " ".repeat(MARGIN), drawn.heading).into(), theme.style(Role::Title));
        text::put(buf, area.x, area.y, width, &[heading]);
        let rows = drawn.rows.iter().zip(&self.shown).enumerate().skip(first).take(height);
        for (y, (i, (row, trial))) in (area.y + 1..).zip(rows) {
            let is_chosen = chosen == Some(i);
            let pointer = if is_chosen { "▸" } else { " " };
            let mark = if self.data.best == Some(*trial) { "◆" } else { " " };
            let role = match self.data.trials.get(*trial) {
                _ if is_chosen => Role::Selected,
                Some(trial) => role(trial.state),
                None => Role::Text,
            };
            // Of the table no row is wider than another one that is chosen.
            let row = if is_chosen { format!("{row:row_width$}") } else { row.clone() };
            let pieces = [
                (format!(" {pointer}").into(), theme.style(Role::Key)),
                (mark.into(), theme.style(Role::Good)),
                (" ".into(), theme.style(Role::Text)),
                (row.into(), theme.style(role)),
            ];
            text::put(buf, area.x, y, width, &pieces);
        }
    }

    fn table(&self) -> Table {
        if self.is_grouped { self.table_of_combinations() } else { self.table_of_trials() }
    }

    /// The head of a column, marked if the table is sorted by it, and its rank.
    fn head(&self, key: SortKey, name: &str, rank: u8) -> (String, u8) {
        let name = foreign(name);
        match (self.sort == key, self.is_reversed) {
            (true, false) => (format!("{name} ▼"), SORTED),
            (true, true) => (format!("{name} ▲"), SORTED),
            (false, _) => (name.into_owned(), rank),
        }
    }

    fn table_of_trials(&self) -> Table {
        let trials: Vec<&SweepTrial> =
            self.shown.iter().filter_map(|trial| self.data.trials.get(*trial)).collect();
        let cells = |cell: &dyn Fn(&SweepTrial) -> String| trials.iter().map(|trial| cell(trial)).collect();
        let number = |(head, rank): (String, u8), cells| Column::number(head, rank, cells);
        let words = |(head, rank): (String, u8), cells| Column::text(head, rank, cells);
        let metric = |value: f64| number::named(&self.data.metric, value);
        let mut columns =
            vec![words(self.head(SortKey::Number, "trial", 9), cells(&|trial| trial.name.clone()))];
        columns.extend((0..self.data.settings.len()).map(|at| {
            let cell = |trial: &SweepTrial| {
                trial.settings.get(at).map_or(String::new(), |value| foreign(value).into_owned())
            };
            let is_repeat = self.data.settings.get(at).is_some_and(|setting| setting.is_repeat);
            let head = self.head(SortKey::Setting(at), self.data.label(at), if is_repeat { 7 } else { 8 });
            words(head, cells(&cell))
        }));
        columns.extend([
            number(
                self.head(SortKey::Metric, &self.data.metric, 9),
                cells(&|trial| trial.value.map_or(String::new(), metric)),
            ),
            number(
                self.head(SortKey::Epoch, "at epoch", 4),
                cells(&|trial| trial.best_epoch.map_or(String::new(), |epoch| epoch.to_string())),
            ),
            words(self.head(SortKey::State, "state", 9), cells(&state)),
            words((String::new(), 6), cells(&progress)),
            number(
                self.head(SortKey::Epochs, "epochs", 5),
                cells(&|trial| match (trial.state, trial.planned) {
                    (TrialState::Waiting, _) => String::new(),
                    (_, 0) => trial.epochs.to_string(),
                    (_, planned) => format!("{}/{planned}", trial.epochs),
                }),
            ),
            number(
                self.head(SortKey::Seconds, "time", 3),
                cells(&|trial| match trial.seconds > 0.0 {
                    true => number::duration(trial.seconds),
                    false => String::new(),
                }),
            ),
            words(("reason".into(), 2), cells(&|trial| foreign(&trial.reason).into_owned())),
        ]);
        Table::new(columns)
    }

    fn table_of_combinations(&self) -> Table {
        let shown: Vec<&SweepCombination> = self
            .shown
            .iter()
            .filter_map(|trial| self.data.combinations.get(self.combination_of(*trial)?))
            .collect();
        let cells = |cell: &dyn Fn(&SweepCombination) -> String| shown.iter().map(|of| cell(of)).collect();
        let number = |(head, rank): (String, u8), cells| Column::number(head, rank, cells);
        let first = |of: &SweepCombination| of.trials.first().and_then(|trial| self.data.trials.get(*trial));
        let metric = |value: f64| number::named(&self.data.metric, value);
        let mut columns =
            vec![number(self.head(SortKey::Number, "setting", 9), cells(&|of| of.number.to_string()))];
        for (at, _) in self.data.settings.iter().enumerate().filter(|(_, setting)| !setting.is_repeat) {
            let cell = |of: &SweepCombination| {
                let value = first(of).and_then(|trial| trial.settings.get(at));
                value.map_or(String::new(), |value| foreign(value).into_owned())
            };
            let (head, rank) = self.head(SortKey::Setting(at), self.data.label(at), 8);
            columns.push(Column::text(head, rank, cells(&cell)));
        }
        columns.extend([
            number(
                self.head(SortKey::Metric, &self.data.metric, 9),
                cells(&|of| of.statistic.map_or(String::new(), |found| found.text(&self.data.metric))),
            ),
            number(
                ("95 % interval of the mean".into(), 5),
                cells(&|of| {
                    let ends = |(low, high)| format!("{} … {}", metric(low), metric(high));
                    of.interval.map_or(String::new(), ends)
                }),
            ),
            number(
                self.head(SortKey::Finished, "finished", 7),
                cells(&|of| format!("{}/{}", of.finished, of.trials.len())),
            ),
        ]);
        let (head, rank) = self.head(SortKey::State, "others", 6);
        columns.push(Column::text(head, rank, cells(&|of| self.others(of))));
        Table::new(columns)
    }

    /// How many trials of a combination have not finished, by their states.
    fn others(&self, of: &SweepCombination) -> String {
        let trials = || of.trials.iter().filter_map(|trial| self.data.trials.get(*trial));
        let count = |state: &TrialState| trials().filter(|trial| trial.state == *state).count();
        let states = TrialState::ALL.iter().filter(|state| **state != TrialState::Finished);
        let counts = states.map(|state| (count(state), state)).filter(|(count, _)| *count > 0);
        counts.map(|(count, state)| format!("{count} {}", state.word())).collect::<Vec<_>>().join(", ")
    }
}

fn below(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// How the row of a trial is drawn.
pub(super) fn role(state: TrialState) -> Role {
    match state {
        TrialState::Finished => Role::Text,
        TrialState::Running => Role::Good,
        TrialState::Waiting | TrialState::Interrupted | TrialState::Stopped => Role::Dim,
        TrialState::Diverged => Role::Warning,
        TrialState::Failed => Role::Bad,
    }
}

/// The state, with how far a trial in training is.
fn state(trial: &SweepTrial) -> String {
    match trial.progress.filter(|_| trial.state == TrialState::Running) {
        Some(share) => format!("{} {:.0} %", trial.state.word(), share * 100.0),
        None => trial.state.word().to_owned(),
    }
}

/// The bar of a trial that is being trained.
fn progress(trial: &SweepTrial) -> String {
    let Some(share) = trial.progress.filter(|_| trial.state == TrialState::Running) else {
        return String::new();
    };
    let full = ((share * BAR as f64).round() as usize).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}
