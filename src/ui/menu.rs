//! The menu: recent runs, presets and races on the left, a description of the selected one on the right.
//!
//! ```text
//!  unrolled  recurrent networks, seen while they learn
//! ╭ Presets (1 of 5) ──╮╭ lecture-lstm ────────────────────╮
//! │/lstm               ││ The same with an LSTM            │
//! │ The lecture        ││ What to look for …               │
//! │ ▸ lecture-lstm     ││ Layer (type) Output Shape Param #│
//! │                    ││ …                                │
//! ╰─────────── ↓ 3 more╯╰──────────────────────────────────╯
//!  ? help  q quit  Enter train  / filter  Tab panel
//! ```

pub(super) mod description;
mod network;
mod recent_runs;
mod row;
mod view;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::filter::{Filter, FilteredList};
use super::keymap::Action;
use super::scroll::Scroll;
use crate::preset::Entry;
use crate::run::RunState;
use crate::runs::Run;
use crate::sort::SmallSort as _;
pub use recent_runs::RecentRun;
use recent_runs::RecentRuns;
use row::Row;

pub use row::RaceEntry;
pub(super) use view::{SMALLEST, panel, too_small};

/// A request of the menu to the application.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Train this preset.
    Train(String),
    /// Start this race.
    Race(String),
    /// Replay this run, or attach to it.
    Open(Box<Run>),
    /// Show the sweep in this folder.
    OpenSweep(PathBuf),
    /// Get the missing data of a preset.
    GetData {
        /// The preset.
        preset: String,
        /// How to get them.
        needs: String,
    },
    /// Edit this preset.
    Edit(String),
    /// Copy the command that trains or shows this.
    Copy(String),
    /// Open the file browser.
    Browse,
    /// Show the list of runs.
    Runs,
    /// Open the lecture.
    Lecture,
}

/// The rows, the filter and the selection.
#[derive(Debug)]
pub struct Menu {
    rows: Vec<Row>,
    /// Rows that pass the filter, as indices.
    shown: Vec<usize>,
    /// Index in `rows`.
    chosen: usize,
    /// What was chosen when a filter was begun.
    before_filter: Option<usize>,
    filter: Filter,
    recent: Option<RecentRuns>,
    /// Whether the arrows scroll the description instead of moving in the list.
    description_focused: bool,
    /// Of the description.
    scroll: Scroll,
    /// How many rows a page is; known once it is drawn.
    page: usize,
}

impl Menu {
    /// Creates a menu with the first entry selected. Entries are grouped, groups in order of appearance.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        let groups: Vec<String> = entries.iter().map(|entry| entry.group.clone()).collect();
        entries.small_sort_by_key(|entry| groups.iter().position(|group| *group == entry.group));
        let rows: Vec<Row> = entries.into_iter().map(|entry| Row::Preset(Box::new(entry))).collect();
        Self {
            shown: (0..rows.len()).collect(),
            rows,
            chosen: 0,
            before_filter: None,
            filter: Filter::default(),
            recent: None,
            description_focused: false,
            scroll: Scroll::default(),
            page: 1,
        }
    }

    /// Adds a row for own data and then `races`.
    pub fn with_own_data(mut self, races: Vec<RaceEntry>) -> Self {
        self.rows.push(Row::OwnData);
        self.rows.extend(races.into_iter().map(|race| Row::Race(race, None)));
        self.take_data(Vec::new());
        self.refilter();
        self
    }

    /// Shows the latest runs in `folder` above the presets, once they are listed.
    pub fn with_recent_runs(self, folder: &Path, now: Instant) -> Self {
        Self { recent: Some(RecentRuns::new(folder.to_owned(), now)), ..self }
    }

    /// The lists of recent runs, as they come.
    pub fn lists(&self) -> Option<&Receiver<Vec<RecentRun>>> {
        self.recent.as_ref().map(RecentRuns::lists)
    }

    /// When [`tick`](Self::tick) is to be called next.
    pub fn next_tick(&self) -> Option<Instant> {
        self.recent.as_ref()?.next_tick()
    }

    /// Begins to list the recent runs, if it is time.
    pub fn tick(&mut self, now: Instant) {
        if let Some(recent) = &mut self.recent {
            recent.tick(now);
        }
    }

    /// Takes a list of recent runs; the selected row stays selected while it is there. Returns whether the screen changes.
    pub fn take_list(&mut self, runs: Vec<RecentRun>, now: Instant) -> bool {
        if let Some(recent) = &mut self.recent {
            recent.listed(now);
        }
        let before = self.rows.iter().take_while(|row| matches!(row, Row::Run(_))).count();
        let runs: Vec<Row> = runs.into_iter().map(|run| Row::Run(Box::new(run))).collect();
        if self.rows[..before] == runs[..] {
            return false;
        }
        let old = self.rows.clone();
        self.rows.splice(..before, runs);
        let moved = |i: usize| {
            let row = old.get(i)?;
            self.rows.iter().position(|new| new.is_same(row))
        };
        let (chosen, before_filter) = (moved(self.chosen), self.before_filter.and_then(moved));
        self.before_filter = before_filter;
        match chosen {
            Some(chosen) => self.chosen = chosen,
            // It is no longer among the latest: the first preset.
            None => self.chosen = self.rows.iter().position(|row| row.preset().is_some()).unwrap_or(0),
        }
        self.refilter();
        true
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        let row = self.place().unwrap_or(0);
        let last = self.shown.len().saturating_sub(1);
        match action {
            Action::Open => return self.open(),
            Action::Filter => {
                self.before_filter = Some(self.chosen);
                self.filter.start();
                self.description_focused = false;
            }
            Action::CustomData if self.rows.contains(&Row::OwnData) => return Some(Request::Browse),
            Action::Runs => return Some(Request::Runs),
            Action::Lecture => return Some(Request::Lecture),
            Action::Edit => return self.chosen()?.preset().map(|entry| Request::Edit(entry.name.clone())),
            Action::CopyCommand => return self.chosen().map(|row| Request::Copy(row.command())),
            Action::Back if self.description_focused => self.description_focused = false,
            Action::Back => {
                self.filter.clear();
                self.refilter();
            }
            Action::FocusNext | Action::FocusPrevious => self.description_focused = !self.description_focused,
            _ if self.description_focused => self.scroll.act(action, self.page),
            Action::Up => self.choose(row.saturating_sub(1)),
            Action::Down => self.choose((row + 1).min(last)),
            Action::PageUp => self.choose(row.saturating_sub(self.page)),
            Action::PageDown => self.choose((row + self.page).min(last)),
            Action::First => self.choose(0),
            Action::Last => self.choose(last),
            _ => {}
        }
        None
    }

    /// What the footer says of a key instead of the table's word.
    pub fn footer_word(&self, action: Action) -> Option<&'static str> {
        match (action, self.chosen()?) {
            (Action::Open, Row::Run(recent)) if recent.sweep.is_some() => Some("trainings"),
            (Action::Open, Row::Run(recent)) if recent.run.state == RunState::Live => Some("attach"),
            (Action::Open, Row::Run(_)) => Some("replay"),
            (Action::Open, Row::OwnData) => Some("choose"),
            (Action::Open, row) if row.is_missing_data() => Some("get data"),
            (Action::Open, Row::Race(..)) => Some("race"),
            (Action::Edit, row) if row.preset().is_none() => Some(""),
            (Action::Back, _) if self.filter.is_shown() => Some("all"),
            _ => None,
        }
    }

    /// Takes what `entries` say of the data of the presets with their names.
    pub fn take_data(&mut self, entries: Vec<Entry>) {
        for new in entries {
            let known = self.rows.iter_mut().filter_map(|row| match row {
                Row::Preset(entry) if entry.name == new.name => Some(entry),
                _ => None,
            });
            known.for_each(|entry| entry.missing.clone_from(&new.missing));
        }
        let missing: Vec<String> =
            self.presets().filter(|entry| entry.missing.is_some()).map(|entry| entry.name.clone()).collect();
        for row in &mut self.rows {
            if let Row::Race(race, first) = row {
                *first = race.missing(&missing);
            }
        }
    }

    /// Selects the preset `name`; another is the file of a draft, of which the row for own data is selected.
    pub fn select(&mut self, name: &str) {
        let is_it = |row: &Row| row.preset().is_some_and(|entry| entry.name == name);
        let own = || self.rows.iter().position(|row| *row == Row::OwnData);
        if let Some(at) = self.rows.iter().position(is_it).or_else(own) {
            self.chosen = at;
            self.scroll.rewind();
            if self.place().is_none() {
                self.filter.clear();
                self.refilter();
            }
        }
    }

    fn presets(&self) -> impl Iterator<Item = &Entry> {
        self.rows.iter().filter_map(Row::preset)
    }

    /// The selected row; `None` if none passes the filter.
    fn chosen(&self) -> Option<&Row> {
        self.place().and_then(|_| self.rows.get(self.chosen))
    }

    /// The place of the selected row among those that are shown.
    fn place(&self) -> Option<usize> {
        self.shown.iter().position(|i| *i == self.chosen)
    }

    fn open(&self) -> Option<Request> {
        Some(match self.chosen()? {
            Row::Run(recent) => match &recent.sweep {
                Some(sweep) => Request::OpenSweep(sweep.clone()),
                None => Request::Open(Box::new(recent.run.clone())),
            },
            Row::OwnData => Request::Browse,
            Row::Race(race, None) => Request::Race(race.name.clone()),
            Row::Race(_, Some(preset)) => get_data(self.presets().find(|entry| entry.name == *preset)?)?,
            Row::Preset(entry) => get_data(entry).unwrap_or_else(|| Request::Train(entry.name.clone())),
        })
    }

    fn choose(&mut self, place: usize) {
        if let Some(row) = self.shown.get(place).copied()
            && row != self.chosen
        {
            self.chosen = row;
            self.before_filter = None;
            self.scroll.rewind();
        }
    }
}

/// The request for the data of a preset, if they are missing.
fn get_data(entry: &Entry) -> Option<Request> {
    let needs = entry.missing.clone()?;
    Some(Request::GetData { preset: entry.name.clone(), needs })
}

impl FilteredList for Menu {
    fn filter_mut(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn refilter(&mut self) {
        let passes = |row: &Row| self.filter.passes(&row.searchable());
        self.shown = (0..self.rows.len()).filter(|i| self.rows.get(*i).is_some_and(passes)).collect();
        if !self.filter.typing()
            && let Some(before) = self.before_filter.take()
            && !self.filter.is_shown()
        {
            // Given up: what was chosen before is chosen again.
            self.chosen = before;
        }
        if self.place().is_none()
            && let Some(first) = self.shown.first()
        {
            self.chosen = *first;
            self.scroll.rewind();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
