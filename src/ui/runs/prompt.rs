//! The line in which a tag or a note of a run is typed, or its removal confirmed.

use std::time::SystemTime;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as LineInput, InputRequest};

use crate::error::chain;
use crate::escape::foreign;
use crate::run::RunState;
use crate::runs::{self, Marks, MarksError, RemoveError, Run};
use crate::ui::theme::{Role, Theme};

/// What is done to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Tags are added, and those with `-` before them removed.
    Tag,
    Note,
    Remove,
}

/// The line.
#[derive(Debug)]
pub(super) struct Prompt {
    change: Change,
    run: Run,
    line: LineInput,
}

/// What became of the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Closed,
    /// The run has changed.
    Done,
    /// Why it has not.
    Refused(String),
}

impl Prompt {
    /// Asks for a change of `run`.
    ///
    /// # Errors
    /// Why it cannot be changed.
    pub fn new(change: Change, run: Run) -> Result<Self, String> {
        if change == Change::Remove && run.state == RunState::Live {
            return Err(RemoveError::Live(run.path).to_string());
        }
        Ok(Self { change, run, line: LineInput::default() })
    }

    /// Whether text is typed; a removal is answered by a single key.
    pub fn is_text(&self) -> bool {
        self.change != Change::Remove
    }

    /// Handles a key; returns what became of the line once it is over.
    pub fn type_key(&mut self, key: &KeyEvent) -> Option<Answer> {
        let interrupts = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        match (self.change, key.code) {
            _ if interrupts => Some(Answer::Closed),
            (_, KeyCode::Esc) => Some(Answer::Closed),
            (Change::Remove, KeyCode::Char('y')) => Some(self.remove()),
            (Change::Remove, _) => Some(Answer::Closed),
            (_, KeyCode::Enter) if self.line.value().trim().is_empty() => Some(Answer::Closed),
            (_, KeyCode::Enter) => Some(self.write()),
            _ => {
                self.line.handle_event(&Event::Key(*key));
                None
            }
        }
    }

    /// Adds pasted text.
    pub fn paste(&mut self, text: &str) {
        if self.change != Change::Remove {
            for c in foreign(text.trim()).chars() {
                self.line.handle(InputRequest::InsertChar(c));
            }
        }
    }

    fn remove(&self) -> Answer {
        runs::remove(&self.run.path).map_or_else(|error| Answer::Refused(chain(&error)), |()| Answer::Done)
    }

    fn write(&self) -> Answer {
        let text = self.line.value().trim();
        let changed: Result<Marks, MarksError> = Marks::change(&self.run.path, |marks| {
            match self.change {
                Change::Note => marks.note(text, SystemTime::now()),
                _ => {
                    for word in text.split_whitespace() {
                        match word.strip_prefix('-') {
                            Some(tag) => drop(marks.untag(tag)),
                            None => marks.tag(word)?,
                        }
                    }
                }
            }
            Ok(())
        });
        changed.map_or_else(|error| Answer::Refused(chain(&error)), |_| Answer::Done)
    }

    /// Draws the line, and the cursor.
    pub fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let name = foreign(&self.run.name);
        let label = match self.change {
            Change::Tag => format!(" tags for {name} (-tag removes one): "),
            Change::Note => format!(" note for {name}: "),
            Change::Remove => {
                format!(" Remove {name} with its checkpoints? y removes it, any other key keeps it")
            }
        };
        let used = label.chars().count();
        let room = usize::from(area.width).saturating_sub(used + 1);
        let first = self.line.visual_scroll(room);
        let seen: String = self.line.value().chars().skip(first).collect();
        let role = if self.change == Change::Remove { Role::Warning } else { Role::Key };
        let text = vec![Span::styled(label, theme.style(role)), Span::styled(seen, theme.style(Role::Text))];
        frame.render_widget(Line::from(text), area);
        if self.change != Change::Remove {
            let column = used + self.line.visual_cursor().saturating_sub(first);
            let x = area.x + u16::try_from(column).unwrap_or(0).min(area.width.saturating_sub(1));
            frame.set_cursor_position(Position::new(x, area.y));
        }
    }
}
