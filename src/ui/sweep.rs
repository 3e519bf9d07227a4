//! The screen of a sweep: its trials as a table, a matrix of two settings, all settings side by side, and what matters.
//!
//! ```text
//!  runs/s  12 trials: 3 waiting · 2 running · 7 finished · 1:23 · 2 at work on 1 host
//!  best 0007  val_accuracy 98.7 % at epoch 3  learning_rate=0.01 units=16
//! ╭ 1 Trials  best first ─────────────────────────╮╭ 4 Importance ──────────╮
//! │    trial  learning_rate  units  val_accuracy ▾ ││ learning_rate ████ 61 % │
//! │ ▸◆ 0007   0.01           16     98.7 %         ││ units         █    12 % │
//! ╰────────────────────────────────────────────────╯╰────────────────────────╯
//! ╭ 2 Matrix ──────────────────────╮╭ 3 Coordinates ────────────────────────╮
//! ╰────────────────────────────────╯╰────────────────────────────────────────╯
//! ```
//!
//! It does not read the folder: the program sends it [`SweepData`] when that has changed.

mod axis;
mod coordinates;
mod data;
mod importance;
mod matrix;
mod order;
mod table;
mod trial_filter;
mod view;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender};
use ratatui::buffer::Buffer;

pub use axis::AxisScale;
pub use data::{SweepCombination, SweepData, SweepSetting, SweepTrial, TrialState};

use super::filter::{Filter, FilteredList};
use super::keymap::Action;
use crate::sort::SmallSort as _;
use data::Quality;
use order::SortKey;
use table::Drawn;

/// What the program sends: the sweep as it is now, or why it cannot be read.
pub type SweepUpdate = Result<SweepData, String>;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panel {
    Trials,
    Matrix,
    Coordinates,
    Importance,
}

impl Panel {
    const ALL: [Self; 4] = [Self::Trials, Self::Matrix, Self::Coordinates, Self::Importance];

    fn name(self) -> &'static str {
        match self {
            Self::Trials => "Trials",
            Self::Matrix => "Matrix",
            Self::Coordinates => "Coordinates",
            Self::Importance => "Importance",
        }
    }
}

/// A request of the screen to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The end of the screen.
    Leave,
    /// Show the run of a trial: its recording, or itself if it is in training.
    Open {
        /// Its folder.
        folder: PathBuf,
        /// The name of the trial.
        name: String,
    },
    /// Show all about the run of a trial.
    Explain {
        /// Its folder.
        folder: PathBuf,
        /// The name of the trial.
        name: String,
    },
    /// Say why a key has no effect.
    Refuse(String),
}

/// The screen of a sweep.
#[derive(Debug)]
pub struct SweepScreen {
    data: SweepData,
    updates: Receiver<SweepUpdate>,
    /// Dropped with the screen: who sends the updates ends.
    _is_open: Sender<()>,
    /// Why the folder cannot be read; the data are those that were read last.
    error: Option<String>,
    quality: Option<Quality>,
    /// The position of the combination of each trial.
    combinations: HashMap<usize, usize>,
    /// The trials, or the representatives of combinations, that pass the filter, in the order of the table.
    shown: Vec<usize>,
    /// The number of the chosen trial.
    chosen: usize,
    /// Whether the table has the combinations of settings.
    is_grouped: bool,
    sort: SortKey,
    is_reversed: bool,
    filter: Filter,
    /// Why the filter cannot be read; the rows are those of the last that could.
    doubt: Option<String>,
    focus: Panel,
    /// The settings of the matrix, by their numbers: of its columns and its rows; the same twice if there is one alone.
    axes: [usize; 2],
    /// Whether a cell of the matrix has the mean of its trials instead of the best value.
    is_mean: bool,
    /// How many columns and rows the matrix has space for; known once it is drawn.
    matrix_room: [usize; 2],
    /// Whether the focused panel has the whole screen.
    is_enlarged: bool,
    /// The table as it was drawn last.
    drawn: Option<Drawn>,
    /// The cells as they were drawn last.
    picture: Option<Buffer>,
    /// How many rows a page is; known once it is drawn.
    page: usize,
}

impl SweepScreen {
    /// The screen of the sweep `data`, which `updates` keep up to date until `is_open` is dropped with it.
    pub fn new(data: SweepData, updates: Receiver<SweepUpdate>, is_open: Sender<()>) -> Self {
        let mut screen = Self {
            quality: Quality::of(&data),
            combinations: combinations(&data),
            data,
            updates,
            _is_open: is_open,
            error: None,
            shown: Vec::new(),
            chosen: 0,
            is_grouped: false,
            sort: SortKey::Metric,
            is_reversed: false,
            filter: Filter::default(),
            doubt: None,
            focus: Panel::Trials,
            axes: [0, 0],
            is_mean: false,
            matrix_room: [1, 1],
            is_enlarged: false,
            drawn: None,
            picture: None,
            page: 1,
        };
        screen.axes = screen.first_axes();
        screen.arrange();
        screen.chosen = screen.shown.first().copied().unwrap_or(0);
        screen
    }

    /// The folder of the sweep.
    pub fn folder(&self) -> &Path {
        &self.data.folder
    }

    /// The cells as they were drawn last, for a screenshot.
    pub fn picture(&self) -> Option<&Buffer> {
        self.picture.as_ref()
    }

    /// What the program sends.
    pub fn updates(&self) -> &Receiver<SweepUpdate> {
        &self.updates
    }

    /// Takes what the program has sent. The chosen trial stays chosen.
    pub fn take_update(&mut self, update: SweepUpdate) {
        match update {
            Ok(data) => {
                (self.error, self.quality) = (None, Quality::of(&data));
                self.combinations = combinations(&data);
                self.data = data;
                self.arrange();
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Handles the end of what the program sends.
    pub fn updates_gone(&mut self) {
        self.updates = crossbeam_channel::never();
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        match action {
            Action::Back if self.filter.is_shown() => {
                self.filter.clear();
                self.refilter();
            }
            Action::Back if self.is_enlarged => self.is_enlarged = false,
            Action::Back => return Some(Request::Leave),
            Action::Filter => self.filter.start(),
            Action::Sort => {
                let keys = SortKey::all(&self.data, self.is_grouped);
                let at = keys.iter().position(|key| *key == self.sort).map_or(0, |at| at + 1);
                self.sort = keys.get(at).or(keys.first()).copied().unwrap_or(SortKey::Metric);
                self.is_reversed = false;
                self.arrange();
            }
            Action::Reverse => {
                self.is_reversed = !self.is_reversed;
                self.arrange();
            }
            Action::Quantity => return self.group(),
            Action::Open => return Some(self.request(|folder, name| Request::Open { folder, name })),
            Action::Explain => return Some(self.request(|folder, name| Request::Explain { folder, name })),
            Action::Zoom => self.is_enlarged = !self.is_enlarged,
            Action::FocusNext => self.turn_focus(1),
            Action::FocusPrevious => self.turn_focus(Panel::ALL.len() - 1),
            Action::Focus(number) => {
                let panel = usize::from(number).checked_sub(1).and_then(|at| Panel::ALL.get(at));
                self.focus = panel.copied().unwrap_or(self.focus);
            }
            Action::XAxis => self.turn_axis(0),
            Action::YAxis => self.turn_axis(1),
            Action::NextMetric => self.is_mean = !self.is_mean,
            _ => {
                let is_done = match self.focus {
                    Panel::Matrix => self.act_on_matrix(action),
                    Panel::Coordinates => self.act_on_coordinates(action),
                    Panel::Trials | Panel::Importance => false,
                };
                if !is_done {
                    self.choose(action);
                }
            }
        }
        None
    }

    /// The two most important settings, the first of them across; the first ones while nothing is known of that.
    fn first_axes(&self) -> [usize; 2] {
        let share = |number: &usize| {
            let key = self.data.settings.get(*number).map(|setting| &setting.key);
            let found = self.data.importance.iter().find(|(of, _)| Some(of) == key);
            found.and_then(|(_, share)| *share).unwrap_or(-1.0)
        };
        let mut numbers: Vec<usize> = (0..self.data.settings.len()).collect();
        // Stable: seed and fold stay behind.
        numbers.small_sort_by(|a, b| share(b).total_cmp(&share(a)));
        match numbers.as_slice() {
            [first, second, ..] => [*first, *second],
            [first] => [*first; 2],
            [] => [0, 0],
        }
    }

    /// Takes the next setting for the columns or the rows of the matrix; that of the other axis is passed over.
    fn turn_axis(&mut self, axis: usize) {
        let count = self.data.settings.len();
        let [x, y] = self.axes;
        let (own, other) = if axis == 0 { (x, y) } else { (y, x) };
        let next = (1..=count).map(|by| (own + by) % count).find(|next| *next != other || count < 2);
        let next = next.unwrap_or(own);
        self.axes = if axis == 0 { [next, y] } else { [x, next] };
    }

    fn turn_focus(&mut self, by: usize) {
        let at = Panel::ALL.iter().position(|panel| *panel == self.focus).unwrap_or(0);
        self.focus = Panel::ALL.get((at + by) % Panel::ALL.len()).copied().unwrap_or(self.focus);
    }

    /// Chooses another row of the table.
    fn choose(&mut self, action: Action) {
        let (at, last) = (self.row().unwrap_or(0), self.shown.len().saturating_sub(1));
        let at = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => (at + 1).min(last),
            Action::PageUp => at.saturating_sub(self.page),
            Action::PageDown => (at + self.page).min(last),
            Action::First => 0,
            Action::Last => last,
            _ => return,
        };
        self.chosen = self.shown.get(at).copied().unwrap_or(self.chosen);
    }

    /// The row of the chosen trial, or of its combination.
    fn row(&self) -> Option<usize> {
        let exact = self.shown.iter().position(|trial| *trial == self.chosen);
        exact.or_else(|| {
            let combination = self.combination_of(self.chosen).filter(|_| self.is_grouped)?;
            let trials = self.data.combinations.get(combination).map(|found| &found.trials)?;
            self.shown.iter().position(|trial| trials.contains(trial))
        })
    }

    /// The position of the combination of a trial.
    fn combination_of(&self, trial: usize) -> Option<usize> {
        self.combinations.get(&trial).copied()
    }

    /// Shows combinations instead of trials, or trials again.
    fn group(&mut self) -> Option<Request> {
        if !self.data.has_repeats() {
            let why = "Each combination of settings is trained once: there are no seeds or folds to take the mean of.";
            return Some(Request::Refuse(why.to_owned()));
        }
        self.is_grouped = !self.is_grouped;
        if !SortKey::all(&self.data, self.is_grouped).contains(&self.sort) {
            (self.sort, self.is_reversed) = (SortKey::Metric, false);
        }
        self.arrange();
        None
    }

    /// A request about the chosen trial.
    fn request(&self, of: impl FnOnce(PathBuf, String) -> Request) -> Request {
        match self.data.trials.get(self.chosen).filter(|_| self.row().is_some()) {
            Some(trial) if trial.state == TrialState::Waiting => {
                Request::Refuse(format!("Trial {} has not begun.", trial.name))
            }
            Some(trial) => of(trial.folder.clone(), trial.name.clone()),
            None => Request::Refuse("No trial is chosen.".to_owned()),
        }
    }

    /// Filters and sorts again; the chosen trial stays chosen while it is shown.
    fn arrange(&mut self) {
        let before = self.row();
        self.drawn = None;
        let passing = trial_filter::passing(self.filter.text(), &self.data);
        let passing = match passing {
            Ok(passing) => {
                self.doubt = None;
                passing
            }
            Err(why) => {
                self.doubt = Some(why);
                // Rows that are shown already.
                let mut shown = std::mem::take(&mut self.shown);
                shown.sort_unstable();
                shown
            }
        };
        let (data, sort) = (&self.data, self.sort);
        self.shown = match self.is_grouped {
            false => {
                let mut shown = passing;
                shown.small_sort_by(|a, b| sort.compare(data, *a, *b));
                shown
            }
            true => {
                let passes = |combination: &&SweepCombination| {
                    combination.trials.iter().any(|trial| passing.binary_search(trial).is_ok())
                };
                let mut combinations: Vec<&SweepCombination> =
                    data.combinations.iter().filter(passes).collect();
                combinations.small_sort_by(|a, b| sort.compare_combinations(data, a, b));
                combinations.into_iter().filter_map(|combination| data.representative(combination)).collect()
            }
        };
        if self.is_reversed {
            self.shown.reverse();
            if sort == SortKey::Metric {
                let has_none =
                    |trial: &usize| data.trials.get(*trial).is_none_or(|trial| trial.value.is_none());
                self.shown.small_sort_by_key(has_none);
            }
        }
        match self.row() {
            Some(row) => self.chosen = self.shown.get(row).copied().unwrap_or(self.chosen),
            None => {
                let row = before.unwrap_or(0).min(self.shown.len().saturating_sub(1));
                self.chosen = self.shown.get(row).copied().unwrap_or(self.chosen);
            }
        }
    }

    /// What the footer says of a key instead of the table's word: empty for a key without effect at present.
    pub fn footer_word(&self, action: Action) -> Option<&'static str> {
        let chosen = self.data.trials.get(self.chosen).filter(|_| self.row().is_some());
        match action {
            Action::Open | Action::Explain
                if chosen.is_none_or(|trial| trial.state == TrialState::Waiting) =>
            {
                Some("")
            }
            Action::Open if chosen.is_some_and(|trial| trial.state == TrialState::Running) => Some("attach"),
            // It closes these first.
            Action::Back if self.is_enlarged || self.filter.is_shown() => Some(""),
            Action::Quantity if !self.data.has_repeats() => Some(""),
            Action::Quantity if self.is_grouped => Some("trials"),
            Action::Zoom if self.is_enlarged => Some("all panels"),
            Action::NextMetric if self.is_mean => Some("best"),
            Action::XAxis | Action::YAxis if self.data.settings.len() < 3 => Some(""),
            Action::Left | Action::Right if !matches!(self.focus, Panel::Matrix | Panel::Coordinates) => {
                Some("")
            }
            Action::Left | Action::Right if self.focus == Panel::Matrix => Some("cell"),
            _ => None,
        }
    }
}

/// The position of the combination of each trial.
fn combinations(data: &SweepData) -> HashMap<usize, usize> {
    let all = data.combinations.iter().enumerate();
    all.flat_map(|(at, combination)| combination.trials.iter().map(move |trial| (*trial, at))).collect()
}

impl FilteredList for SweepScreen {
    fn filter_mut(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn refilter(&mut self) {
        self.arrange();
    }
}

#[cfg(test)]
pub(super) mod tests;
