//! The lines of the log, the latest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

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
    let mut bottom = inner.bottom();
    for line in dash.run.log().rev().skip(after) {
        let role = match line.level {
            Level::Info => Role::Text,
            Level::Warning => Role::Warning,
            Level::Error => Role::Bad,
        };
        let rows = text::wrap(&escape::foreign(&line.text), width);
        let free = usize::from(bottom.saturating_sub(inner.top()));
        // Of a line that is longer than the whole panel its last rows are shown.
        if free == 0 || rows.len() > free && bottom < inner.bottom() {
            break;
        }
        let hidden = rows.len().saturating_sub(free);
        let top = bottom - (rows.len() - hidden) as u16;
        for (y, row) in (top..bottom).zip(rows.into_iter().skip(hidden)) {
            text::put(buf, inner.x + 1, y, width, &[(row.into(), theme.style(role))]);
        }
        bottom = top;
    }
}
