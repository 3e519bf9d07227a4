//! The screen before the first step: what is being prepared, and the log so far.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::status;
use crate::escape;
use crate::protocol::RunStatus;
use crate::ui::dashboard::Dashboard;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text;

/// Draws what is being prepared in the middle, and the log so far below.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let width = usize::from(area.width).saturating_sub(4);
    let what = match dash.run.status() {
        Some(RunStatus::Preparing { what }) => what.as_str(),
        Some(status) if status.is_over() => "nothing was trained",
        _ => "starting",
    };
    let (mark, role) = status::mark(dash.run.status());
    let words = format!("{mark} {}", escape::foreign(what));
    let wrapped = text::wrap(&words, width);
    let lines = usize::from(area.height / 2);
    let recent = dash.run.log().rev().take(lines).collect::<Vec<_>>().into_iter().rev();
    let top = area.y + area.height / 3;
    let wide = wrapped.iter().map(|row| text::width(row)).max().unwrap_or(0);
    let x = area.x + (usize::from(area.width).saturating_sub(wide) / 2) as u16;
    let rows = wrapped.into_iter().map(|row| (row, role)).chain([(String::new(), Role::Text)]);
    let rows = rows.chain(recent.map(|line| (escape::foreign(&line.text).into_owned(), Role::Dim)));
    for (y, (row, role)) in (top..area.bottom()).zip(rows) {
        let x = x.min(area.x + (usize::from(area.width).saturating_sub(text::width(&row)) / 2) as u16);
        text::put(buf, x, y, width, &[(row.into(), theme.style(role))]);
    }
}
