//! The unrolled network: a cell for each word, the chosen one bright.
//!
//! ```text
//!   0.51    0.48    0.31    0.40
//!    ↑       ↑       ↑       ↑
//!  [ h ] → [ h ] → [ h ] → [ h ] →
//!    ↑       ↑       ↑       ↑
//!   is      not     bad     but
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::LectureScreen;
use crate::escape::foreign;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Rows of the drawing.
pub(super) const ROWS: u16 = 5;
/// Columns of a cell, the arrow behind it counted.
const CELL: usize = 8;

impl LectureScreen {
    pub(super) fn render_chain(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let probe = self.choice.probe;
        let training = self.training();
        let Some(tokens) = training.and_then(|training| training.tokens(probe)) else {
            return self.render_waiting(area, buf, theme);
        };
        let answers = training.and_then(|training| training.answers_by_token(probe)).unwrap_or_default();
        let cells = (usize::from(area.width).saturating_sub(1) / CELL).clamp(1, tokens.len().max(1));
        // The chosen one in the middle, as far as the ends allow.
        let first = self.choice.token.saturating_sub(cells / 2).min(tokens.len() - cells.min(tokens.len()));
        let x = area.x + (usize::from(area.width).saturating_sub(cells * CELL) / 2) as u16;
        let mut rows: [Vec<Piece<'_>>; ROWS as usize] = Default::default();
        for (i, token) in tokens.iter().enumerate().skip(first).take(cells) {
            let role = if i == self.choice.token { Role::Train } else { Role::Dim };
            let style = theme.style(role);
            let answer = answers.get(i).copied().flatten();
            let answer = answer.map_or("…".to_owned(), |answer| format!("{answer:.2}"));
            let arrow = if i + 1 < tokens.len() { " → " } else { "" };
            let word = foreign(token);
            let parts = [&answer, "↑", "[ h ]", "↑", &*text::clip(&word, CELL - 1)];
            for (row, part) in rows.iter_mut().zip(parts) {
                let space = CELL - 3;
                let before = space.saturating_sub(text::width(part)) / 2;
                let gap = CELL.saturating_sub(before + text::width(part));
                let after = if part == "[ h ]" { format!("{arrow:3}") } else { " ".repeat(gap) };
                row.push((" ".repeat(before).into(), Style::new()));
                row.push((part.to_owned().into(), style));
                row.push((after.into(), theme.style(Role::Dim)));
            }
        }
        for (y, row) in (area.top()..area.bottom()).zip(&rows) {
            text::put(buf, x, y, usize::from(area.right().saturating_sub(x)), row);
        }
    }
}
