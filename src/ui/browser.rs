//! Data of one's own, out of the menu: a file or folder is chosen, looked at, and trained on.
//!
//! ```text
//! ╭ …/course/data (4) ─────────────╮        ╭ reviews.csv ────────────────────╮
//! │   ../                          │        │ a table with a header: 2,000 …  │
//! │   names/                       │ Enter  │ Columns                         │
//! │ ▸ reviews.csv         1.2 MiB  │ ─────▶ │   review   text   17 words …    │ Enter ─▶ the preset is written,
//! │   prose.txt         801.0 KiB  │        │ Settings that fit …             │          and trained
//! ╰────────────────────────────────╯        ╰─────────────────────────────────╯
//! ```
//!
//! Folders are listed and data looked at by threads of their own: a slow disk makes nobody wait but for the answer.

mod list;
mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};
use crossterm::event::KeyEvent;

use super::filter::Filter;
use super::keymap::{Action, Place};
use super::scroll::Scroll;
use crate::protocol::Draft;
use list::Row;

/// What the program does with data of one's own. Handed in, because the screen knows neither data nor how a preset is written.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// Looks at a file or folder, which may take seconds; in words why it cannot.
    pub look: fn(&Path) -> Result<Draft, String>,
    /// Writes the preset into the present folder; its file, by which it is launched, or in words why it cannot.
    pub write: fn(&Draft) -> Result<String, String>,
}

/// What a thread has to tell.
#[derive(Debug)]
pub struct Answer {
    /// Which question it answers; later ones make it void.
    question: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Listed(Result<Vec<Row>, String>),
    Looked(Box<Result<Draft, String>>),
}

/// What the browser asks of the program.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Back to the menu.
    Leave,
    /// Train by this draft, which has a preset.
    Train(Box<Draft>),
    /// Tell why there is nothing to train.
    Tell(String),
}

/// A folder, and what was found of one thing in it.
#[derive(Debug)]
pub struct Browser {
    own: Own,
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
    found: Option<Found>,
    /// How many rows a page is; known once it is drawn.
    page: usize,
    question: u64,
    send: Sender<Answer>,
    answers: Receiver<Answer>,
}

/// What is known of the file or folder that was chosen.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    /// `None` while it is being looked at.
    draft: Option<Result<Draft, String>>,
    scroll: Scroll,
}

impl Browser {
    /// In `folder`, which is being read from here on.
    pub fn new(own: Own, folder: PathBuf) -> Self {
        let (send, answers) = unbounded();
        let mut browser = Self {
            own,
            folder: PathBuf::new(),
            rows: None,
            shown: Vec::new(),
            chosen: 0,
            wanted: None,
            hidden: false,
            filter: Filter::default(),
            found: None,
            page: 1,
            question: 0,
            send,
            answers,
        };
        browser.enter(folder, None);
        browser
    }

    /// What its threads tell.
    pub fn answers(&self) -> &Receiver<Answer> {
        &self.answers
    }

    /// Takes what a thread tells.
    pub fn answer(&mut self, answer: Answer) {
        if answer.question != self.question {
            return;
        }
        match answer.what {
            What::Listed(rows) => {
                let at = |name: &String| rows.as_ref().ok()?.iter().position(|row| row.name == *name);
                self.chosen = self.wanted.take().as_ref().and_then(at).unwrap_or(0);
                self.rows = Some(rows);
                self.refilter();
            }
            What::Looked(draft) => {
                if let Some(found) = &mut self.found {
                    found.draft = Some(*draft);
                }
            }
        }
    }

    /// Which keys hold.
    pub fn place(&self) -> Place {
        if self.found.is_some() { Place::Found } else { Place::Browser }
    }

    /// Whether keys are text for the filter now.
    pub fn typing(&self) -> bool {
        self.filter.typing() && self.found.is_none()
    }

    /// A key while [`typing`](Self::typing); `false` when it is not for the line.
    pub fn type_key(&mut self, key: &KeyEvent) -> bool {
        let taken = self.filter.type_key(key);
        self.refilter();
        taken
    }

    /// Pasted text, taken as typed if a filter is being typed.
    pub fn paste(&mut self, text: &str) {
        if self.typing() {
            self.filter.paste(text);
            self.refilter();
        }
    }

    /// Does what `action` says, and answers with what it asks of the program.
    pub fn act(&mut self, action: Action) -> Option<Asked> {
        let page = self.page;
        let Some(found) = &mut self.found else { return self.act_on_list(action) };
        match action {
            Action::Back | Action::Parent => {
                self.found = None;
                // What it would still tell is void.
                self.question += 1;
            }
            Action::Open => {
                return match found.draft.as_ref()? {
                    Ok(Draft { preset: Err(doubt), .. }) | Err(doubt) => Some(Asked::Tell(doubt.clone())),
                    Ok(draft) => Some(Asked::Train(Box::new(draft.clone()))),
                };
            }
            _ => found.scroll.act(action, page),
        }
        None
    }

    fn act_on_list(&mut self, action: Action) -> Option<Asked> {
        let place = self.place_of_chosen().unwrap_or(0);
        let last = self.shown.len().saturating_sub(1);
        match action {
            Action::Back if self.filter.is_shown() => {
                self.filter.clear();
                self.refilter();
            }
            Action::Back => return Some(Asked::Leave),
            Action::Open => {
                let row = self.chosen()?;
                match row.is_folder {
                    true => self.enter(row.path.clone(), row.is_parent().then(|| self.name()).flatten()),
                    false => self.look_at(row.path.clone()),
                }
            }
            Action::LookAt => {
                let path = self.chosen()?.path.clone();
                self.look_at(path);
            }
            Action::Parent => {
                let parent = self.folder.parent()?.to_owned();
                self.enter(parent, self.name());
            }
            Action::Filter => self.filter.start(),
            Action::Hidden => {
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

    /// Has the folder read; `wanted` is chosen in it.
    fn enter(&mut self, folder: PathBuf, wanted: Option<String>) {
        (self.rows, self.chosen, self.wanted) = (None, 0, wanted);
        self.shown.clear();
        self.filter.clear();
        self.folder.clone_from(&folder);
        self.ask(move || What::Listed(list::read(&folder)));
    }

    fn look_at(&mut self, path: PathBuf) {
        self.found = Some(Found { path: path.clone(), draft: None, scroll: Scroll::default() });
        let look = self.own.look;
        self.ask(move || {
            let looked = catch_unwind(AssertUnwindSafe(|| look(&path)));
            What::Looked(Box::new(
                looked.unwrap_or_else(|_| Err("looking ended by a defect of the program".into())),
            ))
        });
    }

    /// Has a thread answer; what was asked before is void.
    fn ask(&mut self, work: impl FnOnce() -> What + Send + 'static) {
        self.question += 1;
        let (question, send, refused) = (self.question, self.send.clone(), self.send.clone());
        let started = std::thread::Builder::new().name("look".into()).spawn(move || {
            // Who asked may be gone.
            let _ = send.send(Answer { question, what: work() });
        });
        if let Err(error) = started {
            let what = match self.found {
                Some(_) => What::Looked(Box::new(Err(error.to_string()))),
                None => What::Listed(Err(error.to_string())),
            };
            let _ = refused.send(Answer { question, what });
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

    /// Where the chosen row stands among those that are shown.
    fn place_of_chosen(&self) -> Option<usize> {
        // They are in order.
        self.shown.binary_search(&self.chosen).ok()
    }

    fn choose(&mut self, place: usize) {
        if let Some(row) = self.shown.get(place) {
            self.chosen = *row;
        }
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
