//! The dialog that replaces a token of an example, or hides it.

use std::borrow::Cow;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use serde_json::Value;
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};

use super::popup::{boxed, centered};
use crate::escape::foreign;
use crate::protocol::{ProbeChange, ProbeText};
use crate::run;
use crate::ui::text::wrap;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::text;

/// The longest word, in characters.
const LONGEST: usize = 60;
/// Columns of the dialog.
const WIDTH: usize = 60;

/// Asks for the word that replaces a token.
#[derive(Debug, Default)]
pub(super) struct WordPrompt {
    line: LineInput,
    /// The tokens of the example.
    tokens: Vec<String>,
    /// The one to be replaced.
    token: usize,
    /// The vocabulary, the most frequent words first.
    words: Vec<String>,
    /// What was typed before it was completed, and which completion is shown.
    completed: Option<(String, usize)>,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WordAnswer {
    Closed,
    Change(ProbeChange),
}

impl WordPrompt {
    /// Asks for a word in place of `token` of an example.
    pub(super) fn new(example: &ProbeText, token: usize, words: Vec<String>) -> Self {
        let tokens = example.tokens.clone();
        Self { token: token.min(tokens.len().saturating_sub(1)), tokens, words, ..Self::default() }
    }

    /// Handles a key; returns the answer once it is given.
    pub(super) fn type_key(&mut self, key: &KeyEvent) -> Option<WordAnswer> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let is_typed = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc => return Some(WordAnswer::Closed),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Some(WordAnswer::Closed);
            }
            KeyCode::Enter => {
                let token = self.token;
                return Some(WordAnswer::Change(match self.line.value().trim() {
                    "" => ProbeChange::Occlude { token },
                    word => ProbeChange::Replace { token, word: word.to_owned() },
                }));
            }
            KeyCode::Up => self.token = self.token.saturating_sub(1),
            KeyCode::Down => self.token = (self.token + 1).min(self.tokens.len().saturating_sub(1)),
            KeyCode::Tab => self.complete(1),
            KeyCode::BackTab => self.complete(-1),
            KeyCode::Char(_) if is_typed && self.line.value().chars().count() >= LONGEST => {}
            _ => {
                self.completed = None;
                self.line.handle_event(&Event::Key(*key));
            }
        }
        None
    }

    /// Adds pasted text: its first word.
    pub(super) fn paste(&mut self, pasted: &str) {
        self.completed = None;
        let left = LONGEST.saturating_sub(self.line.value().chars().count());
        let word = pasted.split_whitespace().next().unwrap_or_default();
        for c in word.chars().take(left) {
            self.line.handle(InputRequest::InsertChar(c));
        }
    }

    /// What was typed, without its completion.
    fn typed(&self) -> &str {
        self.completed.as_ref().map_or(self.line.value(), |(typed, _)| typed)
    }

    /// The words that begin with what was typed.
    fn matches(&self) -> impl Iterator<Item = &String> {
        let typed = self.typed().trim_start();
        self.words.iter().filter(move |word| word.starts_with(typed))
    }

    /// Puts the next word, or the one before, that begins with what was typed.
    fn complete(&mut self, by: isize) {
        let count = self.matches().count();
        let at = match &self.completed {
            Some((_, at)) => (at + count).saturating_add_signed(by).checked_rem(count),
            None if by < 0 => count.checked_sub(1),
            None => (count > 0).then_some(0),
        };
        let Some(at) = at else { return };
        let Some(word) = self.matches().nth(at).cloned() else { return };
        self.completed = Some((self.typed().to_owned(), at));
        self.line = LineInput::new(word);
    }

    /// The example around the token, in a line of `width` columns.
    fn example(&self, width: usize, theme: &Theme) -> Line<'static> {
        let words: Vec<Cow<'_, str>> = self.tokens.iter().map(|token| foreign(token)).collect();
        let wide = |at: usize| words.get(at).map_or(0, |word| text::width(word) + 1);
        let (mut from, mut to, mut used) = (self.token, self.token + 1, wide(self.token));
        // The words next to it, as far as there is space.
        loop {
            let before = from.checked_sub(1).filter(|at| used + wide(*at) + 2 <= width);
            if let Some(at) = before {
                (from, used) = (at, used + wide(at));
            }
            let behind = Some(to).filter(|at| *at < words.len() && used + wide(*at) + 2 <= width);
            if let Some(at) = behind {
                (to, used) = (at + 1, used + wide(at));
            }
            if before.is_none() && behind.is_none() {
                break;
            }
        }
        let mut spans = Vec::new();
        if from > 0 {
            spans.push(Span::styled("… ", theme.style(Role::Dim)));
        }
        for (at, word) in words.iter().enumerate().take(to).skip(from) {
            let role = if at == self.token { Role::Selected } else { Role::Text };
            spans.push(Span::styled(text::clip(word, width).into_owned(), theme.style(role)));
            spans.push(Span::raw(" "));
        }
        if to < words.len() {
            spans.push(Span::styled("…", theme.style(Role::Dim)));
        }
        Line::from(spans)
    }

    /// The next completions, in a line of `width` columns.
    fn completions(&self, width: usize) -> String {
        let mut line = String::new();
        let first = self.completed.as_ref().map_or(0, |(_, at)| at + 1);
        for word in self.matches().skip(first) {
            let word = foreign(word);
            if text::width(&line) + text::width(&word) + 2 > width {
                break;
            }
            line += if line.is_empty() { "" } else { "  " };
            line += &word;
        }
        match (line.is_empty(), self.words.is_empty()) {
            (true, true) => "no vocabulary to complete from".into(),
            (true, false) if self.completed.is_none() => "not in the vocabulary: it is read as [UNK]".into(),
            _ => line,
        }
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let width = usize::from(area.width).saturating_sub(4).min(WIDTH);
        let old = self.tokens.get(self.token).map_or(Cow::Borrowed(""), |token| foreign(token));
        let old = format!("{} → ", text::clip(&old, width / 2));
        let left = width.saturating_sub(text::width(&old) + 1);
        let first = self.line.visual_scroll(left);
        let seen: String = self.line.value().chars().skip(first).take(left).collect();
        let words = "Another word is put in its place, in an example beside this one; an empty word hides it, as \
                     if it were padding (occlusion).";
        let mut lines = vec![
            self.example(width, theme),
            Line::default(),
            Line::from(vec![
                Span::styled(old.clone(), theme.style(Role::Dim)),
                Span::styled(foreign(&seen).into_owned(), theme.style(Role::Title)),
            ]),
            Line::styled(self.completions(width), theme.style(Role::Dim)),
            Line::default(),
        ];
        lines.extend(wrap(words, width).into_iter().map(|row| Line::styled(row, theme.style(Role::Dim))));
        let place = centered(area, width + 4, lines.len() + 2);
        let hint = " Enter replaces  Tab completes  ↑ ↓ token  Esc ";
        let hint = Line::styled(hint, theme.style(Role::Dim));
        let block = boxed(" Replace a word ".to_owned(), theme).title_bottom(hint.right_aligned());
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        frame.render_widget(Paragraph::new(lines), inner);
        let column = text::width(&old) + self.line.visual_cursor().saturating_sub(first);
        let x = inner.x + u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1));
        if inner.height > 2 {
            frame.set_cursor_position(Position::new(x, inner.y + 2));
        }
    }
}

/// The words that the network of a run knows, the most frequent first; of several channels those of the one with the words of the
/// example. Empty where the run has no vocabulary.
pub(super) fn vocabulary(run: &std::path::Path, example: &ProbeText) -> Vec<String> {
    let words = |list: &Value| -> Vec<String> {
        // Without padding and unknown.
        let all = list.as_array().into_iter().flatten().skip(2);
        all.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    match run::read_json::<Value>(run, "vocabulary.json") {
        Ok(list @ Value::Array(_)) => words(&list),
        Ok(Value::Object(channels)) => {
            let known =
                |list: &Vec<String>| example.tokens.iter().filter(|token| list.contains(token)).count();
            channels.values().map(words).max_by_key(known).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn prompt() -> WordPrompt {
        let tokens = ["the", "movie", "is", "not", "bad"].map(String::from).to_vec();
        let words = ["the", "very", "bad", "good", "verbose"].map(String::from).to_vec();
        WordPrompt::new(&ProbeText { tokens, ..ProbeText::default() }, 3, words)
    }

    fn press(prompt: &mut WordPrompt, keys: &[KeyCode]) -> Option<WordAnswer> {
        keys.iter().fold(None, |_, code| prompt.type_key(&KeyEvent::new(*code, KeyModifiers::NONE)))
    }

    #[test]
    fn a_word_is_typed_and_completed_the_most_frequent_first() {
        let replaced =
            |token, word: &str| Some(WordAnswer::Change(ProbeChange::Replace { token, word: word.into() }));
        let (v, tab, enter) = (KeyCode::Char('v'), KeyCode::Tab, KeyCode::Enter);
        assert_eq!(press(&mut prompt(), &[v, enter]), replaced(3, "v"));
        assert_eq!(press(&mut prompt(), &[v, tab, enter]), replaced(3, "very"));
        assert_eq!(press(&mut prompt(), &[v, tab, tab, enter]), replaced(3, "verbose"));
        assert_eq!(
            press(&mut prompt(), &[v, tab, tab, tab, enter]),
            replaced(3, "very"),
            "again from the first"
        );
        assert_eq!(press(&mut prompt(), &[v, KeyCode::BackTab, enter]), replaced(3, "verbose"));
        assert_eq!(press(&mut prompt(), &[KeyCode::Char('z'), tab, enter]), replaced(3, "z"), "no such word");
        // What is typed after a completion begins another one.
        assert_eq!(press(&mut prompt(), &[v, tab, KeyCode::Backspace, enter]), replaced(3, "ver"));
    }

    #[test]
    fn a_word_that_is_typed_or_pasted_is_no_longer_than_the_longest() {
        for typed in [0, 3, LONGEST + 5] {
            let mut prompt = prompt();
            (0..typed).for_each(|_| drop(press(&mut prompt, &[KeyCode::Char('x')])));
            prompt.paste(&"x".repeat(2 * LONGEST));
            assert_eq!(prompt.line.value(), "x".repeat(LONGEST));
            press(&mut prompt, &[KeyCode::Char('x')]);
            assert_eq!(prompt.line.value().len(), LONGEST);
            press(&mut prompt, &[KeyCode::Backspace]);
            assert_eq!(prompt.line.value().len(), LONGEST - 1);
        }
    }

    #[test]
    fn enter_alone_hides_the_token_and_arrows_choose_another() {
        let hidden = |token| Some(WordAnswer::Change(ProbeChange::Occlude { token }));
        assert_eq!(press(&mut prompt(), &[KeyCode::Enter]), hidden(3));
        assert_eq!(press(&mut prompt(), &[KeyCode::Up, KeyCode::Enter]), hidden(2));
        assert_eq!(press(&mut prompt(), &[KeyCode::Down, KeyCode::Down, KeyCode::Enter]), hidden(4));
        assert_eq!(press(&mut prompt(), &[KeyCode::Char('x'), KeyCode::Esc]), Some(WordAnswer::Closed));
    }

    #[test]
    fn the_dialog_shows_the_example_the_word_and_what_completes_it() {
        let shown = |width, height, keys: &[KeyCode]| {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let mut prompt = prompt();
            press(&mut prompt, keys);
            terminal.draw(|frame| prompt.render(frame, frame.area(), &Theme::DARK)).unwrap();
            terminal.backend().to_string()
        };
        let all = shown(80, 24, &[KeyCode::Char('v')]);
        for words in ["the movie is not bad", "not → v", "very  verbose", "occlusion", "Tab completes"] {
            assert!(all.contains(words), "{words}: {all}");
        }
        assert!(shown(80, 24, &[KeyCode::Char('z')]).contains("read as [UNK]"));
        assert!(shown(40, 11, &[]).contains("Replace a word"));
    }

    #[test]
    fn of_several_vocabularies_that_of_the_words_is_taken() {
        let run = tempfile::tempdir().unwrap();
        let example = ProbeText { tokens: vec!["it".into()], ..ProbeText::default() };
        assert_eq!(vocabulary(run.path(), &example), Vec::<String>::new());
        let json = r#"{"case":["","[UNK]","lower"],"form":["","[UNK]","so","it"]}"#;
        std::fs::write(run.path().join("vocabulary.json"), json).unwrap();
        assert_eq!(vocabulary(run.path(), &example), ["so", "it"]);
    }
}
