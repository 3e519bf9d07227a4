//! What a run was before each change that can be undone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{RunState, UNDONE};
use crate::protocol::{NOTHING_TO_UNDO, Undone};

/// Steps whose changes can be undone, at most: as many as the trainer saves checkpoints for.
const MOST: usize = 5;

/// The states of a run before its last changes, each with the number of updates, the earliest first. A copy is cheap: replays have many.
#[derive(Debug, Clone, Default)]
pub(super) struct Backups(VecDeque<(u64, Arc<RunState>)>);

impl RunState {
    /// Whether the last change of the training can be undone.
    pub fn can_undo(&self) -> bool {
        !self.backups.0.is_empty() && !self.is_over()
    }

    /// Remembers what the run is before a change after `step`. Changes of one step share that.
    pub(super) fn back_up(&mut self, step: u64) {
        if self.backups.0.back().is_some_and(|(last, _)| *last == step) {
            return;
        }
        let mut backups = std::mem::take(&mut self.backups);
        let state = Self { earlier: None, ..self.clone() };
        if backups.0.len() == MOST {
            backups.0.pop_front();
        }
        backups.0.push_back((step, Arc::new(state)));
        self.backups = backups;
    }

    /// Goes back to what the run was before a change. Its log has all that has happened.
    pub(super) fn undo(&mut self, undone: &Undone) {
        self.warning = self.warning.take().filter(|line| line.text != NOTHING_TO_UNDO);
        let backups = &mut self.backups.0;
        while backups.back().is_some_and(|(step, _)| *step > undone.step) {
            backups.pop_back();
        }
        // A recording without what came after the change has no later steps.
        let is_known = backups.back().is_some_and(|(step, _)| *step == undone.step);
        if let Some((_, state)) = is_known.then(|| backups.pop_back()).flatten() {
            *self = Self {
                status: self.status.take(),
                log: std::mem::take(&mut self.log),
                warning: self.warning.take(),
                warnings: self.warnings,
                backups: std::mem::take(&mut self.backups),
                ..Arc::unwrap_or_clone(state)
            };
        }
        self.mark(undone.step, undone.epoch, UNDONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppliedCommand, Command, Event, Level, LogLine};

    #[test]
    fn the_warning_that_nothing_can_be_undone_ends_with_the_next_undo() {
        let mut run = RunState::new();
        let warn = |run: &mut RunState, text: &str| {
            run.apply(&Event::Log(LogLine { level: Level::Warning, text: text.into() }));
        };
        let shown = |run: &RunState| run.warning().map(|line| line.text.clone());
        let request = Command::ScaleLearningRate { factor: 2.0 }.by("test");
        let change = AppliedCommand { step: 1, epoch: 1, request, learning_rate: 0.1 };
        let undone = Undone {
            step: 1,
            epoch: 1,
            by: "test".into(),
            from: 2,
            changes: vec![change.clone()],
            number: 1,
            seq: 3,
        };
        for (text, left) in [(NOTHING_TO_UNDO, None), ("the disk is slow", Some("the disk is slow"))] {
            warn(&mut run, text);
            run.apply(&Event::Command(change.clone()));
            assert_eq!(shown(&run).as_deref(), Some(text));
            run.apply(&Event::Undone(undone.clone()));
            assert_eq!(shown(&run).as_deref(), left);
        }
    }
}
