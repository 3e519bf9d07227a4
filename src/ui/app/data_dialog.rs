//! The dialog of a preset whose data are not here: it fetches them, or lets a file be chosen.
//!
//! ```text
//! ╭ Data of imdb-lstm ───────────────────────────────────╮
//! │ The preset reads aclImdb, which is not here.         │
//! │ f  fetch imdb (80.2 MiB) into this folder            │
//! │ d  choose a file or folder for this preset           │
//! ╰──────────────────────────────────────────── Esc back ╯
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::popup::{boxed, centered};
use crate::number;
use crate::ui::text::wrap;
use crate::ui::theme::{Role, Theme};

/// A published data set that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetOffer {
    /// Its name for `unrolled data fetch`.
    pub name: String,
    /// Its size before unpacking, in bytes.
    pub bytes: u64,
    /// Its licence or terms.
    pub terms: String,
}

/// What happens while a data set is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// What is done now, in a line.
    Note(String),
    /// Bytes have come, of so many of this file if that is known.
    Received {
        /// The bytes that are there.
        bytes: u64,
        /// All bytes.
        of: Option<u64>,
    },
    /// All files are there.
    Done,
    /// Why they are not, and what can be done.
    Failed(String),
}

/// What the program does to fetch data sets.
#[derive(Debug, Clone, Copy)]
pub struct FetchHooks {
    /// The data set of a preset, if one can be fetched.
    pub find: fn(&str) -> Option<DatasetOffer>,
    /// Begins to fetch a data set into the current folder on a thread of its own, until the flag is set.
    pub start: fn(&str, Arc<AtomicBool>) -> Result<Receiver<FetchEvent>, String>,
}

/// The answer of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DataAnswer {
    Closed,
    /// Choose a file for the preset.
    Choose,
    /// Train it: its data are here now.
    Train,
}

/// A fetch that goes on.
#[derive(Debug)]
struct Fetch {
    events: Receiver<FetchEvent>,
    stop: Arc<AtomicBool>,
    note: String,
    received: Option<(u64, Option<u64>)>,
    /// When the first bytes of the file came, and how many were there.
    since: Option<(Instant, u64)>,
    now: Instant,
}

#[derive(Debug)]
enum State {
    Asking,
    Fetching(Fetch),
    Done,
    Failed(String),
}

/// The dialog.
#[derive(Debug)]
pub(super) struct DataDialog {
    /// The preset.
    preset: String,
    /// How to get its data.
    needs: String,
    hooks: Option<FetchHooks>,
    offer: Option<DatasetOffer>,
    can_choose: bool,
    state: State,
}

impl Drop for DataDialog {
    fn drop(&mut self) {
        self.stop();
    }
}

impl DataDialog {
    /// For `preset`, whose data are got as `needs` says; files can be chosen if `can_choose`.
    pub(super) fn new(preset: &str, needs: &str, hooks: Option<FetchHooks>, can_choose: bool) -> Self {
        Self {
            preset: preset.to_owned(),
            needs: needs.to_owned(),
            offer: hooks.and_then(|hooks| (hooks.find)(preset)),
            hooks,
            can_choose,
            state: State::Asking,
        }
    }

    /// The preset.
    pub(super) fn preset(&self) -> &str {
        &self.preset
    }

    /// The events of a fetch.
    pub(super) fn events(&self) -> Option<&Receiver<FetchEvent>> {
        match &self.state {
            State::Fetching(fetch) => Some(&fetch.events),
            _ => None,
        }
    }

    /// Takes an event of the fetch; `None` if its thread has ended without a word. Returns whether the data may be here now.
    pub(super) fn take(&mut self, event: Option<FetchEvent>, now: Instant) -> bool {
        let State::Fetching(fetch) = &mut self.state else { return false };
        match event {
            Some(FetchEvent::Note(note)) => (fetch.note, fetch.received, fetch.since) = (note, None, None),
            Some(FetchEvent::Received { bytes, of }) => {
                fetch.received = Some((bytes, of));
                fetch.since.get_or_insert((now, bytes));
                fetch.now = now;
            }
            Some(FetchEvent::Done) => {
                self.state = State::Done;
                return true;
            }
            Some(FetchEvent::Failed(what)) => self.state = State::Failed(what),
            None => self.state = State::Failed("the download ended because of a bug in the program".into()),
        }
        false
    }

    /// Handles a key; returns the answer once it is given.
    pub(super) fn type_key(&mut self, key: &KeyEvent) -> Option<DataAnswer> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let closes = key.code == KeyCode::Esc || control && key.code == KeyCode::Char('c');
        match (&self.state, key.code) {
            (State::Fetching(_), _) if closes => {
                self.stop();
                self.state = State::Asking;
            }
            _ if closes => return Some(DataAnswer::Closed),
            _ if control => {}
            (State::Fetching(_), _) => {}
            (State::Done, KeyCode::Enter) => return Some(DataAnswer::Train),
            (State::Done, _) => {}
            (_, KeyCode::Char('f')) => self.start(),
            (_, KeyCode::Char('d')) if self.can_choose => return Some(DataAnswer::Choose),
            (_, KeyCode::Char('q')) => return Some(DataAnswer::Closed),
            _ => {}
        }
        None
    }

    fn start(&mut self) {
        let (Some(hooks), Some(offer)) = (self.hooks, &self.offer) else { return };
        let stop = Arc::new(AtomicBool::new(false));
        self.state = match (hooks.start)(&offer.name, Arc::clone(&stop)) {
            Ok(events) => State::Fetching(Fetch {
                events,
                stop,
                note: "connecting…".into(),
                received: None,
                since: None,
                now: Instant::now(),
            }),
            Err(error) => State::Failed(error),
        };
    }

    /// Stops a fetch; what has come stays for the next one.
    fn stop(&self) {
        if let State::Fetching(fetch) = &self.state {
            fetch.stop.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let width = usize::from(area.width).saturating_sub(6).clamp(1, 64);
        let lines = self.lines(width, theme);
        let area = centered(area, width + 4, lines.len() + 2);
        let esc = match &self.state {
            State::Fetching(_) => " Esc cancels ",
            _ => " Esc back ",
        };
        let block = boxed(format!(" Data of {} ", self.preset), theme)
            .title_bottom(Line::styled(esc, theme.style(Role::Dim)).right_aligned());
        let inner = block.inner(area);
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(lines).style(theme.style(Role::Text)), inner);
    }

    fn lines(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let words = |text: &str, role: Role| {
            let style = theme.style(role);
            wrap(text, width).into_iter().map(move |line| Line::styled(line, style)).collect::<Vec<_>>()
        };
        match &self.state {
            State::Asking => {
                let mut lines = self.choices(width, theme);
                lines.push(Line::default());
                lines.extend(words(&format!("By hand: {}", self.needs), Role::Dim));
                lines
            }
            State::Failed(what) => {
                let mut lines = words(what, Role::Bad);
                lines.push(Line::default());
                lines.extend(self.choices(width, theme));
                lines
            }
            State::Done => {
                let mut lines = words("The data are here.", Role::Good);
                lines.push(Line::default());
                lines.extend(choice("Enter", "train the preset", width, theme));
                lines
            }
            State::Fetching(fetch) => fetch.lines(width, theme),
        }
    }

    fn choices(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some(offer) = &self.offer {
            let text = format!("fetch {} ({}) into this folder", offer.name, number::bytes(offer.bytes));
            lines.extend(choice("f", &text, width, theme));
            if !offer.terms.is_empty() {
                lines.extend(choice(" ", &format!("terms: {}", offer.terms), width, theme));
            }
        }
        if self.can_choose {
            lines.extend(choice("d", "choose a file or folder for this preset", width, theme));
        }
        lines
    }
}

fn choice(key: &str, text: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let margin = key.chars().count() + 2;
    let rows = wrap(text, width.saturating_sub(margin).max(1)).into_iter().enumerate();
    let line = |(i, row): (usize, String)| {
        let key = if i == 0 { format!("{key}  ") } else { " ".repeat(margin) };
        Line::from(vec![
            Span::styled(key, theme.style(Role::Key)),
            Span::styled(row, theme.style(Role::Text)),
        ])
    };
    rows.map(line).collect()
}

impl Fetch {
    fn lines(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut lines: Vec<Line<'static>> =
            wrap(&self.note, width).into_iter().take(2).map(Line::from).collect();
        let Some((bytes, of)) = self.received else {
            lines.extend([Line::default(), Line::default()]);
            return lines;
        };
        let elapsed = self.since.map_or(0.0, |(since, _)| (self.now - since).as_secs_f64());
        let new = self.since.map_or(0, |(_, before)| bytes.saturating_sub(before));
        let rate = if elapsed > 0.5 { new as f64 / elapsed } else { 0.0 };
        let mut text = number::bytes(bytes);
        if let Some(of) = of {
            text += &format!(" of {}", number::bytes(of));
            let share = (bytes as f64 / of.max(1) as f64).clamp(0.0, 1.0);
            let filled = (share * width as f64) as usize;
            lines.push(Line::from(vec![
                Span::styled("━".repeat(filled), theme.style(Role::Good)),
                Span::styled("─".repeat(width - filled), theme.style(Role::Dim)),
            ]));
            text = format!("{:>5}  {text}", format!("{:.0} %", share * 100.0));
        } else {
            lines.push(Line::default());
        }
        if rate > 0.0 {
            text += &format!(" · {}/s", number::bytes(rate as u64));
            if let Some(of) = of {
                text += &format!(" · {} left", number::duration(of.saturating_sub(bytes) as f64 / rate));
            }
        }
        lines.push(Line::styled(text, theme.style(Role::Text)));
        lines
    }
}
