//! The answers of a network for an example and for the same words in the other order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::LectureScreen;
use crate::escape::foreign;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::panel_frame::PanelFrame;
use crate::ui::widget::text::{self, Piece};

/// Rows of the panel.
pub(super) const ROWS: u16 = 6;

impl LectureScreen {
    pub(super) fn render_answers(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let words = &self.texts.words;
        let title = [(words.answers.into(), theme.style(Role::Title))];
        let inner = PanelFrame { focused: false, title: &title, note: &[], left: &[], right: &[] }
            .render(area, buf, theme);
        let chosen = self.choice.probe;
        for (i, probe) in [chosen, 1 - chosen.min(1)].into_iter().enumerate() {
            let y = inner.y + 2 * i as u16;
            if y >= inner.bottom() {
                return;
            }
            let answer = self.training().and_then(|training| training.answer(probe));
            let Some((answer, tokens)) =
                answer.zip(self.training().and_then(|training| training.tokens(probe)))
            else {
                return self.render_waiting(inner, buf, theme);
            };
            let (style, order) = match i {
                0 => (theme.style(Role::Text), words.this_order),
                _ => (theme.style(Role::Dim), words.other_order),
            };
            let width = usize::from(inner.width).saturating_sub(2);
            let sentence = sentence(tokens, width);
            text::put(buf, inner.x + 1, y, width, &[(sentence.into(), style)]);
            if y + 1 >= inner.bottom() {
                return;
            }
            let number = format!(" {answer:.3}");
            let labels = words.this_order.width().max(words.other_order.width()) + 1;
            let gap = " ".repeat(labels - order.width());
            let bar = width.saturating_sub(labels + number.width());
            let full = ((f64::from(answer) * bar as f64).round() as usize).min(bar);
            let pieces: [Piece<'_>; 4] = [
                (format!("{order}{gap}").into(), theme.style(Role::Dim)),
                ("█".repeat(full).into(), theme.style(if i == 0 { Role::Train } else { Role::Raw })),
                ("░".repeat(bar - full).into(), theme.style(Role::Border)),
                (number.into(), theme.style(Role::Text)),
            ];
            text::put(buf, inner.x + 1, y + 1, width, &pieces);
        }
    }
}

/// The tokens as one line; where they do not fit, without the last ones, each as a whole: the order is decided before.
fn sentence(tokens: &[String], width: usize) -> String {
    let words: Vec<_> = tokens.iter().map(|token| foreign(token)).collect();
    let whole = words.join(" ");
    let fitting = (1..words.len()).rev().map(|count| words[..count].join(" ") + " …");
    let fits = |line: &String| line.width() <= width;
    std::iter::once(whole.clone())
        .chain(fitting)
        .find(fits)
        .unwrap_or_else(|| text::clip(&whole, width).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_without_space_ends_with_a_whole_word() {
        let tokens: Vec<String> = "the movie is not bad".split(' ').map(str::to_owned).collect();
        assert_eq!(sentence(&tokens, 20), "the movie is not bad");
        assert_eq!(sentence(&tokens, 19), "the movie is not …");
        assert_eq!(sentence(&tokens, 17), "the movie is …");
        assert_eq!(sentence(&tokens, 4), "the…", "not even the first and a mark");
        assert_eq!(sentence(&tokens, 0), "");
    }
}
