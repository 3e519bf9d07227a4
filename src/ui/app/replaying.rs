//! The dashboard of a recorded run: its keys, and its time.

use std::time::Instant;

use crossterm::event::KeyEvent;

use super::popup::Popup;
use super::step_prompt::{Asked, StepPrompt};
use super::{App, ExitReason, LookBack, Overlay, RunScreen};
use crate::number;
use crate::ui::dashboard::Dashboard;
use crate::ui::keymap::Action;
use crate::ui::replay::Replay;
use crate::ui::view_state::ViewState;

impl App<'_> {
    /// Shows a recorded run.
    pub(super) fn show_replay(&mut self, replay: Box<Replay>) {
        let dashboard = Dashboard { is_replay: true, ..Dashboard::new() };
        self.run = Some(RunScreen {
            dashboard,
            events: None,
            commands: None,
            replay: Some(replay),
            recording: LookBack::default(),
            ending: None,
        });
        self.tick(Instant::now());
    }

    /// The replay, if the run on the screen is a recorded one.
    pub(super) fn replay(&self) -> Option<&Replay> {
        self.run.as_ref()?.replay.as_deref()
    }

    /// When [`tick`](Self::tick) is to be called next; `None` while nothing changes by itself.
    pub fn next_tick(&self) -> Option<Instant> {
        match (&self.run, &self.runs) {
            (Some(run), _) => match &run.dashboard.group {
                Some(group) => group.next_tick(),
                None => self.replay()?.next_tick(),
            },
            _ if self.sweep.is_some() => None,
            (None, Some(runs)) => runs.next_tick(),
            (None, None) => self.menu.next_tick(),
        }
    }

    /// Lets the replay, the compared runs or the list of runs go on until `now`; returns whether the screen changes.
    pub fn tick(&mut self, now: Instant) -> bool {
        match (&mut self.run, &mut self.runs) {
            (None, _) if self.sweep.is_some() => return false,
            (None, Some(runs)) => return runs.tick(now),
            (None, None) => {
                self.menu.tick(now);
                return false;
            }
            (Some(run), _) => {
                let Dashboard { run, group, .. } = &mut run.dashboard;
                if let Some(group) = group {
                    return group.tick(now, run);
                }
            }
        }
        let Some(RunScreen { dashboard, replay: Some(replay), .. }) = &mut self.run else { return false };
        let has_changed = replay.tick(&mut dashboard.run, now);
        dashboard.view.units.complete(&dashboard.run);
        dashboard.find_parent();
        has_changed
    }

    pub(super) fn act_on_replay(&mut self, action: Action) {
        let Some(run) = &mut self.run else { return };
        let (Some(replay), dashboard) = (&mut run.replay, &mut run.dashboard) else { return };
        match action {
            Action::Screenshot => self.screenshot(),
            Action::Log => self.overlay = Some(Overlay::Popup(Popup::log())),
            Action::GoToStep => {
                self.overlay = Some(Overlay::StepPrompt(StepPrompt::new(replay.last_step())));
            }
            Action::Branch => self.ask_for_branch(),
            Action::Save => self.show_message("Not available", "A replay has no training to save."),
            _ if !replay.has_goal(action) => {
                self.show_message("Nothing to go to", "The run has no validation and no best checkpoint.");
            }
            Action::CursorBack => drop(run.act_on_view(Action::Left)),
            Action::CursorForward => drop(run.act_on_view(Action::Right)),
            _ if replay.act(action, &mut dashboard.run, Instant::now()) => {}
            _ if run.act_on_view(action) => {}
            Action::Back if self.from_menu => self.run = None,
            Action::Back => self.outcome = Some(ExitReason::Quit),
            _ => {}
        }
    }

    /// Hands a key to the prompt for a step.
    pub(super) fn type_step(&mut self, key: &KeyEvent) {
        let Some(Overlay::StepPrompt(prompt)) = &mut self.overlay else { return };
        let Some(asked) = prompt.type_key(key) else { return };
        self.overlay = None;
        let Some(RunScreen { dashboard, replay: Some(replay), .. }) = &mut self.run else { return };
        match asked {
            Asked::Nothing => {}
            Asked::Step(step) => {
                replay.go_to_step(step, &mut dashboard.run, Instant::now());
                let last = replay.last_step();
                if step > last {
                    let text = format!("The record ends at step {}.", number::count(last));
                    self.show_message("There is no such step", &text);
                }
            }
            Asked::Share(share) => replay.go_to_share(share, &mut dashboard.run, Instant::now()),
        }
    }
}

/// What the footer says of a key in a replay instead of the table's word.
pub(super) fn footer_word(replay: &Replay, view: &ViewState, action: Action) -> Option<&'static str> {
    match action {
        Action::PauseResume if replay.is_playing() => Some("pause"),
        Action::Back if view.full_screen || view.explain => Some("back"),
        action if !replay.has_goal(action) => Some(""),
        _ => None,
    }
}
