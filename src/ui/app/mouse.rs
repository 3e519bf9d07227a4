//! Clicks and the wheel: shortcuts for keys, never the only way.

use crossterm::event::{MouseEvent, MouseEventKind};

use super::{App, Overlay};
use crate::ui::keymap::Action;

/// Rows of a list for a notch of the wheel.
const ROWS: usize = 3;

impl App<'_> {
    /// Handles a click or a turn of the wheel. A dialog is answered by keys alone.
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        if self.is_asking() {
            return;
        }
        match event.kind {
            MouseEventKind::ScrollUp => self.turn(true),
            MouseEventKind::ScrollDown => self.turn(false),
            _ => {}
        }
    }

    /// Scrolls what is in front; zooms the curves of a run.
    fn turn(&mut self, up: bool) {
        let action = if up { Action::Up } else { Action::Down };
        match &mut self.overlay {
            Some(Overlay::Popup(popup)) => (0..ROWS).for_each(|_| _ = popup.act(action)),
            Some(_) => {}
            None if self.run.is_some() => self.act(if up { Action::Zoom } else { Action::ZoomOut }),
            None => (0..ROWS).for_each(|_| self.act(action)),
        }
    }
}
