//! What is found in the run, with the numbers that show it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape::foreign;
use crate::ui::dashboard::Dashboard;
use crate::ui::diagnosis::diagnose;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let title = title(dash, Panel::Findings, "Findings", theme);
    let focused = dash.view.focus(&dash.run) == Panel::Findings;
    let frame = PanelFrame { focused, title: &title, note: &[], left: &[], right: &[] };
    let inner = frame.render(area, buf, theme);
    let width = usize::from(inner.width).saturating_sub(2);
    let mut y = inner.y;
    let mut put = |text: &str, role: Role| {
        for row in text::wrap(&foreign(text), width) {
            if y < inner.bottom() {
                text::put(buf, inner.x + 1, y, width, &[(row.into(), theme.style(role))]);
            }
            y += 1;
        }
    };
    let found = diagnose(&dash.run, dash.view.cursor);
    if found.is_empty() {
        put("Nothing to worry about so far.", Role::Dim);
        put(
            "Looked for: overfitting, plateau, one class always, an echo of the last value, dead layer, vanishing gradient.",
            Role::Dim,
        );
    }
    for finding in found {
        put(finding.name, Role::Warning);
        put(&format!("{}.", finding.evidence), Role::Text);
        put(&format!("May help: {}.", finding.remedy), Role::Dim);
    }
}
