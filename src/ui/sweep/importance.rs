//! How much of the differences between trials each setting explains.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::SweepScreen;
use crate::escape::foreign;
use crate::sort::SmallSort as _;
use crate::ui::text::wrap;
use crate::ui::theme::{Glyphs, Role, Theme};
use crate::ui::widget::text::{self, Piece};

/// Columns of a name at most.
const NAME: usize = 20;
/// Columns of a percentage.
const SHARE: usize = 7;

impl SweepScreen {
    /// Draws a bar for each setting, the most important first.
    pub(super) fn render_importance(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let width = usize::from(area.width);
        let named = self.data.importance.iter().map(|(key, share)| {
            let number = self.data.settings.iter().position(|setting| setting.key == *key);
            (foreign(number.map_or(key.as_str(), |number| self.data.label(number))).into_owned(), *share)
        });
        let mut bars: Vec<(String, Option<f64>)> = named.collect();
        bars.small_sort_by(|a, b| b.1.unwrap_or(-1.0).total_cmp(&a.1.unwrap_or(-1.0)));
        let names =
            bars.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0).min(NAME).min(width / 2);
        let room = width.saturating_sub(names + 1 + SHARE);
        let sign = if theme.glyphs == Glyphs::Ascii { "omega squared" } else { "ω²" };
        let note = format!(
            "{sign}: the share of the differences in {} between finished trials that a setting explains alone",
            foreign(&self.data.metric)
        );
        let note = wrap(&note, width);
        let has_note = bars.len() + note.len() < usize::from(area.height);
        let height = usize::from(area.height) - if has_note { note.len() + 1 } else { 0 };
        for (y, (name, share)) in (area.y..).zip(bars.iter().take(height)) {
            let name = text::clip_name(name, names).into_owned();
            let gap = " ".repeat(names + 1 - text::width(&name));
            let mut pieces: Vec<Piece<'_>> = vec![(format!("{name}{gap}").into(), theme.style(Role::Text))];
            match share {
                Some(share) => {
                    let full = ((share * room as f64).round() as usize).min(room);
                    pieces.push(("█".repeat(full).into(), theme.style(Role::Train)));
                    pieces.push(("░".repeat(room - full).into(), theme.style(Role::Border)));
                    pieces.push((format!("{:>4.0} %", share * 100.0).into(), theme.style(Role::Text)));
                }
                None => pieces.push(("too few finished trials".into(), theme.style(Role::Dim))),
            }
            text::put(buf, area.x, y, width, &pieces);
        }
        if bars.is_empty() {
            text::put(
                buf,
                area.x,
                area.y,
                width,
                &[("seeds or folds alone differ".into(), theme.style(Role::Dim))],
            );
        } else if has_note {
            for (y, line) in (area.y + bars.len() as u16 + 1..).zip(note) {
                text::put(buf, area.x, y, width, &[(line.into(), theme.style(Role::Dim))]);
            }
        }
    }
}
