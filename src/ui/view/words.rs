//! The words to which a tagger gives a wrong tag most often.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::title;
use crate::escape::foreign;
use crate::number;
use crate::protocol::WordErrors;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// What stands for all words that the vocabulary does not have.
const UNKNOWN: &str = "[UNK]";
/// Columns of a word at most, of a tag at most and where there is little space, and of a number.
const WORD: usize = 24;
const TAG: [usize; 2] = [12, 7];
const TIMES: usize = 7;
/// From this width on tags have their whole columns.
const WIDE: usize = 52;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    // What a symbol of a generated task is to be followed by is no tag.
    let has_symbols = run.info().is_some_and(|info| info.data.has_symbols);
    let (name, [noun, target]) = match has_symbols {
        true => ("Worst symbols", ["symbol", "target"]),
        false => ("Worst words", ["word", "tag"]),
    };
    let title = title(dash, Panel::Words, name, theme);
    let examples = run.history().latest_examples(dash.view.cursor);
    let note: Vec<Vec<Piece<'_>>> = examples
        .map(|examples| {
            let role = if dash.view.cursor.is_some() { Role::Cursor } else { Role::Dim };
            vec![(format!("epoch {}", examples.epoch).into(), theme.style(role))]
        })
        .into_iter()
        .collect();
    let focused = dash.view.focus(run) == Panel::Words;
    let words = examples.map_or(&[][..], |examples| &examples.words);
    let (unknown, known): (Vec<&WordErrors>, Vec<&WordErrors>) =
        words.iter().partition(|error| error.word == UNKNOWN);
    // The list may have no space for them.
    let errors: u64 = unknown.iter().map(|error| error.count).sum();
    let words_without = format!("{UNKNOWN} {} times", number::count(errors));
    let left = match errors {
        0 => Vec::new(),
        _ => vec![(words_without.into(), theme.style(Role::Dim))],
    };
    let inner =
        PanelFrame { focused, title: &title, note: &note, left: &left, right: &[] }.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    if words.is_empty() {
        let words = match examples {
            Some(_) => format!("every {noun} has its {target}"),
            None => "waiting for the first validation".into(),
        };
        text::put(buf, inner.x, inner.y, width, &[(words.into(), theme.style(Role::Dim))]);
        return;
    }
    let classes = run.info().map_or(&[][..], |info| &info.data.classes);
    let tags = if width >= WIDE { TAG[0] } else { TAG[1] };
    let longest = width.saturating_sub(2 * (tags + 2) + TIMES + 2).min(WORD);
    let tag = |class: usize| {
        let name = classes.get(class).map_or_else(|| class.to_string(), |c| foreign(&c.label).into_owned());
        text::clip(&name, tags).into_owned()
    };
    let column = |text: &str, columns: usize| {
        let clipped = text::clip(text, columns).into_owned();
        let gap = " ".repeat(columns.saturating_sub(text::width(&clipped)));
        format!("{clipped}{gap}  ")
    };
    let head = format!(
        "{}{}{}{:>TIMES$}",
        column(noun, longest),
        column(target, tags),
        column("predicted", tags),
        "times"
    );
    text::put(buf, inner.x, inner.y, width, &[(head.into(), theme.style(Role::Dim))]);
    for (y, error) in (inner.y + 1..inner.bottom()).zip(known.into_iter().chain(unknown)) {
        let role = if error.word == UNKNOWN { Role::Dim } else { Role::Text };
        let pieces: [Piece<'_>; 4] = [
            (column(&foreign(&error.word), longest).into(), theme.style(role)),
            (column(&tag(error.actual), tags).into(), theme.style(Role::Good)),
            (column(&tag(error.predicted), tags).into(), theme.style(Role::Bad)),
            (format!("{:>TIMES$}", number::count(error.count)).into(), theme.style(Role::Text)),
        ];
        text::put(buf, inner.x, y, width, &pieces);
    }
}
