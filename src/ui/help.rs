//! Help on the screen: the footer and the list of keys, both generated from the table of keys, and the help pages.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::keymap::{self, Action, Context};
use super::text::{fit, wrap};
use super::theme::{Role, Theme};
use crate::help::{self, PAGES, Style};

/// Returns as many keys as fit `width` columns, as `Esc back`. `word` may replace the word of a binding; an empty word
/// hides it.
pub fn footer(
    context: Context,
    width: usize,
    theme: &Theme,
    word: impl Fn(Action) -> Option<&'static str>,
) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    let words = keymap::bindings(context).map(|b| (b, word(b.action).unwrap_or(b.word)));
    let mut words = words.filter(|(_, word)| !word.is_empty()).peekable();
    let first = |binding: &keymap::Binding| binding.keys.first().map(|key| key.name()).unwrap_or_default();
    while let Some((binding, word)) = words.next() {
        let mut key = first(binding);
        // Neighbours of one word share it: `← → page`.
        while let Some((next, _)) = words.next_if(|(_, next)| *next == word) {
            key += " ";
            key += &first(next);
        }
        let needed = 1 + key.width() + 1 + word.width() + 1;
        if used + needed > width {
            break;
        }
        used += needed;
        spans.push(Span::raw(" "));
        spans.push(Span::styled(key, theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {word} "), theme.style(Role::Dim)));
    }
    Line::from(spans)
}

/// The words around the list of keys, and sentences of keys in place of those of the table.
#[derive(Debug)]
pub struct HelpWords {
    /// The title of the list.
    pub title: &'static str,
    /// Above the list of help pages.
    pub pages: &'static str,
    /// What [`lines`] says of the keys of these actions.
    pub sentences: &'static [(Action, &'static str)],
}

/// The words that go with the table of keys.
pub const WORDS: HelpWords = HelpWords { title: "Keys and help", pages: "Help pages", sentences: &[] };

/// Returns the help on every key of `context`, in lines of at most `width` columns.
pub fn lines(context: Context, words: &HelpWords, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let keys = keymap::bindings(context).map(|b| b.names().width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for binding in keymap::bindings(context) {
        let own = words.sentences.iter().find(|(action, _)| *action == binding.action);
        let sentence = own.map_or(binding.help, |(_, sentence)| sentence);
        let sentence = wrap(sentence, width.saturating_sub(keys + 2).max(1));
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

/// The list of help pages, a line each; the one of this number is `chosen`.
pub fn contents(chosen: Option<usize>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let names = PAGES.iter().map(|page| page.name.width()).max().unwrap_or(0);
    let line = |(at, page): (usize, &help::Page)| {
        let mark = if chosen == Some(at) { "▸ " } else { "  " };
        let title = fit(page.title(), width.saturating_sub(names + 4));
        Line::from(vec![
            Span::styled(format!("{mark}{:names$}", page.name), theme.style(Role::Key)),
            Span::styled(
                format!("  {title}"),
                theme.style(if mark == "▸ " { Role::Title } else { Role::Text }),
            ),
        ])
    };
    PAGES.iter().enumerate().map(line).collect()
}

/// A page in lines of at most `width` columns, without its title.
pub fn page(page: &help::Page, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    styled(help::layout(page.body(), width), theme)
}

/// Lines of a page in the styles of `theme`.
pub fn styled(lines: Vec<help::Line>, theme: &Theme) -> Vec<Line<'static>> {
    let role = |style| match style {
        Style::Text => Role::Text,
        Style::Heading | Style::Strong => Role::Title,
        Style::Code => Role::Key,
    };
    let span = |span: help::Span| Span::styled(span.text, theme.style(role(span.style)));
    lines.into_iter().map(|line| Line::from_iter(line.into_iter().map(span))).collect()
}

/// Lines of a page for a pager: headings are bold, by ANSI sequences.
pub fn ansi(lines: &[help::Line]) -> String {
    let mut out = String::new();
    for span in lines.iter().flat_map(|line| line.iter().map(Some).chain([None])) {
        match span {
            Some(span) if matches!(span.style, Style::Heading | Style::Strong) => {
                out += &format!("\x1b[1m{}\x1b[0m", span.text);
            }
            Some(span) => out += &span.text,
            None => out.push('\n'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Colors, Glyphs};

    const THEME: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

    #[test]
    fn the_footer_names_as_many_keys_as_fit_the_most_important_first() {
        assert_eq!(footer(Context::Menu, 20, &THEME, |_| None).to_string(), " ? help  q quit ");
        assert_eq!(footer(Context::Menu, 3, &THEME, |_| None).to_string(), "");
        let wide = footer(Context::Dashboard, 80, &THEME, |_| None).to_string();
        assert!(wide.width() <= 80 && wide.contains("Space pause"), "{wide}");
        let paused = |action| match action {
            Action::PauseResume => Some("resume"),
            Action::SingleStep => Some(""),
            _ => None,
        };
        let wide = footer(Context::Dashboard, 80, &THEME, paused).to_string();
        assert!(wide.contains("Space resume") && !wide.contains("n step"), "{wide}");
    }

    #[test]
    fn a_page_for_a_pager_has_bold_headings() {
        let lines = help::layout("# A `b`\n\nc **d**\n", 80);
        assert_eq!(ansi(&lines), "\x1b[1mA \x1b[0mb\n\nc \x1b[1md\x1b[0m\n");
    }

    #[test]
    fn the_help_tells_every_key_of_its_place_and_no_other() {
        let text = |context| {
            lines(context, &WORDS, 100, &THEME).iter().map(Line::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(keymap::bindings(Context::Dashboard).all(|b| text(Context::Dashboard).contains(b.help)));
        assert!(!text(Context::Menu).contains("checkpoint"));
    }
}
