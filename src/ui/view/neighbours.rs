//! The words whose embeddings are nearest to a word's.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{title, visible};
use crate::escape;
use crate::number;
use crate::protocol::{EmbeddingNeighbours, WordNeighbours};
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Columns of the bar of a similarity.
const BAR: usize = 10;
/// Columns of a word at most.
const WORD: usize = 18;
/// A change of a similarity that is marked.
const CHANGE: f32 = 0.005;

/// A row of the panel.
type Row<'a> = Vec<Piece<'a>>;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let found = dash.run.history().neighbours(dash.view.cursor).next_back();
    let title = title(dash, Panel::Neighbours, "Nearest embeddings", theme);
    let note = found
        .map(|found| vec![(format!("step {}", number::count(found.step)).into(), theme.style(Role::Dim))]);
    let note: Vec<Row<'_>> = note.into_iter().collect();
    let hint = match dash.is_replay || dash.run.is_over() || dash.is_race() {
        true => Vec::new(),
        false => vec![("a".into(), theme.style(Role::Key)), (" another word".into(), theme.style(Role::Dim))],
    };
    let size = found.map(|found| {
        vec![(
            format!("of {} tokens, by cosine", number::count(found.vocabulary as u64)).into(),
            theme.style(Role::Dim),
        )]
    });
    let frame = PanelFrame {
        focused: dash.view.focus(&dash.run) == Panel::Neighbours,
        title: &title,
        note: &note,
        left: &hint,
        right: &size.unwrap_or_default(),
    };
    let inner = frame.render(area, buf, theme);
    let place = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(place.width);
    let rows = match found {
        None => wrapped(missing(dash), width, theme),
        Some(found) => match (&found.word, found.words.as_slice()) {
            (Some(word), []) => unknown(word, found, width, theme),
            (Some(_), [of, ..]) => ten(of, earlier(dash, found), width, theme),
            (None, all) => few(all, width, theme),
        },
    };
    for (y, row) in (place.top()..place.bottom()).zip(rows) {
        text::put(buf, place.x, y, width, &row);
    }
}

fn wrapped<'a>(words: &str, width: usize, theme: &Theme) -> Vec<Row<'a>> {
    let row = |row: String| vec![(row.into(), theme.style(Role::Dim))];
    text::wrap(words, width).into_iter().map(row).collect()
}

fn missing(dash: &Dashboard) -> &'static str {
    match dash.is_replay || dash.run.is_over() {
        _ if dash.is_race() => {
            "In a race no neighbours are found: it would take time from the other networks. A run that is trained alone \
             finds them when this tab is opened."
        }
        true => {
            "They were not looked for in this run: a run in training finds them when this tab is opened, and after its \
             last epoch."
        }
        false => "looking for them …",
    }
}

/// A word that the vocabulary does not have, with near spellings.
fn unknown<'a>(word: &str, found: &EmbeddingNeighbours, width: usize, theme: &Theme) -> Vec<Row<'a>> {
    let said =
        format!("“{}” is not in the vocabulary: the network reads it as [UNK].", escape::foreign(word));
    let mut rows = wrapped(&said, width, theme);
    if !found.spellings.is_empty() {
        let words: Vec<_> = found.spellings.iter().map(|word| escape::foreign(word)).collect();
        rows.extend(wrapped(&format!("Spelled nearly like it: {}", words.join(", ")), width, theme));
    }
    rows
}

/// The same word at the earliest step at which its neighbours were found, if that is not this one.
fn earlier<'a>(dash: &'a Dashboard, found: &EmbeddingNeighbours) -> Option<&'a EmbeddingNeighbours> {
    let mut all = dash.run.history().neighbours(dash.view.cursor);
    all.find(|other| other.word == found.word && !other.words.is_empty())
        .filter(|other| other.step < found.step)
}

/// The neighbours of one word, with their change since an earlier step.
fn ten<'a>(
    of: &'a WordNeighbours,
    earlier: Option<&'a EmbeddingNeighbours>,
    width: usize,
    theme: &Theme,
) -> Vec<Row<'a>> {
    let dim = theme.style(Role::Dim);
    let mut head = vec![("nearest to ".into(), dim), (escape::foreign(&of.word), theme.style(Role::Title))];
    if let Some(earlier) = earlier {
        head.push((format!(" · ▲▼ since step {}", number::count(earlier.step)).into(), dim));
    }
    let mut rows = vec![head];
    if of.neighbours.is_empty() {
        rows.extend(wrapped("its embedding is 0 everywhere: it is near nothing", width, theme));
    }
    let before = earlier.and_then(|earlier| earlier.words.first());
    for (word, similarity) in &of.neighbours {
        let name = escape::foreign(word);
        let name = text::clip(&name, WORD).into_owned();
        let gap = WORD - text::width(&name);
        let mut row: Row<'a> = vec![
            (name.into(), theme.style(Role::Text)),
            (format!("{} {similarity:>6.3} ", " ".repeat(gap)).into(), dim),
        ];
        row.extend(bar(*similarity, theme));
        let was = before.and_then(|before| before.neighbours.iter().find(|(other, _)| other == word));
        row.push(match was {
            _ if before.is_none() => ("".into(), dim),
            None => (" new".into(), theme.style(Role::Good)),
            Some((_, was)) if similarity - was > CHANGE => {
                (format!(" ▲ {:+.3}", similarity - was).into(), theme.style(Role::Good))
            }
            Some((_, was)) if was - similarity > CHANGE => {
                (format!(" ▼ {:+.3}", similarity - was).into(), theme.style(Role::Bad))
            }
            Some(_) => ("".into(), dim),
        });
        rows.push(row);
    }
    rows
}

/// A bar of a similarity, from the middle for negative ones.
fn bar<'a>(similarity: f32, theme: &Theme) -> [Piece<'a>; 2] {
    let full = (similarity.abs().clamp(0.0, 1.0) * BAR as f32).round() as usize;
    let role = if similarity < 0.0 { Role::Validation } else { Role::Train };
    [("━".repeat(full).into(), theme.style(role)), ("─".repeat(BAR - full).into(), theme.style(Role::Border))]
}

/// The most frequent words, each with its few nearest ones.
fn few<'a>(all: &'a [WordNeighbours], width: usize, theme: &Theme) -> Vec<Row<'a>> {
    let widest = all.iter().map(|of| text::width(&visible(&of.word))).max().unwrap_or(0).min(WORD);
    let mut rows =
        vec![vec![("the most frequent tokens, each with its nearest ones".into(), theme.style(Role::Dim))]];
    for of in all {
        let name = visible(&of.word);
        let name = text::clip(&name, widest).into_owned();
        let gap = widest + 1 - text::width(&name);
        let mut row: Row<'a> =
            vec![(name.into(), theme.style(Role::Title)), (" ".repeat(gap).into(), theme.style(Role::Text))];
        for (word, similarity) in &of.neighbours {
            let pair = [
                (format!(" {}", visible(word)).into(), theme.style(Role::Text)),
                (format!(" {similarity:.2}").into(), theme.style(Role::Dim)),
            ];
            // A word that would be cut is left out.
            if text::width_of(&row) + text::width_of(&pair) > width {
                break;
            }
            row.extend(pair);
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::CommandSender;
    use crate::run::race::Standings;
    use crate::ui::group::Group;

    #[test]
    fn a_race_says_why_no_neighbours_are_found() {
        let (commands, _inbox) = crossbeam_channel::unbounded();
        let (_events, events) = crossbeam_channel::unbounded();
        let standings = Standings::new("memory".into(), vec![1], vec![("rnn".into(), None)]);
        let commands = CommandSender::new("screen", commands);
        let race = Group::of_race(standings, ("tokens", None), (events, commands));
        let mut dash = Dashboard::of_group(Box::new(race));
        assert!(missing(&dash).starts_with("In a race no neighbours"));
        dash.group = None;
        assert_eq!(missing(&dash), "looking for them …");
    }
}
