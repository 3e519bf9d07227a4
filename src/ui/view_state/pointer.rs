//! What a pointer chooses: a tab, a panel, a step of the curves.

use super::ViewState;
use crate::ui::panel::{CursorAxis, Panel, Tab};
use crate::ui::run_state::RunState;

impl ViewState {
    /// Brings `tab` to the front.
    pub fn show_tab(&mut self, tab: Tab) {
        (self.tab, self.explain) = (tab, false);
    }

    /// Focuses `panel` if it is in the tab in front; returns whether it was focused before.
    pub fn focus_on(&mut self, panel: Panel, run: &RunState) -> bool {
        let was_focused = self.focus(run) == panel;
        if self.tab.panels(run).contains(&panel) {
            self.focus.insert(self.tab, panel);
        }
        was_focused
    }

    /// Moves the curves' cursor to a share of the window, 0 at its left end and 1 at its right; returns whether there is a step.
    pub fn point_at(&mut self, share: f64, run: &RunState) -> bool {
        let (Some((from, to)), Some((first, last))) = (self.window(run), run.loss().train.extent()) else {
            return false;
        };
        let place = from + share.clamp(0.0, 1.0) * (to - from);
        // Steps are as good as even on every axis.
        let step = last.step as f64 * place / last.on(self.axis).max(f64::MIN_POSITIVE);
        self.cursor = Some((step.round() as u64).clamp(first.step, last.step));
        true
    }

    /// Zooms in or out by a level around a share of the window; further than the last level there is none.
    pub fn zoom_at(&mut self, share: f64, closer: bool, run: &RunState) {
        let before = self.zoom;
        if !self.point_at(share, run) {
            return;
        }
        match closer {
            true => self.next_zoom(run),
            false => self.zoom = self.zoom.saturating_sub(1),
        }
        if closer && self.zoom < before {
            self.zoom = before;
        }
    }

    /// Whether the cursor of `panel` goes through the steps of the run.
    pub fn has_steps(panel: Panel) -> bool {
        panel.cursor_axis() == CursorAxis::Steps
    }
}
