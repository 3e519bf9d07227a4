//! The frame of a panel, with text set into its lines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType, Widget as _};

use super::text::{self, Piece};
use crate::ui::theme::{Role, Theme};

/// A panel's frame.
pub struct PanelFrame<'a> {
    /// Whether keys go to this panel.
    pub focused: bool,
    /// On the upper line, at the left.
    pub title: &'a [Piece<'a>],
    /// On the upper line, at the right: of several wordings the first that leaves the title whole.
    pub note: &'a [Vec<Piece<'a>>],
    /// On the lower line, at the left.
    pub left: &'a [Piece<'a>],
    /// On the lower line, at the right, if there is space beside the left one.
    pub right: &'a [Piece<'a>],
}

impl PanelFrame<'_> {
    /// Draws the frame and returns the area within.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Rect {
        let line = theme.style(if self.focused { Role::Focus } else { Role::Border });
        let block = Block::bordered().border_type(BorderType::Rounded).border_style(line);
        let inner = block.inner(area);
        block.render(area, buf);
        let room = usize::from(area.width).saturating_sub(4);
        if area.height < 2 || room == 0 {
            return inner;
        }
        let used = set_in(buf, area.x + 1, area.y, room, self.title);
        let fitting = self.note.iter().find(|note| used + 1 + text::width_of(note) + 2 <= room + 2);
        if let Some(note) = fitting.filter(|note| !note.is_empty()) {
            let wide = text::width_of(note) + 2;
            set_in(buf, area.right().saturating_sub(1 + wide as u16), area.y, wide, note);
        }
        let bottom = area.bottom() - 1;
        let used = set_in(buf, area.x + 1, bottom, room, self.left);
        let wide = text::width_of(self.right) + 2;
        if !self.right.is_empty() && used + wide <= room {
            set_in(buf, area.right().saturating_sub(1 + wide as u16), bottom, wide, self.right);
        }
        inner
    }
}

/// Sets `pieces` into a line, a blank on both sides; the columns used.
fn set_in(buf: &mut Buffer, x: u16, y: u16, room: usize, pieces: &[Piece<'_>]) -> usize {
    if pieces.is_empty() || room < 3 {
        return 0;
    }
    let wide = text::width_of(pieces).min(room - 2) + 2;
    for x in x..x.saturating_add(wide as u16) {
        if let Some(cell) = buf.cell_mut((x, y)) {
            cell.reset();
        }
    }
    text::put(buf, x + 1, y, room - 2, pieces);
    wide
}
