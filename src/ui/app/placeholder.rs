//! Stands in for the dashboard until it is there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::protocol::{Event, RunStatus};
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;

#[derive(Default)]
pub(super) struct Dashboard {
    status: Option<RunStatus>,
    steps: u64,
}

impl Dashboard {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Status(status) => self.status = Some(status.clone()),
            Event::Step(_) => self.steps += 1,
            _ => {}
        }
    }

    pub(super) fn act(&mut self, _action: Action) -> bool {
        false
    }

    pub(super) fn status(&self) -> Option<&RunStatus> {
        self.status.as_ref()
    }

    pub(super) fn render(&self, area: Rect, buf: &mut Buffer, _theme: &Theme) {
        let word = self.status.as_ref().map_or("waiting", RunStatus::word);
        Line::raw(format!("{word}, {} steps", self.steps)).render(area, buf);
    }
}
