//! Clicks and the wheel: shortcuts for keys, never the only way.

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::{App, Overlay};
use crate::ui::keymap::Action;
use crate::ui::panel::Panel;
use crate::ui::view::dashboard::{self, Target};
use crate::ui::view_state::ViewState;

/// Rows of a list for a notch of the wheel.
const ROWS: usize = 3;
/// Columns of a panel with a chart before its plot: frame, numbers and axis.
const BEFORE_PLOT: u16 = 8;

impl App<'_> {
    /// Handles a click or a turn of the wheel. A dialog is answered by keys alone.
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        if self.is_asking() {
            return;
        }
        match event.kind {
            MouseEventKind::ScrollUp => self.turn(true, event),
            MouseEventKind::ScrollDown => self.turn(false, event),
            MouseEventKind::Down(_) if self.overlay.is_none() => self.click(event),
            _ => {}
        }
    }

    /// Brings a tab to the front, or focuses a panel; in the focused one, moves the cursor of its chart.
    fn click(&mut self, event: MouseEvent) {
        let Some(target) = self.target(event) else { return };
        let Some(run) = &mut self.run else { return };
        let before = run.dashboard.view.cursor;
        let dashboard = &mut run.dashboard;
        match target {
            Target::Tab(tab) => dashboard.view.show_tab(tab),
            Target::Panel(panel, place) => {
                let is_focused = dashboard.view.focus_on(panel, &dashboard.run);
                if is_focused && ViewState::has_steps(panel) && panel != Panel::Runs {
                    dashboard.view.point_at(share(event.column, place), &dashboard.run);
                }
            }
        }
        run.look_back_from(before);
    }

    /// Scrolls what is in front; zooms the curves of a run around the pointer.
    fn turn(&mut self, up: bool, event: MouseEvent) {
        let action = if up { Action::Up } else { Action::Down };
        match &mut self.overlay {
            Some(Overlay::Popup(popup)) => (0..ROWS).for_each(|_| _ = popup.act(action)),
            Some(_) => {}
            None if self.run.is_none() => (0..ROWS).for_each(|_| self.act(action)),
            None => match self.target(event) {
                Some(Target::Panel(Panel::Runs, _)) => self.act(action),
                Some(Target::Panel(panel, place)) if ViewState::has_steps(panel) => {
                    self.zoom(share(event.column, place), up);
                }
                Some(Target::Panel(panel, _)) => {
                    if let Some(run) = &mut self.run {
                        run.dashboard.view.focus_on(panel, &run.dashboard.run);
                        (0..ROWS).for_each(|_| _ = run.act_on_view(action));
                    }
                }
                Some(Target::Tab(_)) | None => {}
            },
        }
    }

    fn zoom(&mut self, share: f64, closer: bool) {
        let Some(run) = &mut self.run else { return };
        let before = run.dashboard.view.cursor;
        run.dashboard.view.zoom_at(share, closer, &run.dashboard.run);
        run.look_back_from(before);
    }

    /// What is under the pointer on the dashboard.
    pub(super) fn target(&self, event: MouseEvent) -> Option<Target> {
        let dashboard = &self.run.as_ref()?.dashboard;
        dashboard::target_at(dashboard, self.body, (event.column, event.row), &self.theme)
    }
}

/// Where the pointer is in the plot of the chart in a panel, from 0 to 1.
fn share(column: u16, panel: Rect) -> f64 {
    let first = panel.x + BEFORE_PLOT.min(panel.width);
    let columns = panel.right().saturating_sub(first + 1).max(1);
    f64::from(column.saturating_sub(first)) / f64::from(columns)
}
