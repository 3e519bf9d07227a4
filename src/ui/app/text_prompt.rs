//! The dialog that asks for a text, and the examples that it adds.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};

use super::popup::{boxed, centered};
use super::{App, Overlay};
use crate::escape::foreign;
use crate::protocol::{Command, ProbeText, RunInfo};
use crate::ui::keymap::Action;
use crate::ui::panel::Panel;
use crate::ui::text::wrap;
use crate::ui::theme::{Role, Theme};

/// The longest text, in characters.
const LONGEST: usize = 2000;
/// Columns of the text.
const WIDTH: usize = 64;

/// A step of the temperature.
const TEMPERATURE: f64 = 0.1;

/// What the text is for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// An example that the network reads.
    #[default]
    Example,
    /// The beginning of samples.
    Beginning,
    /// A word whose nearest embeddings are wanted.
    Word,
}

/// Asks for a text.
#[derive(Debug, Default)]
pub(super) struct TextPrompt {
    line: LineInput,
    purpose: Purpose,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Closed,
    Text(String),
}

impl TextPrompt {
    /// Handles a key; returns the answer once it is given.
    pub(super) fn type_key(&mut self, key: &KeyEvent) -> Option<Answer> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        match key.code {
            KeyCode::Esc => Some(Answer::Closed),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Answer::Closed),
            KeyCode::Enter => Some(match self.line.value().trim() {
                "" if self.purpose != Purpose::Word => Answer::Closed,
                text => Answer::Text(text.to_owned()),
            }),
            _ => {
                self.line.handle_event(&Event::Key(*key));
                None
            }
        }
    }

    /// Adds pasted text, in one line.
    pub(super) fn paste(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let left = LONGEST.saturating_sub(self.line.value().chars().count());
        for c in text.chars().take(left) {
            self.line.handle(InputRequest::InsertChar(c));
        }
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let width = usize::from(area.width).saturating_sub(4).min(WIDTH);
        let first = self.line.visual_scroll(width.saturating_sub(1));
        let seen: String = self.line.value().chars().skip(first).take(width).collect();
        let (title, words) = match self.purpose {
            Purpose::Example => (
                " A text of your own ",
                "The network predicts after each of its words from now on, beside the other examples. Unknown words are \
                 read as [UNK].",
            ),
            Purpose::Beginning => (
                " A beginning of your own ",
                "The model continues it from the next step on. Tokens that it does not know are read as [UNK].",
            ),
            Purpose::Word => (
                " A word ",
                "The words whose embeddings are nearest to its own are shown, now and after each epoch. Without a word those of \
                 the most frequent ones are shown.",
            ),
        };
        let mut lines = vec![Line::from(Span::styled(foreign(&seen).into_owned(), theme.style(Role::Text)))];
        lines.extend(wrap(words, width).into_iter().map(|row| Line::styled(row, theme.style(Role::Dim))));
        let place = centered(area, width + 4, lines.len() + 2);
        let does = if self.purpose == Purpose::Word { "shows" } else { "adds" };
        let hint = Line::styled(format!(" Enter {does} it, Esc closes "), theme.style(Role::Dim));
        let block = boxed(title.to_owned(), theme).title_bottom(hint.right_aligned());
        let inner = block.inner(place);
        frame.render_widget(Clear, place);
        frame.render_widget(block, place);
        frame.render_widget(Paragraph::new(lines), inner);
        let column = self.line.visual_cursor().saturating_sub(first);
        let x = inner.x + u16::try_from(column).unwrap_or(0).min(inner.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(x, inner.y));
    }
}

/// The words of a text in reverse order; of a sequence of the data its tokens.
fn reversed(probe: &ProbeText) -> String {
    let is_of_data = probe.truth.is_some() || !probe.targets.is_empty();
    let words: Vec<&str> = match is_of_data {
        true => probe.tokens.iter().rev().map(String::as_str).collect(),
        false => probe.text.split_whitespace().rev().collect(),
    };
    words.join(" ")
}

impl App<'_> {
    /// Asks for a text, or adds the reverse of the chosen example.
    pub(super) fn add_text(&mut self, action: Action) {
        let Some(run) = &self.run else { return };
        if run.over() || run.commands.is_none() {
            if run.dashboard.view.focus(&run.dashboard.run) == Panel::Neighbours {
                return self.show_message(
                    "The training is over",
                    "Neighbours of a word are found by a run in training: `unrolled resume RUN --set train.epochs=N` goes on.",
                );
            }
            return self.show_message(
                "The training is over",
                "A text is added to a run in training. `unrolled predict RUN TEXT --per-token` answers for one that has ended.",
            );
        }
        let view = &run.dashboard.view;
        let probe = run.dashboard.run.info().and_then(|info: &RunInfo| info.probes.get(view.probe_index()));
        match action {
            Action::ReverseText => match probe.map(reversed) {
                Some(text) => self.send_text(text),
                None => self.show_message("No example", "The preset has no examples: a adds a text."),
            },
            _ => {
                let purpose = match view.focus(&run.dashboard.run) {
                    Panel::Samples => Purpose::Beginning,
                    Panel::Neighbours => Purpose::Word,
                    _ => Purpose::Example,
                };
                self.overlay = Some(Overlay::TextPrompt(TextPrompt { purpose, ..TextPrompt::default() }));
            }
        }
    }

    /// Samples at a temperature that is higher by so many steps.
    pub(super) fn change_temperature(&mut self, steps: f64) {
        let Some(run) = &mut self.run else { return };
        let latest = run.dashboard.run.history().samples(None).next_back().map(|sample| sample.temperature);
        let Some(temperature) = run.dashboard.view.temperature.or(latest) else {
            return self.show_message("No samples", "The preset has no watch.sample: nothing is sampled.");
        };
        // In tenths, without rounding errors.
        let temperature = ((temperature / TEMPERATURE).round() + steps).max(0.0) / (1.0 / TEMPERATURE);
        run.dashboard.view.temperature = Some(temperature);
        if let Some(commands) = &run.commands {
            let _ = commands.send(Command::SetSample { prime: None, temperature: Some(temperature) });
        }
    }

    /// Handles a key of the dialog.
    pub(super) fn type_text(&mut self, key: &KeyEvent) {
        let Some(Overlay::TextPrompt(prompt)) = &mut self.overlay else { return };
        match prompt.type_key(key) {
            None => {}
            Some(Answer::Closed) => self.overlay = None,
            Some(Answer::Text(text)) => {
                let purpose = prompt.purpose;
                self.overlay = None;
                match purpose {
                    Purpose::Example => self.send_text(text),
                    Purpose::Word => {
                        self.send(Command::ShowNeighbours {
                            word: Some(text).filter(|word| !word.is_empty()),
                        });
                    }
                    Purpose::Beginning => {
                        self.send(Command::SetSample { prime: Some(text), temperature: None })
                    }
                }
            }
        }
    }

    fn send_text(&mut self, text: String) {
        self.send(Command::AddProbe { text });
    }

    fn send(&mut self, command: Command) {
        if let Some(commands) = self.run.as_ref().and_then(|run| run.commands.as_ref()) {
            // A trainer that has ended ignores commands, and its status shows that.
            let _ = commands.send(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> Option<Answer> {
        let mut prompt = TextPrompt::default();
        keys.chars().fold(None, |_, c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '<' => KeyCode::Backspace,
                c => KeyCode::Char(c),
            };
            prompt.type_key(&KeyEvent::new(code, KeyModifiers::NONE))
        })
    }

    #[test]
    fn a_text_is_typed() {
        assert_eq!(typed("not bax<d \n"), Some(Answer::Text("not bad".into())));
        assert_eq!(typed("  \n"), Some(Answer::Closed));
        assert_eq!(typed("q\x1b"), Some(Answer::Closed));
    }

    #[test]
    fn a_pasted_text_is_one_line() {
        let mut prompt = TextPrompt::default();
        prompt.paste("it is not\r\nbad\t!");
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(prompt.type_key(&enter), Some(Answer::Text("it is not bad !".into())));
    }

    #[test]
    fn words_are_reversed_not_letters() {
        let tokens = ["b", "a"].map(String::from).to_vec();
        let text =
            ProbeText { text: "is  not bad".into(), tokens, first_step: 0, truth: None, targets: vec![] };
        assert_eq!(reversed(&text), "bad not is");
        let of_data = ProbeText { truth: Some("x".into()), ..text };
        assert_eq!(reversed(&of_data), "a b");
    }
}
