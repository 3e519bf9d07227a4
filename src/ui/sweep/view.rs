//! The screen of a sweep: head lines, and panels side by side or one at a time.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::data::TrialState;
use super::table::role;
use super::{Panel, SweepScreen};
use crate::escape::foreign;
use crate::number;
use crate::ui::menu::{SMALLEST, too_small};
use crate::ui::text::fit_name;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// The least size, without the head lines, for all panels at a time.
const LEAST_ALL: (u16, u16) = (110, 30);
/// Lines of the table at least, where all panels are shown.
const MIN_TABLE: u16 = 10;
/// Columns of the name of the sweep at least.
const NAME: usize = 10;
/// Columns between the names of panels in the line that stands for those without space.
const GAP: usize = 3;

impl SweepScreen {
    /// Draws the screen into `area` of `frame`.
    pub fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        self.render_screen(frame, area, theme);
        let mut picture = Buffer::empty(area);
        for position in area.positions() {
            if let (Some(cell), Some(from)) = (picture.cell_mut(position), frame.buffer_mut().cell(position))
            {
                cell.clone_from(from);
            }
        }
        self.picture = Some(picture);
    }

    fn render_screen(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let [head, best, body] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        let body = self.filter.render_above(frame, body, theme);
        let buf = frame.buffer_mut();
        let is_whole = self.render_head(head, buf, theme);
        self.render_best(best, buf, theme);
        let places = self.places(body);
        let body = match places.len() < Panel::ALL.len() {
            true => {
                let [tabs, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(body);
                self.render_tabs(tabs, is_whole, buf, theme);
                rest
            }
            false => body,
        };
        for (panel, place) in self.places(body) {
            let title = self.title(panel, theme);
            let note = self.note(panel, theme);
            let focused = panel == self.focus;
            let frame = PanelFrame { focused, title: &title, note: &note, left: &[], right: &[] };
            let inner = frame.render(place, buf, theme);
            match panel {
                Panel::Trials => self.render_table(inner, buf, theme),
                Panel::Matrix => self.render_matrix(inner, buf, theme),
                Panel::Coordinates => self.render_coordinates(inner, buf, theme),
                Panel::Importance => self.render_importance(inner, buf, theme),
            }
        }
    }

    /// The panels that are shown, with their places.
    fn places(&self, area: Rect) -> Vec<(Panel, Rect)> {
        if self.is_enlarged || area.width < LEAST_ALL.0 || area.height < LEAST_ALL.1 {
            return vec![(self.focus, area)];
        }
        let rows = u16::try_from(self.shown.len()).unwrap_or(u16::MAX).saturating_add(3);
        let upper = rows.clamp(MIN_TABLE, (area.height / 2).max(MIN_TABLE));
        let [upper, lower] = Layout::vertical([Constraint::Length(upper), Constraint::Fill(1)]).areas(area);
        let importance = (area.width / 4).clamp(32, 60);
        let [table, importance] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(importance)]).areas(upper);
        let [matrix, coordinates] =
            Layout::horizontal([Constraint::Percentage(44), Constraint::Fill(1)]).areas(lower);
        vec![
            (Panel::Trials, table),
            (Panel::Matrix, matrix),
            (Panel::Coordinates, coordinates),
            (Panel::Importance, importance),
        ]
    }

    /// How many trials are in which state, and what is at work; returns whether that has found space.
    fn render_head(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> bool {
        let data = &self.data;
        let mut pieces: Vec<Piece<'_>> = vec![
            (" ".into(), theme.style(Role::Text)),
            (format!("{}: ", number::counted(data.trials.len(), "trial")).into(), theme.style(Role::Text)),
        ];
        let counts = TrialState::ALL.map(|state| (state, data.count(state)));
        for (i, (state, count)) in counts.into_iter().filter(|(_, count)| *count > 0).enumerate() {
            let gap = if i > 0 { " · " } else { "" };
            pieces.push((gap.into(), theme.style(Role::Dim)));
            let words = format!("{} {}", number::count(count as u64), state.word());
            pieces.push((words.into(), theme.style(role(state))));
        }
        let left = usize::from(area.width).saturating_sub(text::width_of(&pieces) + 2);
        let rest = self.at_work(left);
        let is_whole = rest.is_some();
        if let Some(rest) = rest {
            pieces.push((format!("  {rest}").into(), theme.style(Role::Dim)));
        }
        // The name is known from the command, and takes what is left.
        let room = usize::from(area.width).saturating_sub(text::width_of(&pieces) + 3);
        if room >= NAME {
            let name = format!(" {} ", fit_name(&data.name, room));
            pieces.insert(0, (name.into(), theme.style(Role::Title)));
        }
        text::put(buf, area.x, area.y, area.width.into(), &pieces);
        is_whole
    }

    /// The time, and what is at work, in at most `width` columns.
    fn at_work(&self, width: usize) -> Option<String> {
        let data = &self.data;
        let mut hosts: Vec<&str> = data.hosts.iter().map(String::as_str).collect();
        hosts.dedup();
        let workers = number::counted(data.hosts.len(), "worker");
        let at_work = match (data.hosts.len(), hosts.as_slice()) {
            (0, _) => "nothing at work".to_owned(),
            (_, [host]) => format!("{workers} on {}", foreign(host)),
            (_, hosts) => format!("{workers} on {}", number::counted(hosts.len(), "host")),
        };
        let time = data.elapsed.map(|elapsed| number::duration(elapsed) + " · ").unwrap_or_default();
        let wordings = [at_work, workers].map(|words| format!("{time}{words}"));
        wordings.into_iter().find(|words| text::width(words) <= width)
    }

    /// The best trial.
    fn render_best(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let data = &self.data;
        let best = data.best.and_then(|best| data.trials.get(best));
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        match best {
            Some(trial) => {
                pieces.push((" ◆ ".into(), theme.style(Role::Good)));
                let value = trial.value.map_or(String::new(), |value| number::named(&data.metric, value));
                let text = format!("best {}  {} {value}", trial.name, foreign(&data.metric));
                pieces.push((text.into(), theme.style(Role::Text)));
                if let Some(epoch) = trial.best_epoch {
                    pieces.push((format!(" at epoch {epoch}").into(), theme.style(Role::Text)));
                }
                for (at, value) in trial.settings.iter().enumerate() {
                    let setting = format!("  {}=", foreign(data.label(at)));
                    pieces.push((setting.into(), theme.style(Role::Dim)));
                    pieces.push((foreign(value), theme.style(Role::Text)));
                }
            }
            None => pieces.push((" no trial has finished yet".into(), theme.style(Role::Dim))),
        }
        text::put(buf, area.x, area.y, area.width.into(), &pieces);
    }

    /// The names of the panels, where there is no space for all; at the right what is at work, unless the head line has it.
    fn render_tabs(&self, area: Rect, has_head: bool, buf: &mut Buffer, theme: &Theme) {
        let mut pieces: Vec<Piece<'_>> = vec![(" ".into(), theme.style(Role::Text))];
        for (i, panel) in Panel::ALL.into_iter().enumerate() {
            let role = if panel == self.focus { Role::Selected } else { Role::Dim };
            if i > 0 {
                pieces.push((" ".repeat(GAP).into(), theme.style(Role::Text)));
            }
            pieces.push((format!("{} {}", i + 1, panel.name()).into(), theme.style(role)));
        }
        let used = text::put(buf, area.x, area.y, area.width.into(), &pieces);
        let rest = self.at_work(usize::from(area.width).saturating_sub(used + GAP + 1));
        if let Some(rest) = rest.filter(|_| !has_head) {
            let wide = text::width(&rest) + 1;
            let x = area.right() - wide as u16;
            text::put(buf, x, area.y, wide, &[(rest.into(), theme.style(Role::Dim))]);
        }
    }

    fn title(&self, panel: Panel, theme: &Theme) -> Vec<Piece<'static>> {
        let number = Panel::ALL.iter().position(|other| *other == panel).map_or(0, |at| at + 1);
        let name = match panel {
            Panel::Trials if self.is_grouped => "Settings",
            panel => panel.name(),
        };
        vec![
            (format!("{number} ").into(), theme.style(Role::Key)),
            (name.to_owned().into(), theme.style(Role::Title)),
        ]
    }

    /// What stands at the right of the title, in several wordings.
    fn note(&self, panel: Panel, theme: &Theme) -> Vec<Vec<Piece<'static>>> {
        let words = match panel {
            Panel::Trials => {
                let all = if self.is_grouped { self.data.combinations.len() } else { self.data.trials.len() };
                let shown = self.shown.len();
                let count =
                    if all == shown { number::count(all as u64) } else { format!("{shown} of {all}") };
                let mean = if self.is_grouped { " · mean ± sd over seeds and folds" } else { "" };
                vec![format!("{count}{mean}"), count]
            }
            Panel::Matrix => {
                let what = if self.is_mean { "mean of each cell" } else { "best of each cell" };
                vec![format!("{} · {what}", foreign(&self.data.metric)), what.to_owned()]
            }
            Panel::Coordinates => vec!["a line a trial, the best above".to_owned()],
            Panel::Importance => Vec::new(),
        };
        words.into_iter().map(|words| vec![(words.into(), theme.style(Role::Dim))]).collect()
    }
}
