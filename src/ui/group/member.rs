//! One of the runs of a group.

use std::collections::VecDeque;
use std::path::Path;

use super::curves::RunCurves;
use crate::protocol::Event;
use crate::run::gradient_reach::GradientReach;
use crate::run::{Position, Reader};
use crate::ui::replay::LookBack;
use crate::ui::run_state::RunState;

/// Steps whose changes can be undone, at most: as many as the trainer saves checkpoints for.
const MOST_BACKUPS: usize = 5;

/// A run that is shown with others.
#[derive(Debug)]
pub struct Member {
    /// Its name. Untrusted text: escape it before printing.
    pub name: String,
    /// Its metrics.
    pub curves: RunCurves,
    /// How far back its gradient has reached.
    pub reach: GradientReach,
    /// Why there is nothing recorded of it, or not all.
    pub error: Option<String>,
    /// Its state; empty while it is in front.
    pub(super) run: RunState,
    pub(super) look_back: LookBack,
    /// Curves and gradients before the last changes of the training, each with the number of updates, the earliest first.
    backups: VecDeque<(u64, RunCurves, GradientReach)>,
    /// The recording, and as far as it was read.
    recording: Option<(Reader, Position)>,
}

impl Member {
    /// A run of which nothing is known yet, with the colour and line of `slot`.
    pub(super) fn new(name: String, slot: usize) -> Self {
        Self {
            name,
            curves: RunCurves::new(slot),
            reach: GradientReach::default(),
            error: None,
            run: RunState::in_group(),
            look_back: LookBack::default(),
            backups: VecDeque::new(),
            recording: None,
        }
    }

    /// A training that begins, one of several after another.
    pub(super) fn of_training(slot: usize) -> Self {
        Self { run: RunState::one_of_several(), ..Self::new(format!("training {}", slot + 1), slot) }
    }

    /// Folds an event of the run, whose state is `front` if it is in front.
    pub(super) fn fold(&mut self, event: &Event, front: Option<&mut RunState>) {
        match event {
            Event::Command(applied) if applied.request.command.changes_training() => {
                self.back_up(applied.step);
            }
            Event::Undone(undone) => self.go_back(undone.step),
            _ => {}
        }
        self.curves.apply(event);
        self.reach.apply(event);
        front.unwrap_or(&mut self.run).apply(event);
    }

    /// Remembers what is known before a change after `step`. Changes of one step share that.
    fn back_up(&mut self, step: u64) {
        if self.backups.back().is_some_and(|(last, ..)| *last == step) {
            return;
        }
        if self.backups.len() == MOST_BACKUPS {
            self.backups.pop_front();
        }
        self.backups.push_back((step, self.curves.clone(), self.reach.clone()));
    }

    /// Goes back to what was known before a change after `step`. A recording without what came after the change has no later steps.
    fn go_back(&mut self, step: u64) {
        while self.backups.back().is_some_and(|(last, ..)| *last > step) {
            self.backups.pop_back();
        }
        if self.backups.back().is_some_and(|(last, ..)| *last == step)
            && let Some((_, curves, reach)) = self.backups.pop_back()
        {
            (self.curves, self.reach) = (curves, reach);
        }
    }

    /// Forgets all but the name; returns the curves.
    pub(super) fn restart(&mut self) -> RunCurves {
        let fresh = Self::new(std::mem::take(&mut self.name), self.curves.slot());
        std::mem::replace(self, fresh).curves
    }

    /// Reads what has been recorded of the run in `folder` since; returns whether that is anything.
    pub(super) fn read_on(&mut self, folder: &Path, mut front: Option<&mut RunState>) -> bool {
        let is_other =
            |(reader, at): &(Reader, Position)| !reader.is_current() || at.bytes() > reader.bytes();
        if self.recording.as_ref().is_none_or(is_other) {
            // It was rewritten: from its start.
            self.restart();
            if let Some(front) = front.as_deref_mut() {
                *front = RunState::in_group();
            }
            match Reader::open(folder) {
                Ok(reader) => self.recording = Some((reader, Position::START)),
                Err(error) => self.error = Some(error.to_string()),
            }
        }
        let Some((reader, at)) = self.recording.take() else { return false };
        let mut position = at;
        match reader.events_at(at) {
            Err(error) => self.error = Some(error.to_string()),
            Ok(mut events) => {
                for event in events.by_ref() {
                    match event {
                        Ok(Event::Prepared(mut info)) => {
                            // The run may have been moved since.
                            folder.clone_into(&mut info.folder);
                            self.fold(&Event::Prepared(info), front.as_deref_mut());
                        }
                        Ok(event) => self.fold(&event, front.as_deref_mut()),
                        Err(error) => {
                            self.error = Some(error.to_string());
                            break;
                        }
                    }
                }
                position = events.position();
            }
        }
        self.recording = Some((reader, position));
        position > at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppliedCommand, Command, GradientProfile, StepMetrics, Undone};
    use crate::run::gradient_reach::Shares;
    use crate::ui::group::Axis;

    #[test]
    fn points_after_a_change_that_is_undone_are_gone() {
        let mut member = Member::of_training(0);
        let step = |step| {
            Event::Step(StepMetrics {
                step,
                epoch: 1,
                loss: 0.5,
                accuracy: None,
                learning_rate: 0.1,
                grad_norm: 1.0,
                sequences_per_s: 1.0,
                seconds: 0.0,
            })
        };
        let gradient = |step, first| {
            let hnorm = vec![first, 0.1, 0.1, 1.0];
            Event::Gradient(GradientProfile { step, hnorm, ..GradientProfile::default() })
        };
        let request = Command::ScaleLearningRate { factor: 2.0 }.by("test");
        let change = AppliedCommand { step: 2, epoch: 1, request, learning_rate: 0.1 };
        let undone = Undone {
            step: 2,
            epoch: 1,
            by: "test".into(),
            from: 4,
            changes: vec![change.clone()],
            number: 1,
            seq: 5,
        };
        for event in [step(1), gradient(2, 0.25), step(2), Event::Command(change), gradient(3, 0.5)] {
            member.fold(&event, None);
        }
        (3..=4).for_each(|at| member.fold(&step(at), None));
        let most = |member: &Member| member.reach.farthest((0, None)).map(Shares::at_start);
        assert_eq!((member.curves.end("loss", Axis::Steps), most(&member)), (Some(4.0), Some(0.5)));
        member.fold(&Event::Undone(undone), None);
        assert_eq!((member.curves.end("loss", Axis::Steps), most(&member)), (Some(2.0), Some(0.25)));
        member.fold(&step(3), None);
        assert_eq!(member.curves.end("loss", Axis::Steps), Some(3.0));
    }
}
