//! A page on the screen: text at the left, drawing and pictures of the network at the right.

mod accuracy;
mod answers;
mod attention;
mod chain;
mod gradient;
mod states;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::pages::{Panel, Task};
use super::{LectureScreen, PAGES};
use crate::escape::foreign;
use crate::number;
use crate::protocol::RunStatus;
use crate::ui::menu::{SMALLEST, too_small};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Columns from which pictures stand beside the text: drawings have up to 38.
const WIDE: u16 = 76;
/// Columns of text at most: longer lines are hard to read.
const WIDEST: u16 = 64;
/// The words that are swapped, in the same columns each.
const SWAPPED: [&str; 2] = ["bad ", "good"];
/// Rows of a chart at least.
const CHART: u16 = 7;
/// Rows of a map with a row a word, if there are as many.
const MAP: u16 = 13;
/// Rows below text in which a chart is put on a narrow screen.
const BELOW: u16 = 10;

impl LectureScreen {
    /// Draws the page into `area` of `frame`.
    pub(in crate::ui) fn render(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(frame, area, theme);
        }
        let buf = frame.buffer_mut();
        let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        self.render_head(head, buf, theme);
        if area.width < WIDE {
            let below = if body.height >= 2 * BELOW { body.height / 2 } else { 0 };
            let [text, pictures] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(body);
            self.render_text(inset(text), buf, theme);
            self.render_panels(pictures, buf, theme);
            return;
        }
        let right = body.width.div_ceil(2).max(body.width.saturating_sub(WIDEST));
        let [text, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(right)]).areas(body);
        self.render_text(inset(text), buf, theme);
        let drawing = self.drawing_rows();
        // A row apart where there is space.
        let gap = u16::from(body.height >= 30) * u16::from(drawing > 0);
        let [_, drawn, _, pictures] = Layout::vertical([
            Constraint::Length(gap),
            Constraint::Length(drawing),
            Constraint::Length(gap),
            Constraint::Fill(1),
        ])
        .areas(right);
        self.render_drawing(drawn, buf, theme);
        self.render_panels(pictures, buf, theme);
    }

    fn render_head(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let number = format!(" {} {}/{}", words.lecture, self.page + 1, PAGES.len());
        let left: [Piece<'_>; 2] = [
            (number.into(), theme.style(Role::Dim)),
            (format!(" · {}", self.text().title).into(), theme.style(Role::Title)),
        ];
        let (word, role) = match self.status() {
            _ if self.error.is_some() => (words.failed, Role::Bad),
            None | Some(RunStatus::Preparing { .. }) => (words.preparing, Role::Dim),
            Some(RunStatus::Training | RunStatus::Validating) => (words.training, Role::Good),
            Some(RunStatus::Paused | RunStatus::Stopped { .. }) => (words.paused, Role::Warning),
            Some(RunStatus::Finished) => (words.finished, Role::Good),
            Some(RunStatus::Failed { .. } | RunStatus::Diverged { .. }) => (words.failed, Role::Bad),
        };
        let steps = self.training().and_then(|training| {
            let (made, all) = (training.run.latest()?.step, training.run.total_steps()?);
            let made = format!("{}/{}", number::count(made), number::count(all));
            Some([format!(" · {} {made}", words.step), format!(" · {made}")])
        });
        let used = text::put(buf, area.x, area.y, usize::from(area.width), &left);
        let [long, short] = steps.unwrap_or_default();
        for steps in [long.as_str(), short.as_str(), ""] {
            let right: [Piece<'_>; 2] = [
                (format!("● {word}").into(), theme.style(role)),
                (format!("{steps} ").into(), theme.style(Role::Dim)),
            ];
            let wide = text::width_of(&right);
            if used + 2 + wide <= usize::from(area.width) {
                text::put(buf, area.right() - wide as u16, area.y, wide, &right);
                break;
            }
        }
    }

    /// The text of the page in lines of at most `width` columns, each with its style.
    pub(super) fn lines(&self, width: usize, theme: &Theme) -> Vec<Vec<Piece<'static>>> {
        let (page, words) = (self.text(), &self.texts.words);
        let mut lines: Vec<Vec<Piece<'static>>> = Vec::new();
        let mut paragraph = |head: &'static str, role: Role, said: &str| {
            if !lines.is_empty() {
                lines.push(Vec::new());
            }
            let whole = if head.is_empty() { said.to_owned() } else { format!("{head}: {said}") };
            for (i, line) in text::wrap(&whole, width).into_iter().enumerate() {
                let (first, rest) = match line.strip_prefix(head) {
                    Some(rest) if i == 0 => (head, rest.to_owned()),
                    _ => ("", line),
                };
                lines.push(vec![(first.into(), theme.style(Role::Key)), (rest.into(), theme.style(role))]);
            }
        };
        page.text.iter().for_each(|said| paragraph("", Role::Text, said));
        paragraph(words.to_do, Role::Title, page.task);
        paragraph(words.seen, Role::Text, &foreign(&self.finding()));
        if let Some(error) = &self.error {
            paragraph("", Role::Bad, &foreign(error));
        }
        lines
    }

    fn render_text(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let lines = self.lines(usize::from(area.width).max(1), theme);
        let height = usize::from(area.height);
        let hidden = lines.len().saturating_sub(height);
        self.scroll = self.scroll.min(hidden);
        let rows = area.top()..area.bottom();
        for (y, line) in rows.zip(lines.iter().skip(self.scroll)) {
            text::put(buf, area.x, y, usize::from(area.width), line);
        }
        let below = hidden - self.scroll;
        if below > 0 && height > 1 {
            let last = Rect { y: area.bottom() - 1, height: 1, ..area };
            ratatui::widgets::Widget::render(ratatui::widgets::Clear, last, buf);
            let more = [(format!("↓ {}", below + 1).into(), theme.style(Role::Dim))];
            text::put(buf, last.x, last.y, usize::from(last.width), &more);
        }
    }

    fn drawing_rows(&self) -> u16 {
        if self.page().is_chain { chain::ROWS } else { self.network_text().drawing.len() as u16 }
    }

    fn render_drawing(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        if self.page().is_chain {
            return self.render_chain(area, buf, theme);
        }
        let drawing = self.network_text().drawing;
        let wide = drawing.iter().map(|line| text::width(line)).max().unwrap_or(0) as u16;
        let x = area.x + area.width.saturating_sub(wide) / 2;
        let is_swapped = self.page().task == Task::SwapWords && self.choice.probe == 1;
        for (y, line) in (area.top()..area.bottom()).zip(drawing) {
            let line = if is_swapped { swapped(line) } else { (*line).to_owned() };
            let pieces = [(line.into(), theme.style(Role::Text))];
            text::put(buf, x, y, usize::from(area.right().saturating_sub(x)), &pieces);
        }
    }

    /// Draws as many panels as there is space for, the first of the page above.
    fn render_panels(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let least = |panel: &Panel| match panel {
            Panel::Answers => answers::ROWS,
            Panel::States | Panel::Attention => MAP.min(area.height),
            _ => CHART,
        };
        let mut left = area.height;
        let mut shown: Vec<Panel> = Vec::new();
        for panel in self.page().panels {
            let Some(rest) = left.checked_sub(least(panel)) else { continue };
            left = rest;
            shown.push(*panel);
        }
        let rows = |panel: &Panel| match panel {
            Panel::Answers if shown.len() > 1 => Constraint::Length(answers::ROWS),
            // A row a word.
            Panel::States | Panel::Attention => Constraint::Fill(3),
            _ => Constraint::Fill(2),
        };
        let areas = Layout::vertical(shown.iter().map(rows)).split(area);
        for (panel, area) in shown.iter().zip(areas.iter()) {
            self.render_panel(*panel, *area, buf, theme);
        }
    }

    fn render_panel(&self, panel: Panel, area: Rect, buf: &mut Buffer, theme: &Theme) {
        match panel {
            Panel::Answers => self.render_answers(area, buf, theme),
            Panel::Accuracy => self.render_accuracy(area, buf, theme),
            Panel::States => self.render_states(area, buf, theme),
            Panel::Attention => self.render_attention(area, buf, theme),
            Panel::StateGradient | Panel::MemoryGradient => {
                self.render_gradient(panel == Panel::MemoryGradient, area, buf, theme);
            }
        }
    }

    /// Says within a panel that there is nothing to be seen yet.
    fn render_waiting(&self, inner: Rect, buf: &mut Buffer, theme: &Theme) {
        let pieces = [(self.texts.words.waiting.into(), theme.style(Role::Dim))];
        text::put(buf, inner.x + 1, inner.y, usize::from(inner.width).saturating_sub(1), &pieces);
    }
}

/// The line of a drawing with its words in the other order.
fn swapped(line: &str) -> String {
    let [one, other] = SWAPPED;
    line.replace(one, "\0").replace(other, one).replace('\0', other)
}

/// `area` without a column at each side.
fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}
