//! The dialog that asks for a text, and the examples that it adds.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};

use super::popup::{boxed, centered};
use super::word_prompt::{self, WordAnswer, WordPrompt};
use super::{App, Overlay};
use crate::escape::foreign;
use crate::protocol::{Command, ProbeChange, ProbeText};
use crate::ui::dashboard::Dashboard;
use crate::ui::keymap::Action;
use crate::ui::panel::{Panel, Tab};
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
pub(super) enum Purpose {
    /// An example that the network reads.
    #[default]
    Example,
    /// The beginning of samples.
    Beginning,
    /// A word whose nearest embeddings are wanted.
    Word,
}

impl Purpose {
    /// Of a text that is typed on the screen as it is.
    pub(super) fn on(dash: &Dashboard) -> Self {
        let (view, run) = (&dash.view, &dash.run);
        match view.focus(run) {
            Panel::Samples => Self::Beginning,
            // No panel of that tab has examples.
            _ if view.tab == Tab::Weights && view.tab.panels(run).contains(&Panel::Neighbours) => Self::Word,
            Panel::Neighbours => Self::Word,
            _ => Self::Example,
        }
    }
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

impl App<'_> {
    /// Asks for a text or a word, or adds the reverse of the chosen example.
    pub(super) fn add_text(&mut self, action: Action) {
        let Some(run) = &self.run else { return };
        if run.over() || run.commands.is_none() {
            if Purpose::on(&run.dashboard) == Purpose::Word {
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
        let (of, info) = (view.probe_index(), run.dashboard.run.info());
        let example = info.and_then(|info| info.probes.get(of).zip(Some(&info.folder)));
        match (action, example) {
            (Action::ReverseText | Action::ReplaceWord, None) => {
                self.show_message("No example", "The preset has no examples: a adds a text.");
            }
            (Action::ReverseText, Some(_)) => {
                self.send(Command::VaryProbe { probe: of, change: ProbeChange::Reverse });
                self.said = Some(format!("example {} in reverse order", of + 1));
            }
            (Action::ReplaceWord, Some((example, folder))) => {
                let token = self.token_to_replace(example);
                let words = word_prompt::vocabulary(folder, example);
                let prompt = WordPrompt::new(example, token, words);
                self.overlay = Some(Overlay::WordPrompt(Box::new(prompt)));
            }
            _ => {
                let purpose = Purpose::on(&run.dashboard);
                self.overlay = Some(Overlay::TextPrompt(TextPrompt { purpose, ..TextPrompt::default() }));
            }
        }
    }

    /// The token under the cursor; without a cursor the one that moves the prediction most, or the last.
    fn token_to_replace(&self, example: &ProbeText) -> usize {
        let Some(run) = &self.run else { return 0 };
        let view = &run.dashboard.view;
        let at_cursor = view.position.and_then(|at| at.checked_sub(example.first_step));
        let strongest = || {
            let (_, influence) = run.dashboard.run.influence(view.probe_index())?;
            let sizes = influence.occlusion.iter().map(|x| x.abs()).enumerate();
            let (at, _) = sizes.max_by(|a, b| a.1.total_cmp(&b.1))?;
            Some(influence.first + at)
        };
        let there = |at: &usize| *at < example.tokens.len();
        let last = example.tokens.len().saturating_sub(1);
        at_cursor.filter(there).or_else(|| strongest().filter(there)).unwrap_or(last)
    }

    /// Handles a key of the dialog that replaces a word.
    pub(super) fn type_word(&mut self, key: &KeyEvent) {
        let Some(Overlay::WordPrompt(prompt)) = &mut self.overlay else { return };
        let Some(answer) = prompt.type_key(key) else { return };
        self.overlay = None;
        let (WordAnswer::Change(change), Some(run)) = (answer, &self.run) else { return };
        let probe = run.dashboard.view.probe_index();
        self.said = Some(format!("example {} with the change stands beside it", probe + 1));
        self.send(Command::VaryProbe { probe, change });
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

    /// Lets the samples go on by the candidate that a key chooses, where the panel of samples fills the screen; returns whether it did.
    pub(super) fn choose_candidate(&mut self, action: Action) -> bool {
        let Some(run) = &mut self.run else { return false };
        let Some(token) = run.dashboard.view.chosen_candidate(action, &run.dashboard.run) else {
            return false;
        };
        let token = token.to_owned();
        run.dashboard.view.candidate = 0;
        self.send(Command::ExtendSample { token });
        true
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
    use crate::ui::app::tests;

    fn typed(keys: &str) -> Option<Answer> {
        let mut prompt = TextPrompt::default();
        tests::typed(keys).fold(None, |_, key| prompt.type_key(&key))
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
}
