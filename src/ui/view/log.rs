//! The lines of the log, the latest below the others.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::message::is_sample;
use super::title;
use crate::escape;
use crate::protocol::Level;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let title = title(dash, Panel::Log, "Log", theme);
    let after = dash.view.log_rows_after;
    let more =
        if after > 0 { vec![(format!("↓ {after} more").into(), theme.style(Role::Dim))] } else { vec![] };
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Log,
        title: &title,
        note: &[],
        left: &[],
        right: &more,
    };
    let inner = frame.render(area, buf, theme);
    let width = usize::from(inner.width).saturating_sub(2);
    let height = usize::from(inner.height);
    // From the last row up.
    let mut shown: Vec<(String, Role)> = Vec::new();
    for line in dash.run.log().rev().skip(after) {
        let text = escape::foreign(&line.text);
        let (rows, role) = match line.level {
            // A panel has the whole sample.
            Level::Info if is_sample(dash, &line.text) => {
                (vec![text::clip(&text, width).into_owned()], Role::Dim)
            }
            Level::Info => (text::wrap(&text, width), Role::Text),
            Level::Warning => (text::wrap(&text, width), Role::Warning),
            Level::Error => (text::wrap(&text, width), Role::Bad),
        };
        // Of a line that is longer than the whole panel its last rows are shown.
        let free = height.saturating_sub(shown.len());
        if free == 0 || rows.len() > free && !shown.is_empty() {
            break;
        }
        shown.extend(rows.into_iter().rev().map(|row| (row, role)));
    }
    shown.truncate(height);
    for (y, (row, role)) in (inner.top()..inner.bottom()).zip(shown.into_iter().rev()) {
        text::put(buf, inner.x + 1, y, width, &[(row.into(), theme.style(role))]);
    }
}
