//! The question how to leave a network that is still training.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::popup::{boxed, centered};
use crate::ui::keymap::Action;
use crate::ui::theme::{Role, Theme};

/// A way to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    WithoutScreen,
    SaveAndStop,
    Stop,
    Cancel,
}

const WAYS: [(Way, &str, &str); 4] = [
    (Way::WithoutScreen, "Go on without the screen", "training goes on, as plain lines"),
    (Way::SaveAndStop, "Save and stop", "writes a checkpoint first"),
    (Way::Stop, "Stop", "what came after the last checkpoint is lost"),
    (Way::Cancel, "Cancel", "back to the dashboard"),
];

/// The dialog; the dashboard stays visible behind it and goes on moving.
#[derive(Debug)]
pub(super) struct Leave {
    chosen: usize,
}

impl Leave {
    pub(super) fn new() -> Self {
        Self { chosen: 0 }
    }

    /// The way that is taken, once it is.
    pub(super) fn act(&mut self, action: Action) -> Option<Way> {
        let last = WAYS.len() - 1;
        self.chosen = match action {
            Action::Up | Action::FocusPrevious => self.chosen.checked_sub(1).unwrap_or(last),
            Action::Down | Action::FocusNext => (self.chosen + 1) % WAYS.len(),
            Action::First => 0,
            Action::Last => last,
            Action::Open => return WAYS.get(self.chosen).map(|way| way.0),
            Action::Focus(number) => return WAYS.get(usize::from(number).checked_sub(1)?).map(|way| way.0),
            Action::Back => return Some(Way::Cancel),
            _ => self.chosen,
        };
        None
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let roomy = area.width >= 80;
        let line = |(i, (_, name, meaning)): (usize, &(Way, &str, &str))| {
            let chosen = i == self.chosen;
            let style = |role| theme.style(if chosen { Role::Selected } else { role });
            let mut spans = vec![
                Span::styled(format!(" {} ", i + 1), style(Role::Key)),
                Span::styled(format!("{name:<26}"), style(Role::Text)),
            ];
            if roomy {
                spans.push(Span::styled(format!("{meaning:<44}"), style(Role::Dim)));
            }
            Line::from(spans)
        };
        let lines: Vec<Line<'_>> = WAYS.iter().enumerate().map(line).collect();
        let widest = lines.iter().map(Line::width).max().unwrap_or(0);
        let area = centered(area, widest + 4, lines.len() + 2);
        let block = boxed(" The network is still training ".to_owned(), theme);
        let hint = Line::styled(" Enter, or its number ", theme.style(Role::Dim));
        let block = block.title_bottom(hint.right_aligned());
        let inner = block.inner(area);
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(lines), inner);
    }
}
