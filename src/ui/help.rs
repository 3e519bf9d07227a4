//! What the keys do, on the screen: the footer and the help, both made from the table of keys.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::keymap::{self, Place};
use super::text::wrap;
use super::theme::{Role, Theme};

/// The keys that `width` columns have room for, as `Esc word`.
pub fn footer(place: Place, width: usize, theme: &Theme) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    for binding in keymap::at(place).filter(|b| !b.word.is_empty()) {
        let key = binding.keys.first().map(|key| key.name()).unwrap_or_default();
        let needed = 1 + key.width() + 1 + binding.word.width() + 1;
        if used + needed > width {
            break;
        }
        used += needed;
        spans.push(Span::raw(" "));
        spans.push(Span::styled(key, theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {} ", binding.word), theme.style(Role::Dim)));
    }
    Line::from(spans)
}

/// Every key that holds at `place` with its sentence, in lines of at most `width` columns.
pub fn lines(place: Place, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let keys = keymap::at(place).map(|b| b.names().width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for binding in keymap::at(place) {
        let sentence = wrap(binding.help, width.saturating_sub(keys + 2).max(1));
        for (i, part) in sentence.into_iter().enumerate() {
            let names = if i == 0 { binding.names() } else { String::new() };
            let gap = " ".repeat(keys - names.width() + 2);
            lines.push(Line::from(vec![
                Span::styled(names, theme.style(Role::Key)),
                Span::styled(gap + &part, theme.style(Role::Text)),
            ]));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Colors, Glyphs};

    const THEME: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Braille, light: false };

    #[test]
    fn the_footer_names_as_many_keys_as_fit_the_most_important_first() {
        assert_eq!(footer(Place::Menu, 20, &THEME).to_string(), " ? help  q quit ");
        assert_eq!(footer(Place::Menu, 3, &THEME).to_string(), "");
        let wide = footer(Place::Dashboard, 80, &THEME).to_string();
        assert!(wide.width() <= 80 && wide.contains("Space pause"), "{wide}");
    }

    #[test]
    fn the_help_tells_every_key_of_its_place_and_no_other() {
        let text =
            |place| lines(place, 100, &THEME).iter().map(Line::to_string).collect::<Vec<_>>().join("\n");
        assert!(keymap::at(Place::Dashboard).all(|b| text(Place::Dashboard).contains(b.help)));
        assert!(!text(Place::Menu).contains("checkpoint"));
    }
}
