//! Where the replay is, below the dashboard.
//!
//! ```text
//!  the recording is damaged: …
//!  ▶ 8×  ━━━━━━┿━━━━━●──┼──◆───┼╌╌╌╌╌╌  step 418 of 784 · epoch 3 of 4 · 43 s of 1:21
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Goal, Replay};
use crate::escape;
use crate::number;
use crate::ui::run_state::RunState;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// The shortest bar.
const SHORTEST: usize = 8;
/// The least number of columns between the ends of two epochs that are marked.
const EPOCH_GAP: usize = 3;
/// The least height of a screen with a row for a note.
const NOTE_HEIGHT: u16 = 16;

impl Replay {
    /// The rows that the time bar takes of a screen of this height.
    pub fn rows(&self, height: u16) -> u16 {
        match height {
            // The dashboard needs the rows of a small terminal.
            0..=12 => 0,
            height if height >= NOTE_HEIGHT && self.note().is_some() => 2,
            _ => 1,
        }
    }

    /// Draws the time bar for `run`, the state at the present position.
    pub fn render(&self, run: &RunState, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        if area.is_empty() {
            return;
        }
        let width = usize::from(area.width);
        if let Some(note) = self.note().filter(|_| area.height > 1) {
            let pieces = [(escape::foreign(&note), theme.style(Role::Warning))];
            text::put(buf, area.x, area.y, width, &pieces);
        }
        let y = area.bottom() - 1;
        let mut used = text::put(buf, area.x, y, width, &self.state(run, theme)) + 2;
        let latest = run.latest().map_or((0, 1, 0.0), |latest| (latest.step, latest.epoch, latest.seconds));
        let wordings = self.wordings(latest);
        // As wide as at the end, so that the bar stays as it is.
        let widest = self.wordings((self.timeline.last, latest.1, self.timeline.latest.1));
        let left = |words: &String| width.saturating_sub(used + text::width(words) + 2);
        let fits = widest.iter().position(|words| left(words) >= width / 3).unwrap_or(widest.len() - 1);
        let columns = widest.get(fits).map_or(0, left);
        if columns >= SHORTEST {
            text::put(buf, area.x + used as u16, y, columns, &self.bar(run, columns, theme));
            used += columns + 2;
        }
        let words = wordings.get(fits).map_or("", String::as_str);
        let rest = width.saturating_sub(used);
        text::put(buf, area.x + used as u16, y, rest, &[(words.into(), theme.style(Role::Text))]);
    }

    /// What is not as expected of the recording.
    fn note(&self) -> Option<String> {
        let end = self.timeline.end.as_ref()?;
        match &end.damage {
            Some(damage) => Some(damage.clone()),
            None if !end.is_live && !end.is_over => Some(
                "the recording has no end: the run was interrupted, or its process is not seen from here"
                    .into(),
            ),
            None => None,
        }
    }

    fn state<'a>(&self, run: &RunState, theme: &Theme) -> Vec<Piece<'a>> {
        let speed = self.speed().name();
        let (mark, word, role) = match (self.goal, &self.playing) {
            (Some(goal), _) if goal != Goal::Step(0) => ('…', self.reading(), Role::Warning),
            (_, Some(_)) if self.timeline.is_live() && self.step_of(run) >= self.timeline.last => {
                ('●', "live".into(), Role::Good)
            }
            (_, Some(_)) => ('▶', speed, Role::Good),
            (_, None) => ('‖', speed, Role::Warning),
        };
        vec![(format!("{mark} {word:<7}").into(), theme.style(role))]
    }

    /// How much of the recording is read, while a step beyond that is gone to.
    fn reading(&self) -> String {
        let share = self.timeline.bytes as f64 / self.recording.reader().bytes().max(1) as f64;
        format!("{:.0} %", 100.0 * share.min(1.0))
    }

    /// Step, epoch and time, in wordings from long to short.
    fn wordings(&self, (step, epoch, now): (u64, usize, f64)) -> [String; 4] {
        let (step, last) = (number::count(step), number::count(self.timeline.last));
        let seconds = |seconds: f64| if seconds > 0.0 { number::duration(seconds) } else { "0 s".into() };
        let (now, whole) = (seconds(now), seconds(self.timeline.latest.1));
        let grows = if self.timeline.is_live() { " so far" } else { "" };
        let (long, short) = match self.is_complete() {
            true => (format!("{now} of {whole}{grows}"), format!("{now}/{whole}")),
            false => (now.clone(), now),
        };
        [
            format!("step {step} of {last} · epoch {epoch} · {long}"),
            format!("step {step}/{last} · {short}"),
            format!("{step}/{last} · {short}"),
            format!("{step}/{last}"),
        ]
    }

    fn bar<'a>(&self, run: &RunState, columns: usize, theme: &Theme) -> Vec<Piece<'a>> {
        let last = self.timeline.last.max(1);
        let column = |step: u64| {
            let share = step as f64 / last as f64;
            ((share * (columns - 1) as f64).round() as usize).min(columns - 1)
        };
        let at = column(self.step_of(run));
        let read = if self.is_complete() { columns } else { column(self.timeline.latest.0) };
        let mut cells: Vec<(char, Role)> = (0..columns)
            .map(|x| match x {
                x if x <= at => ('━', Role::Good),
                x if x <= read => ('─', Role::Border),
                _ => ('╌', Role::Border),
            })
            .collect();
        let mut marked = 0;
        for x in self.timeline.epoch_ends().map(column) {
            if x >= marked + EPOCH_GAP && x + 1 < columns {
                marked = x;
                cells[x] = if x <= at { ('┿', Role::Good) } else { ('┼', Role::Dim) };
            }
        }
        let marks = &self.timeline.marks;
        if let Some((step, _)) = marks.worst {
            cells[column(step)] = ('▲', Role::Bad);
        }
        if let Some(step) = marks.best() {
            cells[column(step)] = ('◆', Role::Validation);
        }
        cells[at] = ('●', Role::Cursor);
        cells.into_iter().map(|(c, role)| (c.to_string().into(), theme.style(role))).collect()
    }
}
