//! The file browser for the user's own data: a file or folder is chosen, inspected, and trained on.
//!
//! ```text
//! ╭ …/course/data (4) ─────────────╮        ╭ reviews.csv ────────────────────╮
//! │   ../                          │        │ a table with a header: 2,000 …  │
//! │   names/                       │ Enter  │ Columns                         │
//! │ ▸ reviews.csv         1.2 MiB  │ ─────▶ │   review   text   17 words …    │ Enter ─▶ the preset is written,
//! │   prose.txt         801.0 KiB  │        │ Suggested settings …             │          and trained
//! ╰────────────────────────────────╯        ╰─────────────────────────────────╯
//! ```
//!
//! Folders are listed and data inspected on background threads, so a slow disk does not block the screen.

mod list;
mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::filter::{Filter, FilteredList};
use super::keymap::{Action, Context};
use super::scroll::Scroll;
use crate::protocol::Draft;
use list::Row;

/// Functions for the user's own data, passed in because the screen knows neither data nor the format of presets.
#[derive(Debug, Clone, Copy)]
pub struct CustomDataHooks {
    /// Inspects a file or folder, which may take seconds; returns a message on failure.
    pub inspect: fn(&Path) -> Result<Draft, String>,
    /// Writes the preset to the current folder; returns its file, by which it is launched, or a message on failure.
    pub write_preset: fn(&Draft) -> Result<String, String>,
}

/// The result of a background task.
#[derive(Debug)]
pub struct TaskResult {
    /// The number of the task; only the latest one's result is used.
    task: u64,
    what: TaskOutput,
}

#[derive(Debug)]
enum TaskOutput {
    Listing(Result<Vec<Row>, String>),
    Inspection(Box<Result<Draft, String>>),
}

/// A request of the browser to the application.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Back to the menu.
    Leave,
    /// Train on this draft, which has a preset.
    Train(Box<Draft>),
    /// Train the preset that the browser is for on this file or folder.
    Use(PathBuf),
    /// Show why there is nothing to train.
    ShowMessage(String),
}

/// A folder's listing, and the inspection of one of its entries.
#[derive(Debug)]
pub struct Browser {
    hooks: CustomDataHooks,
    /// The preset for which data are chosen; `None` where one is drafted for them.
    preset: Option<String>,
    folder: PathBuf,
    /// `None` while it is being read.
    rows: Option<Result<Vec<Row>, String>>,
    /// Rows that are shown, as indices.
    shown: Vec<usize>,
    /// Index in the rows.
    chosen: usize,
    /// The name to choose once the rows are there: the folder that was left.
    wanted: Option<String>,
    hidden: bool,
    filter: Filter,
    inspection: Option<InspectionPage>,
    /// How many rows a page is; known once it is drawn.
    page: usize,
    task: u64,
    send: Sender<TaskResult>,
    answers: Receiver<TaskResult>,
}

/// The inspection of the selected file or folder.
#[derive(Debug)]
struct InspectionPage {
    path: PathBuf,
    /// `None` during the inspection.
    draft: Option<Result<Draft, String>>,
    scroll: Scroll,
}

impl Browser {
    /// In `folder`, which is being read from here on.
    pub fn new(hooks: CustomDataHooks, folder: PathBuf) -> Self {
        let (send, answers) = unbounded();
        let mut browser = Self {
            hooks,
            preset: None,
            folder: PathBuf::new(),
            rows: None,
            shown: Vec::new(),
            chosen: 0,
            wanted: None,
            hidden: false,
            filter: Filter::default(),
            inspection: None,
            page: 1,
            task: 0,
            send,
            answers,
        };
        browser.enter(folder, None);
        browser
    }

    /// To choose data for `preset`.
    pub fn for_preset(self, preset: &str) -> Self {
        Self { preset: Some(preset.to_owned()), ..self }
    }

    /// The preset for which data are chosen.
    pub fn preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// What the footer says of a key instead of the table's word.
    pub fn footer_word(&self, action: Action) -> Option<&'static str> {
        self.preset.as_ref()?;
        match action {
            Action::Open if self.chosen().is_some_and(|row| !row.is_folder) => Some("train"),
            Action::Inspect => Some("train"),
            _ => None,
        }
    }

    /// The results of its background tasks.
    pub fn results(&self) -> &Receiver<TaskResult> {
        &self.answers
    }

    /// Handles the result of a background task.
    pub fn take_result(&mut self, answer: TaskResult) {
        if answer.task != self.task {
            return;
        }
        match answer.what {
            TaskOutput::Listing(rows) => {
                let at = |name: &String| rows.as_ref().ok()?.iter().position(|row| row.name == *name);
                self.chosen = self.wanted.take().as_ref().and_then(at).unwrap_or(0);
                self.rows = Some(rows);
                self.refilter();
            }
            TaskOutput::Inspection(draft) => {
                if let Some(inspection) = &mut self.inspection {
                    inspection.draft = Some(*draft);
                }
            }
        }
    }

    /// The key bindings that apply.
    pub fn context(&self) -> Context {
        if self.inspection.is_some() { Context::Inspection } else { Context::Browser }
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        let page = self.page;
        let Some(inspection) = &mut self.inspection else { return self.act_on_list(action) };
        match action {
            Action::Back | Action::Parent => {
                self.inspection = None;
                // A pending result is void.
                self.task += 1;
            }
            Action::Open => {
                return match inspection.draft.as_ref()? {
                    Ok(Draft { preset: Err(doubt), .. }) | Err(doubt) => {
                        Some(Request::ShowMessage(doubt.clone()))
                    }
                    Ok(draft) => Some(Request::Train(Box::new(draft.clone()))),
                };
            }
            _ => inspection.scroll.act(action, page),
        }
        None
    }

    fn act_on_list(&mut self, action: Action) -> Option<Request> {
        let place = self.place_of_chosen().unwrap_or(0);
        let last = self.shown.len().saturating_sub(1);
        match action {
            Action::Back if self.filter.is_shown() => {
                self.filter.clear();
                self.refilter();
            }
            Action::Back => return Some(Request::Leave),
            Action::Open => {
                let row = self.chosen()?;
                match row.is_folder {
                    true => self.enter(row.path.clone(), row.is_parent().then(|| self.name()).flatten()),
                    false if self.preset.is_some() => return Some(Request::Use(row.path.clone())),
                    false => self.inspect(row.path.clone()),
                }
            }
            Action::Inspect => {
                let path = self.chosen()?.path.clone();
                if self.preset.is_some() {
                    return Some(Request::Use(path));
                }
                self.inspect(path);
            }
            Action::Parent => {
                let parent = self.folder.parent()?.to_owned();
                self.enter(parent, self.name());
            }
            Action::Filter => self.filter.start(),
            Action::ToggleHidden => {
                self.hidden = !self.hidden;
                self.refilter();
            }
            Action::Up => self.choose(place.saturating_sub(1)),
            Action::Down => self.choose((place + 1).min(last)),
            Action::PageUp => self.choose(place.saturating_sub(self.page)),
            Action::PageDown => self.choose((place + self.page).min(last)),
            Action::First => self.choose(0),
            Action::Last => self.choose(last),
            _ => {}
        }
        None
    }

    /// The name of the folder within the one above.
    fn name(&self) -> Option<String> {
        self.folder.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// Lists `folder` and selects `wanted` in it.
    fn enter(&mut self, folder: PathBuf, wanted: Option<String>) {
        (self.rows, self.chosen, self.wanted) = (None, 0, wanted);
        self.shown.clear();
        self.filter.clear();
        self.folder.clone_from(&folder);
        self.spawn(move || TaskOutput::Listing(list::read(&folder)));
    }

    fn inspect(&mut self, path: PathBuf) {
        self.inspection = Some(InspectionPage { path: path.clone(), draft: None, scroll: Scroll::default() });
        let inspect = self.hooks.inspect;
        self.spawn(move || {
            let inspected = catch_unwind(AssertUnwindSafe(|| inspect(&path)));
            TaskOutput::Inspection(Box::new(
                inspected.unwrap_or_else(|_| Err("inspection failed: internal error".into())),
            ))
        });
    }

    /// Runs a task in the background; earlier ones become void.
    fn spawn(&mut self, work: impl FnOnce() -> TaskOutput + Send + 'static) {
        self.task += 1;
        let (task, send, refused) = (self.task, self.send.clone(), self.send.clone());
        let started = std::thread::Builder::new().name("inspect".into()).spawn(move || {
            // The browser may be closed.
            let _ = send.send(TaskResult { task, what: work() });
        });
        if let Err(error) = started {
            let what = match self.inspection {
                Some(_) => TaskOutput::Inspection(Box::new(Err(error.to_string()))),
                None => TaskOutput::Listing(Err(error.to_string())),
            };
            let _ = refused.send(TaskResult { task, what });
        }
    }

    fn rows(&self) -> &[Row] {
        match &self.rows {
            Some(Ok(rows)) => rows,
            _ => &[],
        }
    }

    fn chosen(&self) -> Option<&Row> {
        self.place_of_chosen().and_then(|_| self.rows().get(self.chosen))
    }

    /// The position of the selected row among the shown ones.
    fn place_of_chosen(&self) -> Option<usize> {
        // They are in order.
        self.shown.binary_search(&self.chosen).ok()
    }

    fn choose(&mut self, place: usize) {
        if let Some(row) = self.shown.get(place) {
            self.chosen = *row;
        }
    }
}

impl FilteredList for Browser {
    fn filter_mut(&mut self) -> Option<&mut Filter> {
        self.inspection.is_none().then_some(&mut self.filter)
    }

    fn refilter(&mut self) {
        let passes =
            |row: &Row| (self.hidden || !row.is_hidden()) && self.filter.passes(&row.name.to_lowercase());
        let shown = self.rows().iter().enumerate().filter(|(_, row)| passes(row)).map(|(at, _)| at).collect();
        self.shown = shown;
        if self.place_of_chosen().is_none() {
            self.choose(0);
        }
    }
}

#[cfg(test)]
mod tests;
