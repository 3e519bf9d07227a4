//! The menu: the presets on the left, a description of the selected one on the right.
//!
//! ```text
//!  unrolled  recurrent networks, seen while they learn
//! ╭ Presets (1 of 5) ──╮╭ lecture-lstm ────────────────────╮
//! │/lstm               ││ The same with an LSTM            │
//! │ The lecture        ││ What to look for …               │
//! │ ▸ lecture-lstm     ││ Layer (type) Output Shape Param #│
//! │                    ││ …                                │
//! ╰────────────────────╯╰──────────────────────────────────╯
//!  ? help  q quit  Enter train  / filter  Tab panel
//! ```

mod description;
mod view;

use super::filter::{Filter, FilteredList};
use super::keymap::Action;
use super::scroll::Scroll;
use crate::preset::Entry;
use crate::protocol::{DataFacts, ModelTable};

pub(super) use view::{SMALLEST, panel, too_small};

/// The name of the row for own data.
const OWN_DATA: &str = "your data…";

/// A request of the menu to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Train this preset.
    Train(String),
    /// Show how to get the missing data of a preset.
    Fetch(String),
    /// Open the file browser.
    Browse,
    /// Show the list of runs.
    Runs,
    /// Open the lecture.
    Lecture,
}

/// The presets, the filter and the selection.
#[derive(Debug)]
pub struct Menu {
    entries: Vec<Entry>,
    /// Entries that pass the filter, as indices.
    shown: Vec<usize>,
    /// Index in `entries`.
    chosen: usize,
    filter: Filter,
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
        entries.sort_by_key(|entry| groups.iter().position(|group| *group == entry.group));
        Self {
            shown: (0..entries.len()).collect(),
            entries,
            chosen: 0,
            filter: Filter::default(),
            description_focused: false,
            scroll: Scroll::default(),
            page: 1,
        }
    }

    /// Adds a last row for own data.
    pub fn with_own_data(self) -> Self {
        let mut entries = self.entries;
        entries.push(Entry {
            group: "Your data".into(),
            name: OWN_DATA.into(),
            title: "Train on your own data".into(),
            about: "Choose a file or a folder. Its format is detected: labelled texts (CSV, TSV, JSON Lines, a folder per class, \
                    sentences with a file of labels), tagged sentences, time series, or one long text. You see columns, classes, lengths \
                    and suggested settings; Enter writes a commented preset to the current folder and trains it."
                .into(),
            model: ModelTable::default(),
            data: DataFacts::default(),
            settings: Vec::new(),
            missing: None,
        });
        Self::new(entries)
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        let row = self.row().unwrap_or(0);
        let last = self.shown.len().saturating_sub(1);
        match action {
            Action::Open => return self.open(),
            Action::Filter => {
                self.filter.start();
                self.description_focused = false;
            }
            Action::CustomData if self.entries.iter().any(|entry| entry.name == OWN_DATA) => {
                return Some(Request::Browse);
            }
            Action::Runs => return Some(Request::Runs),
            Action::Lecture => return Some(Request::Lecture),
            Action::Back if self.description_focused => self.description_focused = false,
            Action::Back => self.clear_filter(),
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

    /// The selected preset; `None` if none passes the filter.
    pub fn chosen(&self) -> Option<&Entry> {
        self.row().and_then(|_| self.entries.get(self.chosen))
    }

    fn row(&self) -> Option<usize> {
        self.shown.iter().position(|i| *i == self.chosen)
    }

    fn open(&self) -> Option<Request> {
        let entry = self.chosen()?;
        Some(match &entry.missing {
            None if entry.name == OWN_DATA => Request::Browse,
            None => Request::Train(entry.name.clone()),
            Some(what) => Request::Fetch(what.clone()),
        })
    }

    fn choose(&mut self, row: usize) {
        if let Some(entry) = self.shown.get(row).copied()
            && entry != self.chosen
        {
            self.chosen = entry;
            self.scroll.rewind();
        }
    }

    fn clear_filter(&mut self) {
        self.filter.clear();
        self.refilter();
    }
}

impl FilteredList for Menu {
    fn filter_mut(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn refilter(&mut self) {
        let passes = |entry: &Entry| self.filter.passes(&searchable(entry));
        self.shown = (0..self.entries.len()).filter(|i| self.entries.get(*i).is_some_and(passes)).collect();
        if self.row().is_none() {
            self.choose(0);
        }
    }
}

fn searchable(entry: &Entry) -> String {
    let layers = entry.model.layers.iter().map(|row| row.class.as_str());
    let texts = [&entry.group, &entry.name, &entry.title, &entry.about, &entry.data.source];
    let all: Vec<&str> = texts.into_iter().map(String::as_str).chain(layers).collect();
    all.join("\n").to_lowercase()
}

#[cfg(test)]
pub(super) mod tests;
