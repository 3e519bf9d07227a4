//! The words to which a tagger gives a wrong tag most often.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape::foreign;
use crate::number;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of a word at most, and of a tag.
const WORD: usize = 20;
const TAG: usize = 12;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let title = title(dash, Panel::Words, "Worst words", theme);
    let examples = run.history().latest_examples(dash.view.cursor);
    let note: Vec<Vec<Piece<'_>>> = examples
        .map(|examples| {
            let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
            vec![(format!("epoch {}", examples.epoch).into(), theme.style(role))]
        })
        .into_iter()
        .collect();
    let focused = dash.view.focus(run) == Panel::Words;
    let inner =
        PanelFrame { focused, title: &title, note: &note, left: &[], right: &[] }.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let words = examples.map_or(&[][..], |examples| &examples.words);
    if words.is_empty() {
        let words = match examples {
            Some(_) => "every word has its tag",
            None => "waiting for the first validation",
        };
        text::put(buf, inner.x, inner.y, width, &[(words.into(), theme.style(Role::Dim))]);
        return;
    }
    let classes = run.info().map_or(&[][..], |info| &info.data.classes);
    let tag = |class: usize| {
        let name = classes.get(class).map_or_else(|| class.to_string(), |c| foreign(&c.label).into_owned());
        text::clip(&name, TAG).into_owned()
    };
    let column = |text: &str, columns: usize| {
        let clipped = text::clip(text, columns).into_owned();
        let gap = " ".repeat(columns.saturating_sub(text::width(&clipped)));
        format!("{clipped}{gap}  ")
    };
    let head =
        format!("{}{}{}{:>7}", column("word", WORD), column("tag", TAG), column("predicted", TAG), "times");
    text::put(buf, inner.x, inner.y, width, &[(head.into(), theme.style(Role::Dim))]);
    for (y, error) in (inner.y + 1..inner.bottom()).zip(words) {
        let pieces: [Piece<'_>; 4] = [
            (column(&foreign(&error.word), WORD).into(), theme.style(Role::Text)),
            (column(&tag(error.actual), TAG).into(), theme.style(Role::Good)),
            (column(&tag(error.predicted), TAG).into(), theme.style(Role::Bad)),
            (format!("{:>7}", number::count(error.count)).into(), theme.style(Role::Text)),
        ];
        text::put(buf, inner.x, y, width, &pieces);
    }
}
