//! The settings in which compared runs differ.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::escape::foreign;
use crate::number;
use crate::runs::{Column, Differing, Table};
use crate::ui::group::Group;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Draws the panel.
pub(super) fn render(group: &Group, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let Some(compared) = group.compared() else { return };
    let settings: Vec<&Differing> = compared.comparison.of_training().collect();
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let width = usize::from(inner.width);
    // More than half of the width is for the values.
    let most = (width * 3 / 5 / group.members.len().max(1)).saturating_sub(2).clamp(6, 16);
    let paths = settings.iter().map(|(path, _)| foreign(path).into_owned()).collect();
    let mut columns = vec![Column::text("", u8::MAX, paths)];
    for (i, curves) in group.curves().enumerate() {
        let cell = |(_, values): &&Differing| match values.get(i) {
            Some(Some(value)) => text::clip(&foreign(value), most).into_owned(),
            _ => "–".to_owned(),
        };
        // The runs at the right are left out first.
        let rank = 200_u8.saturating_sub(i as u8);
        columns.push(Column::text(curves.letter(), rank, settings.iter().map(cell).collect()));
    }
    let table = Table { columns };
    let hidden = table.hidden(width);
    let mut title: Vec<Piece<'_>> = vec![("Settings that differ".into(), theme.style(Role::Title))];
    if hidden > 0 {
        let words = format!(" · + {} (--json)", number::counted(hidden, "run"));
        title.push((words.into(), theme.style(Role::Dim)));
    }
    let (head, rows) = table.lines(width);
    let below = usize::from(area.height).saturating_sub(3);
    let first = group.scrolled.min(rows.len().saturating_sub(below));
    let left: Vec<Piece<'_>> = match rows.len() > below {
        true => vec![(
            format!("{} to {} of {} · PgUp PgDn", first + 1, first + below, rows.len()).into(),
            theme.style(Role::Dim),
        )],
        false => Vec::new(),
    };
    PanelFrame { focused: false, title: &title, note: &[], left: &left, right: &[] }.render(area, buf, theme);
    let none = "None: the runs have the same settings.";
    let lines: Vec<(String, Role)> = match rows.is_empty() {
        true => vec![(none.to_owned(), Role::Dim)],
        false => std::iter::once((head, Role::Title))
            .chain(rows.into_iter().skip(first).map(|row| (row, Role::Text)))
            .collect(),
    };
    for (y, (line, role)) in (area.y + 1..area.bottom().saturating_sub(1)).zip(lines) {
        text::put(buf, inner.x, y, width, &[(line.into(), theme.style(role))]);
    }
}
