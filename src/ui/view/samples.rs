//! Texts that a language model writes while it learns, the latest first, and its candidates for the next token.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{title, visible};
use crate::escape::foreign;
use crate::number;
use crate::protocol::Sample;
use crate::ui::dashboard::Dashboard;
use crate::ui::panel::Panel;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// From this width on the candidates stand beside the text.
const WIDE: u16 = 64;
/// From this height on they stand below it, where there is no place beside it.
const TALL: u16 = 18;
/// Columns of the candidates.
const CANDIDATES: u16 = 26;
/// Columns of the bar of a candidate.
const BAR: usize = 10;
/// Rows of each sample but the latest, where it does not fill the screen.
const EARLIER: usize = 3;

/// Draws the panel.
pub(super) fn render(dash: &Dashboard, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let run = &dash.run;
    let title = title(dash, Panel::Samples, "Samples", theme);
    let hint: [Piece<'_>; 4] = [
        ("a".into(), theme.style(Role::Key)),
        (" beginning  ".into(), theme.style(Role::Dim)),
        ("( )".into(), theme.style(Role::Key)),
        (" temperature".into(), theme.style(Role::Dim)),
    ];
    let latest = run.history().samples(dash.view.cursor).next_back();
    // Recordings without candidates lack the temperature too.
    let note: Vec<Vec<Piece<'_>>> = latest
        .filter(|sample| !sample.candidates.is_empty())
        .map(|sample| {
            let words = format!("temperature {}", sample.temperature);
            vec![(words.into(), theme.style(Role::Text))]
        })
        .into_iter()
        .collect();
    let frame = PanelFrame {
        focused: dash.view.focus(run) == Panel::Samples,
        title: &title,
        note: &note,
        left: &[],
        right: if run.is_over() { &[] } else { &hint },
    };
    let inner = frame.render(area, buf, theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(latest) = latest else {
        let words = "waiting for the first sample";
        text::put(buf, inner.x, inner.y, usize::from(inner.width), &[(words.into(), theme.style(Role::Dim))]);
        return;
    };
    let has_candidates = !latest.candidates.is_empty();
    let (texts, candidates) = match has_candidates {
        true if inner.width >= WIDE => {
            let wide = CANDIDATES + if dash.view.full_screen { 4 } else { 0 };
            let parts = [Constraint::Fill(1), Constraint::Length(2), Constraint::Length(wide)];
            let [texts, _, candidates] = Layout::horizontal(parts).areas(inner);
            (texts, candidates)
        }
        true if inner.height >= TALL => {
            let hint = 2 * u16::from(dash.view.full_screen);
            let rows = latest.candidates.len() as u16 + 1 + hint;
            let parts = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(rows)];
            let [texts, _, candidates] = Layout::vertical(parts).areas(inner);
            (texts, candidates)
        }
        _ => (inner, Rect::default()),
    };
    let mut y = texts.y;
    let samples = run.history().samples(dash.view.cursor).rev();
    for (i, sample) in samples.enumerate() {
        let most = if i == 0 { usize::MAX } else { EARLIER };
        let rows = usize::from(texts.bottom().saturating_sub(y));
        if rows < 2 {
            break;
        }
        y += one(sample, Rect { y, height: rows as u16, ..texts }, (most, i == 0), buf, theme);
    }
    if !candidates.is_empty() {
        let offered = !dash.is_replay && dash.view.offers_candidates(run);
        next_tokens(latest, offered.then_some(dash.view.candidate), candidates, buf, theme);
    }
}

/// A sample below its head; returns the rows.
fn one(
    sample: &Sample,
    area: Rect,
    (most, is_latest): (usize, bool),
    buf: &mut Buffer,
    theme: &Theme,
) -> u16 {
    let width = usize::from(area.width);
    let head = format!("step {} · epoch {}", number::count(sample.step), sample.epoch);
    let role = if is_latest { Role::Title } else { Role::Dim };
    text::put(buf, area.x, area.y, width, &[(head.into(), theme.style(role))]);
    let rows = usize::from(area.height - 1);
    let lines = lines(sample, width);
    let shown = lines.len().min(most).min(rows);
    let role = if is_latest { Role::Text } else { Role::Dim };
    for (i, (line, prime)) in lines.iter().take(shown).enumerate() {
        let at = area.y + 1 + i as u16;
        let (given, written): (String, String) =
            (line.chars().take(*prime).collect(), line.chars().skip(*prime).collect());
        let mut pieces: Vec<Piece<'_>> =
            vec![(given.into(), theme.style(Role::Validation)), (written.into(), theme.style(role))];
        if i + 1 == shown && lines.len() > shown {
            pieces.push((" …".into(), theme.style(Role::Dim)));
        }
        text::put(buf, area.x, at, width, &pieces);
    }
    1 + shown as u16
}

/// The rows of a sample, each with the number of its characters that are of the beginning.
fn lines(sample: &Sample, width: usize) -> Vec<(String, usize)> {
    let mut left = foreign_lines(&sample.prime).concat().chars().count();
    let mut rows = Vec::new();
    for paragraph in foreign_lines(&format!("{}{}", sample.prime, sample.text)) {
        let mut row = String::new();
        let (mut columns, mut given) = (0, 0);
        for c in paragraph.chars() {
            let wide = text::width(c.encode_utf8(&mut [0; 4]));
            if columns + wide > width.max(1) && columns > 0 {
                rows.push((std::mem::take(&mut row), given));
                (columns, given) = (0, 0);
            }
            if left > 0 {
                (left, given) = (left - 1, given + 1);
            }
            row.push(c);
            columns += wide;
        }
        rows.push((row, given));
    }
    // A text often ends with its line.
    while rows.last().is_some_and(|(row, _)| row.is_empty()) {
        rows.pop();
    }
    rows
}

/// The lines of a text, escaped.
fn foreign_lines(text: &str) -> Vec<String> {
    text.split('\n').map(|line| foreign(line).into_owned()).collect()
}

/// The most probable next tokens with bars of their probabilities, and their numbers where one can be `chosen`.
fn next_tokens(sample: &Sample, chosen: Option<usize>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let width = usize::from(area.width);
    let prime = foreign(&sample.prime);
    let end: String = prime.chars().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect();
    let head = format!("next after “{end}”");
    text::put(buf, area.x, area.y, width, &[(head.into(), theme.style(Role::Title))]);
    for (i, (y, (token, p))) in (area.y + 1..area.bottom()).zip(&sample.candidates).enumerate() {
        let full = (f64::from(*p) * BAR as f64).round() as usize;
        let shown = text::clip(&visible(token), 8).into_owned();
        let gap = " ".repeat(9_usize.saturating_sub(text::width(&shown)));
        let (number, role) = match chosen {
            Some(chosen) if chosen == i => (format!("{:>2} ", i + 1), Role::Selected),
            Some(_) => (format!("{:>2} ", i + 1), Role::Text),
            None => (String::new(), Role::Text),
        };
        let pieces: [Piece<'_>; 5] = [
            (number.into(), theme.style(Role::Key)),
            (format!("{shown}{gap}").into(), theme.style(role)),
            ("━".repeat(full.min(BAR)).into(), theme.style(Role::Train)),
            ("─".repeat(BAR - full.min(BAR)).into(), theme.style(Role::Border)),
            (format!(" {p:.2}").into(), theme.style(Role::Text)),
        ];
        text::put(buf, area.x, y, width, &pieces);
    }
    let y = area.y + 2 + sample.candidates.len() as u16;
    if chosen.is_some() && y < area.bottom() {
        let words: [Piece<'_>; 4] = [
            ("↑ ↓ Enter".into(), theme.style(Role::Key)),
            (" or ".into(), theme.style(Role::Dim)),
            ("1–9".into(), theme.style(Role::Key)),
            (" writes it".into(), theme.style(Role::Dim)),
        ];
        text::put(buf, area.x, y, width, &words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(prime: &str, text: &str) -> Sample {
        Sample { prime: prime.into(), text: text.into(), ..Sample::default() }
    }

    #[test]
    fn lines_stay_lines_and_the_beginning_is_told_from_what_is_written() {
        let rows = |prime, text, width| lines(&sample(prime, text), width);
        let row = |text: &str, given| (text.to_owned(), given);
        assert_eq!(rows("RO", "MEO:\nwhat\n", 20), [row("ROMEO:", 2), row("what", 0)]);
        assert_eq!(rows("abcd", "efg", 3), [row("abc", 3), row("def", 1), row("g", 0)]);
        // The line end of a beginning is none of its characters on the screen.
        assert_eq!(rows("A\n", "b", 9), [row("A", 1), row("b", 0)]);
        assert_eq!(rows("", "", 9), []);
        assert_eq!(rows("", "\x1b[2J", 9), [row("␛[2J", 0)]);
    }
}
