//! The dialog shown on quitting while a network is training.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::popup::{boxed, centered};
use crate::ui::keymap::Action;
use crate::ui::theme::{Role, Theme};

/// How to leave a running training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaveChoice {
    WithoutScreen,
    SaveAndStop,
    /// Not offered: the second Ctrl-C.
    SaveAndQuit,
    Stop,
    Detach,
    Cancel,
}

impl LeaveChoice {
    /// Whether the program ends with the trainer.
    pub fn quits(self) -> bool {
        self == Self::SaveAndQuit
    }
}

/// A choice, its name and its effect.
type Choice = (LeaveChoice, &'static str, &'static str);

const SAVE: Choice = (LeaveChoice::SaveAndStop, "Save and stop", "writes a checkpoint; the screen stays");
const STOP: Choice = (LeaveChoice::Stop, "Stop", "discards progress since the last checkpoint");
const CANCEL: Choice = (LeaveChoice::Cancel, "Cancel", "back to the dashboard");

/// For a run of this process.
const OWN: [Choice; 5] = [
    (LeaveChoice::WithoutScreen, "Continue without screen", "training continues and prints plain lines"),
    SAVE,
    STOP,
    (LeaveChoice::Detach, "Detach", "training continues, the prompt comes back"),
    CANCEL,
];

/// For one of several trainings of this process.
const SEVERAL: [Choice; 4] = [
    (LeaveChoice::WithoutScreen, "Continue without screen", "the trainings continue and print plain lines"),
    (LeaveChoice::SaveAndStop, "Save and stop", "this training and those to come; --resume-or-start goes on"),
    STOP,
    CANCEL,
];

/// For a race.
const RACE: [Choice; 3] = [
    (LeaveChoice::WithoutScreen, "Continue without screen", "the race continues and prints its standings"),
    (LeaveChoice::SaveAndStop, "Save and stop", "this seed does not count; its runs can go on"),
    (LeaveChoice::Cancel, "Cancel", "back to the race"),
];

/// For a run of another process.
const ATTACHED: [Choice; 4] =
    [(LeaveChoice::Detach, "Detach", "training continues, this screen ends"), SAVE, STOP, CANCEL];

/// The dialog; the dashboard behind it stays visible and up to date.
#[derive(Debug)]
pub(super) struct LeaveDialog {
    choices: &'static [Choice],
    chosen: usize,
    title: &'static str,
}

impl LeaveDialog {
    /// The dialog for a run of this process, or of another one to which the screen is attached.
    pub(super) fn new(attached: bool) -> Self {
        Self::of(if attached { &ATTACHED } else { &OWN }, " The network is still training ")
    }

    /// The dialog for one of several trainings.
    pub(super) fn several() -> Self {
        Self::of(&SEVERAL, " The network is still training ")
    }

    /// The same with `choice` chosen, if it is offered.
    pub(super) fn with(self, choice: LeaveChoice) -> Self {
        let chosen = self.choices.iter().position(|(offered, ..)| *offered == choice).unwrap_or(self.chosen);
        Self { chosen, ..self }
    }

    /// The dialog for a race.
    pub(super) fn race() -> Self {
        Self::of(&RACE, " The networks are still training ")
    }

    /// Enter at once does no harm: the choice that changes nothing is chosen.
    fn of(choices: &'static [Choice], title: &'static str) -> Self {
        let chosen = choices.iter().position(|(choice, ..)| *choice == LeaveChoice::Cancel).unwrap_or(0);
        Self { choices, chosen, title }
    }

    /// Handles a key; returns the choice once it is made.
    pub(super) fn act(&mut self, action: Action) -> Option<LeaveChoice> {
        let last = self.choices.len() - 1;
        self.chosen = match action {
            Action::Up | Action::FocusPrevious => self.chosen.checked_sub(1).unwrap_or(last),
            Action::Down | Action::FocusNext => (self.chosen + 1) % self.choices.len(),
            Action::First => 0,
            Action::Last => last,
            Action::Open => return self.choices.get(self.chosen).map(|way| way.0),
            Action::Focus(number) => {
                return self.choices.get(usize::from(number).checked_sub(1)?).map(|way| way.0);
            }
            Action::Back => return Some(LeaveChoice::Cancel),
            _ => self.chosen,
        };
        None
    }

    pub(super) fn render(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let wide = area.width >= 80;
        let line = |(i, (_, name, meaning)): (usize, &Choice)| {
            let chosen = i == self.chosen;
            let style = |role| theme.style(if chosen { Role::Selected } else { role });
            let mut spans = vec![
                Span::styled(format!(" {} ", i + 1), style(Role::Key)),
                Span::styled(format!("{name:<26}"), style(Role::Text)),
            ];
            if wide {
                spans.push(Span::styled(format!("{meaning:<44}"), style(Role::Dim)));
            }
            Line::from(spans)
        };
        let lines: Vec<Line<'_>> = self.choices.iter().enumerate().map(line).collect();
        let widest = lines.iter().map(Line::width).max().unwrap_or(0);
        let area = centered(area, widest + 4, lines.len() + 2);
        let block = boxed(self.title.to_owned(), theme);
        let hint = Line::styled(" Enter or number ", theme.style(Role::Dim));
        let block = block.title_bottom(hint.right_aligned());
        let inner = block.inner(area);
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(lines), inner);
    }
}
