//! The runs of a folder: a table that is filtered and sorted, from which runs are looked at and compared.
//!
//! ```text
//!  Runs  3 of 12 · 2 marked · latest first
//! /val_acc>0.9 lstm
//!     name        state     best val_loss  …
//!  ▸  lstm-1      finished  0.1234
//!   * gru-1       finished  0.1301
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::filter::{Filter, FilteredList};
use super::keymap::Action;
use super::menu::{SMALLEST, too_small};
use super::text::{fit, wrap};
use super::theme::{Role, Theme};
use crate::runs::{self, Card, Key, Run};

/// Keys to sort by in turn, with their words.
const ORDERS: [(&str, &str); 4] =
    [("age", "latest first"), ("name", "by name"), ("best", "by best value"), ("state", "by state")];
/// Columns before a row: pointer and mark.
const MARGIN: usize = 4;

/// A request of the list to the application.
#[derive(Debug)]
pub enum Request {
    /// Back to the menu.
    Leave,
    /// Show the card of a run: its title and its text.
    Show(String, String),
    /// Compare these runs.
    Compare(Vec<Run>),
    /// Say why they cannot be compared.
    Refuse(String),
}

/// The list of runs.
#[derive(Debug)]
pub struct RunsScreen {
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
}

impl RunsScreen {
    /// Lists the runs in the folder `dir`.
    pub fn new(dir: &Path) -> Self {
        let path: PathBuf = dir.to_owned();
        let (all, error) = match path.exists() {
            false => (Vec::new(), None),
            true => match runs::list(&path) {
                Ok(all) => (all, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            },
        };
        Self::of(all, error)
    }

    pub(super) fn of(all: Vec<Run>, error: Option<String>) -> Self {
        let mut screen = Self {
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
        };
        screen.sort();
        screen
    }

    /// Handles a key; returns a request to the application, if any.
    pub fn act(&mut self, action: Action) -> Option<Request> {
        let last = self.shown.len().saturating_sub(1);
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
            Action::Open => {
                let run = self.chosen()?;
                let card = Card::read(&run.path, &run.name);
                let rows = card.rows().into_iter().map(|(name, value)| format!("{name}: {value}"));
                return Some(Request::Show(run.name.to_string(), rows.collect::<Vec<_>>().join("\n")));
            }
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

    /// The marked runs, or the chosen one with them if only one is marked.
    fn compare(&self) -> Request {
        let mut names: BTreeSet<&Arc<str>> = self.marked.iter().collect();
        if names.len() < 2 {
            names.extend(self.chosen().map(|run| &run.name));
        }
        let runs: Vec<Run> = self.all.iter().filter(|run| names.contains(&run.name)).cloned().collect();
        match runs.len() {
            0 | 1 => Request::Refuse("Mark two runs or more with the space bar.".to_owned()),
            many if many > super::compare::MAX_RUNS => Request::Refuse(format!(
                "{many} runs are marked; at most {} are compared.",
                super::compare::MAX_RUNS
            )),
            _ => Request::Compare(runs),
        }
    }

    /// Sorts by the current order; the chosen run stays chosen.
    fn sort(&mut self) {
        let chosen = self.chosen().map(|run| Arc::clone(&run.name));
        let (name, _) = ORDERS.get(self.order).copied().unwrap_or(ORDERS[0]);
        if let Ok(key) = Key::find_one(name, &self.all) {
            runs::sort(&mut self.all, &key, false, SystemTime::now());
        }
        self.refilter();
        let again = |name: &Arc<str>| {
            self.shown.iter().position(|i| self.all.get(*i).is_some_and(|run| run.name == *name))
        };
        self.chosen = chosen.as_ref().and_then(again).unwrap_or(0);
    }

    /// Draws the list into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        frame.render_widget(self.head(usize::from(area.width), theme), head);
        let body = self.filter.render_above(frame, body, theme);
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
