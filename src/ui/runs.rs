//! The runs of a folder: a table that is filtered and sorted, from which runs are looked at and compared.
//!
//! ```text
//!  Runs  3 of 12 · 2 marked · latest first
//! /val_acc>0.9 lstm
//!     name        state     best val_loss  …
//!  ▸  lstm-1      finished  0.1234
//!   * gru-1       finished  0.1301
//! ```

mod prompt;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossterm::event::KeyEvent;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::filter::{Filter, FilteredList};
use super::keymap::Action;
use super::menu::{SMALLEST, too_small};
use super::text::{fit, wrap};
use super::theme::{Role, Theme};
use crate::escape::foreign;
use crate::run::RunState;
use crate::runs::{self, Card, Key, Run};
use prompt::{Answer, Change, Prompt};

/// Keys to sort by in turn, with their words.
const ORDERS: [(&str, &str); 4] =
    [("age", "latest first"), ("name", "by name"), ("best", "by best value"), ("state", "by state")];
/// How often the folder is listed again.
const LIST_EVERY: Duration = Duration::from_secs(2);
/// Columns before a row: pointer and mark.
const MARGIN: usize = 4;

/// A request of the list to the application.
#[derive(Debug)]
pub enum Request {
    /// Back to the menu.
    Leave,
    /// Show the card of a run: its title and its text.
    Show(String, String),
    /// Show a run: its recording, or itself if it is in training.
    Open(Run),
    /// Compare these runs.
    Compare(Vec<Run>),
    /// Say why a key has no effect.
    Refuse(String),
}

/// The list of runs.
#[derive(Debug)]
pub struct RunsScreen {
    /// The folder; `None` of runs that were given.
    dir: Option<PathBuf>,
    /// When it is listed next.
    next: Instant,
    /// Why the folder cannot be read.
    error: Option<String>,
    all: Vec<Run>,
    /// Runs that pass the filter, as indices.
    shown: Vec<usize>,
    /// Index in `shown`.
    chosen: usize,
    marked: BTreeSet<Arc<str>>,
    filter: Filter,
    /// Why the filter cannot be read; the rows are those of the last that could.
    doubt: Option<String>,
    order: usize,
    /// The rows as they were drawn last: the width, the heading and the lines.
    drawn: Option<(usize, String, Vec<String>)>,
    /// How many rows a page is; known once it is drawn.
    page: usize,
    /// The line in which something is typed.
    prompt: Option<Prompt>,
    /// Why the last key had no effect.
    refused: Option<String>,
}

impl RunsScreen {
    /// Lists the runs in the folder `dir`.
    pub fn new(dir: &Path) -> Self {
        let (all, error) = Self::list(dir);
        Self { dir: Some(dir.to_owned()), ..Self::of(all, error) }
    }

    fn list(dir: &Path) -> (Vec<Run>, Option<String>) {
        match dir.exists() {
            false => (Vec::new(), None),
            true => match runs::list(dir) {
                Ok(all) => (all, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            },
        }
    }

    /// When [`tick`](Self::tick) is to be called next.
    pub fn next_tick(&self) -> Option<Instant> {
        self.dir.as_ref().map(|_| self.next)
    }

    /// Lists the runs again if it is time; returns whether the screen changes.
    pub fn tick(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.refresh();
        true
    }

    /// Lists the runs again; the chosen one stays chosen.
    fn refresh(&mut self) {
        let Some(dir) = &self.dir else { return };
        let begin = Instant::now();
        let (all, error) = Self::list(dir);
        // It takes a share of the time only.
        self.next = Instant::now() + LIST_EVERY.max(begin.elapsed() * 20);
        self.error = error;
        let chosen = self.chosen().map(|run| Arc::clone(&run.name));
        let at = self.chosen;
        self.all = all;
        self.marked.retain(|name| self.all.iter().any(|run| run.name == *name));
        self.sort_by(chosen.as_ref(), at);
    }

    pub(super) fn of(all: Vec<Run>, error: Option<String>) -> Self {
        let mut screen = Self {
            dir: None,
            next: Instant::now() + LIST_EVERY,
            error,
            all,
            shown: Vec::new(),
            chosen: 0,
            marked: BTreeSet::new(),
            filter: Filter::default(),
            doubt: None,
            order: 0,
            drawn: None,
            page: 1,
            prompt: None,
            refused: None,
        };
        screen.sort();
        screen
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        let last = self.shown.len().saturating_sub(1);
        self.refused = None;
        match action {
            Action::Back if self.filter.is_shown() => {
                self.filter.clear();
                self.refilter();
            }
            Action::Back => return Some(Request::Leave),
            Action::Filter => self.filter.start(),
            Action::Sort => {
                self.order = (self.order + 1) % ORDERS.len();
                self.sort();
            }
            Action::Mark => {
                let name = Arc::clone(&self.chosen()?.name);
                if !self.marked.remove(&name) {
                    self.marked.insert(name);
                }
                self.chosen = (self.chosen + 1).min(last);
            }
            Action::Compare => return Some(self.compare()),
            Action::Open => return self.chosen().cloned().map(Request::Open),
            Action::Explain => {
                let run = self.chosen()?;
                let card = Card::read(&run.path, &run.name);
                let rows = card.rows().into_iter().map(|(name, value)| format!("{name}: {value}"));
                return Some(Request::Show(run.name.to_string(), rows.collect::<Vec<_>>().join("\n")));
            }
            Action::Tag => self.ask(Change::Tag),
            Action::Note => self.ask(Change::Note),
            Action::Remove => self.ask(Change::Remove),
            Action::Up => self.chosen = self.chosen.saturating_sub(1),
            Action::Down => self.chosen = (self.chosen + 1).min(last),
            Action::PageUp => self.chosen = self.chosen.saturating_sub(self.page),
            Action::PageDown => self.chosen = (self.chosen + self.page).min(last),
            Action::First => self.chosen = 0,
            Action::Last => self.chosen = last,
            _ => {}
        }
        None
    }

    fn chosen(&self) -> Option<&Run> {
        self.shown.get(self.chosen).and_then(|i| self.all.get(*i))
    }

    fn ask(&mut self, change: Change) {
        let Some(run) = self.chosen().cloned() else { return };
        match Prompt::new(change, run) {
            Ok(prompt) => self.prompt = Some(prompt),
            Err(why) => self.refused = Some(why),
        }
    }

    /// Whether the removal of a run waits for its answer.
    pub fn is_asking(&self) -> bool {
        self.prompt.as_ref().is_some_and(|prompt| !prompt.is_text())
    }

    /// What the footer says of a key instead of the table's word: empty for a key without effect at present.
    pub fn footer_word(&self, action: Action) -> Option<&'static str> {
        let chosen = self.chosen();
        match action {
            Action::Open
            | Action::Explain
            | Action::Mark
            | Action::Compare
            | Action::Sort
            | Action::Tag
            | Action::Note
            | Action::Remove
                if chosen.is_none() =>
            {
                Some("")
            }
            Action::Filter if self.all.is_empty() => Some(""),
            Action::Open if chosen.is_some_and(|run| run.state == RunState::Live) => Some("attach"),
            Action::Compare if self.marked.is_empty() => Some(""),
            Action::Remove if chosen.is_some_and(|run| run.state == RunState::Live) => Some(""),
            _ => None,
        }
    }

    /// The marked runs, or the chosen one with them if only one is marked.
    fn compare(&self) -> Request {
        let mut names: BTreeSet<&Arc<str>> = self.marked.iter().collect();
        if names.len() < 2 {
            names.extend(self.chosen().map(|run| &run.name));
        }
        let runs: Vec<Run> = self.all.iter().filter(|run| names.contains(&run.name)).cloned().collect();
        match runs.len() {
            0 | 1 => Request::Refuse("Mark two runs or more with the space bar.".to_owned()),
            many if many > super::group::MOST_RUNS => Request::Refuse(format!(
                "{many} runs are marked; at most {} are compared.",
                super::group::MOST_RUNS
            )),
            _ => Request::Compare(runs),
        }
    }

    /// Sorts by the current order; the chosen run stays chosen.
    fn sort(&mut self) {
        let chosen = self.chosen().map(|run| Arc::clone(&run.name));
        self.sort_by(chosen.as_ref(), 0);
    }

    /// Sorts by the current order, and chooses the run `chosen`, or the one in row `otherwise` if there is none.
    fn sort_by(&mut self, chosen: Option<&Arc<str>>, otherwise: usize) {
        let (name, _) = ORDERS.get(self.order).copied().unwrap_or(ORDERS[0]);
        if let Ok(key) = Key::find_one(name, &self.all) {
            runs::sort(&mut self.all, &key, false, SystemTime::now());
        }
        self.refilter();
        let again = |name: &Arc<str>| {
            self.shown.iter().position(|i| self.all.get(*i).is_some_and(|run| run.name == *name))
        };
        let last = self.shown.len().saturating_sub(1);
        self.chosen = chosen.and_then(again).unwrap_or(otherwise.min(last));
    }

    /// Draws the list into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        frame.render_widget(self.head(usize::from(area.width), theme), head);
        let body = self.filter.render_above(frame, body, theme);
        let body = match (&self.prompt, &self.refused) {
            (None, None) => body,
            (prompt, refused) => {
                let [line, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(body);
                match (prompt, refused) {
                    (Some(prompt), _) => prompt.render(frame, line, theme),
                    (None, why) => {
                        let why = foreign(why.as_deref().unwrap_or_default()).into_owned();
                        frame
                            .render_widget(Line::styled(format!(" {why}"), theme.style(Role::Warning)), line);
                    }
                }
                rest
            }
        };
        let width = usize::from(body.width);
        let instead = match (&self.error, &self.doubt) {
            (Some(error), _) => Some((error.clone(), Role::Bad)),
            (None, Some(doubt)) => Some((doubt.clone(), Role::Warning)),
            _ if self.all.is_empty() => {
                Some(("No runs in runs/ yet: Esc, then train a preset.".into(), Role::Dim))
            }
            _ if self.shown.is_empty() => Some(("No run matches. Esc clears the filter.".into(), Role::Dim)),
            _ => None,
        };
        let body = match &instead {
            Some((words, role)) => {
                let lines: Vec<Line<'_>> =
                    wrap(words, width.saturating_sub(1)).into_iter().map(Line::from).collect();
                let height = lines.len() as u16;
                let [above, rest] =
                    Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(body);
                frame.render_widget(Paragraph::new(lines).style(theme.style(*role)), above);
                rest
            }
            None => body,
        };
        if self.shown.is_empty() || body.height < 2 {
            return;
        }
        let height = usize::from(body.height) - 1;
        self.page = height.saturating_sub(1).max(1);
        // The chosen row stays in the middle as far as the ends allow.
        let first = self.chosen.saturating_sub(height / 2).min(self.shown.len().saturating_sub(height));
        let (chosen, marked) = (self.chosen, self.marked.clone());
        let names: Vec<Arc<str>> = self
            .shown
            .iter()
            .skip(first)
            .take(height)
            .filter_map(|i| self.all.get(*i))
            .map(|run| Arc::clone(&run.name))
            .collect();
        let (heading, rows) = self.rows(width.saturating_sub(MARGIN));
        let mut lines = vec![Line::styled(format!("    {heading}"), theme.style(Role::Title))];
        for (i, (row, name)) in rows.iter().skip(first).zip(names).enumerate() {
            let pointer = if first + i == chosen { "▸" } else { " " };
            let mark = if marked.contains(&name) { "*" } else { " " };
            let role = if first + i == chosen { Role::Selected } else { Role::Text };
            lines.push(Line::from(vec![
                Span::styled(format!(" {pointer}{mark} "), theme.style(Role::Key)),
                Span::styled(row.clone(), theme.style(role)),
            ]));
        }
        frame.render_widget(Paragraph::new(lines), body);
    }

    fn head(&self, width: usize, theme: &Theme) -> Line<'static> {
        let (all, shown) = (self.all.len(), self.shown.len());
        let count = if all == shown { format!("{all}") } else { format!("{shown} of {all}") };
        let marked =
            if self.marked.is_empty() { String::new() } else { format!(" · {} marked", self.marked.len()) };
        let (_, order) = ORDERS.get(self.order).copied().unwrap_or(ORDERS[0]);
        let says = fit(&format!("  {count}{marked} · {order}"), width.saturating_sub(6));
        Line::from(vec![
            Span::styled(" Runs", theme.style(Role::Title)),
            Span::styled(says, theme.style(Role::Dim)),
        ])
    }

    /// The heading and the rows in `width` columns.
    fn rows(&mut self, width: usize) -> (&str, &[String]) {
        if self.drawn.as_ref().is_none_or(|(drawn, ..)| *drawn != width) {
            let shown: Vec<Run> = self.shown.iter().filter_map(|i| self.all.get(*i)).cloned().collect();
            let (heading, rows) = runs::columns(&shown, SystemTime::now()).lines(width);
            self.drawn = Some((width, heading, rows));
        }
        self.drawn.as_ref().map_or(("", &[]), |(_, heading, rows)| (heading.as_str(), rows.as_slice()))
    }
}

impl FilteredList for RunsScreen {
    fn is_typing(&mut self) -> bool {
        self.prompt.as_ref().map_or(self.filter.typing(), Prompt::is_text)
    }

    fn type_key(&mut self, key: &KeyEvent) -> bool {
        if let Some(prompt) = &mut self.prompt {
            if let Some(answer) = prompt.type_key(key) {
                self.prompt = None;
                match answer {
                    Answer::Closed => {}
                    Answer::Done => self.refresh(),
                    Answer::Refused(why) => self.refused = Some(why),
                }
            }
            return true;
        }
        let Some(filter) = self.filter_mut().filter(|filter| filter.typing()) else { return false };
        let taken = filter.type_key(key);
        self.refilter();
        taken
    }

    fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
        } else if self.filter.typing() {
            self.filter.paste(text);
            self.refilter();
        }
    }

    fn filter_mut(&mut self) -> Option<&mut Filter> {
        Some(&mut self.filter)
    }

    fn refilter(&mut self) {
        self.doubt = match runs::Filter::parse(self.filter.text(), &self.all) {
            Ok(filter) => {
                let now = SystemTime::now();
                let passes = |i: &usize| self.all.get(*i).is_some_and(|run| filter.passes(run, now));
                self.shown = (0..self.all.len()).filter(passes).collect();
                self.chosen = self.chosen.min(self.shown.len().saturating_sub(1));
                self.drawn = None;
                None
            }
            Err(error) => {
                // Rows by their old order would be others.
                self.shown.retain(|i| *i < self.all.len());
                Some(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
            }
        };
    }
}

#[cfg(test)]
mod tests;
