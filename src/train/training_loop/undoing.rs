//! Changes that are undone: training goes back to the checkpoint before them.

use std::collections::BTreeSet;

use super::saving::{Carried, carried_tensors, checkpoint};
use super::{Saving, TrainingLoop};
use crate::error::chain;
use crate::number::{self, count};
use crate::optim::Clip;
use crate::protocol::{AppliedCommand, Command, Event, Level, NOTHING_TO_UNDO, RunStatus, Saved, Undone};
use crate::run::checkpoint::undo::{self, UndoPoint};
use crate::run::checkpoint::{Checkpoint, LoadedCheckpoint};
use crate::run::{ResumePoint, RunError};
use crate::train::control::Clock;
use crate::train::restore::Restorable;
use crate::train::state::{Next, TrainingState, UndoableChange};

/// Checkpoints before a change that stay, at most.
const MOST_CHECKPOINTS: usize = 5;

/// What a checkpoint before a change is made of.
pub(super) enum BeforeChange {
    /// The state, which is not saved yet.
    Unsaved(Box<TrainingState>, Carried),
    /// Nothing was trained since this checkpoint.
    Saved(UndoPoint),
}

impl TrainingLoop<'_> {
    /// The state before a change that is made next.
    pub(super) fn before_change(&mut self) -> BeforeChange {
        if let Some(point) = self.point_of_this_step() {
            return BeforeChange::Saved(point);
        }
        let (state, carried) = self.present(false);
        BeforeChange::Unsaved(Box::new(state), carried)
    }

    /// A checkpoint after which nothing was trained: that before the first of several changes of a step, or the last one.
    fn point_of_this_step(&self) -> Option<UndoPoint> {
        let TrainingState { step, settings, changes, undo, .. } = &self.state;
        let run = self.folder.path();
        let of_change =
            undo.last().filter(|undo| changes.get(undo.change).is_some_and(|of| of.step == *step));
        if let Some(undo) = of_change.filter(|undo| undo::exists(run, &undo.point)) {
            return Some(undo.point.clone());
        }
        // The checkpoint of a training that goes on with other settings has the earlier ones.
        let is_changed = settings.last().is_some_and(|setting| setting.step == *step);
        let last = self.saving.last.as_ref().filter(|_| !self.saving.is_absurd && !is_changed)?;
        Some(undo::point_of(&last.path)).filter(|point| last.step == *step && undo::exists(run, point))
    }

    /// Saves the state before a change that was made, so that it can be undone. Where that fails, the log says why.
    pub(super) fn save_before_change(&mut self, before: BeforeChange) {
        let point = match before {
            BeforeChange::Saved(point) => Ok(point),
            BeforeChange::Unsaved(state, carried) => self.save_for_undo(&state, &carried),
        };
        let saved = point.and_then(|point| {
            self.state.undo.push(UndoableChange { change: self.state.changes.len(), point });
            self.drop_earliest();
            let points = self.state.undo.iter().map(|change| &change.point);
            undo::protect(&self.folder, points).map_err(|error| chain(&error))
        });
        if let Err(why) = saved {
            self.publisher.log(Level::Warning, format!("this change cannot be undone: {why}"));
        }
    }

    /// Writes a checkpoint that is neither the last nor the best.
    fn save_for_undo(&mut self, state: &TrainingState, carried: &Carried) -> Result<UndoPoint, String> {
        let stepper = &self.session.stepper;
        stepper.check().map_err(|error| error.to_string())?;
        self.divergence.absurd(stepper.params().values()).map_or(Ok(()), Err)?;
        let (table, weights) = (stepper.params().table(), stepper.params().values());
        let checkpoint = Checkpoint {
            carried: carried_tensors(carried),
            keep: self.session.spec.train.checkpoint.keep,
            ..checkpoint(table, state, weights, stepper.optimizer().slots(), false)
        };
        let saved = undo::write(&self.folder, &checkpoint).map_err(|error| chain(&error))?;
        let point = undo::point_of(&saved.path);
        self.publisher.publish(Event::Saved(saved));
        Ok(point)
    }

    /// Drops the earliest changes, as far as their checkpoints are too many.
    fn drop_earliest(&mut self) {
        let names = |undo: &[UndoableChange]| {
            undo.iter().map(|change| change.point.checkpoint.clone()).collect::<BTreeSet<_>>().len()
        };
        while names(&self.state.undo) > MOST_CHECKPOINTS {
            self.state.undo.remove(0);
        }
    }

    /// Undoes the latest change: goes back to the checkpoint before it, with the changes before it and what is watched. Returns what is
    /// undone, in words.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(super) fn undo(&mut self, by: String) -> Result<String, String> {
        let change = self.state.undo.last().cloned();
        let change = change.ok_or(NOTHING_TO_UNDO)?;
        if self.turn.is_some() {
            return Err("nothing is undone in a race: its trainings share the time".into());
        }
        let unreadable = |error| format!("the change is not undone: {}", chain(&error));
        let loaded = undo::read(self.folder.path(), &change.point).map_err(unreadable)?;
        // Nothing changes before all of it is known to fit.
        let restorable = Restorable::new(&self.session, &loaded)?;
        let clip = self.session.spec.train.optimizer.clip().map_err(|error| error.to_string())?;
        undo::go_back(&self.folder, &change.point).map_err(unreadable)?;
        let later = undo::remove_later(&self.folder, &change.point);
        let (before, seq, rewound) = self.go_back_to(&loaded, restorable, clip);
        let has_no_effect = |index: usize, applied: &AppliedCommand| {
            index >= change.change && applied.request.command.changes_training()
        };
        let (mut undone, mut again) = (Vec::new(), Vec::new());
        for (index, applied) in before.changes.iter().enumerate() {
            match has_no_effect(index, applied) {
                true => undone.push(applied.clone()),
                false if index >= self.state.changes.len() => again.push(applied.clone()),
                false => {}
            }
        }
        let TrainingState { step, epoch, .. } = self.state;
        self.state.undone = before.undone + 1;
        let (number, from, changes) = (self.state.undone, before.step, undone);
        let what: Vec<String> = changes.iter().map(words).collect();
        let text = format!(
            "undone by {by}: {}; training goes on after step {} instead of {}",
            what.join(", "),
            count(step),
            count(from)
        );
        // The next event: it says its own number.
        self.publisher.publish(Event::Undone(Undone { step, epoch, by, from, changes, number, seq }));
        // Training has gone back all the same: its weights matter more.
        if let Err(error) = later {
            let text = format!("a checkpoint of after the change is still there: {}", chain(&error));
            self.publisher.log(Level::Warning, text);
        }
        if let Err(error) = rewound {
            self.publisher.log(Level::Error, format!("the recording has not gone back: {}", chain(&error)));
        }
        let (path, weights) = (loaded.path.clone(), loaded.fingerprint());
        let best = change.point.best.as_ref() == Some(&change.point.checkpoint);
        self.publisher.publish(Event::Saved(Saved { step, path, best, weights }));
        self.publisher.log(Level::Info, text.as_str());
        // What said so may be among the events that were dropped.
        let status = if self.control.is_paused() { RunStatus::Paused } else { RunStatus::Training };
        self.publisher.publish(Event::Status(status));
        self.note_changes();
        self.apply_again(again, &before);
        let points = self.state.undo.iter().map(|change| &change.point);
        if let Err(error) = undo::protect(&self.folder, points) {
            // The change is undone all the same.
            self.publisher
                .log(Level::Warning, format!("earlier changes may not be undone: {}", chain(&error)));
        }
        Ok(text)
    }

    /// Takes over a checkpoint, and drops what was recorded after it; returns the state until then, the number of the
    /// next event, and whether the recording has gone back.
    fn go_back_to(
        &mut self,
        loaded: &LoadedCheckpoint,
        restorable: Restorable,
        clip: Option<Clip>,
    ) -> (TrainingState, u64, Result<(), RunError>) {
        let state = restorable.restore(&mut self.session);
        let before = std::mem::replace(&mut self.state, state);
        self.state.spec.clone_from(&before.spec);
        let run = self.folder.path();
        self.state.undo.retain(|change| undo::exists(run, &change.point));
        self.session.stepper.set_clip(clip);
        self.session.restore_dropout();
        self.restore_training_settings();
        self.divergence.resume(self.state.losses.clone());
        let is_paused = self.clock.is_paused();
        self.clock = Clock::resume_after(self.state.seconds);
        if is_paused {
            self.clock.pause();
        }
        self.final_metrics.clone_from(&self.state.metrics);
        self.publisher.resume_alerts(self.state.alerts.clone());
        let checkpoint = Saved { step: loaded.step, path: loaded.path.clone(), ..Saved::default() };
        self.saving = Saving::resume(&self.state, checkpoint.clone());
        let TrainingState { epoch, next, metrics_bytes, .. } = self.state;
        let before_validation = next == Next::Validation;
        let point = ResumePoint { checkpoint, epoch, before_validation, metrics_bytes };
        let (left, rewound) = self.publisher.rewind(point);
        (before, left + 1, rewound)
    }

    /// Applies the changes before the one that was undone again, and records what is watched again.
    fn apply_again(&mut self, again: Vec<AppliedCommand>, before: &TrainingState) {
        let is_probe = |applied: &&AppliedCommand| adds_probe(&applied.request.command);
        let added = before.changes.iter().filter(is_probe).count();
        let probes = self.session.watch.probes();
        let shown_again = self.state.changes.iter().filter(is_probe).count();
        let first = (probes.len() + shown_again).saturating_sub(added);
        let mut probes = probes.iter().skip(first).cloned().collect::<Vec<_>>().into_iter();
        for AppliedCommand { request, .. } in again {
            if request.command.changes_training() {
                // It was possible before.
                let _ = self.apply(request);
                continue;
            }
            if adds_probe(&request.command) {
                probes.next().into_iter().for_each(|probe| self.publisher.publish(Event::ProbeAdded(probe)));
            }
            let TrainingState { step, epoch, .. } = self.state;
            let learning_rate = self.state.learning_rate.at(step, epoch);
            let applied = AppliedCommand { step, epoch, request, learning_rate };
            self.publisher.publish(Event::Command(applied.clone()));
            self.state.changes.push(applied);
        }
    }
}

/// Whether a command adds an example.
fn adds_probe(command: &Command) -> bool {
    matches!(command, Command::AddProbe { .. } | Command::VaryProbe { .. })
}

/// A change in words.
fn words(applied: &AppliedCommand) -> String {
    match &applied.request.command {
        Command::ScaleLearningRate { .. } | Command::SetLearningRate { .. } => {
            format!("learning rate {}", number::setting(applied.learning_rate))
        }
        Command::SetClipnorm { global_clipnorm: Some(norm) } => {
            format!("clipping to a norm of {}", number::setting(*norm))
        }
        Command::SetClipnorm { global_clipnorm: None } => "no clipping".into(),
        Command::SetDropout { rate } => format!("dropout {}", number::setting(*rate)),
        Command::SetPatience { patience } => format!("patience of {}", number::counted(*patience, "epoch")),
        Command::SetBatchSize { batch_size } => {
            format!("batches of {}", number::counted(*batch_size, "sequence"))
        }
        _ => "a change".into(),
    }
}
